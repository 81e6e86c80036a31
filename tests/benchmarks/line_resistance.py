"""A read of a wired array against assembling the nodal matrix and solving it with ``spsolve``."""

import numpy as np
from scipy.sparse.linalg import spsolve
from timing import compare

from neurosim.crossbar.nodal import Nodes
from neurosim.crossbar.wires import WiredArray, Wires

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
