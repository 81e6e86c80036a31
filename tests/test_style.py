"""How figures show numbers: ticks at the values of a sweep, and units with prefixes."""

import pytest
from matplotlib.figure import Figure

from neurosim.style import prefixed, scale_x


@pytest.mark.parametrize(
    ("values", "labels", "scale"),
    [
        ([0.0, 0.5, 1.0], ["0", "0.5", "1"], "linear"),
        ([1.0, 10.0, 100.0, 1000.0, 10000.0], ["1", "10", "100", "1000", "10000"], "log"),
        ([0.0, 0.001, 1.0], ["0", "0.001", "1"], "symlog"),
        ([1.0001, 1.0002], ["1.0001", "1.0002"], "linear"),
    ],
)
def test_few_values_are_their_own_ticks(values, labels, scale):
    axes = Figure().subplots()
    scale_x(axes, values)
    assert axes.get_xscale() == scale
    assert [tick.get_text() for tick in axes.get_xticklabels()] == labels


@pytest.mark.parametrize(
    ("largest", "unit", "factor", "shown"),
    [
        (51e-6, "S", 1e6, "µS"),
        (2e-9, "J", 1e9, "nJ"),
        (1e7, "Hz", 1e-6, "MHz"),
        (30.0, "ohm", 1.0, "ohm"),
        (5e-18, "J", 1e15, "fJ"),
        (0.0, "J", 1.0, "J"),
        (float("nan"), "J", 1.0, "J"),
    ],
)
def test_a_unit_gets_the_prefix_of_its_largest_number(largest, unit, factor, shown):
    assert prefixed(largest, unit) == (pytest.approx(factor), shown)
