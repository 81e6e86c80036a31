"""The array of the cupy double (see strict_cupy.py): a numpy array with what ``cupy.ndarray`` allows."""

from __future__ import annotations

import numpy as np
from cupy_table import TABLE

REDUCIBLE = {"add", "multiply"}
SCATTER = {"add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"}
NO_CONVERSION = "Implicit conversion to a NumPy array is not allowed. Please use `.get()`."


def refuse_host(value):
    """Raise for a numpy array anywhere in an argument."""
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}: numpy array mixed with device arrays")
    if isinstance(value, (tuple, list)):
        for item in value:
            refuse_host(item)


def unwrap(value):
    """Return the numpy array inside, also within tuples, lists and dicts."""
    if isinstance(value, StrictArray):
        return value._a
    if isinstance(value, (tuple, list)):
        return type(value)(unwrap(item) for item in value)
    if isinstance(value, dict):
        return {key: unwrap(item) for key, item in value.items()}
    return value


def wrap(value):
    """Return results as strict arrays; numpy scalars become 0-d arrays, as on the device."""
    if isinstance(value, (np.ndarray, np.generic)):
        return StrictArray(np.asarray(value))
    if isinstance(value, (tuple, list)):
        return tuple(wrap(item) for item in value)
    return value


def check_arguments(name, parameters, args, kwargs):
    """Raise for parameters that cupy's function `name` lacks, and for numpy arrays."""
    refuse_host(args)
    refuse_host(list(kwargs.values()))
    if parameters is not None:
        unknown = sorted(set(kwargs) - set(parameters))
        if unknown:
            raise TypeError(f"cupy: {name}() got an unexpected keyword argument {unknown[0]!r}")
        if len(args) > len(parameters) and not any(p.startswith("*") for p in parameters):
            raise TypeError(f"cupy: {name}() takes at most {len(parameters)} positional arguments")


def call_ufunc(ufunc, method, inputs, kwargs):
    """Call a numpy ufunc under cupy's rules: no host operands, no where=, out= of the result's shape."""
    name = ufunc.__name__
    known = TABLE["xp"].get(name)
    if known is None or getattr(np, name, None) is not ufunc:
        raise TypeError(f"cupy has no ufunc {name!r}")
    if method != "__call__" and not (
        method == "outer" or (method == "at" and name in SCATTER) or (method == "reduce" and name in REDUCIBLE)
    ):
        raise NotImplementedError(f"cupy: {name}.{method}")
    out = kwargs.pop("out", None)
    out = out[0] if isinstance(out, tuple) else out
    if method == "__call__":
        if len(inputs) > ufunc.nin:
            *inputs, out = inputs
        check_arguments(name, [p for p in known if not p.startswith("*")], (), kwargs)
    for operand in inputs:
        if method != "at" and isinstance(operand, (np.ndarray, list, tuple)):
            raise TypeError(f"Unsupported type {type(operand)}")
    if out is not None:
        if not isinstance(out, StrictArray):
            raise TypeError("Output arguments type must be cupy.ndarray")
        shapes = [i.shape for i in inputs if isinstance(i, StrictArray)]
        if method == "__call__" and name != "matmul" and out.shape != np.broadcast_shapes(*shapes):
            raise ValueError(f"Out shape is mismatched: {out.shape} for operands {shapes}")
        kwargs["out"] = out._a
    result = getattr(ufunc, method)(*map(unwrap, inputs), **kwargs)
    return out if out is not None else wrap(result)


class StrictArray(np.lib.mixins.NDArrayOperatorsMixin):
    """What ``cupy.ndarray`` allows, on a numpy array."""

    __slots__ = ("_a",)
    __array_priority__ = 100

    def __init__(self, array):
        if array.dtype.kind not in "biufc":
            raise ValueError(f"Unsupported dtype {array.dtype}")
        self._a = array

    def __array__(self, *args, **kwargs):
        raise TypeError(NO_CONVERSION)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        from strict_cupy import xp  # the namespace is built on this class

        module = xp.linalg if function.__module__ == "numpy.linalg" else xp
        return getattr(module, function.__name__)(*args, **kwargs)

    def __imatmul__(self, other):
        raise TypeError("cupy.ndarray has no @= (it would rebind the name)")

    def __getattr__(self, name):
        if name.startswith("_") or name not in TABLE["ndarray"] or name in ("data", "cstruct", "set"):
            raise AttributeError(f"cupy.ndarray has no attribute {name!r}")
        value = getattr(self._a, name)
        if not callable(value):
            return wrap(value) if name in ("T", "mT", "real", "imag") else value

        def method(*args, **kwargs):
            check_arguments(f"ndarray.{name}", TABLE["ndarray"][name], args, kwargs)
            result = wrap(value(*unwrap(args), **unwrap(kwargs)))
            return kwargs["out"] if kwargs.get("out") is not None else result

        return method

    def get(self):
        """Return a numpy copy: the explicit way out."""
        return self._a.copy()

    def item(self):
        """Return the only element as a Python scalar."""
        return self._a.item()

    def tolist(self):
        """Return nested Python lists."""
        return self._a.tolist()

    def scatter_add(self, slices, value):
        """Add at possibly repeated indices."""
        np.add.at(self._a, unwrap_index(slices), unwrap(value))

    def __getitem__(self, index):
        index = unwrap_index(index)
        index = index if Ellipsis in [i for i in index if not isinstance(i, np.ndarray)] else (*index, Ellipsis)
        return wrap(self._a[index])  # the ellipsis keeps single elements as 0-d views

    def __setitem__(self, index, value):
        if isinstance(value, (np.ndarray, list, tuple)):
            raise TypeError(f"{type(value).__name__} assigned to a device array")
        index = unwrap_index(index)
        if isinstance(value, StrictArray) and any(isinstance(i, np.ndarray) and i.dtype.kind in "iu" for i in index):
            touched = np.arange(self._a.size).reshape(self._a.shape)[index]
            if np.unique(touched).size != touched.size:
                raise ValueError("duplicate indices in an assignment: the order is undefined on a device")
        self._a[index] = unwrap(value)

    def __len__(self):
        return len(self._a)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        return bool(self._a)

    def __int__(self):
        return int(self._a)

    def __float__(self):
        return float(self._a)

    def __complex__(self):
        return complex(self._a)

    def __format__(self, spec):
        return format(self._a.item() if self._a.ndim == 0 else str(self._a), spec)

    def __repr__(self):
        return f"strict {self._a!r}"


def unwrap_index(index):
    """Return an index tuple for numpy, refusing numpy arrays and device scalars in slices."""
    index = index if isinstance(index, tuple) else (index,)
    for item in index:
        refuse_host(item)
        parts = (item.start, item.stop, item.step) if isinstance(item, slice) else ()
        if any(isinstance(part, StrictArray) for part in parts):
            raise TypeError("'cupy.ndarray' object cannot be interpreted as an integer")
        if isinstance(item, StrictArray) and item.dtype.kind not in "iub":
            raise IndexError(f"arrays used as indices must be of integer or boolean type, not {item.dtype}")
    return tuple(np.asarray(unwrap(i)) if isinstance(i, (list, StrictArray)) else i for i in index)
