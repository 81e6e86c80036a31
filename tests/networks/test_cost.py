"""Read noise of a softmax readout enters where the array is read, and nowhere else."""

import numpy as np
import pytest

from neurosim.networks.cost import DifferentialError, SoftmaxCrossEntropy, SquaredError, softmax


class Shift:
    """Noise of known size: 0.5 on the first logit, 0.25 on every backward read."""

    def logits(self, a):
        return np.array([[0.5, 0.0, 0.0]])

    def force(self, error):
        return np.full((len(error), 4), 0.25)


def test_noise_enters_logits_loss_force_and_factors():
    rng = np.random.default_rng(0)
    w, b, a = rng.standard_normal((4, 3)), rng.standard_normal((1, 3)), rng.random((5, 4))
    y = np.eye(3)[[0, 1, 2, 0, 1]]
    noisy = SoftmaxCrossEntropy(w, b, Shift())
    quiet = SoftmaxCrossEntropy(w, b + np.array([[0.5, 0.0, 0.0]]))
    np.testing.assert_allclose(noisy.scores(a), quiet.scores(a), rtol=1e-13)
    np.testing.assert_allclose(noisy.loss(a, y), quiet.loss(a, y), rtol=1e-13)
    np.testing.assert_allclose(noisy.readout_factors(a, y), quiet.readout_factors(a, y), rtol=1e-12)
    np.testing.assert_allclose(noisy.force(a, y), quiet.force(a, y) + 0.25, rtol=1e-12)


def test_softmax_of_large_and_complex_logits():
    z = np.array([[1e4, 1e4 - 1, -1e4], [3.0, 2.0, 1.0]])
    found = softmax(z)
    np.testing.assert_allclose(found[0], [1 / (1 + np.exp(-1)), 1 / (1 + np.e), 0], rtol=1e-12)
    h = 1e-7  # holomorphic: the imaginary part of a complex step is the derivative
    step = softmax((z[1:] + 1j * h * np.array([[1.0, 0, 0]])).astype(complex))
    s = found[1, 0]
    np.testing.assert_allclose(step.imag[0, 0] / h, s * (1 - s), rtol=1e-9)


def test_differential_error_pushes_both_nodes_of_an_output_apart():
    rng = np.random.default_rng(0)
    cost, a, y = DifferentialError(), rng.standard_normal((5, 6)), rng.standard_normal((5, 3))
    np.testing.assert_allclose(cost.scores(a), a[:, :3] - a[:, 3:])
    np.testing.assert_allclose(cost.loss(a, y), 0.5 * ((a[:, :3] - a[:, 3:] - y) ** 2).sum(axis=1), rtol=1e-14)
    assert cost.readout_factors(a, y) is None


@pytest.mark.parametrize(("cost", "nodes"), [(SquaredError(), 3), (DifferentialError(), 6)], ids=lambda c: str(c)[:8])
def test_force_and_curvature_are_derivatives_of_the_loss(cost, nodes):
    rng, h = np.random.default_rng(0), 1e-20
    a, y = rng.standard_normal((5, nodes)), rng.standard_normal((5, 3))
    for k in range(nodes):
        tilt = 1j * h * np.eye(nodes)[k]
        np.testing.assert_allclose(cost.loss(a + tilt, y).imag / h, cost.force(a, y)[:, k], rtol=1e-13)
        slope = cost.force(a + tilt, y).imag / h
        np.testing.assert_allclose(slope, np.tile(cost.curvature(a)[k], (5, 1)), rtol=1e-14)
