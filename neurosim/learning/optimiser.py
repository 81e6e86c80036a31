"""Optimisers: from the gradient of one array to its change, with what a digital memory beside the array can add.

To add one: write a frozen dataclass with the members of `Optimiser`, and add it to `OPTIMISERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from neurosim.backend import Array, namespace
from neurosim.learning.programmers.base import Change
from neurosim.learning.schedule import CONSTANT, Schedule


class Optimiser(Protocol):
    """What turns gradients into changes. What it remembers of an array is passed in and out."""

    @property
    def digital(self) -> bool:
        """Whether the change needs the weights or a memory, hence a digital gradient."""
        ...

    def rate(self, name: str, step: int) -> float:
        """Return the learning rate of array `name` at update `step` (from 0)."""
        ...

    def change(
        self, name: str, change: Change, weights: Array, memory: Array | None, step: int
    ) -> tuple[Change, Array | None]:
        """Return the change to program and the new memory.

        Parameters
        ----------
        name
            Array.
        change
            ``-g`` as factors with ``scale = 1 / batch``.
        weights
            W as read, (rows, cols).
        memory
            What the update before returned, or None.
        step
            Updates made before this one.
        """
        ...


@dataclass(frozen=True, slots=True)
class SGD:
    """``v <- momentum v + g``, ``dW = -lr v``; weight decay enters g (coupled) or dW (decoupled).

    Without momentum and weight decay the change stays in its local factors and nothing is stored digitally.

    Attributes
    ----------
    lr
        Initial learning rate of each array.
    momentum
        In [0, 1); the velocity is kept digitally, one number per weight.
    weight_decay
        Biases (arrays named ``b...``) are not decayed unless `decay_biases`.
    decoupled
        False: ``g + weight_decay W`` in place of g (Laborieux et al. 2021). True: ``dW = -lr v - lr weight_decay W``
        (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 1; Laborieux and Zenke 2022).
    schedule
        Learning rate over updates.
    """

    lr: Mapping[str, float] = field(default_factory=dict)
    momentum: float = 0.0
    weight_decay: float = 0.0
    decoupled: bool = False
    schedule: Schedule = CONSTANT
    decay_biases: bool = False

    @property
    def digital(self) -> bool:
        """Whether the change needs the weights or a velocity, hence a digital gradient."""
        return self.momentum > 0 or self.weight_decay > 0

    def rate(self, name: str, step: int) -> float:
        """Return the learning rate of array `name` at update `step`."""
        return self.schedule.rate(self.lr[name], step)

    def change(
        self, name: str, change: Change, weights: Array, memory: Array | None, step: int
    ) -> tuple[Change, Array | None]:
        """Return the change to program and the new velocity, (rows, cols)."""
        lr = self.rate(name, step)
        if not self.digital:
            return Change(change.factors, change.scale * lr), None
        down = change.weights()
        decays = self.weight_decay > 0 and (self.decay_biases or not name.startswith("b"))
        if decays and not self.decoupled:
            down -= self.weight_decay * weights
        if self.momentum:
            if memory is not None:
                down += self.momentum * memory
            memory = down
        if decays and self.decoupled:
            down = down - self.weight_decay * weights
        return Change(matrix=down * lr), memory


@dataclass(frozen=True, slots=True)
class AdamW:
    """``dW = -lr (m^ / (sqrt(v^) + epsilon) + weight_decay W)`` with running means m of g and v of g^2.

    ``m^ = m / (1 - beta1^t)`` and ``v^ = v / (1 - beta2^t)`` at the t-th update. Two numbers per weight are kept.

    Attributes
    ----------
    lr, weight_decay, schedule, decay_biases
        As in `SGD`; the decay is decoupled.
    beta1, beta2
        What is kept of the means at each update, in [0, 1).
    epsilon
        > 0; in float32 not below about 1e-30, whose square root is still resolved.

    References
    ----------
    Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2.
    """

    lr: Mapping[str, float] = field(default_factory=dict)
    weight_decay: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    schedule: Schedule = CONSTANT
    digital: bool = True
    decay_biases: bool = False

    def rate(self, name: str, step: int) -> float:
        """Return the learning rate of array `name` at update `step`."""
        return self.schedule.rate(self.lr[name], step)

    def change(
        self, name: str, change: Change, weights: Array, memory: Array | None, step: int
    ) -> tuple[Change, Array | None]:
        """Return the change to program and both means, (2, rows, cols)."""
        down = change.weights()
        xp = namespace(down)
        mean, square = down * (1 - self.beta1), down * down * (1 - self.beta2)
        if memory is not None:
            mean += self.beta1 * memory[0]
            square += self.beta2 * memory[1]
        kept, t = xp.stack((mean, square)), step + 1
        down = mean / (1 - self.beta1**t) / (xp.sqrt(square / (1 - self.beta2**t)) + self.epsilon)
        if self.weight_decay and (self.decay_biases or not name.startswith("b")):
            down -= self.weight_decay * weights
        return Change(matrix=down * self.rate(name, step)), kept


def _sgd(
    *,
    lr: Any,
    momentum: float,
    weight_decay: float,
    decoupled: bool,
    schedule: Schedule,
    decay_biases: bool = False,
    **_: Any,
) -> SGD:
    return SGD(lr, momentum, weight_decay, decoupled, schedule, decay_biases)


def _adamw(
    *,
    lr: Any,
    weight_decay: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    schedule: Schedule,
    decay_biases: bool = False,
    **_: Any,
) -> AdamW:
    return AdamW(lr, weight_decay, beta1, beta2, epsilon, schedule, decay_biases=decay_biases)


OPTIMISERS: Mapping[str, Callable[..., Optimiser]] = {"sgd": _sgd, "adamw": _adamw}
"""Name -> function of the rates, the schedule and the [train] keys that an optimiser has."""
