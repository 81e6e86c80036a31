"""Converters: closed forms of the quantiser and its errors, and reads of arrays tile by tile."""

import numpy as np
import pytest
from standard_errors import check_mean, check_variance

from neurosim.crossbar.converters import Converter
from neurosim.crossbar.tiles import Tiles, converted_read
from neurosim.errors import RangeError
from neurosim.rng import Streams

STREAMS = Streams(7)


def row(converter, count=1, name="test"):
    return converter.row(count, name, STREAMS, np.float64)


def busy(count=40_000, span=0.95, seed=1):
    return np.random.default_rng(seed).uniform(-span, span, (count, 1))


def test_the_codes_are_those_of_the_presets():
    """7 bits step by 1/126 of the range, 9 bits by 1/510; zero and both ends are codes."""
    assert Converter(7).lsb == pytest.approx(2 / 126)
    assert Converter(9, full_scale=20).lsb == pytest.approx(40 / 510)
    assert Converter(3).quantise(np.array([-9.0, -1.0, 0.0, 0.16, 0.17, 1.0, 9.0])) == pytest.approx(
        [-1, -1, 0, 0, 1 / 3, 1, 1]
    )


@pytest.mark.parametrize("bits", [4, 8])
def test_the_error_of_a_busy_input_has_variance_lsb_squared_over_12(bits):
    converter = Converter(bits)
    x = busy(span=1 - converter.lsb / 2)  # a whole number of steps
    error = row(converter).digital(x, None) - x
    check_mean(error, 0.0)
    check_variance(error, converter.lsb**2 / 12)
    assert abs(error).max() <= converter.lsb / 2 * (1 + 1e-12)


def test_the_error_halves_with_every_bit():
    x, bits = busy(), np.arange(4, 13)
    rms = [np.sqrt(((Converter(int(b)).quantise(x) - x) ** 2).mean()) for b in bits]
    assert np.polyfit(bits, np.log2(rms), 1)[0] == pytest.approx(-1, abs=0.03)
    assert Converter(24).quantise(x) == pytest.approx(x, abs=1e-6)
    assert Converter().quantise(x) is x


def test_it_saturates_and_never_falls():
    x = np.linspace(-3, 3, 10_001)[:, None]
    y = Converter(6, full_scale=2.0).quantise(x)
    assert y.min() == -2
    assert y.max() == pytest.approx(2)
    assert (np.diff(y[:, 0]) >= 0).all()
    assert len(np.unique(np.rint(y / Converter(6, full_scale=2.0).lsb))) == 2**6 - 1


def test_offsets_and_gains_are_drawn_once_per_line_with_their_spreads():
    converter = Converter(full_scale=2.0, offset=0.03, gain_error=0.05)
    lines = row(converter, 20_000)
    check_mean(lines.gain, 1.0)
    check_variance(lines.gain, 0.05**2)
    check_mean(lines.offset, 0.0)
    check_variance(lines.offset, (2 * 0.03) ** 2)
    again = row(converter, 20_000)
    assert (again.gain == lines.gain).all()
    assert (row(converter, 20_000, "other").gain != lines.gain).all()
    x = np.full((1, 20_000), 0.4)
    assert lines.digital(x, None) == pytest.approx((0.4 * lines.gain + lines.offset)[None])


def test_a_dac_rounds_before_its_errors_and_an_adc_after_them():
    converter = Converter(4, offset=0.02, gain_error=0.03)
    lines, x = row(converter, 50), np.random.default_rng(2).uniform(-0.8, 0.8, (1, 50))
    codes = lines.digital(x, None) / converter.lsb
    assert codes == pytest.approx(np.rint(codes), abs=1e-9)
    assert lines.analog(x, None) == pytest.approx(converter.quantise(x) * lines.gain + lines.offset)


def test_noise_is_fresh_at_every_reading_and_dithers():
    """With noise above an lsb the mean reading is the value itself; the variance is noise^2 + lsb^2/12."""
    converter = Converter(6, noise=0.04)
    lines, rng = row(converter), np.random.default_rng(3)
    readings = lines.digital(np.full((100_000, 1), 0.3 * converter.lsb), rng)
    check_mean(readings, 0.3 * converter.lsb)
    check_variance(readings, 0.04**2 + converter.lsb**2 / 12)


@pytest.mark.parametrize(
    ("fields", "text"),
    [({"bits": 1}, "2 to 24, or 0"), ({"full_scale": 0.0}, "positive"), ({"noise": -1.0}, r"\[0, inf\)")],
)
def test_impossible_converters_are_refused(fields, text):
    with pytest.raises(RangeError, match=text):
        Converter(**fields)


def test_a_complex_value_cannot_pass():
    with pytest.raises(RangeError, match=r"not holomorphic.*one_sided, random_sign, symmetric"):
        row(Converter(8)).digital(np.array([[0.1 + 0.2j]]), None)


@pytest.mark.parametrize("tiles", [Tiles(), Tiles(4, 0), Tiles(0, 3), Tiles(4, 3), Tiles(100, 100)])
def test_tiles_cover_the_array_once(tiles):
    count = np.zeros((10, 7), dtype=int)
    for rows, cols in tiles.slices((10, 7)):
        count[rows, cols] += 1
        assert count[rows, cols].shape[0] <= (tiles.rows or 10)
        assert count[rows, cols].shape[1] <= (tiles.cols or 7)
    assert (count == 1).all()


def read_of(shape, tiles=Tiles(), dac=Converter(), adc=Converter(), back=False):  # noqa: B008
    return converted_read("W", shape, tiles, dac=dac, adc=adc, back=back, streams=STREAMS, dtype=np.float64)


@pytest.mark.parametrize("back", [False, True])
def test_with_ideal_converters_tiling_changes_nothing(back):
    rng = np.random.default_rng(4)
    w = rng.standard_normal((10, 7))
    w = w.T if back else w
    x = rng.standard_normal((5, w.shape[0]))
    found = read_of((10, 7), Tiles(4, 3), back=back).read(x, w, None)
    assert found == pytest.approx(x @ w, abs=1e-12)


def test_partial_sums_are_converted_before_they_are_added():
    """By hand, and in the mean: n tiles of rows add n independent errors of lsb^2/12."""
    rng, adc = np.random.default_rng(5), Converter(8, full_scale=4.0)
    w, x = rng.uniform(-0.3, 0.3, (32, 6)), rng.uniform(-1, 1, (4_000, 32))
    for rows in (32, 8):
        found = read_of((32, 6), Tiles(rows), adc=adc).read(x, w, None)
        parts = sum(adc.quantise(x[:, k : k + rows] @ w[k : k + rows]) for k in range(0, 32, rows))
        assert found == pytest.approx(parts, abs=1e-12)
        check_variance((found - x @ w).ravel(), 32 / rows * adc.lsb**2 / 12)


def test_every_tile_and_direction_has_converters_of_its_own():
    kind = Converter(gain_error=0.1)
    reads = [read_of((8, 6), Tiles(4, 3), kind, kind, back) for back in (False, True)]
    gains = [line.gain for read in reads for tile in read.tiles for line in (tile.dac, tile.adc)]
    values = np.concatenate(gains)
    assert len(np.unique(values)) == len(values) == 2 * 4 * (4 + 3)


def test_a_wrong_tile_is_refused():
    with pytest.raises(RangeError, match=r"Tiles.rows = -1: allowed 1 or more, or 0"):
        Tiles(-1)
