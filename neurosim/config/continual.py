"""Checks of updates made all along the nudged phase: what has no meaning while the weights move."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neurosim.learning.continual import ESTIMATORS

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment

CONTINUAL = "[learning] update = 'continual'"


def _phases(e: Experiment) -> Iterator[tuple[str, str, str]]:
    """Yield what the nudged phase must be."""
    learning, settle = e.learning, e.settle
    if learning.update != "continual":
        if learning.update_every != 1:
            text = f"has no effect on update = {learning.update!r}"
            yield "learning", "update_every", f"{text}; leave it out, or set update = 'continual'"
        return
    if learning.estimator not in ESTIMATORS:
        allowed = " or ".join(repr(name) for name in ESTIMATORS)
        text = f"{CONTINUAL} moves the weights during one nudged phase that starts at the free state"
        yield "learning", "estimator", f"{text}; choose {allowed}, or update = 'differenced'"
    if settle.method == "operating_point":
        text = f"{CONTINUAL} moves the weights between the steps of the nudged phase"
        yield "settle", "method", f"{text}; set method = 'transient'"
    if settle.nudged_steps % learning.update_every:
        text = f"expected a divisor of [settle] nudged_steps = {settle.nudged_steps}"
        yield "learning", "update_every", text


def _never_formed(e: Experiment) -> Iterator[tuple[str, str, str]]:
    """Yield what needs the gradient of a batch, or a read that the moving weights do not have."""
    if e.learning.update != "continual":
        return
    if e.learning.homeostasis > 0:
        text = f"belongs to the gradient of a batch, which {CONTINUAL} never forms"
        yield "learning", "homeostasis", f"{text}; set homeostasis = 0, or update = 'differenced'"
    if e.crossbar.read_noise > 0 and e.crossbar.read_noise_scope == "step":
        text = f"is drawn for one run of unchanged conductances, which {CONTINUAL} changes; choose 'frozen' or 'phase'"
        yield "crossbar", "read_noise_scope", text


CONTINUAL_CHECKS = (_phases, _never_formed)
