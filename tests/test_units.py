import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.errors import ConfigError, RangeError
from neurosim.units import PREFIXES, Scale, format_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("25 uS", "S", 25e-6),
        ("5 uS", "S", 5e-6),
        ("0.2V", "V", 0.2),
        ("1e3 ohm", "ohm", 1000.0),
        ("2.5e1 nS", "S", 2.5e-8),
        ("-3 mV", "V", -3e-3),
        (4e-6, "S", 4e-6),
        ("10 µS", "S", 1e-5),
        ("3", "s", 3.0),
    ],
)
def test_quantities_are_exact(text, unit, value):
    assert parse_quantity(text, unit) == value


@pytest.mark.parametrize("text", ["25 uV", "25 xS", "uS", "", "1 2 S", "nan S", "inf S", True, None, [1], "1,5 uS"])
def test_wrong_quantities_name_key_value_and_unit(text):
    with pytest.raises(ConfigError, match=r"device\.g_min = .*unit S"):
        parse_quantity(text, "S", "device.g_min")


@given(st.floats(1e-13, 1e9), st.sampled_from(["S", "V", "F", "ohm"]))
def test_format_then_parse_gives_the_value_back(value, unit):
    assert parse_quantity(format_quantity(value, unit, 12), unit) == pytest.approx(value, rel=1e-10)


@given(st.integers(-999, 999), st.sampled_from(sorted(PREFIXES)))
def test_prefixes_scale_exactly(number, prefix):
    assert parse_quantity(f"{number} {prefix}S", "S") == float(f"{number}e{PREFIXES[prefix]}")


def test_scale_derives_tau_and_current():
    scale = Scale(v_ref=0.2, g_ref=1e-5, c_node=1e-12)
    assert scale.tau == pytest.approx(1e-7)
    assert scale.i_ref == pytest.approx(2e-6)
    with pytest.raises(RangeError, match=r"Scale\.g_ref"):
        Scale(g_ref=0.0)
