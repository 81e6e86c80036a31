"""A test double of cupy 14.2: computes with numpy on the host, raises where cupy raises.

What cupy has, and which parameters each of its functions takes, was recorded from an installed cupy into
``cupy_names.json`` (see cupy_table.py). Beyond that table the double refuses

- any implicit way out: ``np.asarray``, numpy arrays as operands, values or ``out``, ``__index__``;
- what cupy does in silence and nobody wants: numpy index arrays (a copy to the device), ``@=`` (rebinds),
  duplicate indices in an assignment (undefined order), out-of-range index arrays (wrapped).

Use it as ``from strict_cupy import STRICT``, a `neurosim.backend.Backend`.
"""

from __future__ import annotations

import numpy as np
from cupy_table import TABLE
from strict_array import StrictArray, call_ufunc, check_arguments, unwrap, wrap

from neurosim.backend import Backend, register_array

HOST_INPUT = {
    "array",
    "asarray",
    "asanyarray",
    "asnumpy",
    "get_array_module",
    "arange",
    "linspace",
    "logspace",
}
DEVICE_RESULT = {"allclose", "array_equal", "array_equiv", "count_nonzero"}
ARRAY_NAMES = {"a", "x", "arr", "m", "ar", "ary", "condition"}
SCALAR_OK = {
    "ndim",
    "size",
    "shape",
    "iscomplexobj",
    "isrealobj",
    "broadcast_to",
    "expand_dims",
    "repeat",
    "tile",
}
HOST_DTYPE = {"random", "standard_normal", "standard_exponential", "standard_gamma", "integers"}


class StrictUfunc:
    """A ufunc of the namespace, with the methods cupy has."""

    def __init__(self, ufunc):
        self.ufunc = ufunc

    def __call__(self, *args, **kwargs):
        return call_ufunc(self.ufunc, "__call__", args, kwargs)

    def at(self, *args):
        return call_ufunc(self.ufunc, "at", args, {})

    def reduce(self, *args, **kwargs):
        return call_ufunc(self.ufunc, "reduce", args[:1], {**dict(zip(["axis"], args[1:], strict=False)), **kwargs})

    def outer(self, *args, **kwargs):
        return call_ufunc(self.ufunc, "outer", args, kwargs)


class StrictNamespace:
    """``cupy`` or one of its submodules: its names only, with its parameters only."""

    def __init__(self, host, names, label="cupy"):
        self._host, self._names, self._label = host, names, label

    def __getattr__(self, name):
        if name.startswith("__") or name not in self._names:
            raise AttributeError(f"module {self._label!r} has no attribute {name!r}")
        if not hasattr(self._host, name):
            raise NotImplementedError(f"{self._label}.{name} needs a device")
        value = getattr(self._host, name)
        if isinstance(value, np.ufunc):
            value = StrictUfunc(value)
        elif callable(value) and not isinstance(value, type):
            value = self._function(name, value)
        setattr(self, name, value)
        return value

    def _function(self, name, function):
        parameters = self._names[name]

        def call(*args, **kwargs):
            if name not in HOST_INPUT:
                check_arguments(name, parameters, args, kwargs)
                first = parameters[0] if parameters else ""
                if first in ARRAY_NAMES and args and name not in SCALAR_OK and not isinstance(args[0], StrictArray):
                    raise TypeError(f"{self._label}.{name}: {type(args[0]).__name__} is not a cupy.ndarray")
            elif parameters is not None and set(kwargs) - set(parameters):
                raise TypeError(f"cupy: {name}() has no parameter {sorted(set(kwargs) - set(parameters))[0]!r}")
            out = kwargs.get("out")
            if out is not None and not isinstance(out, StrictArray):
                raise TypeError("Output arguments type must be cupy.ndarray")
            if isinstance(out, StrictArray) and name == "take" and out.dtype != args[0].dtype:
                raise TypeError("Output dtype mismatch")
            if name == "einsum" and set(kwargs) - {"dtype", "optimize"}:
                raise TypeError("cupy.einsum takes only dtype and optimize")
            result = function(*unwrap(args), **unwrap(kwargs))
            if isinstance(result, (bool, int)) and name in DEVICE_RESULT:
                result = np.asarray(result)
            if name in HOST_INPUT and args and isinstance(args[0], np.ndarray):
                result = result.copy()  # a device never shares memory with the host
            return out if out is not None else wrap(result)

        return call


class StrictGenerator:
    """``cupy.random.Generator``: only its methods, drawing from numpy's SFC64."""

    def __init__(self, sequence):
        self._rng = np.random.Generator(np.random.SFC64(sequence))

    def __getattr__(self, name):
        if name.startswith("_") or name not in TABLE["generator"]:
            raise AttributeError(f"cupy.random.Generator has no attribute {name!r}")
        function, parameters = getattr(self._rng, name), TABLE["generator"][name]

        def draw(*args, **kwargs):
            check_arguments(f"Generator.{name}", parameters, args, kwargs)
            given = dict(zip(parameters, args, strict=False)) | kwargs
            out, dtype = given.get("out"), given.pop("dtype", None)
            for key in set(given) - {"size", "out", "method", "endpoint"}:
                if not isinstance(given[key], (StrictArray, int, float)) or isinstance(given[key], np.generic):
                    raise TypeError(f"{key} is required to be a cupy.ndarray or a scalar")
                if name == "integers" and isinstance(given[key], StrictArray):
                    raise TypeError(f"integers: {key} must be a Python int")
            if dtype is not None and name in HOST_DTYPE:
                given["dtype"], dtype = dtype, None
            result = function(**unwrap(given))
            return out if out is not None else wrap(np.asarray(result, dtype=dtype))

        return draw


def asnumpy(array):
    """Return a numpy array, the explicit way out."""
    return array.get() if isinstance(array, StrictArray) else np.asarray(array)


xp = StrictNamespace(np, TABLE["xp"])
xp.ndarray = StrictArray
xp.linalg = StrictNamespace(np.linalg, TABLE["linalg"], "cupy.linalg")
xp.fft = StrictNamespace(np.fft, TABLE["fft"], "cupy.fft")
xp.random = StrictNamespace(None, {}, "cupy.random (global state; take a generator as an argument)")
xp.lib = StrictNamespace(None, {}, "cupy.lib")
xp.lib.stride_tricks = StrictNamespace(np.lib.stride_tricks, TABLE["stride_tricks"], "cupy.lib.stride_tricks")
xp.asnumpy = asnumpy
xp.get_array_module = lambda *arrays: xp if any(isinstance(a, StrictArray) for a in arrays) else np

register_array(StrictArray, xp)
STRICT = Backend("strict", xp, StrictGenerator, asnumpy)
