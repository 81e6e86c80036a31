"""Contract of every branch law: slope and content against its current, factors against the content."""

import numpy as np
import pytest
from strict_cupy import STRICT

from neurosim.errors import RangeError
from neurosim.networks.resistive import LAWS, Linear, Sinh

each = pytest.mark.parametrize("name", LAWS)
V = np.array([[-1.3, -0.4, 0.0, 0.2, 1.1]])
COMPLEX = V + 1j * np.array([[0.3, -0.2, 0.5, 0.1, -0.4]])


@each
def test_slope_is_the_derivative_and_content_the_integral_of_the_current(name):
    law, h = LAWS[name](), 1e-20
    assert law.name == name
    np.testing.assert_allclose(law.current(V + 1j * h).imag / h, law.slope(V), rtol=1e-14)
    np.testing.assert_allclose(law.content(V + 1j * h).imag / h, law.current(V), rtol=1e-14, atol=1e-16)
    zero = np.zeros((1, 1))
    assert law.content(zero) == 0
    assert law.slope(zero) == 1


@each
def test_current_is_odd_and_increasing(name):
    law, v = LAWS[name](), np.linspace(-3, 3, 61)
    np.testing.assert_allclose(law.current(-v), -law.current(v), rtol=1e-15)
    assert np.all(np.diff(law.current(v)) > 0)
    assert law.linear == np.allclose(law.current(v), v, rtol=1e-15)


@each
@pytest.mark.parametrize(
    ("row", "col"), [(V, 0.7 * V[:, :3]), (COMPLEX, 0.7 * COMPLEX[:, :3])], ids=["real", "complex"]
)
def test_factors_are_those_of_the_contents(name, row, col):
    law = LAWS[name]()
    p, q = law.factors(row, col)
    found = sum(a[:, :, None] * b[:, None, :] for a, b in zip(p, q, strict=True))
    np.testing.assert_allclose(found, law.content(row[:, :, None] - col[:, None, :]), rtol=1e-11, atol=1e-13)
    p, q = law.pair_factors(row, col)
    found = sum(a[:, :, None] * b[:, None, :] for a, b in zip(p, q, strict=True))
    up, down = law.content(row[:, :, None] + col[:, None, :]), law.content(row[:, :, None] - col[:, None, :])
    np.testing.assert_allclose(found, 0.5 * (up - down), rtol=1e-11, atol=1e-13)


@each
@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_dtype_and_backend_are_kept(name, dtype):
    law, v = LAWS[name](), V.astype(dtype)
    device = STRICT.asarray(v)
    for method in (law.current, law.slope, law.content):
        assert method(v).dtype == dtype
        np.testing.assert_allclose(STRICT.to_host(method(device)), method(v), rtol=1e-6)
    for method in (law.factors, law.pair_factors):
        for ours, theirs in zip(method(v, v), method(device, device), strict=True):
            for part, other in zip(ours, theirs, strict=True):
                assert part.dtype == dtype
                np.testing.assert_allclose(STRICT.to_host(other), part, rtol=1e-6)


def test_sinh_tends_to_the_ohmic_law():
    errors = [np.abs(Sinh(v0).current(V) - Linear().current(V)).max() for v0 in (10.0, 100.0)]
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.01)  # v^3 / 6 v0^2


@pytest.mark.parametrize("v0", [0.0, -1.0, float("nan"), float("inf")])
def test_sinh_refuses_a_scale_that_is_none(v0):
    with pytest.raises(RangeError, match=r"law sinh: v0 = .*: allowed \(0, inf\), in units of v_ref"):
        Sinh(v0)
