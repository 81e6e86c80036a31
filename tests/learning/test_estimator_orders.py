"""Log-log slope of the gradient error against beta, for each estimator, inside the convergence disc."""

import numpy as np
import pytest
from small_net import bench_of

from neurosim.errors import ConfigError
from neurosim.gradcheck import fitted_slope
from neurosim.learning.contrast import measure_phases
from neurosim.learning.estimators import (
    HolomorphicEP,
    OneSidedEP,
    OscillatingEP,
    RandomSignEP,
    SymmetricEP,
)
from neurosim.learning.reference import measure_rbp, relative_error

BETAS = (0.03, 0.05, 0.08, 0.12)


def gradient(bench, estimator, seed=0):
    return measure_phases(bench, estimator, np.random.default_rng(seed)).gradient()


@pytest.mark.parametrize(
    ("make", "order"),
    [
        (OneSidedEP, 1),
        (SymmetricEP, 2),
        (lambda b: HolomorphicEP(b, 2), 2),
        (lambda b: HolomorphicEP(b, 3), 3),
        (lambda b: HolomorphicEP(b, 4), 4),
        (lambda b: HolomorphicEP(b, 6), 6),
        (lambda b: OscillatingEP(b, "cosine", 24, harmonics=1), 2),
        (lambda b: OscillatingEP(b, "cosine", 24, harmonics=3), 4),
        (lambda b: OscillatingEP(b, "cosine", 24, harmonics=5), 6),
    ],
)
@pytest.mark.parametrize("readout", [False, True])
def test_bias_has_the_declared_order(make, order, readout):
    bench = bench_of(softmax_readout=readout)
    exact = measure_rbp(bench, 1e-14).gradient()
    betas = [(4 if readout else 1) * b for b in BETAS]  # the readout's disc is larger: stay above round-off
    errors = [relative_error(gradient(bench, make(b)), exact) for b in betas]
    assert make(0.1).order == order
    assert fitted_slope(betas, errors) == pytest.approx(order, abs=0.15)


def test_random_sign_is_first_order_and_second_order_in_the_mean():
    bench = bench_of()
    exact = measure_rbp(bench, 1e-14).gradient()
    single, mean = [], []
    for b in BETAS:
        drawn = {}
        for seed in range(20):
            estimator = RandomSignEP(b)
            sign = np.sign(estimator.samples(np.random.default_rng(seed))[1].beta)
            drawn[sign] = gradient(bench, estimator, seed)
        assert set(drawn) == {-1.0, 1.0}
        single.append(relative_error(drawn[1.0], exact))
        mean.append(relative_error({n: (drawn[1.0][n] + drawn[-1.0][n]) / 2 for n in exact}, exact))
    assert fitted_slope(BETAS, single) == pytest.approx(1, abs=0.15)
    assert fitted_slope(BETAS, mean) == pytest.approx(2, abs=0.15)


def test_two_point_holomorphic_is_symmetric():
    bench = bench_of()
    ours, theirs = gradient(bench, HolomorphicEP(0.2, 2)), gradient(bench, SymmetricEP(0.2))
    assert all(np.allclose(ours[name], theirs[name], rtol=0, atol=1e-13) for name in ours)


def test_half_circle_equals_the_whole_circle():
    class Whole:
        def samples(self, rng):
            from neurosim.learning.estimators.base import Sample

            betas = [complex(0.3 * np.exp(2j * np.pi * k / 5)) for k in range(5)]
            return tuple(Sample(b, 1 / (5 * b)) for b in betas)

    bench = bench_of()
    half, whole = gradient(bench, HolomorphicEP(0.3, 5)), gradient(bench, Whole())
    assert all(np.allclose(half[name], whole[name], rtol=0, atol=1e-12) for name in half)


def test_too_few_points_for_the_harmonics_is_refused():
    with pytest.raises(ConfigError, match="at least 8 points"):
        OscillatingEP(0.1, "cosine", 4, harmonics=3)


def test_untied_symmetric_weights_give_the_tied_direction():
    """With feedback equal to the transpose, the vector-field form summed over both arrays is the tied gradient."""
    tied = bench_of((6, 5, 4, 3))
    weights = dict(tied.weights(0))
    untied = bench_of((6, 5, 4, 3), tied=False)
    both = {**weights, "B2": weights["W2"].T.copy(), "B3": weights["W3"].T.copy()}
    from dataclasses import replace

    untied = replace(untied, weights=lambda _: both, x=tied.x, y=tied.y)
    a, b = gradient(tied, SymmetricEP(0.01)), gradient(untied, SymmetricEP(0.01))
    assert np.allclose(b["W3"] + b["B3"].T, a["W3"], atol=1e-5)
    assert np.allclose(b["W1"], a["W1"], atol=1e-7)
