"""Converters around the network and in every read: what estimators see of them, and what they are compared with."""

from dataclasses import replace

import numpy as np
import pytest
from experiment.tiny import tiny
from small_controller import EXACT, batch_of, controller_of
from standard_errors import check_variance

from neurosim.config.mistakes import ExperimentError
from neurosim.crossbar.converters import Converter
from neurosim.crossbar.tiles import Tiles
from neurosim.errors import ConfigError, RangeError
from neurosim.experiment.build import build_controller
from neurosim.experiment.probe import gradient_alignment
from neurosim.learning.contrast import measure, measure_phases
from neurosim.learning.conversion import build_converters
from neurosim.learning.estimators import HolomorphicEP, OneSidedEP, OscillatingEP, SymmetricEP
from neurosim.learning.reference import measure_rbp, relative_error
from neurosim.rng import Streams

IDEAL = Converter()


def converting(where, dac=IDEAL, adc=IDEAL, tiles=Tiles(), sizes=(6, 20, 4), **fields):  # noqa: B008
    controller, state = controller_of(sizes, options=fields.pop("options", EXACT), **fields)
    made = build_converters(controller.network.topology, where, dac, adc, tiles, Streams(1), np.float64)
    return replace(controller, converters=made), state


def responses(bench, estimator):
    """Return the responses of all neurons as the contrast holds them, (batch, nodes)."""
    found = measure_phases(bench, estimator, np.random.default_rng(0))
    return np.concatenate([found.factors(name)[1] for name in ("b1", "b2")], axis=1)


def cosine(a, b):
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


@pytest.mark.parametrize(("estimator", "span"), [(SymmetricEP, 2), (OneSidedEP, 1)])
def test_a_response_below_one_step_of_the_adc_is_lost_as_theory_says(estimator, span):
    """``cos^2 = n beta <a'^2> / (lsb <|a'|>)``, n beta being the distance of the two readings."""
    adc = Converter(7)
    controller, state = converting("readout", adc=adc)
    x, y = batch_of(controller, batch=2000)
    bench = controller.bench(state, x, y)
    true = responses(bench.exact(1e-13), SymmetricEP(1e-3))
    found = {}
    for beta in (0.5, 0.01, 0.005, 0.0025):
        found[beta] = cosine(responses(bench, estimator(beta)), true)
        if beta < 0.1:
            assert span * beta * abs(true).max() < adc.lsb
            theory = np.sqrt(span * beta * (true**2).mean() / (adc.lsb * abs(true).mean()))
            assert found[beta] == pytest.approx(theory, rel=0.1)
    assert found[0.5] > 0.9
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_the_gradient_points_the_wrong_way_when_the_nudge_is_too_small_for_the_adc():
    cosines = {}
    for beta in (0.5, 0.002):
        controller, state = converting("readout", adc=Converter(6), estimator=SymmetricEP(beta))
        cosines[beta] = gradient_alignment(controller, state, *batch_of(controller))["total"]
    assert cosines[0.5] > 0.9
    assert cosines[0.002] < 0.5


def test_readings_have_noise_of_their_own():
    """Difference of two readings over the nudge: variance 2 noise^2 / (2 beta)^2."""
    adc, beta = Converter(noise=0.01), 0.2
    controller, state = converting("readout", adc=adc)
    bench = controller.bench(state, *batch_of(controller, batch=2000))
    error = responses(bench, SymmetricEP(beta)) - responses(replace(bench, sampled=None), SymmetricEP(beta))
    check_variance(error.ravel(), 2 * 0.01**2 / (2 * beta) ** 2)


def test_offsets_cancel_in_the_contrast_of_a_neuron_and_gains_do_not():
    def first_layer(adc):
        controller, state = converting("readout", adc=adc)
        bench = controller.bench(state, *batch_of(controller))
        readings = bench.sampled.__closure__ and bench.reading(np.zeros((1, 24)))
        return responses(bench, SymmetricEP(0.2)), readings

    plain, _ = first_layer(Converter(24, full_scale=4.0))
    shifted, offset = first_layer(Converter(24, full_scale=4.0, offset=0.05))
    scaled, _ = first_layer(Converter(24, full_scale=4.0, gain_error=0.05))
    assert abs(offset).max() > 0.05
    assert shifted == pytest.approx(plain, abs=1e-5)
    ratio = scaled / plain
    assert ratio == pytest.approx(np.broadcast_to(ratio.mean(axis=0), ratio.shape), rel=1e-2)
    assert np.std(ratio.mean(axis=0)) == pytest.approx(0.05, rel=0.5)


def test_inputs_pass_the_dac_once_and_updates_see_their_codes():
    dac = Converter(3, gain_error=0.1, noise=0.1)
    controller, state = converting("readout", dac=dac)
    x, y = batch_of(controller)
    bench = controller.bench(state, x, y)
    assert (bench.x == dac.quantise(x)).all()
    drives = [bench.field(copies=k).static[: len(x)] for k in (1, 1, 2)]
    assert (drives[0] == drives[1]).all()  # held: one draw of its noise for all phases
    assert (drives[0] == drives[2]).all()
    assert abs(bench.applied - bench.x).max() > 0.01
    assert (measure_rbp(bench).factors("W1")[0] == bench.x).all()
    assert (controller.bench(replace(state, step=1), x, y).applied != bench.applied).any()


def test_the_exact_gradient_is_that_of_the_network_without_converters():
    controller, state = converting("every_read", Converter(4), Converter(4, full_scale=8.0))
    plain = replace(controller, converters=None)
    x, y = batch_of(controller)
    found, expected = (measure_rbp(c.bench(state, x, y)).gradient() for c in (controller, plain))
    assert all((found[name] == expected[name]).all() for name in expected)


def test_the_state_of_converted_reads_tends_to_the_ideal_one_by_two_per_bit():
    """Alternating sweeps of a quantised network may cycle between codes: the error is what counts, not the status."""
    errors, bits = [], np.arange(6, 15, 2)
    for b in bits:
        kinds = Converter(int(b), 1.2), Converter(int(b), 10.0)
        controller, state = converting("every_read", *kinds, options=replace(EXACT, max_sweeps=200))
        bench = controller.bench(state, *batch_of(controller, batch=64))
        errors.append(np.sqrt(((bench.free().a - bench.exact(1e-13).free().a) ** 2).mean()))
    assert np.polyfit(bits, np.log2(errors), 1)[0] == pytest.approx(-1, abs=0.1)


def test_tiles_convert_each_partial_sum():
    """Smaller tiles, more conversions: the errors of four tiles of rows add up to twice those of one."""
    spread = []
    for rows in (0, 4):
        controller, state = converting("every_read", adc=Converter(10, 8.0), tiles=Tiles(rows), sizes=(16, 40, 4))
        bench = controller.bench(state, *batch_of(controller, batch=400))
        quiet = bench.exact(1e-13)
        spread.append((bench.field().static - quiet.field().static)[:, :40].std())
    # the input array has 4 tiles, the bias array one: sqrt((4 + 1) / (1 + 1))
    assert spread[1] / spread[0] == pytest.approx(np.sqrt(2.5), rel=0.1)


def test_without_converters_tiles_change_no_bit():
    plain, tiled = (
        build_controller(tiny(crossbar={"conversion": "every_read", **more}), Streams(1))
        for more in ({}, {"tiles": {"rows": 16, "cols": 4}})
    )
    assert tiled[0].converters is None
    x, y = (values.astype(np.float32) for values in (np.random.default_rng(1).random((4, 64)), np.eye(10)[:4]))
    first, second = (controller.step(state, x, y)[0] for controller, state in (plain, tiled))
    assert all((first.pairs[n].g_plus == second.pairs[n].g_plus).all() for n in first.pairs)


def test_noise_of_every_read_is_drawn_at_every_step_and_that_of_inputs_once():
    adc = Converter(noise=0.02)
    controller, state = converting("every_read", adc=adc)
    bench = controller.bench(state, *batch_of(controller, batch=500))
    fields = [bench.field() for _ in range(2)]
    assert (fields[0].static == fields[1].static).all()
    u = np.zeros_like(fields[0].static)
    first, second = (fields[0].target(0.0, u, np.empty_like(u)) for _ in range(2))
    # one read ends in each layer besides those of clamped layers: var of the difference 2 noise^2
    check_variance((first - second).ravel(), 2 * 0.02**2)


@pytest.mark.parametrize("where", ["readout", "every_read"])
@pytest.mark.parametrize("estimator", [HolomorphicEP(0.2, 4), OscillatingEP(0.2)], ids=lambda e: e.name)
def test_complex_states_are_refused(where, estimator):
    controller, state = converting(where, adc=Converter(8))
    bench = controller.bench(state, *batch_of(controller))
    with pytest.raises(RangeError, match="a converter is not holomorphic"):
        measure(bench, estimator, np.random.default_rng(0))


def test_lock_in_averages_the_steps_of_the_adc():
    """Points of one period at different activities, as dither: N of them, met twice, against the two of N = 4.

    ``sum c^2`` of the independent readings is ``4 / (N b^2)`` against ``1 / (2 b^2)``.
    """
    controller, state = converting("readout", adc=Converter(11))
    bench = controller.bench(state, *batch_of(controller, batch=50))
    errors = []
    for points in (4, 64):
        estimator = OscillatingEP(0.3, "cosine", points=points)
        read, true = (measure_phases(b, estimator, None).gradient() for b in (bench, replace(bench, sampled=None)))
        errors.append(relative_error(read, true))
    assert errors[1] / errors[0] == pytest.approx(np.sqrt(4 / 64 / 0.5), rel=0.2)


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ({"crossbar": {"adc": {"bits": 1}}}, "[crossbar.adc] bits = 1: one bit has the code 0 alone"),
        ({"crossbar": {"adc": {"bits": 25}}}, "[crossbar.adc] bits = 25"),
        ({"crossbar": {"dac": {"full_scale": 0.0}}}, "[crossbar.dac] full_scale = 0.0: expected"),
        (
            {"crossbar": {"adc": {"bits": 8}}, "learning": {"estimator": "holomorphic"}},
            "[learning] estimator = 'holomorphic': needs complex states, which no converter passes",
        ),
        (
            {"crossbar": {"adc": {"bits": 8}}, "network": {"output": "softmax"}},
            "[network] output = 'softmax': the conv",
        ),
        (
            {"crossbar": {"adc": {"bits": 8}, "conversion": "every_read"}, "network": {"amplifier": {"gain": 10.0}}},
            "[network.amplifier] gain = 10.0: with [crossbar] conversion = 'every_read' neurons are digital",
        ),
        (
            {
                "crossbar": {"dac": {"bits": 8}, "conversion": "every_read", "read_noise_scope": "step"},
                "settle": {"on_unsettled": "accept"},
            },
            "[crossbar] read_noise_scope = 'step': is added behind the ADCs",
        ),
        (
            {"crossbar": {"adc": {"noise": 0.1}, "conversion": "every_read"}, "settle": {"method": "operating_point"}},
            "[crossbar.adc] noise = 0.1: noise that changes at every step leaves no operating point",
        ),
        (
            {"crossbar": {"mapping": "reference", "scheme": "single"}, "network": {"amplifier": {"gain": 10.0}}},
            "[network.amplifier] gain = 10.0: the current of a shared reference column",
        ),
        (
            {"crossbar": {"adc": {"bits": 8}}, "network": {"tied": False}, "learning": {"homeostasis": 0.5}},
            "[learning] homeostasis = 0.5: its own reads are not modelled with converters",
        ),
        (
            {"network": {"architecture": "predictive_coding", "amplifier": {"gain": 10.0}}},
            "[network.amplifier] gain = 10.0: not modelled for predictive networks",
        ),
        ({"network": {"amplifier": {"u_max": "1 V"}}}, "[trace] energy = true: the power of amplifiers that are"),
        ({"network": {"amplifier": {"u_max": "1 A"}}}, "[network.amplifier] u_max = '1 A'"),
        ({"crossbar": {"conversion": "always"}}, "[crossbar] conversion = 'always': unknown"),
        ({"crossbar": {"tiles": {"row": 3}}}, "unknown key 'row'"),
    ],
)
def test_wrong_tables_are_refused_before_anything_is_computed(tables, text):
    with pytest.raises(ExperimentError) as caught:
        tiny(**tables)
    assert text in str(caught.value)


def test_tables_become_objects_with_full_scale_of_what_is_converted():
    crossbar = {"adc": {"bits": 9}, "dac": {"bits": 7, "noise": 0.01}, "tiles": {"rows": 16}}
    readout, _ = build_controller(tiny(crossbar=crossbar), Streams(1))
    assert readout.converters.readings.converter == Converter(9, 1.0)
    settings = {"settle": {"on_unsettled": "accept"}, "trace": {"energy": False}}
    hybrid = tiny(crossbar={**crossbar, "conversion": "every_read"}, **settings)
    every, _ = build_controller(hybrid, Streams(1))
    tiles = every.converters.forward["W1"].tiles
    assert len(tiles) == 4
    assert tiles[0].adc.converter == Converter(9, 10.0)
    assert tiles[0].dac.converter == Converter(7, 1.0, noise=0.01)


def test_a_network_without_a_model_of_converters_is_refused():
    controller, _ = controller_of(topology={"softmax_readout": True})
    with pytest.raises(ConfigError, match="softmax readout"):
        build_converters(controller.network.topology, "readout", Converter(8), IDEAL, Tiles(), Streams(1), np.float64)
