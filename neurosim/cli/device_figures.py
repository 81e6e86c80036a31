"""Figures of devices and of fits to their pulses."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from neurosim.style import DARK, GREY, OKABE_ITO, prefixed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from neurosim.devices.fit import Fitted, Transitions
    from neurosim.devices.response import PulseResponse, StepProfile

BLUE, RED, SKY = OKABE_ITO[0], OKABE_ITO[1], OKABE_ITO[5]


def draw_device(title: str, response: PulseResponse, profile: StepProfile) -> Figure:
    """Return a device on two panels: its pulse response, and its steps along the range."""
    figure = Figure(figsize=(8.6, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_response(left, response)
    draw_steps(right, response, profile)
    left.legend(frameon=False, fontsize=8)
    right.legend(frameon=False, fontsize=8)
    middle = float(profile.asymmetry[len(profile.up) // 2])
    left.set_title(f"dynamic range {response.dynamic_range:.3g}")
    right.set_title(f"{_states(response)}; asymmetry {middle:+.3f} at mid-range")
    figure.suptitle("\n".join(wrap(title, 100)), fontsize=10, x=0.01, ha="left")
    return figure


def draw_sheet(devices: Sequence[tuple[str, PulseResponse, StepProfile]], columns: int = 2) -> Figure:
    """Return many devices on one sheet, each with its pulse response and its steps."""
    rows = -(-len(devices) // columns)
    figure = Figure(figsize=(5.4 * columns, 2.1 * rows), layout="constrained")
    grid = figure.subplots(rows, 2 * columns, squeeze=False)
    for axes in grid.flat[2 * len(devices) :]:
        axes.axis("off")
    for k, (name, response, profile) in enumerate(devices):
        left, right = grid.flat[2 * k], grid.flat[2 * k + 1]
        draw_response(left, response)
        draw_steps(right, response, profile)
        left.set_title(name, loc="left", fontweight="bold")
        right.set_title(_states(response), loc="left", fontsize=8)
        if k == 0:
            left.legend(frameon=False, fontsize=7)
            right.legend(frameon=False, fontsize=7)
    return figure


def _states(response: PulseResponse) -> str:
    total, few = (f"{n:.0f}" if n >= 100 else f"{n:.3g}" for n in (response.states, response.effective_states))
    return f"{total} states, {few} effective"


def draw_response(axes: Axes, response: PulseResponse) -> None:
    """Draw the pulse response: mean, spread over devices, single devices, symmetry point."""
    factor, unit = prefixed(float(response.mean.max()), "S")
    pulse, mean, std = response.pulse, factor * response.mean, factor * response.std
    axes.fill_between(pulse, mean - std, mean + std, color=SKY, alpha=0.3, linewidth=0, label="std of devices")
    for k, trace in enumerate(response.examples):
        axes.plot(pulse, factor * trace, color=GREY, linewidth=0.6, label="single devices" if k == 0 else None)
    axes.plot(pulse, mean, color=BLUE, linewidth=1.6, label="mean")
    if response.symmetry_point is not None:
        axes.axhline(factor * response.symmetry_point, color=RED, linestyle="--", label="symmetry point")
    top = len(pulse) // 2
    axes.set_xlabel(f"pulse number ({top} up, {top} down)")
    axes.set_ylabel(f"conductance ({unit})")


def draw_steps(axes: Axes, response: PulseResponse, profile: StepProfile) -> None:
    """Draw the mean steps of the nominal device over its conductance, and what the curve amounts to."""
    factor, unit = prefixed(float(profile.conductance.max()), "S")
    finer, small = prefixed(float(max(profile.up.max(), profile.down.max())), "S")
    axes.plot(factor * profile.conductance, finer * profile.up, color=BLUE, label="step up")
    axes.plot(factor * profile.conductance, finer * profile.down, color=RED, linestyle="--", label="step down")
    if response.symmetry_point is not None:
        axes.axvline(factor * response.symmetry_point, color=DARK, linestyle=":", linewidth=1)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(f"conductance ({unit})")
    axes.set_ylabel(f"mean step ({small})")


def draw_fit(title: str, data: Transitions, found: Sequence[Fitted]) -> Figure:
    """Return the steps of the data with fitted curves, and the residuals of the best over their expected std."""
    figure = Figure(figsize=(8.6, 6.2), layout="constrained")
    for column, up in enumerate((True, False)):
        mine = data.up == up
        steps, residuals = figure.add_subplot(2, 2, column + 1), figure.add_subplot(2, 2, column + 3)
        factor, unit = prefixed(float(data.after.max()), "S")
        change, before = data.change[mine], factor * data.before[mine]
        finer, small = prefixed(float(abs(change).max()) if change.size else 0.0, "S")
        steps.plot(before, finer * change, ".", color=GREY, markersize=2, label="data", rasterized=True)
        for colour, one in zip(OKABE_ITO, found, strict=False):
            g, means = one.curve(up)
            steps.plot(factor * g, finer * means, color=colour, label=one.model)
        steps.set_title(f"pulses {'up' if up else 'down'}", loc="left")
        steps.set_ylabel(f"change ({small})")
        steps.legend(frameon=False, fontsize=8)
        residuals.plot(before, found[0].residuals[mine], ".", color=GREY, markersize=2, rasterized=True)
        steps.set_xlim(residuals.get_xlim())
        residuals.axhline(0, color=DARK, linewidth=0.8)
        residuals.set_xlabel(f"conductance before the pulse ({unit})")
        residuals.set_ylabel(f"residual / std ({found[0].model})")
    figure.suptitle("\n".join(wrap(title, 100)), fontsize=10, x=0.01, ha="left")
    return figure
