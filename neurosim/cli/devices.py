"""``neurosim devices``: the device models, their parameters and their pulse response."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurosim.devices import DeviceModel

SEED = 0


def devices(
    name: Annotated[str | None, typer.Argument(metavar="NAME", show_default=False, help="A device model.")] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Plot the pulse response.", show_default=False),
    ] = None,
) -> None:
    """List device models, or show one in full.

    Shown are its equation, source, parameters and pulse response.
    """
    from neurosim.cli.sheet import print_table
    from neurosim.devices import DEVICES
    from neurosim.errors import choose

    if name is None:
        if plot is not None:
            raise ConfigError(f"--plot {plot}: of which model? expected neurosim devices NAME --plot FILE.png")
        print_table(["model", "what it is"], [_overview(DEVICES)])
        return
    model = choose(DEVICES, name, "neurosim devices")
    if plot is not None and plot.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ConfigError(f"--plot {plot}: expected a file name that ends in .png, .svg or .pdf")
    typer.echo(inspect.cleandoc(model.__doc__ or ""))
    print_table(["key in [device]", "default", "allowed", "meaning"], [_parameters(model)])
    _respond(name, model(), plot)


def _overview(models: Mapping[str, type[DeviceModel]]) -> list[list[str]]:
    return [[name, (model.__doc__ or "").strip().splitlines()[0]] for name, model in models.items()]


def _parameters(model: type[DeviceModel]) -> list[list[str]]:
    from neurosim.devices import parameters
    from neurosim.units import format_quantity

    rows, default = [], model()
    for key, declared in parameters(model).items():
        value = getattr(default, key)
        shown = format_quantity(value, declared.unit) if declared.unit != "1" else str(value)
        rows.append([key, shown, declared.allowed, declared.meaning])
    return rows


def _respond(name: str, model: DeviceModel, plot: Path | None) -> None:
    import numpy as np

    from neurosim.devices.response import pulse_response
    from neurosim.units import format_quantity

    found = pulse_response(model, np.random.default_rng(SEED))
    top = len(found.pulse) // 2
    ends = [format_quantity(float(found.mean[k]), "S") for k in (0, top, -1)]
    typer.echo(f"{found.states:g} states; {top} pulses up, {top} down: {ends[0]} -> {ends[1]} -> {ends[2]}")
    if found.symmetry_point is not None:
        typer.echo(f"symmetry point {format_quantity(found.symmetry_point, 'S')}")
    if plot is not None:
        from neurosim.cli.figures import draw_response

        draw_response(f"{name}, default parameters", found).savefig(plot, dpi=150)
        typer.echo(f"{plot}: pulse response")
