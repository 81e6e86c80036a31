"""What an activation is: the map from a node's membrane state to the activity it drives its row with."""

from __future__ import annotations

from typing import Protocol

from neurosim.backend import Array
from neurosim.errors import RangeError


class Activation(Protocol):
    """An elementwise map ``a = sigma(z)`` of the dimensionless state `z`.

    A new activation is one file with a frozen dataclass that has these members, and one line in the registry
    ``ACTIVATIONS``; the contract tests then cover it.
    """

    @property
    def name(self) -> str:
        """Its word in an experiment file."""
        ...

    @property
    def low(self) -> float:
        """Infimum of the activity for real `z` (may be -inf)."""
        ...

    @property
    def high(self) -> float:
        """Supremum of the activity for real `z` (may be inf). Targets must lie inside the range."""
        ...

    @property
    def holomorphic(self) -> bool:
        """True when `value` and `slope` continue analytically to complex `z`; others refuse it."""
        ...

    def value(self, z: Array, out: Array | None = None) -> Array:
        """Return ``sigma(z)``.

        Parameters
        ----------
        z
            States, any shape, real or complex. The dtype is kept. No overflow for real parts up to 1e4.
        out
            Where to write, of the shape and dtype of `z`; may be `z` itself or a view. A new array if None.
        """
        ...

    def slope(self, z: Array) -> Array:
        """Return ``d sigma / dz`` as a new array of the shape and dtype of `z`.

        A clip has its inner slope on the closed interval: with an open one, a state resting on a bound would
        never leave it.
        """
        ...

    def formula(self, z: str) -> str:
        """Return ``sigma(z)`` as text for circuit simulators, `z` being the text of its argument.

        Only ``+ - * /``, parentheses, decimal numbers and ``tanh exp min max`` may occur: what SPICE engines and
        Python read alike.
        """
        ...


def refuse_complex(z: Array, name: str) -> None:
    """Raise `RangeError` when `z` is complex: activation `name` has no analytic continuation."""
    if z.dtype.kind == "c":
        raise RangeError(
            f"activation {name!r} is not holomorphic and got a complex state ({z.dtype}); "
            "for complex beta use steep_logistic, tanh or dsilu, or choose an estimator with real beta "
            "(one_sided, random_sign, symmetric, or oscillating with the cosine waveform)"
        )
