"""Pairs of arrays that join the same layers in opposite directions, and the angle between them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neurosim.backend import Array

if TYPE_CHECKING:
    from neurosim.networks.topology import Synapse, Topology


VECTOR_FIELD, KOLEN_POLLACK = "vector_field", "kolen_pollack"
FEEDBACK = (VECTOR_FIELD, KOLEN_POLLACK)
"""How untied arrays learn: each from its own observable, or pairs from a shared one so that they become alike."""


def feedback_pairs(topology: Topology) -> tuple[tuple[Synapse, Synapse], ...]:
    """Return (forward, feedback) arrays between the same two free layers; a reciprocal array is no pair.

    Of two dense arrays the one listed first is the forward one; a feedback kernel names its forward kernel.
    """
    found = []
    by_ends: dict[tuple[str, str], Synapse] = {}
    by_name = {synapse.name: synapse for synapse in topology.synapses}
    for synapse in topology.synapses:
        if synapse.reciprocal or topology.by_name[synapse.pre].clamped or synapse.pre == synapse.post:
            continue
        forward = by_name.get(synapse.forward or "") or by_ends.pop((synapse.post, synapse.pre), None)
        if forward is not None:
            found.append((forward, synapse))
        elif synapse.kernel is None:
            by_ends[synapse.pre, synapse.post] = synapse
    return tuple(found)


def as_feedback(forward: Synapse, weights: Array) -> Array:
    """Return a quantity of the forward array in the shape of its feedback array: transposed, unless it is a kernel."""
    return weights if forward.kernel is not None else weights.T


def angle(one: Array, other: Array) -> float:
    """Return the angle between two arrays of equal shape [degrees], 0 to 180; NaN when one of them vanishes."""
    square = float((one**2).sum()) * float((other**2).sum())
    if square == 0:
        return math.nan
    return math.degrees(math.acos(max(-1.0, min(1.0, float((one * other).sum()) / math.sqrt(square)))))


def turned(weights: Array, draw: Array, degrees: float) -> Array:
    """Return ``cos(a) W + sin(a) R``: of the norm of `weights` and at just the angle `degrees` to them.

    R is `draw` without its part along W, scaled to the norm of W (Laborieux and Zenke 2024, arXiv:2309.02214, where R
    is a draw, orthogonal to W in the mean only). Without such a part (a single weight) only ``cos(a) W`` is left.

    Parameters
    ----------
    weights, draw
        Arrays of equal shape.
    degrees
        a, 0 to 180.
    """
    square = float((weights**2).sum())
    if square == 0:
        return weights
    across = draw - weights * (float((draw * weights).sum()) / square)
    length = float((across**2).sum())
    gain = math.sin(math.radians(degrees)) * (math.sqrt(square / length) if length > 1e-12 * square else 0.0)
    return weights * math.cos(math.radians(degrees)) + across * gain
