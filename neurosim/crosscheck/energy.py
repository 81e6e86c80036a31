"""Energy that the sources of a circuit deliver while it settles, here and in SPICE.

Of a rate network these are the sources that hold the rows of all arrays (inputs, biases, activities); of a passive one
the clamped rows and the bias sources of its diodes. SPICE's is the integral of voltage times current of these sources
over its own time points, by a cubic spline.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from neurosim.crosscheck.deviation import Comparison
from neurosim.crosscheck.states import Laboratory
from neurosim.crosscheck.subject import Subject
from neurosim.energy import metered
from neurosim.networks.power import Power, RatePower, ResistivePower
from neurosim.networks.rate import RateNetwork
from neurosim.networks.resistive import ResistiveNetwork
from neurosim.settle import SettleOptions
from neurosim.spice.analyses import Transient
from neurosim.spice.rate import node
from neurosim.spice.rawfile import Plot
from neurosim.spice.teaching import BetaSource

TOLERANCE = 1e-4
STEP = 0.1
"""Step of our account, in units of the shortest time constant."""
PARTS = {True: ("inputs", "diodes"), False: ("drivers",)}
"""What is compared of a passive network, and of a rate network."""


def compare_energy(lab: Laboratory, sample: int, start: np.ndarray, length: float) -> Comparison:
    """Return the energy of the sources in one free transient over `length` [tau] from `start` (nodes,)."""
    subject, scale = lab.subject, lab.subject.scale
    sources = list(_sources(subject))
    vectors = [f"i({name})" for name, _ in sources] + [f"v({plus})" for _, plus in sources]
    analysis = Transient(length * scale.tau, scale.tau / lab.fastest)
    text = subject.circuit(sample, BetaSource(), start).text(analysis, vectors)
    theirs = _integral(lab.engine.run(text, vectors=vectors)[-1], sources)
    ours = _ours(subject, sample, start, length, STEP / lab.fastest) * scale.c_node * scale.v_ref**2
    title = f"energy of the sources in the waveform of sample {sample}"
    return Comparison(title, np.array([ours]), np.array([theirs]), "J", TOLERANCE, relative=True)


def power_of(subject: Subject, sample: int) -> Power:
    """Return the power balance of one sample, free."""
    x = subject.x[sample : sample + 1]
    if isinstance(subject.network, ResistiveNetwork):
        return ResistivePower(subject.network, subject.weights(), x)
    pairs = {
        name: (plus / subject.scale.g_ref, np.zeros((len(plus), 1)) if minus is None else minus / subject.scale.g_ref)
        for name, (plus, minus) in subject.arrays.items()
    }
    return RatePower(subject.network, subject.weights(), pairs, x)


def _ours(subject: Subject, sample: int, start: np.ndarray, length: float, dt: float) -> float:
    steps = max(1, math.ceil(length / dt))
    options = SettleOptions(integrator="sdirk4" if subject.passive else "tsit5", dt=length / steps)
    field, power = subject.bench(sample).field(), power_of(subject, sample)
    found = metered(field, power, np.asarray(start, dtype=np.float64)[None], steps, replace(options, tolerance=1e-9))
    return float(sum(part[0] for name, part in found.delivered.items() if name in PARTS[subject.passive]))


def _sources(subject: Subject) -> Iterator[tuple[str, str]]:
    """Yield name and plus node of every source that counts."""
    top, network = subject.topology, subject.network
    for layer in top.layers:
        if layer.clamped:
            yield from _clamped(subject, layer.name, layer.size)
        elif isinstance(network, RateNetwork):
            yield from ((f"b_{layer.name}_{k}", node(layer.name, "a", k)) for k in range(layer.size))
        else:
            clamps = len(network.clamps.get(layer.name, ()))
            yield from ((f"v_{layer.name}_clamp_{m}", f"{layer.name}_clamp_{m}") for m in range(clamps))


def _clamped(subject: Subject, layer: str, size: int) -> Iterator[tuple[str, str]]:
    network = subject.network
    passive = isinstance(network, ResistiveNetwork)
    for k in range(size):
        yield f"v_{layer}_{k}", node(layer, "u" if passive else "a", k)
        if isinstance(network, ResistiveNetwork) and network.inputs == "pairs":
            yield f"v_{layer}_inv_{k}", node(layer, "inv", k)


def _integral(plot: Plot, sources: list[tuple[str, str]]) -> float:
    """Return the energy [J] that the sources deliver: SPICE counts the current that enters a source at plus."""
    from scipy.interpolate import CubicSpline

    power = sum(-plot.current(name) * plot.voltage(plus) for name, plus in sources)
    return float(CubicSpline(plot.time, power).integrate(plot.time[0], plot.time[-1]))
