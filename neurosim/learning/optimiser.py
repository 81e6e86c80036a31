"""Stochastic gradient descent with what a digital memory beside the array can add."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from neurosim.backend import Array
from neurosim.learning.programmers.base import Change


@dataclass(frozen=True, slots=True)
class SGD:
    """``v <- momentum v + g + weight_decay W``, ``dW = -lr v`` (coupled weight decay).

    Without momentum and weight decay the change stays in its local factors and nothing is stored digitally.

    Attributes
    ----------
    lr
        Learning rate of each array.
    momentum
        In [0, 1); the velocity is kept digitally, one number per weight.
    weight_decay
        Coupled: added to the gradient. Biases (arrays named ``b...``) are not decayed.
    """

    lr: Mapping[str, float] = field(default_factory=dict)
    momentum: float = 0.0
    weight_decay: float = 0.0

    @property
    def digital(self) -> bool:
        """Whether the change needs the weights or a velocity, hence a digital gradient."""
        return self.momentum > 0 or self.weight_decay > 0

    def change(self, name: str, change: Change, weights: Array, velocity: Array | None) -> tuple[Change, Array | None]:
        """Return the change to program and the new velocity.

        `change` carries ``-g`` as factors with ``scale = 1 / batch``.
        """
        lr = self.lr[name]
        if not self.digital:
            return Change(change.factors, change.scale * lr), None
        step = change.weights()
        if self.weight_decay and not name.startswith("b"):
            step -= self.weight_decay * weights
        if self.momentum:
            if velocity is not None:
                step += self.momentum * velocity
            velocity = step
        return Change(matrix=step * lr), velocity
