"""The cupy double refuses what cupy refuses, and computes what numpy computes."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from cupy_table import TABLE, record
from strict_cupy import STRICT, StrictArray, xp

from neurosim.backend import namespace
from neurosim.rng import Streams

HOST = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.fixture
def a():
    return STRICT.asarray(HOST)


REFUSED = {
    "np.asarray": (TypeError, lambda a: np.asarray(a)),
    "np.array": (TypeError, lambda a: np.array(a)),
    "list to numpy": (TypeError, lambda a: np.array([a, a])),
    "device + host": (TypeError, lambda a: a + HOST),
    "host + device": (TypeError, lambda a: HOST + a),
    "host 0-d": (TypeError, lambda a: a + np.array(1.0)),
    "list operand": (TypeError, lambda a: a[0] + [1, 2, 3, 4]),
    "host += device": (TypeError, lambda a: HOST.copy().__iadd__(a)),
    "device += host": (TypeError, lambda a: a.__iadd__(HOST)),
    "device @ host": (TypeError, lambda a: a @ HOST.T),
    "matmul in place": (TypeError, lambda a: a.__imatmul__(a)),
    "host out": (TypeError, lambda a: xp.exp(a, out=np.empty_like(HOST))),
    "host out of a function": (TypeError, lambda a: xp.sum(a, axis=0, out=np.empty(4, np.float32))),
    "out larger than the result": (ValueError, lambda a: xp.add(a[0], 1.0, out=xp.empty_like(a))),
    "unknown function": (AttributeError, lambda a: xp.nanpercentile(a, 5)),
    "geomspace": (AttributeError, lambda a: xp.geomspace(1, 2)),
    "unknown linalg": (AttributeError, lambda a: xp.linalg.multi_dot([a, a])),
    "global random state": (AttributeError, lambda a: xp.random.standard_normal(3)),
    "ufunc where": (TypeError, lambda a: xp.exp(a, where=a > 0)),
    "numpy ufunc where": (TypeError, lambda a: np.exp(a, where=a > 0)),
    "sum where": (TypeError, lambda a: xp.sum(a, where=a > 0)),
    "method sum where": (TypeError, lambda a: a.sum(where=a > 0)),
    "max initial": (TypeError, lambda a: a.max(initial=0.0)),
    "clip keywords": (TypeError, lambda a: xp.clip(a, min=0, max=1)),
    "take mode": (TypeError, lambda a: xp.take(a, xp.arange(2), mode="clip")),
    "stable sort": (TypeError, lambda a: xp.sort(a, stable=True)),
    "device argument": (TypeError, lambda a: xp.asarray(a, device="cpu")),
    "einsum out": (TypeError, lambda a: xp.einsum("ij->i", a, out=a[:, 0])),
    "list as array": (TypeError, lambda a: xp.sum([1.0, 2.0])),
    "float as array": (TypeError, lambda a: xp.max(3.0)),
    "host array as array": (TypeError, lambda a: xp.sum(HOST)),
    "host in a list": (TypeError, lambda a: xp.stack([a, HOST])),
    "host index": (TypeError, lambda a: a[np.array([0, 1])]),
    "host mask": (TypeError, lambda a: a[HOST > 3]),
    "float index": (IndexError, lambda a: a[xp.ones(2)]),
    "index out of range": (IndexError, lambda a: a[xp.asarray([7])]),
    "host assigned": (TypeError, lambda a: a.__setitem__(Ellipsis, HOST)),
    "list assigned": (TypeError, lambda a: a.__setitem__(0, [1, 2, 3, 4])),
    "duplicate indices": (ValueError, lambda a: a.__setitem__(xp.asarray([0, 0]), a[1:])),
    "range of a device scalar": (TypeError, lambda a: range(xp.asarray(3))),
    "slice to a device scalar": (TypeError, lambda a: a[: xp.asarray(2)]),
    "list index by a device scalar": (TypeError, lambda a: [1, 2][xp.asarray(1)]),
    "truth of many": (ValueError, lambda a: bool(a)),
    "resize": (AttributeError, lambda a: a.resize(12)),
    "array interface": (AttributeError, lambda a: a.__array_interface__),
    "maximum.reduce": (NotImplementedError, lambda a: xp.maximum.reduce(a)),
    "objects": (ValueError, lambda a: xp.asarray(["x"])),
    "kernels": (NotImplementedError, lambda a: xp.ElementwiseKernel("T x", "T y", "y = x")),
    "hash": (TypeError, lambda a: hash(a)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_what_cupy_refuses(case, a):
    error, act = REFUSED[case]
    with pytest.raises(error):
        act(a)


def test_refuses_scipy(a):
    special = pytest.importorskip("scipy.special")
    integrate = pytest.importorskip("scipy.integrate")
    with pytest.raises(TypeError):
        special.expit(a)
    with pytest.raises(TypeError):
        integrate.solve_ivp(lambda t, y: -y, (0, 1), a[:, 0])


COMPUTED = {
    "arithmetic": lambda m, a: 2.0 * a - a / 3 + np.float32(1) * a**2,
    "comparison": lambda m, a: (a > 3) & ~(a == 5),
    "numpy scalar": lambda m, a: np.float32(2) * a,
    "matmul": lambda m, a: a @ a.T,
    "ufunc": lambda m, a: m.exp(-a),
    "numpy's ufunc": lambda m, a: np.tanh(a),
    "reduction": lambda m, a: a.sum(axis=1),
    "0-d reduction": lambda m, a: a.max() * a,
    "abs max over nodes": lambda m, a: m.max(m.abs(a), axis=1),
    "where": lambda m, a: m.where(a > 3, a, 0.0),
    "clip": lambda m, a: m.clip(a, 0.0, 1.0),
    "take": lambda m, a: m.take(a, m.asarray([2, 0]), axis=1),
    "flatnonzero": lambda m, a: m.flatnonzero(a > 3),
    "mask": lambda m, a: a[a > 3],
    "index array": lambda m, a: a[m.asarray([2, 0]), m.asarray([1, 3])],
    "list index": lambda m, a: a[[2, 0]],
    "views": lambda m, a: a[1:, ::2].T.reshape(-1),
    "complex parts": lambda m, a: (a + 1j * a).imag,
    "einsum": lambda m, a: m.einsum("ij,kj->ik", a, a),
    "concatenate": lambda m, a: m.concatenate([a, a], axis=1),
    "linalg": lambda m, a: m.linalg.solve(a @ a.T + m.eye(3, dtype=a.dtype), a),
    "fft": lambda m, a: m.fft.rfft(a, axis=0),
    "windows": lambda m, a: m.lib.stride_tricks.sliding_window_view(a, 2, axis=1),
    "add.reduce": lambda m, a: m.add.reduce(a, 1),
    "outer": lambda m, a: m.multiply.outer(a[0], a[1]),
    "linspace": lambda m, a: m.linspace(0.0, 1.0, 4) * a,
    "astype": lambda m, a: a.astype(m.float64),
    "stack of 0-d": lambda m, a: m.stack([a[0, 0], a[1, 1]]),
}


@pytest.mark.parametrize("case", COMPUTED)
def test_computes_what_numpy_computes(case, a):
    got, want = COMPUTED[case](xp, a), COMPUTED[case](np, HOST)
    assert type(got) is StrictArray
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got.get(), want)


def test_views_share_memory_and_out_writes_into_slices(a):
    xp.multiply(a[:2], 10.0, out=a[1:])
    a[0] += 1.0
    a[:, 3] = 7.0
    a[xp.asarray([0, 2]), xp.asarray([0, 1])] = xp.asarray([100.0, 200.0], dtype=xp.float32)
    row = a[0]
    row *= 2.0
    one = a[1, 2]  # a 0-d view, as in cupy
    one += 1.0
    assert one.shape == ()
    want = HOST.copy()
    want[1:] = 10 * HOST[:2]
    want[0] += 1
    want[:, 3] = 7
    want[[0, 2], [0, 1]] = [100, 200]
    want[0] *= 2
    want[1, 2] += 1
    np.testing.assert_array_equal(a.get(), want)


def test_complex_parts_are_views():
    z = xp.zeros((2, 3), dtype=xp.complex64)
    z.imag[:, 1] = 2.0
    xp.add(z.real, 1.0, out=z.real)
    assert z[0, 1].item() == 1 + 2j


def test_out_of_matmul_and_reductions_is_returned(a):
    product, total = xp.empty((3, 3), dtype=a.dtype), xp.empty(3, dtype=a.dtype)
    assert xp.matmul(a, a.T, out=product) is product
    assert xp.sum(a, axis=1, out=total) is total
    np.testing.assert_array_equal(product.get(), HOST @ HOST.T)
    np.testing.assert_array_equal(total.get(), HOST.sum(axis=1))


def test_the_device_never_shares_memory_with_the_host(a):
    a += 1.0
    assert HOST[0, 0] == 0.0
    host = a.get()
    host[...] = -1.0
    assert a[0, 0].item() == 1.0


def test_scatter_add_takes_repeated_indices(a):
    a.scatter_add(xp.asarray([0, 0]), 1.0)
    xp.add.at(a, xp.asarray([0, 0]), 1.0)
    assert a[0, 0].item() == 4.0


def test_scalars_leave_by_explicit_conversion(a):
    assert float(a.max()) == 11.0
    assert int(a.argmax()) == 11
    assert bool(xp.isfinite(a).all())
    assert complex(a[0, 1]) == 1
    assert f"{a.max():.1f}" == "11.0"
    assert type(xp.count_nonzero(a)) is StrictArray
    assert type(xp.allclose(a, a)) is StrictArray


def test_copies_and_pickles(a):
    for twin in (copy.deepcopy(a), pickle.loads(pickle.dumps(a)), a.copy()):
        twin += 1.0
        assert a[0, 0].item() == 0.0


def test_backend_registers_its_arrays(a):
    assert namespace(a) is xp
    assert xp.get_array_module(a) is xp
    np.testing.assert_array_equal(STRICT.to_host(a), HOST)
    assert type(STRICT.to_host(a)) is np.ndarray


class TestGenerator:
    @pytest.fixture
    def rng(self):
        return Streams(3, STRICT).generator("noise")

    @pytest.mark.parametrize("name", ["normal", "lognormal", "choice", "permutation", "shuffle", "spawn"])
    def test_lacks(self, rng, name):
        with pytest.raises(AttributeError):
            getattr(rng, name)

    def test_draws_numpys_numbers_as_strict_arrays(self, rng):
        host = Streams(3).generator("noise")
        for draw in (
            lambda g: g.random((2, 3), dtype=np.float32),
            lambda g: g.standard_normal((2, 3), dtype=np.float32),
            lambda g: g.integers(0, 10, size=5),
            lambda g: g.binomial(5, 0.3, size=4),
            lambda g: g.poisson(2.0, size=4),
            lambda g: g.exponential(2.0, size=4),
        ):
            got, want = draw(rng), draw(host)
            assert type(got) is StrictArray
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got.get(), want)
        assert rng.uniform(0.0, 1.0, size=3, dtype=np.float32).dtype == np.float32
        assert rng.standard_normal().shape == ()

    def test_fills_out(self, rng):
        out = xp.zeros((2, 2), dtype=xp.float32)
        assert rng.standard_normal(size=(2, 2), dtype=xp.float32, out=out) is out
        assert bool((out != 0).all())
        with pytest.raises(TypeError):
            rng.standard_normal(size=(2, 2), out=np.zeros((2, 2)))

    def test_parameters_are_device_arrays_or_python_scalars(self, rng):
        assert rng.binomial(xp.asarray([5, 6]), 0.5, size=2).shape == (2,)
        for bad in (np.array([0.1, 0.2]), np.float64(0.1), [0.1, 0.2]):
            with pytest.raises(TypeError):
                rng.binomial(5, bad, size=2)
        with pytest.raises(TypeError):
            rng.integers(0, xp.asarray([3, 4]), size=2)
        with pytest.raises(TypeError):
            rng.binomial(5, 0.5, size=2, dtype=np.int8)


def test_table_is_that_of_the_installed_cupy():
    cupy = pytest.importorskip("cupy", reason="cupy is not installed: the recorded table cannot be compared")
    if not cupy.__version__.startswith(TABLE["version"].rsplit(".", 1)[0]):
        pytest.skip(f"table of cupy {TABLE['version']}, installed {cupy.__version__}")
    assert record(cupy) == TABLE
