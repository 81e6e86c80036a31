"""One training step: against plain numpy, against closed forms, and against its own promises."""

from dataclasses import replace

import numpy as np
import pytest
from small_controller import EULER, EXACT, G_REF, batch_of, controller_of, device_of, free_outputs, moved

from neurosim.errors import ConfigError, ConvergenceError
from neurosim.learning.computed import REFERENCES
from neurosim.learning.estimators import (
    HolomorphicEP,
    OneSidedEP,
    OscillatingEP,
    RandomSignEP,
    SymmetricEP,
)
from neurosim.learning.programmers import PROGRAMMERS, Programmed, RoundedProgrammer, StochasticProgrammer
from neurosim.learning.reference import measure_rbp
from neurosim.settle import SettleOptions

ALL_ESTIMATORS = (
    OneSidedEP(0.2),
    RandomSignEP(0.2),
    SymmetricEP(0.2),
    HolomorphicEP(0.2, 5),
    OscillatingEP(0.2, "rotation", 4, dwell=10),
    OscillatingEP(0.2, "cosine", 8, dwell=10, harmonics=3),
)
by_name = pytest.mark.parametrize("estimator", ALL_ESTIMATORS, ids=lambda e: f"{e.name}-{e.order}")


def conductances(state):
    return {name: np.stack([pair.g_plus, pair.g_minus]) for name, pair in state.pairs.items()}


def sigma(z):
    return 1 / (1 + np.exp(2 - 4 * z))


class PlainSymmetricEP:
    """Tied symmetric EP with momentum and weight decay: the textbook, layer by layer, in plain numpy.

    Layers are a list of activities; the last weights are either those of the output layer or a softmax readout.
    """

    def __init__(self, weights, biases, softmax, beta, lr, momentum, decay):
        self.w, self.b, self.softmax = weights, biases, softmax
        self.beta, self.lr, self.momentum, self.decay = beta, lr, momentum, decay
        self.vw, self.vb = [0 * w for w in weights], [0 * b for b in biases]
        self.depth = len(weights) - softmax

    def probabilities(self, s):
        z = s @ self.w[-1] + self.b[-1]
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def settle(self, x, s, y, beta, steps):
        for _ in range(steps):
            new = []
            for k in range(self.depth):
                z = (s[k - 1] if k else x) @ self.w[k] + self.b[k]
                if k + 1 < self.depth:
                    z = z + s[k + 1] @ self.w[k + 1].T
                elif self.softmax:
                    z = z + beta * (y - self.probabilities(s[k])) @ self.w[-1].T
                else:
                    z = z + beta * (y - s[k])
                new.append(sigma(z))
            s = new
        return s

    def step(self, x, y):
        n = len(x)
        rest = [np.full((n, w.shape[1]), sigma(0.0)) for w in self.w[: self.depth]]
        free = self.settle(x, rest, y, 0.0, EULER.free_steps)
        plus = self.settle(x, free, y, self.beta, EULER.nudged_steps)
        minus = self.settle(x, free, y, -self.beta, EULER.nudged_steps)
        for k in range(len(self.w)):
            if k < self.depth:
                up, down = ([x, *s] for s in (plus, minus))
                gw = -(up[k].T @ up[k + 1] - down[k].T @ down[k + 1]) / (2 * self.beta * n)
                gb = -(up[k + 1] - down[k + 1]).sum(axis=0, keepdims=True) / (2 * self.beta * n)
            else:  # the readout's gradient is that of the loss, at either nudged state
                errors = [self.probabilities(s[-1]) - y for s in (plus, minus)]
                gw = sum(s[-1].T @ e for s, e in zip((plus, minus), errors, strict=True)) / (2 * n)
                gb = sum(e.sum(axis=0, keepdims=True) for e in errors) / (2 * n)
            self.vw[k] = self.momentum * self.vw[k] + gw + self.decay * self.w[k]
            self.vb[k] = self.momentum * self.vb[k] + gb
            self.w[k] = self.w[k] - self.lr * self.vw[k]
            self.b[k] = self.b[k] - self.lr * self.vb[k]


@pytest.mark.parametrize("softmax", [False, True], ids=["squared error", "softmax"])
@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 0.0), (0.9, 0.01)])
def test_training_steps_equal_plain_numpy(softmax, momentum, decay):
    controller, state = controller_of(
        (6, 5, 4, 3), lr=2.0, momentum=momentum, weight_decay=decay, topology={"softmax_readout": softmax}
    )
    w = controller.weights(state)
    names = ["W1", "W2", "readout" if softmax else "W3"]
    biases = ["b1", "b2", "b_readout" if softmax else "b3"]
    plain = PlainSymmetricEP([w[n] for n in names], [w[n] for n in biases], softmax, 0.2, 2.0, momentum, decay)
    for k in range(4):
        x, y = batch_of(controller, seed=k)
        plain.step(x, y)
        state, report = controller.step(state, x, y)
        ours = controller.weights(state)
        for name, expected in zip(names + biases, plain.w + plain.b, strict=True):
            np.testing.assert_allclose(ours[name], expected, rtol=0, atol=2e-13, err_msg=name)
    assert state.step == 4
    assert abs(ours["W1"] - w["W1"]).max() > 1e-3
    assert report.loss > 0


@by_name
def test_in_situ_equals_differenced_on_ideal_devices_inside_their_range(estimator):
    change = {}
    for in_situ in (False, True):
        controller, state = controller_of(estimator=estimator, in_situ=in_situ)
        after, _ = controller.step(state, *batch_of(controller))
        change[in_situ] = moved(controller, state, after)
        for g in conductances(after).values():
            assert ((g > 1.1e-6) & (g < 50.9e-6)).all()
    for name, wanted in change[False].items():
        np.testing.assert_allclose(change[True][name], wanted, rtol=0, atol=1e-13)
        assert abs(wanted).max() > 1e-5


def test_in_situ_differs_from_differenced_where_a_device_clips_in_between():
    """Up to the bound and down again is not where it was: the potentiating phase was cut short."""
    change = {}
    for in_situ in (False, True):
        controller, state = controller_of(in_situ=in_situ, options=EXACT)
        weights = controller.weights(state)["W2"]
        weights[0, 0] = 7.99  # of at most 8: nodes h1[0] and out[0] are both on
        state = replace(state, pairs={**state.pairs, "W2": controller.crossbars["W2"].encode(weights, None)})
        x, _ = batch_of(controller)
        change[in_situ] = moved(controller, state, controller.step(state, x, free_outputs(controller, state, x))[0])
    assert abs(change[False]["W2"]).max() < 1e-12
    wanted = 0.1 / (2 * 0.2)  # lr a_pre a_post / (2 beta), up to the bound and then down
    assert change[True]["W2"][0, 0] == pytest.approx(0.01 - wanted, abs=1e-3)


def test_in_situ_drifts_on_asymmetric_soft_bounds_as_the_closed_form_says():
    """With no error both phases ask for the same n pulses, up and then down. The distances to the two bounds decay

    as (1 - k)^n with k = 2 step / (g_high - g_low) of each direction, so the pair does not come back.
    """
    device = device_of("soft_bounds", asymmetry=0.3, step=2e-7)
    controller, state = controller_of(
        device=device, in_situ=True, programmer=RoundedProgrammer(), lr=2.0, options=EXACT, keep_counts=True
    )
    x, _ = batch_of(controller)
    y = free_outputs(controller, state, x)
    bench = controller.bench(state, x, y)
    a, part = bench.free().a, controller.network.topology.slices
    after, report = controller.step(state, x, y)
    wanted = 2.0 / len(x) / (2 * 0.2) * a[:, part["h1"]].T @ a[:, part["out"]]
    n = np.rint(wanted / controller.crossbars["W2"].weight_step)
    assert n.max() > 5

    def up(g):
        return 51e-6 - (51e-6 - g) * (1 - 2 * 2e-7 * 1.3 / 50e-6) ** n

    def down(g):
        return 1e-6 + (g - 1e-6) * (1 - 2 * 2e-7 * 0.7 / 50e-6) ** n

    pair = state.pairs["W2"]
    np.testing.assert_allclose(after.pairs["W2"].g_plus, down(up(pair.g_plus)), rtol=1e-12)
    np.testing.assert_allclose(after.pairs["W2"].g_minus, up(down(pair.g_minus)), rtol=1e-12)
    drift = moved(controller, state, after)["W2"]
    assert abs(drift).max() > controller.crossbars["W2"].weight_step
    assert after.pulses == 4 * sum(abs(counts).sum() for counts in per_group(controller, state, x, y))
    assert not report.counts["W2"].any()  # the two groups cancel in the net count


def per_group(controller, state, x, y):
    """Return the pulse counts of the potentiating group of every array."""
    contrast = controller.contrast(state, controller.bench(state, x, y))
    for name, crossbar in controller.crossbars.items():
        p, q = contrast.groups[0].factors[name]
        yield np.rint(p.T @ q * (controller.optimiser.lr[name] / contrast.batch) / crossbar.weight_step)


def test_differenced_update_does_not_move_without_an_error():
    device = device_of("soft_bounds", asymmetry=0.3, step=2e-7)
    controller, state = controller_of(device=device, programmer=RoundedProgrammer(), lr=0.5, options=EXACT)
    x, _ = batch_of(controller)
    after, _ = controller.step(state, x, free_outputs(controller, state, x))
    assert after.pulses == 0
    assert all(np.array_equal(conductances(after)[n], g) for n, g in conductances(state).items())


# Read noise: what is shared between the phases cancels in their difference.

QUIET = SettleOptions(free_steps=40, nudged_steps=40)
BETAS = (0.01, 0.02, 0.05, 0.1)


def gradient_noise(scope, beta, draws=12):
    """Return the root mean square gradient of a network that makes no error, over draws of its read noise."""
    controller, state = controller_of(
        estimator=SymmetricEP(beta), read_noise=0.01, options=QUIET, noise_scope=scope, gain=0.5
    )
    x, _ = batch_of(controller)
    y = free_outputs(controller, state, x)
    total = 0.0
    for step in range(draws):
        now = replace(state, step=step)
        gradient = controller.contrast(now, controller.bench(now, x, y)).gradient()
        total += sum(float((g**2).mean()) for g in gradient.values())
    return np.sqrt(total / draws)


@pytest.mark.parametrize(("scope", "slope"), [("frozen", 0.0), ("phase", -1.0), ("step", -1.0)])
def test_gradient_noise_over_beta(scope, slope):
    """Noise that differs between the phases is divided by beta; a frozen draw only shifts the operating point."""
    noise = [gradient_noise(scope, beta) for beta in BETAS]
    assert np.polyfit(np.log(BETAS), np.log(noise), 1)[0] == pytest.approx(slope, abs=0.05)


def test_frozen_read_noise_cancels_in_the_contrast():
    frozen, per_phase = gradient_noise("frozen", 0.01), gradient_noise("phase", 0.01)
    assert frozen < 0.05 * per_phase


def test_frozen_and_phase_draws_are_shared_as_their_names_say():
    shared = {}
    for scope in ("frozen", "phase"):
        controller, state = controller_of(read_noise=0.05, noise_scope=scope)
        bench = controller.bench(state, *batch_of(controller))
        first, second = bench.weights(0)["W1"], bench.weights(1)["W1"]
        assert np.array_equal(first, bench.weights(0)["W1"])
        assert np.array_equal(second, bench.weights(1)["W1"])
        shared[scope] = np.array_equal(first, second)
        assert not np.array_equal(first, controller.weights(state)["W1"])
    assert shared == {"frozen": True, "phase": False}


def test_step_noise_is_fresh_at_every_read_and_has_the_declared_variance():
    controller, state = controller_of(read_noise=0.05, noise_scope="step", topology={"softmax_readout": True})
    x, y = batch_of(controller, batch=3000)
    bench = controller.bench(state, np.tile(x[:1], (3000, 1)), y)
    top = controller.network.topology
    a = np.full((3000, top.nodes), 0.7)
    noise, drives = bench.fresh_noise(bench.x), []
    for _ in range(2):
        drive = np.zeros_like(a)
        noise.add(0.0, a, tuple(top.slices.values()), drive)
        drives.append(drive)
    assert abs(np.corrcoef(drives[0].ravel(), drives[1].ravel())[0, 1]) < 4 / np.sqrt(a.size)

    def variance(name, source):
        pair = state.pairs[name]
        return source**2 @ ((0.05 / G_REF) ** 2 * (pair.g_plus**2 + pair.g_minus**2))

    expected = variance("W1", x[:1]) + variance("b1", np.ones((1, 1)))
    error = np.sqrt(2 / 3000)  # relative, of a variance from 3000 draws
    np.testing.assert_allclose(drives[0].var(axis=0), expected[0], rtol=4.5 * error)
    logits = [bench.cost().scores(a) for _ in range(2)]
    noise_free = bench.exact(1e-6).cost().scores(a)
    assert not np.array_equal(*logits)
    expected = variance("readout", a[:1]) + variance("b_readout", np.ones((1, 1)))
    np.testing.assert_allclose((logits[0] - noise_free).var(axis=0), expected[0], rtol=4.5 * error)
    expected = (0.05 / G_REF) ** 2 * (state.pairs["readout"].g_plus ** 2 + state.pairs["readout"].g_minus ** 2)
    back = bench.readout_noise.force(np.ones((3000, top.classes)))
    np.testing.assert_allclose(back.var(axis=0), expected.sum(axis=1), rtol=4.5 * error)


# Unsettled samples: raised, masked or accepted, never silent.


def half_settled(seed=5, **fields):
    """Return a controller whose tolerance half of the batch meets, and the batch with which samples meet it."""
    options = SettleOptions(free_steps=6, nudged_steps=3)
    controller, state = controller_of(options=options, gain=2.0, **fields)
    x, y = batch_of(controller, batch=8, seed=seed)
    found = replace(controller, on_unsettled="accept").contrast(state, controller.bench(state, x, y))
    order = np.sort(found.residual)
    assert order[4] > 1.001 * order[3]
    controller = replace(controller, options=replace(options, tolerance=float((order[3] + order[4]) / 2)))
    return controller, state, x, y, found.residual <= controller.options.tolerance


@pytest.mark.parametrize("topology", [{}, {"tied": False}, {"softmax_readout": True}], ids=str)
@pytest.mark.parametrize("estimator", ALL_ESTIMATORS[:4], ids=lambda e: e.name)
@pytest.mark.parametrize("in_situ", [False, True])
def test_mask_drops_exactly_the_unsettled_samples(topology, estimator, in_situ):
    controller, state, x, y, settled = half_settled(
        sizes=(6, 5, 5, 4), topology=topology, estimator=estimator, in_situ=in_situ, on_unsettled="mask"
    )
    masked, report = controller.step(state, x, y)
    strict = replace(controller, on_unsettled="raise")
    alone, _ = strict.step(state, x[settled], y[settled])
    assert report.settled == 0.5
    for name, w in strict.weights(alone).items():
        np.testing.assert_allclose(controller.weights(masked)[name], w, rtol=0, atol=1e-13)
    accepted, report = replace(controller, on_unsettled="accept").step(state, x, y)
    assert report.settled == 0.5
    assert abs(controller.weights(accepted)["W2"] - controller.weights(masked)["W2"]).max() > 1e-7


@pytest.mark.parametrize("programmer", list(PROGRAMMERS))
def test_mask_without_a_settled_sample_changes_nothing(programmer):
    controller, state = controller_of(
        options=SettleOptions(free_steps=2, nudged_steps=2, tolerance=1e-9),
        on_unsettled="mask",
        programmer=PROGRAMMERS[programmer](rounding="nearest", train_length=31, tolerance=0.5, budget=20),
    )
    after, report = controller.step(state, *batch_of(controller))
    assert report.settled == 0
    for name, g in conductances(state).items():
        np.testing.assert_allclose(conductances(after)[name], g, rtol=0, atol=1e-18)


def test_raise_names_the_residual_and_leaves_the_state_untouched():
    controller, state, x, y, _ = half_settled(on_unsettled="raise")
    before = {name: g.copy() for name, g in conductances(state).items()}
    with pytest.raises(ConvergenceError, match=r"training step 0: 4 of 8 samples .*largest residual 0\.\d+.*tolerance"):
        controller.step(state, x, y)
    assert state.step == 0
    assert state.pulses == 0
    assert all(np.array_equal(conductances(state)[name], g) for name, g in before.items())


@by_name
@pytest.mark.parametrize("policy", ["raise", "mask", "accept"])
def test_a_state_that_is_not_a_number_is_an_error_under_every_policy(estimator, policy):
    """Only the nudged phases see the target: the free phase settles, and the divergence must still be noticed."""
    controller, state = controller_of(
        estimator=estimator, on_unsettled=policy, options=replace(EULER, nudged_steps=200, tolerance=0.5)
    )
    x, y = batch_of(controller)
    y[2, 1] = np.nan
    with pytest.raises(ConvergenceError, match="diverged: a state is inf or NaN"):
        controller.step(state, x, y)


def test_a_phase_that_stops_at_the_step_limit_says_so(monkeypatch):
    from neurosim import settle

    monkeypatch.setattr(
        settle,
        "integrate_adaptive",
        lambda *args, run=settle.integrate_adaptive, **options: run(*args, **{**options, "max_steps": 1}),
    )
    options = SettleOptions(integrator=settle.ADAPTIVE, tolerance=1e6)
    controller, state = controller_of(options=options, on_unsettled="raise")
    with pytest.raises(ConvergenceError, match="stopped at the step limit"):
        controller.step(state, *batch_of(controller))


# The exact gradient, random streams, and what cannot be combined.


@pytest.mark.parametrize("topology", [{}, {"tied": False}, {"softmax_readout": True}], ids=str)
def test_without_an_estimator_the_step_is_down_the_exact_gradient(topology):
    controller, state = controller_of((6, 5, 5, 4), estimator=REFERENCES["rbp"], options=EXACT, topology=topology)
    x, y = batch_of(controller)
    exact = measure_rbp(controller.bench(state, x, y), 1e-13).gradient()
    after, report = controller.step(state, x, y)
    for name, change in moved(controller, state, after).items():
        np.testing.assert_allclose(change, -0.1 * exact[name], rtol=0, atol=1e-12)
    assert report.settled == 1


NOISY = {
    "device": device_of("soft_bounds", c2c=0.3, step_d2d=0.2, write_noise=1.0),
    "programmer": StochasticProgrammer(15),
    "estimator": RandomSignEP(0.3),
    "read_noise": 0.05,
    "options": replace(EULER, noise=0.02),
}


@pytest.mark.parametrize("scope", ["frozen", "phase", "step"])
def test_same_seed_same_result_and_each_step_its_own_draws(scope):
    controller, state = controller_of(noise_scope=scope, **NOISY)
    x, y = batch_of(controller)
    first, again = controller.step(state, x, y)[0], controller.step(state, x, y)[0]
    rebuilt, same = controller_of(noise_scope=scope, **NOISY)
    other, differing = controller_of(noise_scope=scope, seed=4, **NOISY)
    later = controller.step(replace(state, step=1), x, y)[0]
    for name, g in conductances(first).items():
        assert np.array_equal(g, conductances(again)[name])
        assert np.array_equal(g, conductances(rebuilt.step(same, x, y)[0])[name])
        assert not np.array_equal(g, conductances(later)[name])
        assert not np.array_equal(g, conductances(other.step(differing, x, y)[0])[name])


SOURCES = {
    "state noise": {"options": replace(EULER, noise=0.02)},
    "frozen reads": {"read_noise": 0.05, "noise_scope": "frozen"},
    "reads of a phase": {"read_noise": 0.05, "noise_scope": "phase"},
    "every read": {"read_noise": 0.05, "noise_scope": "step"},
    "sign of beta": {"estimator": RandomSignEP(0.3)},
    "cycle to cycle": {"device": device_of("soft_bounds", c2c=0.3), "programmer": RoundedProgrammer(), "lr": 2.0},
    "rounding": {"programmer": RoundedProgrammer("stochastic")},
    "pulse trains": {"programmer": StochasticProgrammer(15)},
}


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_of_chance_is_drawn_anew_for_each_step(source):
    controller, state = controller_of(**SOURCES[source])
    x, y = batch_of(controller)
    results = [controller.step(replace(state, step=k), x, y)[0].pairs["W2"].g_plus for k in (*range(8), 0)]
    assert np.array_equal(results[0], results[8])
    assert any(not np.array_equal(results[0], other) for other in results[1:8])


def read_draw(sizes, name, step=0):
    """Return the standard normals behind the frozen read noise of array `name`."""
    controller, state = controller_of(sizes, read_noise=0.05)
    bench = controller.bench(replace(state, step=step), *batch_of(controller))
    noise = bench.weights(0)[name] - controller.weights(state)[name]
    return noise / np.sqrt(controller.crossbars[name].weight_noise(state.pairs[name]).own)


def test_read_noise_has_a_stream_per_array_and_step():
    first = read_draw((5, 5, 5), "W1")
    np.testing.assert_allclose(read_draw((5, 5, 5, 5), "W1"), first, rtol=1e-9)  # another array changes nothing
    assert abs(np.corrcoef(first.ravel(), read_draw((5, 5, 5), "W2").ravel())[0, 1]) < 0.8
    assert abs(np.corrcoef(first.ravel(), read_draw((5, 5, 5), "W1", step=1).ravel())[0, 1]) < 0.8


class Listener:
    """A programmer that does nothing but note what its generator draws."""

    name, needs_factors = "listener", False

    def __init__(self):
        self.heard = {}

    def program(self, crossbar, state, change, rng):
        self.heard[crossbar.name] = rng.random()
        return Programmed(state, None)


def test_programming_has_a_stream_per_array_and_step():
    heard = []
    for step in (0, 1, 0):
        controller, state = controller_of(programmer=Listener())
        controller.step(replace(state, step=step), *batch_of(controller))
        heard.append(controller.programmer.heard)
    assert heard[0] == heard[2]
    assert len({*heard[0].values(), *heard[1].values()}) == 2 * len(controller.crossbars)


def test_pulses_are_counted_per_device_and_reported_per_array():
    controller, state = controller_of(programmer=RoundedProgrammer(), lr=1.0, keep_counts=True)
    after, report = controller.step(state, *batch_of(controller))
    assert set(report.counts) == set(controller.crossbars)
    assert after.pulses == 2 * sum(abs(counts).sum() for counts in report.counts.values()) > 0
    for name, change in moved(controller, state, after).items():
        step = controller.crossbars[name].weight_step
        np.testing.assert_allclose(change, report.counts[name] * step, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"noise_scope": "fase"}, "did you mean 'phase'"),
        ({"on_unsettled": "ignore"}, "allowed: raise, mask, accept"),
        ({"momentum": 0.9, "in_situ": True}, "in_situ.* never forms"),
        ({"weight_decay": 0.1, "programmer": StochasticProgrammer()}, "stochastic.* never forms"),
    ],
)
def test_what_would_be_ignored_in_silence_is_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        controller_of(**fields)


@pytest.mark.parametrize("field", ["method", "integrator", "solver"])
def test_unknown_ways_to_settle_are_refused(field):
    with pytest.raises(ConfigError, match=f"settle.{field}: unknown 'x'"):
        SettleOptions(**{field: "x"})
