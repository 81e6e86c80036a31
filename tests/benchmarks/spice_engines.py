"""Our settled states against ngspice's, for the circuits of ``circuits/``: one sample at a time.

Against the program, whose start counts, and against its shared library, which has none; both read the text.
"""

from pathlib import Path

import numpy as np
from timing import compare

from neurosim.config.circuit import load_circuit
from neurosim.crossbar.wires import WiredArray
from neurosim.crosscheck.build import build, build_array
from neurosim.crosscheck.states import Laboratory
from neurosim.settle import SettleOptions, operating_point, transient
from neurosim.spice.analyses import OperatingPoint, Transient
from neurosim.spice.engines import ENGINES
from neurosim.spice.teaching import BetaSource

ROOT = Path(__file__).parents[2]
TIME = 30.0
POINT = SettleOptions(method="operating_point", tolerance=1e-9)
WAVE = SettleOptions(integrator="tsit5", dt=0.5)


def network(name):
    """Yield the ratios of a rate network: operating points, and transients of 30 tau."""
    path = ROOT / "circuits" / f"{name}.toml"
    *_, (_, subject) = build(load_circuit(path), path.parent).stages()
    lab = Laboratory(subject, ENGINES["ngspice"], subject.free())
    bench, scale = subject.bench(0), subject.scale
    start = np.zeros((1, subject.topology.nodes))
    circuit = subject.circuit(0, BetaSource())
    texts = {
        ".op": circuit.text(OperatingPoint(lab.guess(lab.free[0])), lab.vectors),
        ".tran": circuit.text(Transient(TIME * scale.tau, scale.tau, reltol=1e-6), lab.vectors),
    }
    ours = {
        ".op": lambda: operating_point(bench.field(), start, POINT),
        ".tran": lambda: transient(bench.field(), start, round(TIME / WAVE.dt), WAVE),
    }
    for card, text in texts.items():
        yield from against(f"{name}, {card}", ours[card], text, lab.vectors)


def against(what, ours, text, vectors):
    """Yield the time of `ours` over that of each form of ngspice."""
    forms = {name: lambda e=ENGINES[name]: e.run(text, vectors=vectors) for name in ("ngspice", "pyspice")}
    median = compare({"ours": ours, **forms}, 9)
    yield f"{what}, its process", median["ours"] / median["ngspice"], None
    yield f"{what}, its library", median["ours"] / median["pyspice"], None


def array(name):
    """Yield the ratios of an array with line resistance: a read from nothing, and one of an array already factored."""
    passive = build_array(load_circuit(ROOT / "circuits" / f"{name}.toml"))
    vectors = [f"i(v_sense_{k})" for k in range(passive.g.shape[1])]
    text = passive.circuit().text(OperatingPoint(), vectors)
    effective = WiredArray(passive.g, passive.wires).effective()
    ours = {
        "": lambda: passive.v @ WiredArray(passive.g, passive.wires).effective(),
        " (array factored before)": lambda: passive.v @ effective,
    }
    for how, function in ours.items():
        yield from against(f"{name}, .op{how}", function, text, vectors)


def run():
    """Yield (what, time of ours / time of ngspice by process or library, limit or None)."""
    yield from network("hopfield")
    yield from network("iris")
    yield from array("crossbar_16x16")
    yield from array("crossbar_32x32")
