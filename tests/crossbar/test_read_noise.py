"""Noise referred to the output is the noise of all devices: against explicit draws and sums over devices."""

from __future__ import annotations

import numpy as np
import pytest
from standard_errors import check_covariance, check_mean

from neurosim.crossbar import Crossbar, OutputNoise
from neurosim.devices import Ideal, SoftBounds
from neurosim.rng import Streams

ROWS, COLS, DRAWS = 4, 3, 20_000
NOISE, G_REF = 0.07, 8e-6
LAYOUTS = [
    ("one_sided", "push_pull"),
    ("balanced", "push_pull"),
    ("balanced", "single"),
    ("reference", "single"),
    ("unsigned", "single"),
]
layouts = pytest.mark.parametrize(("mapping", "scheme"), LAYOUTS)
complexity = pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
directions = pytest.mark.parametrize("direction", ["forward", "backward"])


def build(mapping, scheme, read_noise=NOISE, dtype="float64", device=None):
    crossbar = Crossbar.build(
        "W1", (ROWS, COLS), device=device or Ideal(g_min=1e-6, g_max=41e-6), mapping=mapping, scheme=scheme,
        g_ref=G_REF, read_noise=read_noise, streams=Streams(1), dtype=dtype,
    )  # fmt: skip
    weights = 0.8 * crossbar.w_max * np.random.default_rng(5).uniform(-1, 1, (ROWS, COLS))
    return crossbar, crossbar.encode(weights, Streams(1).generator("encode"))


def signal(direction, is_complex):
    """Return one input vector of a read, with correlated real and imaginary parts."""
    real, imag = np.random.default_rng(9).normal(size=(2, ROWS if direction == "forward" else COLS))
    return real + 1j * (imag + 0.8 * real) if is_complex else real


def parts(y):
    """Return complex outputs as real variables: all real parts, then all imaginary parts."""
    return np.concatenate((y.real, y.imag), axis=-1) if np.iscomplexobj(y) else y


def devices(state):
    """Return (g, row, columns, sign) of every device; a reference device serves all columns of its row."""
    for (i, j), g in np.ndenumerate(state.read_plus):
        yield g, i, [j], 1.0
    for (i, j), g in np.ndenumerate(state.read_minus):
        yield g, i, range(COLS) if state.read_minus.shape[1] == 1 else [j], -1.0


def exact_covariance(state, x, direction):
    """Add up the devices one by one: covariance of the output variables for independent relative noise."""
    total = 0.0
    for g, i, columns, sign in devices(state):
        effect = np.zeros(COLS if direction == "forward" else ROWS, dtype=x.dtype)
        for j in columns:
            if direction == "forward":
                effect[j] += sign * x[i]
            else:
                effect[i] += sign * x[j]
        effect = parts(effect) * NOISE * g / G_REF
        total = total + np.outer(effect, effect)
    return total


def explicit_draws(state, x, direction):
    """Draw every device for every read and multiply the noise of the weights out."""
    rng = np.random.default_rng(21)
    plus, minus = (NOISE * g * rng.standard_normal((DRAWS, *g.shape)) for g in (state.read_plus, state.read_minus))
    noise = (plus - minus) / G_REF
    return np.einsum("i,nij->nj" if direction == "forward" else "j,nij->ni", x, noise)


@layouts
@directions
@complexity
def test_output_noise_is_the_noise_of_all_devices(mapping, scheme, direction, is_complex):
    """All variances and covariances, those between outputs and between real and imaginary part included."""
    crossbar, state = build(mapping, scheme)
    x = signal(direction, is_complex)
    expected = exact_covariance(state, x, direction)
    read = getattr(crossbar, f"{direction}_noise")
    ours = read(np.tile(x, (DRAWS, 1)), state, Streams(3).generator("read"))
    assert ours.shape == (DRAWS, COLS if direction == "forward" else ROWS)
    for draws in (parts(ours), parts(explicit_draws(state, x, direction))):
        check_mean(draws, 0.0)
        check_covariance(draws, expected)


@directions
def test_output_noise_is_normal(direction):
    """Fourth moment of a normal variable: 3 sigma^4."""
    crossbar, state = build("reference", "single")
    x = signal(direction, True)
    draws = getattr(crossbar, f"{direction}_noise")(np.tile(x, (DRAWS, 1)), state, Streams(3).generator("read"))
    draws = parts(draws)
    check_mean((draws / draws.std(axis=0)) ** 4, 3.0)


@directions
def test_noise_is_fresh_for_every_sample_and_every_read(direction):
    crossbar, state = build("reference", "single")
    x = np.tile(signal(direction, False), (DRAWS, 1))
    rng = Streams(3).generator("read")
    one, two = (getattr(crossbar, f"{direction}_noise")(x, state, rng) for _ in range(2))
    check_mean(one * two, 0.0)
    check_mean(one[1:] * one[:-1], 0.0)


@layouts
def test_reciprocity(mapping, scheme):
    """Row i driven and column j read has the noise of column j driven and row i read."""
    crossbar, state = build(mapping, scheme)
    noise = crossbar.weight_noise(state)
    forward, backward = noise.forward(np.eye(ROWS)), noise.backward(np.eye(COLS))
    variance = forward.own.moments[0]
    if forward.common is not None:
        variance = variance + forward.common.moments[0]
    assert variance.shape == (ROWS, COLS)
    np.testing.assert_allclose(backward.own.moments[0], variance.T, rtol=1e-12)


@layouts
def test_one_draw_of_all_weights(mapping, scheme):
    """Mean, variance of each weight, and covariance along a row by the shared reference device."""
    crossbar, state = build(mapping, scheme)
    rng = Streams(3).generator("read")
    draws = np.array([crossbar.noisy_weights(state, rng).ravel() for _ in range(DRAWS)])
    expected = 0.0
    for g, i, columns, sign in devices(state):
        effect = np.zeros((ROWS, COLS))
        effect[i, list(columns)] = sign * NOISE * g / G_REF
        expected = expected + np.outer(effect, effect)
    check_mean(draws, crossbar.weights(state).ravel())
    check_covariance(draws, expected)


def test_noise_acts_on_the_visible_conductance():
    device = SoftBounds(g_min=1e-6, g_max=41e-6, write_noise=200.0)
    crossbar, state = build("balanced", "push_pull", device=device)
    expected = (NOISE / G_REF) ** 2 * (state.read_plus**2 + state.read_minus**2)
    np.testing.assert_allclose(crossbar.weight_noise(state).own, expected)
    assert not np.allclose(state.read_plus, state.g_plus, rtol=0.01)


@layouts
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_noiseless_read_is_exact(mapping, scheme, dtype):
    crossbar, state = build(mapping, scheme, read_noise=0.0, dtype=dtype)
    rng = Streams(3).generator("read")
    assert np.array_equal(crossbar.noisy_weights(state, rng), crossbar.weights(state))
    for kind in (dtype, "complex64"):
        forward = crossbar.forward_noise(np.ones((7, ROWS), kind), state, rng)
        backward = crossbar.backward_noise(np.ones((7, COLS), kind), state, rng)
        assert (forward.shape, backward.shape) == ((7, COLS), (7, ROWS))
        assert forward.dtype == backward.dtype == kind
        assert not forward.any()
        assert not backward.any()


@complexity
def test_zero_and_purely_real_or_imaginary_inputs(is_complex):
    """Degenerate covariances: no division by zero, and no noise where there is no signal."""
    crossbar, state = build("reference", "single", dtype="float32")
    kind = np.complex64 if is_complex else np.float32
    x = np.zeros((3, ROWS), kind)
    x[1] = 1
    if is_complex:
        x[2] = 1j
    noise = crossbar.forward_noise(x, state, Streams(3).generator("read"))
    assert noise.dtype == kind
    assert not noise[0].any()
    assert np.all(noise[1].real != 0)
    assert not noise[1].imag.any()
    if is_complex:
        assert not noise[2].real.any()
        assert np.all(noise[2].imag != 0)


def test_cached_steps_of_a_read_draw_the_same_noise():
    crossbar, state = build("reference", "single")
    x = np.tile(signal("forward", True), (5, 1))
    prepared = crossbar.weight_noise(state).forward(x)
    assert isinstance(prepared, OutputNoise)
    at_once = crossbar.forward_noise(x, state, Streams(3).generator("read"))
    assert np.array_equal(prepared.draw(Streams(3).generator("read")), at_once)
