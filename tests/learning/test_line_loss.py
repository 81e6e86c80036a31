"""Line resistance in the training step: what is read, when it is solved anew, what is reported."""

from dataclasses import replace

import numpy as np
import pytest
from learning.test_kernel_controller import batch_of as images_of
from learning.test_kernel_controller import controller_of as kernels_of
from learning.test_resistive_controller import controller_of as resistive_of
from resistive_net import network_of
from small_controller import EXACT, batch_of, controller_of
from strict_cupy import STRICT

from neurosim.backend import NUMPY
from neurosim.crossbar import PairLines
from neurosim.crossbar.wires import WiredArray, Wires
from neurosim.errors import ConfigError
from neurosim.learning.estimators import SymmetricEP
from neurosim.learning.line_loss import solve_lines

WIRES = Wires(r_row=40.0, r_col=60.0, r_source=300.0, r_sense=100.0)
LINES = PairLines(WIRES)


def solved_by_hand(controller, state, name):
    pair, crossbar = state.pairs[name], controller.crossbars[name]
    planes = [WiredArray(np.asarray(g), WIRES).effective() for g in (pair.read_plus, pair.read_minus)]
    return (planes[0] - planes[1]) / crossbar.g_ref


@pytest.mark.parametrize("topology", [{}, {"tied": False}, {"softmax_readout": True}], ids=str)
def test_the_network_reads_the_effective_weights_of_all_arrays(topology):
    controller, state = controller_of((6, 5, 4, 3), lines=LINES, topology=topology)
    bench = controller.bench(controller.solved(state)[0], *batch_of(controller))
    for name in controller.crossbars:
        expected = solved_by_hand(controller, state, name)
        np.testing.assert_allclose(bench.weights(0)[name], expected, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(controller.weights(state)[name], expected, rtol=1e-10, atol=1e-14)
        plain = controller.crossbars[name].weights(state.pairs[name])
        assert np.linalg.norm(expected - plain) > 0.01 * np.linalg.norm(plain)


def test_a_tied_array_drives_back_with_its_transpose():
    controller, state = controller_of((6, 5, 4), lines=LINES)
    bench = controller.bench(state, *batch_of(controller))
    weights, u = bench.weights(0), np.random.default_rng(0).normal(size=(7, 9))
    drive = bench.field().target(0.0, u, np.empty_like(u))
    a, top = controller.network.activity(u), controller.network.topology
    hidden, out = top.slices["h1"], top.slices["out"]
    pair = state.pairs["W2"]
    back = [
        -WiredArray(g, WIRES).read(np.zeros((7, 5)), a[:, out]).rows / controller.crossbars["W2"].g_ref
        for g in (pair.read_plus, pair.read_minus)
    ]
    expected = bench.x @ weights["W1"] + weights["b1"] + back[0] - back[1]
    np.testing.assert_allclose(drive[:, hidden], expected, rtol=1e-9)


def test_kernels_are_read_through_their_lines():
    controller, state = kernels_of(lines=LINES)
    for name in controller.crossbars:
        np.testing.assert_allclose(
            controller.weights(state)[name], solved_by_hand(controller, state, name), rtol=1e-10, atol=1e-14
        )
    new, report = controller.step(state, *images_of(controller))
    assert report.lines.loss > 0.01
    assert np.isfinite(report.loss)
    assert new.step == 1


@pytest.mark.parametrize("scope", ["frozen", "phase", "step"])
def test_read_noise_lies_on_top_relative_to_what_is_seen(scope):
    controller, state = controller_of((20, 9, 4), lines=LINES, read_noise=0.05, noise_scope=scope)
    seen = controller.seen(controller.solved(state)[0])["W1"]
    bench = controller.bench(state, *batch_of(controller, batch=400))
    clean = controller.weights(state)["W1"]
    if scope == "step":
        u = np.zeros((400, 13))
        field, quiet = bench.field(), replace(bench, fresh_noise=None).field()
        noise = (field.target(0.0, u, u.copy()) - quiet.target(0.0, u, u.copy()))[:, :9]
        variance = (
            0.05**2 * (bench.x**2 @ (seen.read_plus**2 + seen.read_minus**2)) / controller.crossbars["W1"].g_ref ** 2
        )
        z = (noise - 0)[:, :] / np.sqrt(variance)  # the other noises of the layer are smaller, but there
        assert 0.95 < z.std() < 1.6
        return
    noise = (bench.weights(0)["W1"] - clean) * controller.crossbars["W1"].g_ref
    z = noise / (0.05 * np.sqrt(seen.read_plus**2 + seen.read_minus**2))
    assert abs(z.std() - 1) < 4 / np.sqrt(2 * z.size)


def test_the_step_goes_down_the_gradient_of_what_is_read():
    """EP on wired arrays gives dL/dW of the effective weights: an update along it lowers the wired network's loss."""
    controller, state = controller_of((6, 5, 4), lines=LINES, options=EXACT, estimator=SymmetricEP(0.01), lr=0.02)
    x, y = batch_of(controller)
    losses = []
    for _ in range(4):
        state, report = controller.step(state, x, y)
        losses.append(report.loss)
    assert (np.diff(losses) < 0).all()


def test_refresh_every_k_updates_and_the_staleness_it_reports():
    controller, state = controller_of((6, 5, 4), lines=replace(LINES, refresh=3), lr=0.5)
    x, y = batch_of(controller)
    reports, states = [], [controller.solved(state)[0]]
    for _ in range(7):
        new, report = controller.step(states[-1], x, y)
        states.append(new)
        reports.append(report.lines)
    assert [r is not None for r in reports] == [True, False, False, True, False, False, True]
    assert states[2].lines is states[1].lines
    assert states[4].lines is not states[3].lines
    seen, exact, moved = [], [], []
    for name, crossbar in controller.crossbars.items():
        seen += [*controller.weights(states[3])[name].ravel()]
        exact += [*solved_by_hand(controller, states[3], name).ravel()]
        moved += [*(crossbar.weights(states[3].pairs[name]) - crossbar.weights(states[0].pairs[name])).ravel()]
    stale = np.linalg.norm(np.subtract(seen, exact))
    assert stale < 0.1 * np.linalg.norm(moved)
    assert reports[3].staleness == pytest.approx(stale / np.linalg.norm(exact), rel=1e-6)
    assert 0 < reports[3].staleness < 0.02
    assert reports[0].staleness == 0
    assert reports[3].residual <= 1e-9
    largest = max(WIRES.figure_of_merit(g) for p in states[3].pairs.values() for g in (p.read_plus, p.read_minus))
    assert reports[3].figure_of_merit == pytest.approx(largest)


def test_without_lines_nothing_is_solved_and_nothing_reported():
    controller, state = controller_of()
    new, report = controller.step(state, *batch_of(controller))
    assert (dict(new.lines), report.lines) == ({}, None)
    assert controller.seen(state) is state.pairs


def test_arrays_of_another_backend_are_solved_on_the_host():
    found = []
    for backend in (NUMPY, STRICT):
        controller, state = controller_of((6, 5, 4), lines=LINES, backend=backend)
        new, report = controller.step(state, *batch_of(controller, backend=backend))
        found.append((report.lines.loss, report.loss, backend.to_host(controller.weights(new)["W1"])))
    assert found[0][:2] == pytest.approx(found[1][:2], rel=1e-12)
    np.testing.assert_allclose(found[0][2], found[1][2], rtol=1e-12)


def test_a_device_below_0_siemens_is_open_to_the_lines():
    controller, state = controller_of((6, 5, 4), lines=LINES)
    pair = state.pairs["W1"]
    noisy = replace(pair, read_plus=np.where(np.arange(30).reshape(6, 5) % 7 == 0, -1e-7, pair.read_plus))
    lines, report = solve_lines(LINES, controller.crossbars, {"W1": noisy}, {}, NUMPY)
    assert np.isnan(report.staleness)
    opened = WiredArray(np.maximum(noisy.read_plus, 0), WIRES).effective()
    np.testing.assert_allclose(lines["W1/plus"][0] * np.maximum(noisy.read_plus, 0) + lines["W1/plus"][1], opened)


def test_a_passive_network_with_lines_is_refused():
    with pytest.raises(ConfigError, match=r"crossbar.wires: a ResistiveNetwork is not read at virtual grounds"):
        resistive_of(network_of("pairs"), lines=LINES)
