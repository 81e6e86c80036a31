"""Normalisation, flips and crops of images: exact on small ones, uniform, a function of seed and sample alone."""

import numpy as np
import pytest
from standard_errors import SIGMAS

from neurosim.data.images import Augmentation, normalised
from neurosim.errors import RangeError

IMAGE = (2, 3, 4)
"""Channels, height and width, all different."""


def pictures(samples):
    """Return images whose pixels are all different, (samples, features)."""
    return np.arange(samples * 24, dtype=np.float32).reshape(samples, 24)


def by_padding(x, mirrored, dy, dx, reach):
    """Return one image mirrored, padded with its edge pixels, and cut out: the words of the literature."""
    maps = x.reshape(IMAGE)
    maps = maps[:, :, ::-1] if mirrored else maps
    padded = np.pad(maps, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    return padded[:, reach + dy : reach + dy + 3, reach + dx : reach + dx + 4].reshape(-1)


def test_each_channel_is_normalised_by_its_own_numbers():
    x = pictures(5)
    found = normalised(x, IMAGE, (1.0, 2.0), (4.0, 0.5)).reshape(5, *IMAGE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], (x.reshape(5, *IMAGE)[:, 0] - 1) / 4)
    np.testing.assert_allclose(found[:, 1], (x.reshape(5, *IMAGE)[:, 1] - 2) / 0.5)


def test_every_flip_and_move_is_that_of_a_padded_image():
    cases = [(m, dy, dx) for m in (0, 1) for dy in (-2, -1, 0, 1, 2) for dx in (-2, 0, 1, 2)]
    x = pictures(len(cases))
    found = Augmentation(IMAGE, flip=True, crop_padding=2).apply(x, np.array(cases))
    for image, result, case in zip(x, found, cases, strict=True):
        np.testing.assert_array_equal(result, by_padding(image, *case, 2), err_msg=str(case))


def test_a_flip_alone_mirrors_rows_and_nothing_else():
    augment, x = Augmentation(IMAGE, flip=True), pictures(64)
    draws = augment.draw(np.random.default_rng(0), 64)
    assert not draws[:, 1:].any()
    assert 0 < draws[:, 0].sum() < 64
    found, maps = augment.apply(x, draws).reshape(64, *IMAGE), x.reshape(64, *IMAGE)
    np.testing.assert_array_equal(found[draws[:, 0] == 0], maps[draws[:, 0] == 0])
    np.testing.assert_array_equal(found[draws[:, 0] == 1], maps[draws[:, 0] == 1][..., ::-1])


def test_flips_and_moves_are_uniform_and_independent():
    samples, reach = 40_000, 4
    mirrored, dy, dx = (
        Augmentation((3, 32, 32), flip=True, crop_padding=reach).draw(np.random.default_rng(1), samples).T
    )
    table = np.zeros((2, 9, 9))
    np.add.at(table, (mirrored, dy + reach, dx + reach), 1)
    cells, expected = table.size, samples / table.size
    chi_squared = ((table - expected) ** 2 / expected).sum()  # of 161 degrees of freedom
    assert abs(chi_squared - (cells - 1)) < SIGMAS * np.sqrt(2 * (cells - 1))


def test_the_draws_of_a_sample_do_not_depend_on_how_many_there_are():
    augment = Augmentation(IMAGE, flip=True, crop_padding=1)
    few, many = (augment.draw(np.random.default_rng(3), n) for n in (7, 1000))
    np.testing.assert_array_equal(few, many[:7])


def test_a_negative_padding_is_refused():
    with pytest.raises(RangeError, match="crop_padding = -1"):
        Augmentation(IMAGE, crop_padding=-1)
