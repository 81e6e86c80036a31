"""One training step, twice: the conductances it leaves when its phases settle here, and when they settle in SPICE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from neurosim.crosscheck.build import Trained, planes
from neurosim.crosscheck.deviation import Comparison
from neurosim.crosscheck.states import Laboratory
from neurosim.crosscheck.subject import Subject
from neurosim.errors import ConfigError
from neurosim.learning.contrast import Contrast, Measured, contrast_of
from neurosim.learning.controller import TrainState
from neurosim.spice.engines import Engine
from neurosim.traces.conductances import Planes

UPDATE_TOLERANCE = 1e-5


def compare_update(trained: Trained, state: TrainState, subject: Subject, engine: Engine) -> list[Comparison]:
    """Return the change of every conductance by the next training step, ours and by the engine's states.

    Both sides take the same batch and the same estimator (its free and nudged phases), then the same optimiser and
    programmer. The changes are compared [S], relative to the largest one.
    """
    if not hasattr(trained.controller.estimator, "samples"):
        raise ConfigError("[check] update: [learning] estimator must have settled phases, such as 'symmetric'")
    x, y = trained.batch(state.step)
    step = replace(subject, x=x, y=y, start=np.zeros((len(x), subject.topology.nodes)))
    lab = Laboratory(step, engine, step.free())
    changes = []
    for contrast in _contrasts(trained, state, lab):
        new = trained.controller.apply(state, step.bench(), contrast)
        after = {name: planes(pair, trained.controller.crossbars[name]) for name, pair in new.pairs.items()}
        changes.append(_flat(after) - _flat(subject.arrays))
    labels = [
        f"{name} {plane}[{','.join(map(str, index))}]"
        for name, pair in subject.arrays.items()
        for plane, g in zip(("g_plus", "g_minus"), pair, strict=True)
        if g is not None
        for index in np.ndindex(g.shape)
    ]
    title = f"change of the conductances by update {state.step + 1}"
    return [Comparison(title, changes[0], changes[1], "S", UPDATE_TOLERANCE, True, labels)]


def _contrasts(trained: Trained, state: TrainState, lab: Laboratory) -> tuple[Contrast, Contrast]:
    """Return the contrast of our phases and of the engine's."""
    subject = lab.subject
    samples = trained.controller.estimator.samples(trained.controller.streams.host("estimator", state.step))
    if any(isinstance(sample.beta, complex) for sample in samples):
        raise ConfigError(
            "[check] update: a circuit has no complex beta; choose estimator = 'symmetric' or 'one_sided'"
        )
    ours, theirs = [], []
    for sample in samples:
        u = subject.nudged(sample.beta, lab.free) if sample.beta else lab.free
        ours.append(Measured(sample, subject.activity(u)))
        theirs.append(Measured(sample, lab.activities(lab.settle(float(sample.beta), u))))
    bench = subject.bench()
    free = lab.activities(lab.settle(0.0, lab.free))
    return contrast_of(bench, ours, subject.activity(lab.free)), contrast_of(bench, theirs, free)


def _flat(arrays: Mapping[str, Planes]) -> np.ndarray:
    return np.concatenate([g.ravel() for pair in arrays.values() for g in pair if g is not None])
