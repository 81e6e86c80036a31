"""The compiled pulse loop gives numpy's numbers to the bit, and is only there when it pays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import pytest

import neurosim
from neurosim.devices import DEVICES, base, kernels, parameters, straight
from neurosim.devices.drive import AnyDrive
from neurosim.devices.imperfect import ImperfectDevice
from neurosim.devices.straight import StraightStep
from neurosim.rng import Streams

COARSE = {"g_min": 2e-6, "g_max": 12e-6, "step": 0.3e-6}
SPREAD = {"asymmetry": -0.3, "step_d2d": 0.4, "asymmetry_d2d": 0.2}
VARIANTS = {
    "quiet": {},
    "noisy": {"c2c": 0.7},
    "additive": {"c2c": 0.7, "noise": "additive"},
    "tapered": {"c2c": 0.3, "gamma_up": 0.0, "gamma_down": 1.0},
    "spread": {**SPREAD, "c2c": 2.0},
    "bounds": {"bounds_d2d": 0.3, "c2c": 0.5},
    "stuck": {**SPREAD, "bounds_d2d": 0.3, "c2c": 2.0, "stuck_fraction": 0.2},
    "stuck, additive": {**SPREAD, "c2c": 2.0, "noise": "additive", "stuck_fraction": 0.2, "stuck_at": "g_max"},
}
CASES = [
    pytest.param(model_class, values, id=f"{name}-{variant}")
    for name, model_class in DEVICES.items()
    for variant, values in VARIANTS.items()
    if issubclass(model_class, StraightStep) and set(values) <= set(parameters(model_class))
]
WITHOUT_A_KERNEL = {"exp_step", "power_step", "piecewise_step", "vteam", "yakopcic"}
cases = pytest.mark.parametrize(("model_class", "values"), CASES)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def trains():
    """Return counts by name: the kinds of update there are."""
    host = Streams(3).host("counts")
    shape = (23, 31)
    sign = host.choice([-1, 1], shape)
    return {
        "few": sign * host.integers(1, 4, shape) * (host.random(shape) < 0.1),
        "many": sign * host.integers(5, 31, shape),
        "up": host.integers(0, 12, shape),
        "down": -np.full(shape, 7),
        "ragged": (sign * host.geometric(0.2, shape)).astype(np.float32),
        "long": np.where(host.random(shape) < 0.01, 300 * sign, 2 * sign),
        "none": np.zeros(shape, int),
    }


TRAINS = trains()


def pulsed(monkeypatch, worth, model, counts, dtype):
    """Return conductances after two programmings, and the next draw: compiled from `worth` pulses on."""
    monkeypatch.setattr(kernels, "WORTH", worth)
    streams = Streams(4)
    cells = model.sample(counts.shape, streams.generator("cells"), np, dtype)
    start = model.g_min + (model.g_max - model.g_min) * streams.generator("start").random(counts.shape, dtype=dtype)
    g, rng = model.write(start, cells), streams.generator("pulse")
    for signed in (counts, -counts):
        g = model.pulse(g, signed, cells, rng)
        assert g.dtype == dtype
    return g, rng.random()


def same_bits(one, other):
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()


@cases
@dtypes
@pytest.mark.parametrize("kind", TRAINS)
def test_compiled_and_numpy_agree_to_the_bit(monkeypatch, model_class, values, dtype, kind):
    model = model_class(**COARSE, **values)
    plain, next_plain = pulsed(monkeypatch, np.inf, model, TRAINS[kind], dtype)
    compiled, next_compiled = pulsed(monkeypatch, 0, model, TRAINS[kind], dtype)
    assert same_bits(compiled, plain)
    assert next_compiled == next_plain


@dtypes
def test_trains_of_every_length_agree(monkeypatch, dtype):
    """Lengths are sorted as integers of one, two or four bytes."""
    model = DEVICES["soft_bounds"](**COARSE, c2c=0.5)
    for longest in (126, 127, 128, 32_766, 32_767, 32_768):
        counts = np.array([3, -longest, longest, 0, -1, longest - 1])
        plain, _ = pulsed(monkeypatch, np.inf, model, counts, dtype)
        compiled, _ = pulsed(monkeypatch, 0, model, counts, dtype)
        assert same_bits(compiled, plain)


@dtypes
def test_blocks_and_draws_ahead_do_not_matter_to_the_compiled_loop(monkeypatch, dtype):
    """More devices than a block holds, and blocks whose draws come in several pieces."""
    model = DEVICES["soft_bounds"](**COARSE, step_d2d=0.3, c2c=0.5)
    counts = np.tile(TRAINS["ragged"], (100, 1))
    assert counts.size > base.BLOCK
    plain, _ = pulsed(monkeypatch, np.inf, model, counts, dtype)
    for draws in (1, 1000, 10**7):
        monkeypatch.setattr(straight, "DRAWS", draws)
        compiled, _ = pulsed(monkeypatch, 0, model, counts, dtype)
        assert same_bits(compiled, plain)


def test_one_compilation_per_type_serves_all_models(monkeypatch):
    """A read-only or strided argument would make numba compile again, in the middle of a run."""
    for case in CASES:
        model_class, values = case.values
        pulsed(monkeypatch, 0, model_class(**COARSE, **values), TRAINS["few"], np.float32)
    assert len(kernels.compiled(np.dtype(np.float32)).signatures) == 1


def test_the_loop_is_called_exactly_where_a_model_has_a_straight_line(monkeypatch):
    """So that the comparisons above compare two loops, and a model without a kernel is not given one."""
    called = []

    def counting(dtype):
        called.append(dtype)

    monkeypatch.setattr(kernels, "compiled", counting)
    for name, model_class in DEVICES.items():
        called.clear()
        pulsed(monkeypatch, 0, model_class(**COARSE), TRAINS["few"], np.float64)
        assert bool(called) == issubclass(model_class, StraightStep) == (name not in WITHOUT_A_KERNEL)


@cases
@dtypes
@pytest.mark.parametrize("up", [True, False])
def test_the_general_drive_gives_the_same_numbers(model_class, values, dtype, up):
    """What a line computes once per train is what the model says at every pulse."""
    model = model_class(**COARSE, **values)
    cells = model.sample((50,), Streams(2).generator("cells"), np, dtype).take(np.arange(50), up)
    results = []
    for drive in (model.drive(cells, up), AnyDrive(cells, up, model)):
        g = model.write(np.full(50, 6e-6, dtype), cells)
        drive.run(g, np.array([0, 0, 3, 3, 20, 49]), Streams(2).generator("pulse"))
        results.append(g)
    assert same_bits(*results)


def textbook(model, g, counts, cells, rng):
    """Return what `pulse` must return, by the equations of the models; shorter trains draw first at every turn."""
    g, low, high = (np.broadcast_to(part, g.shape).flatten() for part in (g, cells.g_low, cells.g_high))
    tapers = {
        "SoftBounds": (1, 1),
        "SoftBoundsReference": (1, 1),
        "LinearStep": (getattr(model, "gamma_up", 0), getattr(model, "gamma_down", 0)),
    }
    order = np.argsort(counts.ravel(), kind="stable")
    for sign, taper in zip((1, -1), tapers.get(type(model).__name__, (0, 0)), strict=True):
        step = np.broadcast_to(cells.step(sign > 0), counts.shape).ravel()
        pulses = sign * counts.ravel()
        for turn in range(int(pulses.max())):
            k = order[::sign][pulses[order[::sign]] > turn]
            half = (high[k] - low[k]) / 2
            w = (g[k] - low[k] - half) / np.where(half > 0, half, 1)
            mean = step[k] * (1 - sign * taper * w)
            noise = getattr(model, "c2c", 0) * (step[k] if getattr(model, "noise", "") == "additive" else mean)
            xi = rng.standard_normal(k.size) if noise.any() else 0
            g[k] = np.clip(g[k] + sign * (mean + noise * xi), low[k], high[k])
    return g.reshape(counts.shape)


@cases
@pytest.mark.parametrize("worth", [0, np.inf])
def test_every_pulse_is_the_equation_of_the_model_with_its_own_draw(monkeypatch, model_class, values, worth):
    monkeypatch.setattr(kernels, "WORTH", worth)
    model, streams, counts = model_class(**COARSE, **values), Streams(6), TRAINS["ragged"]
    cells = model.sample(counts.shape, streams.generator("cells"), np, np.float64)
    g = model.write(np.full(counts.shape, 6e-6), cells)
    found = model.pulse(g, counts, cells, streams.generator("pulse"))
    np.testing.assert_allclose(found, textbook(model, g, counts, cells, streams.generator("pulse")), rtol=1e-11)


@dataclass(frozen=True, kw_only=True)
class Quadratic(ImperfectDevice):
    """A model of somebody else, with no kernel."""

    def increment(self, g, cells, up):
        return cells.step(up) * (1 - cells.position(g) ** 2)

    def jitter(self, g, move, cells, up):
        return self.c2c * move


def test_a_model_without_a_kernel_works(monkeypatch):
    model = Quadratic(**COARSE, step_d2d=0.2, c2c=0.5)
    moved, _ = pulsed(monkeypatch, 0, model, TRAINS["many"], np.float32)
    assert np.all((moved >= np.float32(model.g_min)) & (moved <= np.float32(model.g_max)))
    up = model.pulse(np.full(9, 6e-6), np.arange(9), model.nominal(np, np.float64), Streams(1).generator("p"))
    assert up[0] == 6e-6
    assert up[8] > up[1] > up[0]


def test_without_numba_the_numbers_are_the_same(monkeypatch):
    model = DEVICES["linear_step"](**COARSE, c2c=0.5)
    compiled, _ = pulsed(monkeypatch, 0, model, TRAINS["many"], np.float32)
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(kernels, "compiled", kernels.compiled.__wrapped__)
    assert kernels.compiled(np.dtype(np.float32)) is None
    plain, _ = pulsed(monkeypatch, 0, model, TRAINS["many"], np.float32)
    assert same_bits(plain, compiled)


def test_a_switched_off_compiler_leaves_the_numpy_loop(monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    assert kernels.compiled.__wrapped__(np.dtype(np.float32)) is None


PROGRAM = """
import sys
import numpy as np
from neurosim.devices import SoftBounds, kernels
from neurosim.rng import Streams

model, streams = SoftBounds(c2c=0.3), Streams(1)
cells = model.nominal(np, np.float32)
def program(pulses):
    g = np.full((64, 32), 2e-5, np.float32)
    return model.pulse(g, np.full(g.shape, pulses), cells, streams.generator("pulse"))
"""


def in_a_process(code, **options):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + code], capture_output=True, text=True, check=True, timeout=120, **options
    )
    return done.stdout.split()


def test_numba_is_imported_when_the_work_done_is_worth_it_and_not_before():
    code = """
program(30)
print('numba' in sys.modules)
kernels.WORTH = 3.5 * 30 * (2048 + kernels.TURN)
for k in range(3):
    program(30)
    print('numba' in sys.modules)
"""
    assert in_a_process(code) == ["False", "False", "False", "True"]


def test_a_read_only_installation_compiles_without_a_cache(tmp_path):
    """No __pycache__ can be made beside the module, nor a cache in the user's home: files stand in their place."""
    package = tmp_path / "site" / "neurosim"
    shutil.copytree(Path(neurosim.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for blocked in (package / "devices" / "__pycache__", tmp_path / "home"):
        blocked.write_text("no folder")
    files = sorted(tmp_path.rglob("*"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA_", "XDG_"))}
    environment |= {"PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(tmp_path / "home")}
    code = """
plain = program(30)
kernels.WORTH = 0
print(kernels.__file__, program(30).tobytes() == plain.tobytes())
loop = kernels.compiled(np.dtype(np.float32))
print(type(loop._cache).__name__, len(loop.signatures))
"""
    found = in_a_process(code, cwd=tmp_path, env=environment)
    assert found == [str(package / "devices" / "kernels.py"), "True", "NullCache", "1"]
    assert sorted(tmp_path.rglob("*")) == files
