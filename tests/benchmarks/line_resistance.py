"""A read of a wired 256 x 256 array against assembling the nodal matrix and solving it with ``spsolve``."""

import numpy as np
from scipy.sparse.linalg import spsolve
from timing import compare

from neurosim.crossbar.wires import WiredArray, Wires, _laplacian

SIZE, LIMIT = 256, 1 / 40
WIRES = Wires(r_row=1.0, r_col=1.0)


def array(low=1e4, high=1e5):
    return 1 / np.exp(np.random.default_rng(0).uniform(np.log(low), np.log(high), (SIZE, SIZE)))


def assembled(g, v):
    """Return the column currents by a sparse solution from nothing."""
    terminals, laplacian = _laplacian(g, WIRES)
    inner = np.setdiff1d(np.arange(laplacian.shape[0]), terminals)
    at = np.concatenate((v, np.zeros(SIZE)))
    nodes = spsolve(laplacian[inner][:, inner], -(laplacian[inner][:, terminals] @ at))
    return -(laplacian[terminals][:, inner] @ nodes + laplacian[terminals][:, terminals] @ at)[SIZE:]


def run(repeats=3):
    """Yield (what, time of ours / time of assembling and solving, limit or None); ours from the conductances, too."""
    g, v = array(), np.random.default_rng(1).uniform(-0.2, 0.2, SIZE)
    found, expected = WiredArray(g, WIRES).read(v[None]), assembled(g, v)
    error = abs(found.columns[0] - expected).max() / abs(expected).max()
    median = compare(
        {"ours": lambda: WiredArray(g, WIRES).read(v[None]), "sparse": lambda: assembled(g, v)}, repeats, 1
    )
    yield f"one read, error {error:.0e}", median["ours"] / median["sparse"] if error <= 1e-9 else np.inf, LIMIT
