"""Checks of what belongs to untied feedback arrays: their angle, their learning, and the homeostatic loss."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment

TIED = "a tied array is its own feedback array"


def _angle(e: Experiment) -> Iterator[tuple[str, str, str]]:
    if e.network.feedback_angle is not None and e.network.tied:
        yield "network", "feedback_angle", f"{TIED}; set tied = false, or leave the angle out"


def _shared(e: Experiment) -> Iterator[tuple[str, str, str]]:
    """Yield why pairs cannot become alike: both arrays need the same update, rate and leak."""
    if e.learning.feedback != "kolen_pollack":
        return
    if e.network.tied:
        yield "learning", "feedback", f"{TIED}; set [network] tied = false, or feedback = 'vector_field'"
    if e.learning.estimator in ("rbp", "bptt"):
        text = f"estimator = {e.learning.estimator!r} gives every array its own gradient"
        yield "learning", "feedback", f"{text}; set feedback = 'vector_field', or estimator = 'true_response'"
    lr = e.train.lr if isinstance(e.train.lr, dict) else {}
    for name, rate in lr.items():
        partner = f"W{name[1:]}"
        if name.startswith("B") and rate != lr.get(partner, 0.0):
            text = f"{name} and {partner} must learn at one rate with [learning] feedback = 'kolen_pollack'"
            yield "train", "lr", f"{text}; leave {name} out"


def _homeostasis(e: Experiment) -> Iterator[tuple[str, str, str]]:
    if e.learning.homeostasis == 0:
        return
    if e.network.tied:
        text = "tied arrays are symmetric as they are; set [network] tied = false"
    elif e.learning.update == "in_situ":
        text = "its update has no two phases to program in place; set update = 'differenced'"
    elif e.crossbar.read_noise > 0 and e.crossbar.read_noise_scope == "step":
        text = "its reads are not modelled with fresh noise; set [crossbar] read_noise_scope = 'frozen' or 'phase'"
    else:
        return
    yield "learning", "homeostasis", f"{text}, or homeostasis = 0"


FEEDBACK_CHECKS = (_angle, _shared, _homeostasis)
