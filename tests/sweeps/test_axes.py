"""Points of a sweep, and axis values as numbers and text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.errors import ConfigError
from neurosim.sweeps.axes import combine, number, short, text

PATHS = ("device.asymmetry", "device.c2c", "learning.beta", "learning.points")
AXES = st.dictionaries(
    st.sampled_from(PATHS), st.lists(st.integers(0, 50), min_size=1, max_size=4, unique=True), max_size=4
)


@given(AXES)
def test_product_holds_every_combination_once_and_the_last_axis_changes_fastest(axes):
    points = combine(axes, "product")
    assert len(points) == math.prod(len(values) for values in axes.values())
    places = [[axes[path].index(point[path]) for path in axes] for point in points]
    assert places == sorted(places)
    assert len({tuple(place) for place in places}) == len(points)


@given(st.integers(1, 6), st.integers(1, 4))
def test_zip_takes_the_kth_values_of_all_axes(length, count):
    axes = {path: [10 * place + k for k in range(length)] for place, path in enumerate(PATHS[:count])}
    points = combine(axes, "zip")
    assert [list(point.values()) for point in points] == [
        [10 * place + k for place in range(count)] for k in range(length)
    ]


def test_zip_of_unequal_axes_says_their_lengths():
    with pytest.raises(ConfigError, match=r"device.c2c has 2, learning.beta has 3"):
        combine({"device.c2c": [0, 1], "learning.beta": [1, 2, 3]}, "zip")


def test_unknown_mode_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'product'"):
        combine({"device.c2c": [0, 1]}, "produkt")


@pytest.mark.parametrize("mode", ["product", "zip"])
def test_without_axes_there_is_one_point(mode):
    assert combine({}, mode) == [{}]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("device.g_max", "25 uS", 25e-6),
        ("device.g_max", 5e-5, 5e-5),
        ("crossbar.c_node", "2 pF", 2e-12),
        ("device.asymmetry", 0.1, 0.1),
        ("settle.free_steps", 20, 20.0),
        ("learning.estimator", "symmetric", None),
        ("network.tied", True, None),
        ("network.layers", [64, 10], None),
    ],
)
def test_value_as_number_is_in_si(path, value, expected):
    assert number(path, value) == (expected if expected is None else pytest.approx(expected, rel=1e-12))


def test_value_as_text_is_short_and_tells_values_apart():
    values = ["symmetric", 0.1, 1e-6, 3, True, [64, 32, 10], {"W1": 0.1}, 0.1 + 0.2]
    assert [text(value) for value in values] == [
        "symmetric", "0.1", "1e-06", "3", "true", "64-32-10", '{"W1": 0.1}', "0.30000000000000004",
    ]  # fmt: skip


def test_short_name_is_the_last_part_where_that_is_unique():
    paths = ["settle.state_noise", "data.name", "other.name"]
    assert [short(path, paths) for path in paths] == ["state_noise", "data.name", "other.name"]
