"""Array backends. The only module that names cupy.

The numerics call array functions through ``xp``, the namespace of the arrays they are given, and use nothing that
cupy lacks: no implicit conversion, no numpy arrays mixed in, no ``where=`` arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from neurosim.errors import BackendError, choose

Array: TypeAlias = Any
"""A numpy or cupy array. Shapes stand in the docstrings; axis words: batch, nodes, rows, cols, times."""

CUPY_HELP = (
    "backend = 'cupy' needs an NVIDIA GPU with its driver and the package for your CUDA version: "
    "pip install 'neurosim-analog[gpu12]' (CUDA 12) or 'neurosim-analog[gpu13]' (CUDA 13); "
    "backend = 'numpy' runs on the CPU"
)


@dataclass(frozen=True, slots=True)
class Backend:
    """An array namespace with what it lacks a common spelling for.

    Attributes
    ----------
    name
        ``"numpy"``, ``"cupy"``, or that of a test double.
    xp
        The namespace module.
    generator
        Seed sequence -> random generator of this backend.
    to_host
        Array of this backend -> numpy array.
    """

    name: str
    xp: Any = field(repr=False)
    generator: Callable[[np.random.SeedSequence], Any] = field(repr=False)
    to_host: Callable[[Array], np.ndarray] = field(repr=False)

    def asarray(self, values: Any, dtype: Any = None) -> Array:
        """Return host `values` as an array of this backend (the only way in)."""
        return self.xp.asarray(values, dtype=dtype)


NUMPY = Backend("numpy", np, lambda seq: np.random.Generator(np.random.SFC64(seq)), np.asarray)

_NAMESPACES: dict[type, Any] = {np.ndarray: np}


def register_array(kind: type, namespace: Any) -> None:
    """Declare that arrays of type `kind` belong to `namespace` (used by cupy and by test doubles)."""
    _NAMESPACES[kind] = namespace


def namespace(array: Array) -> Any:
    """Return the array namespace of `array`."""
    try:
        return _NAMESPACES[type(array)]
    except KeyError:
        raise BackendError(f"{type(array).__name__} is not an array of a known backend") from None


def _load_cupy() -> Backend:
    try:
        import cupy
    except ImportError as error:
        raise BackendError(f"cupy is not installed. {CUPY_HELP}") from error
    if not cupy.cuda.is_available():
        raise BackendError(f"cupy finds no CUDA device. {CUPY_HELP}")
    register_array(cupy.ndarray, cupy)

    def generator(sequence: np.random.SeedSequence) -> Any:
        seed = int(sequence.generate_state(1, np.uint64)[0])
        return cupy.random.Generator(cupy.random.XORWOW(seed))

    return Backend("cupy", cupy, generator, cupy.asnumpy)


def get_backend(name: str) -> Backend:
    """Return the backend `name` (``"numpy"`` or ``"cupy"``), or raise `BackendError` saying what to install."""
    loaders: dict[str, Callable[[], Backend]] = {"numpy": lambda: NUMPY, "cupy": _load_cupy}
    return choose(loaders, name, "backend")()
