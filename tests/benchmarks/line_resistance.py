"""Wired arrays: a read, and the effective conductance, against sparse solutions; settling with wires and without."""

from functools import partial

import numpy as np
from scipy.sparse.linalg import spsolve
from timing import compare

from neurosim.backend import NUMPY
from neurosim.config import parse_experiment
from neurosim.crossbar.nodal import Nodes
from neurosim.crossbar.wires import WiredArray, Wires
from neurosim.experiment.build import build_controller
from neurosim.rng import Streams

# size, lowest and highest device resistance and segment resistance (ohm), limit of the ratio
CASES = ((256, 1e4, 1e5, 1.0, 1 / 40), (128, 1e2, 1e3, 10.0, None))


def assembled(g, v, wires):
    """Return the column currents by a sparse solution from nothing."""
    nodes = Nodes(g, wires)
    laplacian, n = nodes.laplacian(g.ravel()), nodes.inner
    at = np.concatenate((v, np.zeros(g.shape[1])))
    inner = spsolve(laplacian[:n, :n].tocsc(), -(laplacian[:n, n:] @ at))
    return -(laplacian[n:, :n] @ inner + laplacian[n:, n:] @ at)[len(v) :]


def run(repeats=3):
    """Yield (what, time of ours / time of assembling and solving, limit or None); ours from the conductances, too."""
    for size, low, high, segment, limit in CASES:
        g = 1 / np.exp(np.random.default_rng(0).uniform(np.log(low), np.log(high), (size, size)))
        v, wires = np.random.default_rng(1).uniform(-0.2, 0.2, size), Wires(r_row=segment, r_col=segment)
        median = compare(
            {
                "ours": lambda g=g, v=v, wires=wires: WiredArray(g, wires).read(v[None]),
                "sparse": lambda g=g, v=v, wires=wires: assembled(g, v, wires),
            },
            repeats,
            1,
        )
        found, expected = WiredArray(g, wires).read(v[None]), assembled(g, v, wires)
        error = abs(found.columns[0] - expected).max() / abs(expected).max()
        ratio = median["ours"] / median["sparse"] if error <= 1e-9 else np.inf
        what = f"{size} x {size}, {low:.0f} to {high:.0f} ohm, segments {segment:.0f} ohm"
        yield f"{what}: {found.method}, {found.iterations} steps, error {error:.0e}", ratio, limit


def _solved(g, wires, method):
    return WiredArray(g, wires).solve(method)


def effective(repeats=3):
    """Yield (what, time of the whole G_eff by elimination / by one sparse factor, limit), checks included."""
    for shape in ((128, 128), (256, 256)):
        g = 1 / np.exp(np.random.default_rng(0).uniform(np.log(1e4), np.log(1e5), shape))
        wires = Wires(r_row=1.0, r_col=1.0)
        functions = {m: partial(_solved, g, wires, m) for m in ("elimination", "direct")}
        median = compare(functions, repeats, 0)
        found, direct = (WiredArray(g, wires).solve(m) for m in ("elimination", "direct"))
        error = abs(found.g / direct.g - 1).max()
        ratio = median["elimination"] / median["direct"] if error <= 1e-9 else np.inf
        what = f"{shape[0]} x {shape[1]} in {median['elimination']:.2g} s, residual {found.residual:.0e}"
        yield f"{what}, error {error:.0e}", ratio, 0.5


def settling(repeats=15):
    """Yield (what, time with wires / without, limit): of settling alone, and of a training step between solutions."""
    settle, steps = {}, {}
    x, y = np.random.default_rng(0).random((32, 784), np.float32), np.zeros((32, 10), np.float32)
    for name, ohms in (("without", 0.0), ("with", 1.0)):
        document = {
            "network": {"layers": [784, 256, 10]},
            "data": {"name": "mnist"},
            "crossbar": {"wires": {"r_row": ohms, "r_col": ohms, "refresh": 1000}},
            "settle": {"on_unsettled": "accept", "free_steps": 50},
        }
        controller, state = build_controller(parse_experiment(document), Streams(0, NUMPY))
        after, _ = controller.step(state, x, y)
        bench = controller.bench(after, x, y)
        settle[name], steps[name] = bench.free, partial(controller.step, after, x, y)
    for what, functions, limit in (("settling", settle, 1.2), ("  a training step between two solutions", steps, None)):
        median = compare(functions, repeats)
        yield f"784-256-10, 32 images, 50 steps: {what}", median["with"] / median["without"], limit
