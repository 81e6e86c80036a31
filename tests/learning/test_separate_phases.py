"""One set of arrays or two: mismatch stands in the gradient divided by beta, what is shared cancels."""

from dataclasses import replace

import numpy as np
import pytest
from small_controller import EXACT, batch_of, controller_of, moved

from neurosim.crossbar import Crossbar
from neurosim.errors import ConfigError
from neurosim.learning.estimators import OneSidedEP, SymmetricEP
from neurosim.rng import Streams

BETAS = (0.01, 0.02, 0.04)


def separate(estimator, mismatch, **fields):
    """Return a controller with two sets of arrays, the second off by `mismatch` (std of a weight), and its state."""
    controller, state = controller_of(estimator=estimator, options=EXACT, **fields)
    rng, twins, second = np.random.default_rng(9), {}, {}
    for name, crossbar in controller.crossbars.items():
        twins[name] = Crossbar.build(
            f"{name}/twin",
            crossbar.shape,
            device=crossbar.device,
            mapping="balanced",
            scheme="push_pull",
            g_ref=crossbar.g_ref,
            read_noise=crossbar.read_noise,
            streams=Streams(3),
            dtype="float64",
        )
        off = mismatch * rng.standard_normal(crossbar.shape)
        second[name] = twins[name].encode(crossbar.weights(state.pairs[name]) + off, rng)
    return replace(controller, twins=twins), replace(state, twins=second)


def gradient(controller, state):
    x, y = batch_of(controller)
    return controller.contrast(state, controller.bench(state, x, y)).gradient()


def error(estimator, mismatch):
    """Return the size of what the mismatch adds to the gradient of `estimator`."""
    found, clean = (gradient(*separate(estimator, m)) for m in (mismatch, 0.0))
    return np.sqrt(sum(((found[name] - clean[name]) ** 2).sum() for name in clean))


@pytest.mark.parametrize("make", [OneSidedEP, SymmetricEP])
def test_error_is_mismatch_over_beta(make):
    errors = [error(make(beta), 1e-3) for beta in BETAS]
    assert np.polyfit(np.log(BETAS), np.log(errors), 1)[0] == pytest.approx(-1.0, abs=0.03)
    errors = [error(make(0.02), mismatch) for mismatch in (1e-4, 1e-3)]
    assert errors[1] / errors[0] == pytest.approx(10.0, rel=0.03)


def test_without_mismatch_two_sets_measure_what_one_does():
    for estimator in (OneSidedEP(0.05), SymmetricEP(0.05)):
        controller, state = separate(estimator, 0.0)
        ours = gradient(controller, state)
        one = gradient(replace(controller, twins={}), state)
        for name, g in one.items():
            np.testing.assert_allclose(ours[name], g, atol=1e-9)


def test_one_set_with_the_same_defects_has_no_such_error():
    controller, state = separate(SymmetricEP(0.01), 0.05)
    shared = replace(controller, twins={})
    with_defects = replace(state, pairs=state.twins)  # both phases on the defective set
    ours = gradient(shared, with_defects)
    halved = gradient(replace(shared, estimator=SymmetricEP(0.005)), with_defects)
    for name, g in ours.items():
        assert abs(g - halved[name]).max() < 1e-3 * max(abs(g).max(), 1e-3)


def test_phases_take_the_sets_in_turn():
    controller, state = separate(SymmetricEP(0.1), 0.01)
    bench = controller.bench(state, *batch_of(controller))
    assert not bench.one_reading
    for phase, pairs, arrays in ((0, state.pairs, controller.crossbars), (1, state.twins, controller.twins)):
        for name in pairs:
            assert np.array_equal(bench.weights(phase)[name], arrays[name].weights(pairs[name]))
    assert bench.weights(2)["W1"] is bench.weights(0)["W1"]


def test_both_sets_get_the_same_update():
    controller, state = separate(SymmetricEP(0.1), 0.01)
    new, _ = controller.step(state, *batch_of(controller))
    ours = moved(controller, state, new)
    for name, twin in controller.twins.items():
        change = twin.weights(new.twins[name]) - twin.weights(state.twins[name])
        np.testing.assert_allclose(change, ours[name], atol=1e-12)
        assert abs(change).max() > 0


def test_refuses_noise_at_every_read():
    controller, _ = separate(SymmetricEP(0.1), 0.0, read_noise=0.01)
    with pytest.raises(ConfigError, match="phases = 'separate'"):
        replace(controller, noise_scope="step")
