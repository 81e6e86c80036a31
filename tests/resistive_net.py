"""Small resistive networks of every kind, and benches on them that are settled to round-off."""

import numpy as np

from neurosim.backend import NUMPY
from neurosim.learning.bench import Bench
from neurosim.networks.resistive import Conductances, Diode, Sinh, Stage, antiparallel, layered_resistive
from neurosim.settle import SettleOptions
from neurosim.units import Scale

SCALE = Scale(v_ref=1.0, g_ref=1e-4, c_node=1e-12)
DIODES = antiparallel(Diode(i_s=2e-6, n=1.5), 0.02)  # leaky enough to conduct at the nodes' 0.2 V
SPICE_DIODES = antiparallel(Diode(i_s=2e-6, n=1.5, reverse="spice3", g_min=1e-12), 0.02)
EXACT = SettleOptions(method="operating_point", tolerance=1e-13, max_sweeps=500)

KINDS = {
    "doubled": {},
    "pairs": {"inputs": "pairs"},
    "stages": {"stage": Stage(4.0), "leak": 0.1},
    "stages that lose power": {"stage": {"h1": Stage(4.0, 0.1), "h2": Stage(3.0, 0.5)}},
    "pairs with stages": {"inputs": "pairs", "stage": {"h1": Stage(4.0, 0.4), "h2": Stage(2.0)}},
    "diodes": {"clamps": DIODES, "leak": 0.1},
    "sinh": {"law": Sinh(0.6)},
    "pairs of sinh": {"inputs": "pairs", "law": {"W1": Sinh(0.5), "W2": Sinh(0.4)}},
    "output pairs": {"outputs": "pairs"},
    "everything": {
        "inputs": "pairs",
        "outputs": "pairs",
        "stage": {"h1": Stage(4.0), "h2": Stage(2.0, 0.8)},
        "leak": {"h1": 0.1, "out": 0.2},
        "clamps": DIODES,
        "law": {"W2": Sinh(0.5), "b2": Sinh(0.7)},
    },
}
"""Name -> arguments of `layered_resistive`; two hidden layers, so that a product of stages shows."""


def network_of(kind, sizes=(3, 4, 3, 2), **changes):
    return layered_resistive(sizes, scale=SCALE, **{**KINDS[kind], **changes})


def conductances_of(network, rng, low=2.0, high=10.0):
    found = {}
    for synapse in network.topology.synapses:
        plus, minus = rng.uniform(low, high, (2, *network.topology.shape(synapse)))
        found[synapse.name] = Conductances(plus, minus if network.inputs == "pairs" else None)
    return found


def bench_of(kind, sizes=(3, 4, 3, 2), batch=4, seed=3, options=EXACT, backend=NUMPY, **changes):
    rng = np.random.default_rng(seed)
    network = network_of(kind, sizes, **changes)
    found = {n: Conductances(*(None if g is None else backend.asarray(g) for g in read))
             for n, read in conductances_of(network, rng).items()}  # fmt: skip
    x = backend.asarray(rng.uniform(-2, 2, (batch, sizes[0])))
    y = backend.asarray(rng.uniform(-0.3, 0.3, (batch, sizes[-1])))
    return Bench(network, lambda _: found, x, y, options)
