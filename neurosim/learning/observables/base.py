"""What observables are: settled phases of one batch -> factors of the wanted change of every array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from neurosim.backend import Array, namespace

if TYPE_CHECKING:
    from neurosim.learning.bench import Bench
    from neurosim.learning.estimators.base import Sample
    from neurosim.settle import Settled

Factors: TypeAlias = tuple[Array, Array]
"""P (presentations, rows) and Q (presentations, cols): the wanted change is ``P^T Q``, summed over the batch."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One phase result: its sample, the activity (batch, nodes) and the phase number of its reading."""

    sample: Sample
    a: Array
    phase: int = 0


class Observables(Protocol):
    """The local observables ``dF/dW`` of one kind of network.

    A kind of network is one file with a class of these members, made of a bench, and one line in the registry
    ``OBSERVABLES``.
    """

    def __init__(self, bench: Bench) -> None:
        """Take network, batch and readings from `bench`."""
        ...

    def factors(self, measured: Sequence[Measured], free: Array, keep: Array | None) -> Mapping[str, Factors]:
        """Return P, Q of ``Re sum_k c_k dF/dW`` of every array.

        Parameters
        ----------
        measured
            Phases with their coefficients c_k.
        free
            Activity of the free state, shape (batch, nodes).
        keep
            1 for the samples that count and 0 for others, shape (batch, 1), or None when all do.
        """
        ...

    def exact(self, free: Settled) -> Mapping[str, Factors]:
        """Return P, Q of ``-dL/dW`` at the free operating point `free`, by the implicit function theorem."""
        ...


def coefficient(sample: Sample, a: Array) -> Any:
    """Return c of `sample`: complex for a complex activity `a`, else its real part."""
    return sample.coefficient if a.dtype.kind == "c" else complex(sample.coefficient).real


def rows(parts: Sequence[Array], sign: float) -> Array:
    """Stack real parts (and `sign` times imaginary parts) on the batch axis.

    With +1 on one side and -1 on the other, the product of both is the real part of the complex product.
    """
    xp = namespace(parts[0])
    found = []
    for part in parts:
        if part.dtype.kind == "c":
            found += [part.real, sign * part.imag]
        else:
            found.append(part)
    return xp.concatenate(found) if len(found) > 1 else xp.ascontiguousarray(found[0])


def sum_real(parts: Sequence[Array]) -> Array:
    """Return the real part of the sum of `parts`."""
    total = parts[0].real
    for part in parts[1:]:
        total = total + part.real
    return total
