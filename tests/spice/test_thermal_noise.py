"""Thermal noise of a node against ngspice's noise analysis: kT/C of an RC node, and the neuron that sums an array."""

import math

import numpy as np
import pytest
from small_controller import controller_of
from spice.engine_required import engine

from neurosim.learning.thermal import thermal_deviation
from neurosim.networks.resistive.thermal import BOLTZMANN
from neurosim.units import Scale

KELVIN = 300.0
SCALE = Scale(v_ref=0.01, g_ref=50e-6 / 8, c_node=1e-13)


def total_noise(lines):
    """Return the root mean square voltage of node ``out`` over all frequencies [V]."""
    control = [".control", "noise v(out) vin dec 40 1 1e14", "write out.raw onoise_total", "quit 0", ".endc"]
    text = "\n".join(["* noise", *lines, f".temp {KELVIN - 273.15}", *control, ".end"])
    (plot,) = engine("ngspice").run(text)
    (found,) = plot.vectors.values()
    return float(np.real(found).ravel()[0])


@pytest.mark.parametrize("resistance", ["1k", "1meg"])
def test_rc_node(resistance):
    found = total_noise(["vin in 0 dc 0 ac 1", f"r1 in out {resistance}", "c1 out 0 1p"])
    assert found == pytest.approx(math.sqrt(BOLTZMANN * KELVIN / 1e-12), rel=2e-3)


def test_neuron_that_sums_its_conductances_at_virtual_ground():
    """Devices end at a 0 V source, whose current a mirror brings to the leak and the capacitance of the node."""
    controller, state = controller_of((6, 5, 4))
    top, node = controller.network.topology, 2
    pair, bias, ahead = (state.pairs[name] for name in ("W1", "b1", "W2"))
    lines = ["vin in 0 dc 0 ac 1", "vsum sum 0 dc 0", "fnode 0 out vsum 1"]
    devices = [g for p in (pair, bias) for g in (*p.g_plus[:, node], *p.g_minus[:, node])]
    devices += [*ahead.g_plus[node], *ahead.g_minus[node]]
    lines += [f"r{k} in sum {1 / g!r}" for k, g in enumerate(map(float, devices))]
    lines += [f"rleak out 0 {1 / SCALE.g_ref!r}", f"cnode out 0 {SCALE.c_node!r}"]
    ours = thermal_deviation(controller.network, controller.crossbars, state.pairs, KELVIN, SCALE)
    assert total_noise(lines) / SCALE.v_ref == pytest.approx(ours[top.slices["h1"]][node], rel=2e-3)
