"""The tables of docs/results.md on the always-on oscillation, on the networks of tests/learning/test_oscillating.py."""

import sys

import numpy as np
from test_oscillating import cosine_to_exact, lag_bench, lock_in, mnist_like

from neurosim.learning.contrast import measure_phases
from neurosim.learning.estimators import OneSidedEP, OscillatingEP
from neurosim.learning.reference import alignment, measure_rbp, relative_error


def static_gradient(bench, estimator):
    return measure_phases(bench, estimator, np.random.default_rng(0)).gradient()


def dwell_table():
    """Print the cosine with the exact gradient over steps per point and periods."""
    bench = mnist_like()
    exact = measure_rbp(bench, 1e-5).gradient()
    for dwell in (5, 10, 20, 30):
        row = [cosine_to_exact(bench, OscillatingEP(0.5, points=10, dwell=dwell, periods=p), exact) for p in (1, 3, 10)]
        sys.stdout.write(f"  {dwell:4d} steps per point, 1, 3, 10 periods: {' '.join(f'{c:.5f}' for c in row)}\n")
    one_sided = alignment(static_gradient(bench.exact(1e-6), OneSidedEP(0.5)), exact)["total"]
    sys.stdout.write(f"  one-sided at the same beta: {one_sided:.5f}\n")


def lag_table():
    """Print error and cosines of the in-phase lock-in over omega tau."""
    bench = lag_bench()
    exact = measure_rbp(bench, 1e-13).gradient()
    static = static_gradient(bench.exact(1e-14), OscillatingEP(0.02, "cosine", 24))
    for omega_tau in (1, 0.5, 0.2, 0.1, 0.05):
        found = lock_in(omega_tau, bench)
        cosines = alignment(found, exact)
        text = " ".join(f"{name} {cosines[name]:.4f}" for name in ("total", "W1", "W2", "W3"))
        sys.stdout.write(
            f"  omega tau {omega_tau:<5g} relative error {relative_error(found, static):.3g}  cosine: {text}\n"
        )
