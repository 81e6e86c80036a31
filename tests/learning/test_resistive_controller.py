"""The controller on resistive networks: it learns, programs what it says, and refuses arrays that do not fit."""

from dataclasses import replace

import numpy as np
import pytest
from resistive_net import DIODES, EXACT, SCALE, network_of
from strict_cupy import STRICT

from neurosim.backend import NUMPY
from neurosim.crossbar import Crossbar
from neurosim.devices import DEVICES
from neurosim.errors import ConfigError
from neurosim.learning.computed import REFERENCES
from neurosim.learning.controller import Controller, TrainState
from neurosim.learning.estimators import HolomorphicEP, SymmetricEP
from neurosim.learning.optimiser import SGD
from neurosim.learning.programmers import IdealProgrammer, RoundedProgrammer, StochasticProgrammer
from neurosim.networks.resistive import Diode, Stage, antiparallel, layered_resistive
from neurosim.rng import Streams

RANGE = {"g_min": 1e-6, "g_max": 1e-3, "step": 2e-7}
LAYOUTS = {"doubled": ("unsigned", "single"), "pairs": ("balanced", "push_pull")}
XOR = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
ANSWERS = 0.2 * np.array([[-1.0], [1.0], [1.0], [-1.0]])


def crossbars_of(network, streams, device, read_noise=0.0, layout=None):
    mapping, scheme = layout or LAYOUTS[network.inputs]
    return {
        s.name: Crossbar.build(
            s.name, network.topology.shape(s), device=device, mapping=mapping, scheme=scheme, g_ref=SCALE.g_ref,
            read_noise=read_noise, streams=streams, dtype="float64",
        )
        for s in network.topology.synapses
    }  # fmt: skip


def controller_of(
    network, *, estimator=None, programmer=None, lr=1.0, weight_decay=0.0, device=None, read_noise=0.0, seed=0,
    backend=NUMPY, layout=None, spread=2.0, **fields,
):  # fmt: skip
    streams = Streams(seed, backend)
    crossbars = crossbars_of(network, streams, device or DEVICES["ideal"](**RANGE), read_noise, layout)
    controller = Controller(
        network, crossbars, estimator or SymmetricEP(0.1), programmer or IdealProgrammer(),
        SGD(dict.fromkeys(crossbars, lr), weight_decay=weight_decay), EXACT, streams, **fields,
    )  # fmt: skip
    rng, pairs = streams.host("init"), {}
    for name, crossbar in crossbars.items():
        low, high = (0.5, 3.0) if network.inputs == "doubled" else (-spread, spread)
        weights = backend.asarray(rng.uniform(low, high, crossbar.shape))
        pairs[name] = crossbar.encode(weights, streams.generator(f"encode/{name}"))
    return controller, TrainState(pairs)


def batch_of(network, batch=5, seed=7, backend=NUMPY):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (batch, network.topology.by_name["input"].size // (2 if network.inputs == "doubled" else 1)))
    return backend.asarray(x), backend.asarray(rng.uniform(-0.3, 0.3, (batch, network.topology.classes)))


def mistakes(controller, state, volts):
    bench = controller.bench(state, volts * XOR, ANSWERS)
    return int((np.sign(bench.output(bench.free().a)) != np.sign(ANSWERS)).sum())


def kendall(inputs="doubled", **options):
    """Return a 2-6-1 network like those of Kendall et al.: antiparallel diodes, a stage of gain 4, leaks."""
    clamps = antiparallel(Diode(i_s=1e-9, n=1.5), 0.1)
    return layered_resistive(
        (2, 6, 1), scale=SCALE, inputs=inputs, stage=Stage(4.0), leak=0.1, clamps=clamps, **options
    )


@pytest.mark.parametrize(("inputs", "lr", "volts"), [("doubled", 10.0, 2.0), ("pairs", 300.0, 4.0)])
@pytest.mark.parametrize("seed", range(2))
def test_xor_is_learnt_by_symmetric_equilibrium_propagation(inputs, lr, volts, seed):
    """Pairs load every node with G+ + G-, so that the diodes need more drive before they bend anything."""
    controller, state = controller_of(kendall(inputs), lr=lr, seed=seed, spread=6.0)
    losses = []
    for _ in range(300):
        state, report = controller.step(state, volts * XOR, ANSWERS)
        losses.append(report.loss)
        assert report.settled == 1.0
    assert losses[0] > 0.015
    assert losses[-1] < 5e-3
    assert mistakes(controller, state, volts) == 0
    for crossbar, pair in zip(controller.crossbars.values(), state.pairs.values(), strict=True):
        parts = [pair.g_plus] if inputs == "doubled" else [pair.g_plus, pair.g_minus]
        assert all(g.min() >= RANGE["g_min"] and g.max() <= RANGE["g_max"] for g in parts)
        assert crossbar.w_max > 9


def test_without_a_nonlinear_element_xor_is_not_learnt():
    linear = layered_resistive((2, 6, 1), scale=SCALE, stage=Stage(4.0), leak=0.1)
    controller, state = controller_of(linear, lr=10.0)
    for _ in range(300):
        state, report = controller.step(state, 2 * XOR, ANSWERS)
    assert report.loss > 0.015
    assert mistakes(controller, state, 2.0) > 0


@pytest.mark.parametrize("kind", ["doubled", "pairs with stages", "output pairs", "everything"])
def test_a_step_changes_the_weights_by_the_gradient(kind):
    network = network_of(kind)
    controller, state = controller_of(network, lr=1e-3)
    x, y = batch_of(network)
    gradient = controller.contrast(state, controller.bench(state, x, y)).gradient()
    new, _ = controller.step(state, x, y)
    for name, crossbar in controller.crossbars.items():
        change = crossbar.weights(new.pairs[name]) - crossbar.weights(state.pairs[name])
        np.testing.assert_allclose(change, -1e-3 * gradient[name], rtol=1e-6, atol=1e-14)
        if network.inputs == "pairs":  # what loads the nodes stays
            before, after = (s.pairs[name].g_plus + s.pairs[name].g_minus for s in (state, new))
            np.testing.assert_allclose(after, before, rtol=1e-12)


def test_exact_gradient_trains_too():
    controller, state = controller_of(kendall(), lr=10.0)
    exact = replace(controller, estimator=REFERENCES["rbp"])
    first, last = None, None
    for _ in range(40):
        state, report = exact.step(state, 2 * XOR, ANSWERS)
        first, last = first or report.loss, report.loss
    assert last < 0.9 * first


@pytest.mark.parametrize("kind", ["diodes", "everything"])
@pytest.mark.parametrize("in_situ", [False, True], ids=["differenced", "in situ"])
@pytest.mark.parametrize(
    "programmer", [RoundedProgrammer("stochastic"), StochasticProgrammer(31)], ids=lambda p: p.name
)
def test_pulses_move_conductances(kind, in_situ, programmer):
    network = network_of(kind)
    device = DEVICES["soft_bounds"](**RANGE, c2c=0.3)
    controller, state = controller_of(
        network, lr=20.0, programmer=programmer, device=device, in_situ=in_situ, keep_counts=True
    )
    new, report = controller.step(state, *batch_of(network))
    per_pulse = 1 if network.inputs == "doubled" else 2
    assert set(report.counts) == set(controller.crossbars)
    net = per_pulse * sum(np.abs(c).sum() for c in report.counts.values())
    assert net > 0
    assert new.pulses > 2 * net if in_situ else new.pulses == net
    for name, counts in report.counts.items():
        moved = controller.crossbars[name].weights(new.pairs[name]) - controller.crossbars[name].weights(
            state.pairs[name]
        )
        if not in_situ and np.any(counts):
            assert np.all(moved[counts == 0] == 0)
            assert np.mean(np.sign(moved[counts != 0]) == np.sign(counts[counts != 0])) > 0.8


def test_the_mean_of_pulsed_updates_is_the_gradient():
    network = network_of("doubled", (2, 3, 1))
    controller, state = controller_of(network, lr=0.5, programmer=StochasticProgrammer(200))
    x, y = batch_of(network)
    contrast = controller.contrast(state, controller.bench(state, x, y))
    total = {name: 0.0 for name in controller.crossbars}
    rng, draws = np.random.Generator(np.random.SFC64(1)), 150
    for name, crossbar in controller.crossbars.items():
        scale = 0.5 / contrast.batch / crossbar.weight_step
        for _ in range(draws):
            total[name] = total[name] + controller.programmer.coincidences(*contrast.factors(name), scale, rng)
        wanted = -0.5 * contrast.gradient()[name]
        got = total[name] / draws * crossbar.weight_step
        assert np.abs(got - wanted).max() < 0.2 * np.abs(wanted).max() + 5 * crossbar.weight_step


def test_weight_decay_sees_the_weights():
    for kind in ("doubled", "pairs"):
        network = network_of(kind)
        x, y = batch_of(network)
        plain, decayed = (controller_of(network, lr=1e-3, weight_decay=d) for d in (0.0, 0.5))
        (one, _), (two, _) = plain[0].step(plain[1], x, y), decayed[0].step(decayed[1], x, y)
        for name, crossbar in plain[0].crossbars.items():
            weights = crossbar.weights(plain[1].pairs[name])
            difference = crossbar.weights(two.pairs[name]) - crossbar.weights(one.pairs[name])
            expected = 0 * weights if name.startswith("b") else -1e-3 * 0.5 * weights
            np.testing.assert_allclose(difference, expected, rtol=1e-6, atol=1e-13)


def test_read_noise_is_drawn_once_per_step_or_once_per_phase():
    network = network_of("everything")
    x, y = batch_of(network)
    quiet, state = controller_of(network)
    for scope, same in (("frozen", True), ("phase", False)):
        controller, state = controller_of(network, read_noise=0.05, noise_scope=scope)
        read = controller.bench(state, x, y).weights
        assert np.array_equal(read(0)["W2"].plus, read(1)["W2"].plus) == same
        assert np.array_equal(read(0)["W2"].minus, read(0)["W2"].minus)
        clean_reads = quiet.weights(state)
        relative = [(read(0)[n].plus / clean_reads[n].plus - 1).ravel() for n in controller.crossbars]
        spread = np.std(np.concatenate(relative))
        assert 0.03 < spread < 0.07
        assert not np.array_equal(read(0)["W2"].plus, clean_reads["W2"].plus)
        controller.step(state, x, y)


def test_noise_of_every_read_is_refused():
    with pytest.raises(
        ConfigError, match=r"read_noise_scope = 'step': not modelled in a ResistiveNetwork; allowed: 'fro"
    ):
        controller_of(network_of("doubled"), read_noise=0.05, noise_scope="step")


@pytest.mark.parametrize(
    ("kind", "layout"),
    [
        ("doubled", ("balanced", "push_pull")),
        ("pairs", ("unsigned", "single")),
        ("pairs", ("balanced", "single")),
        ("pairs", ("one_sided", "push_pull")),
        ("pairs", ("reference", "single")),
    ],
)
def test_arrays_whose_observable_is_not_known_are_refused(kind, layout):
    mapping, scheme = LAYOUTS[kind]
    text = rf"crossbar W1: mapping = '{layout[0]}' with scheme = '{layout[1]}': this ResistiveNetwork has '{mapping}'"
    with pytest.raises(ConfigError, match=text + f" with scheme '{scheme}'"):
        controller_of(network_of(kind), layout=layout)


def test_an_update_measured_elsewhere_is_programmed_alike():
    network = network_of("everything")
    controller, state = controller_of(network)
    x, y = batch_of(network)
    bench = controller.bench(state, x, y)
    new, _ = controller.step(state, x, y)
    other = controller.apply(state, bench, controller.contrast(state, bench))
    assert other.step == new.step == 1
    for name, pair in new.pairs.items():
        np.testing.assert_array_equal(other.pairs[name].g_plus, pair.g_plus)


@pytest.mark.parametrize("estimator", [SymmetricEP(0.1), HolomorphicEP(0.2, 4)], ids=lambda e: e.name)
@pytest.mark.parametrize("kind", ["diodes", "everything"])
def test_training_steps_equal_those_of_numpy_on_the_strict_backend(kind, estimator):
    network, found = network_of(kind, clamps=DIODES), []
    for backend in (NUMPY, STRICT):
        controller, state = controller_of(
            network, estimator=estimator, programmer=RoundedProgrammer("stochastic"), lr=0.1, read_noise=0.02,
            backend=backend, device=DEVICES["soft_bounds"](**RANGE, write_noise=0.5),
        )  # fmt: skip
        x, y = batch_of(network, backend=backend)
        for _ in range(2):
            state, report = controller.step(state, x, y)
        parts = {f"{n} {part}": backend.to_host(getattr(p, part)) for n, p in state.pairs.items()
                 for part in ("g_plus", "g_minus", "read_plus", "read_minus")}  # fmt: skip
        found.append({**parts, "loss": report.loss, "pulses": state.pulses})
    for name, value in found[0].items():
        np.testing.assert_allclose(found[1][name], value, rtol=1e-12, err_msg=name)
