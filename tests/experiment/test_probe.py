"""What is measured beside training."""

from dataclasses import replace

import numpy as np
import pytest
from small_controller import EULER, batch_of, controller_of

from neurosim.backend import NUMPY
from neurosim.experiment.probe import evaluate, gradient_alignment
from neurosim.learning.estimators import OscillatingEP, SymmetricEP


def test_alignment_of_the_exact_gradient_is_one():
    controller, state = controller_of(estimator=None)
    found = gradient_alignment(controller, state, *batch_of(controller))
    assert set(found) == {*controller.crossbars, "total"}
    assert list(found.values()) == pytest.approx([1.0] * len(found))


def test_alignment_falls_with_the_noise_that_the_estimator_sees():
    """The reference is the noise-free gradient, so that what the hardware measures is judged by it."""
    cosine = {}
    for noise in (0.0, 0.05):
        options = replace(EULER, free_steps=60, nudged_steps=60)
        controller, state = controller_of(
            estimator=SymmetricEP(0.05), read_noise=noise, noise_scope="phase", options=options
        )
        cosine[noise] = gradient_alignment(controller, state, *batch_of(controller))["total"]
    assert cosine[0.0] > 0.999
    assert abs(cosine[0.05]) < 0.9


@pytest.mark.parametrize("estimator", [SymmetricEP(0.2), OscillatingEP(0.2, points=4, dwell=30)], ids=lambda e: e.name)
def test_alignment_of_a_diverged_measurement_is_not_a_number(estimator):
    controller, state = controller_of(estimator=estimator)
    x, y = batch_of(controller)
    y[0, 0] = np.nan
    found = gradient_alignment(controller, state, x, y)
    assert all(np.isnan(value) for value in found.values())


def test_evaluation_does_not_depend_on_how_the_samples_are_cut_into_batches(monkeypatch):
    from neurosim.experiment import probe

    controller, state = controller_of(read_noise=0.05)
    x, y = batch_of(controller, batch=20)
    labels = y.argmax(axis=1)
    whole = evaluate(controller, state, x, y, labels, NUMPY)
    monkeypatch.setattr(probe, "EVALUATION_BATCH", 7)
    assert evaluate(controller, state, x, y, labels, NUMPY) == pytest.approx(whole, rel=1e-12)
    assert 0 <= whole[1] <= 1
