"""Gather the instants of one settling to blocks, so that one flush serves many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from neurosim.errors import TraceError

if TYPE_CHECKING:
    from collections.abc import Mapping

_BLOCK_BYTES = 65_536
_MOST_RECORDS = 256
_DTYPES = ("float32", "float64", "complex64", "complex128")


def real_parts(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return `values` as real columns: ``name``, or ``name_re`` and ``name_im`` where they are complex."""
    if values.dtype.kind != "c":
        return {name: values}
    return {f"{name}_re": np.ascontiguousarray(values.real), f"{name}_im": np.ascontiguousarray(values.imag)}


class SettlingBuffer:
    """Instants not yet written: of every layer `u` and `a`, and of the teaching signal `beta`.

    The first instant fixes layers, shapes and types. Memory: 64 kB or one instant per layer and quantity.
    """

    def __init__(self, capacity: int, states: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
        self.capacity = capacity
        self._count = 0
        self._time = np.empty(capacity)
        self._beta = np.empty(capacity, np.complex128)
        self._states = {
            layer: tuple(np.empty((capacity, *part.shape), part.dtype) for part in pair)
            for layer, pair in states.items()
        }

    @classmethod
    def for_states(cls, states: Mapping[str, tuple[Any, Any]]) -> Self:
        """Return an empty buffer for records like `states`."""
        arrays = {layer: (np.asarray(u), np.asarray(a)) for layer, (u, a) in states.items()}
        for layer, pair in arrays.items():
            for part in pair:
                if part.ndim != 2 or part.size == 0 or part.dtype.name not in _DTYPES:
                    raise TraceError(
                        f"states/{layer}: record of {part.dtype} with shape {part.shape}; "
                        f"expected (batch, neurons) of {', '.join(_DTYPES)}"
                    )
        widest = max((part.nbytes for pair in arrays.values() for part in pair), default=1)
        return cls(max(1, min(_MOST_RECORDS, _BLOCK_BYTES // widest)), arrays)

    def __len__(self) -> int:
        return self._count

    @property
    def full(self) -> bool:
        """Whether the next instant needs a `take` first."""
        return self._count == self.capacity

    def add(self, time_s: float, states: Mapping[str, tuple[Any, Any]], beta: complex) -> None:
        """Copy one instant into the buffer."""
        if states.keys() != self._states.keys():
            raise TraceError(
                f"states: got layers {', '.join(states) or 'none'}; every instant must hold {', '.join(self._states)}"
            )
        for layer, pair in states.items():
            for rows, part in zip(self._states[layer], pair, strict=True):
                values = np.asarray(part)
                if values.shape != rows.shape[1:] or values.dtype != rows.dtype:
                    raise TraceError(
                        f"states/{layer}: record of {values.dtype} {values.shape} after records of "
                        f"{rows.dtype} {rows.shape[1:]}; where some instants are complex give all as complex"
                    )
        for layer, pair in states.items():
            for rows, part in zip(self._states[layer], pair, strict=True):
                rows[self._count] = part
        self._time[self._count] = time_s
        self._beta[self._count] = beta
        self._count += 1

    def take(self) -> tuple[np.ndarray, dict[str, tuple[np.ndarray, ...]], np.ndarray]:
        """Return times (k,), states (k, batch, neurons) and beta (k,), and empty the buffer.

        The arrays are views, valid until the next `add`.
        """
        count, self._count = self._count, 0
        states = {layer: tuple(rows[:count] for rows in pair) for layer, pair in self._states.items()}
        return self._time[:count], states, self._beta[:count]
