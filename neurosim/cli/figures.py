"""Figures that commands write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from neurosim.devices.response import PulseResponse

MICRO = 1e6


def draw_response(title: str, response: PulseResponse) -> Figure:
    """Return the pulse response as a figure: mean, spread over devices, and single devices."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    pulse, mean, std = response.pulse, MICRO * response.mean, MICRO * response.std
    axes.fill_between(pulse, mean - std, mean + std, color="#56B4E9", alpha=0.3, linewidth=0, label="std of devices")
    for k, trace in enumerate(response.examples):
        axes.plot(pulse, MICRO * trace, color="#999999", linewidth=0.6, label="single devices" if k == 0 else None)
    axes.plot(pulse, mean, color="#0072B2", linewidth=1.6, label="mean")
    if response.symmetry_point is not None:
        axes.axhline(MICRO * response.symmetry_point, color="#D55E00", linestyle="--", label="symmetry point")
    axes.set_title(title)
    axes.set_xlabel("pulse number (first half up, second half down)")
    axes.set_ylabel("conductance [uS]")
    axes.legend(frameon=False)
    return figure
