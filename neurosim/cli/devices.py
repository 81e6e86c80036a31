"""``neurosim devices``: device models and presets, their parameters and pulse response; ``devices fit``: fits."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurosim.errors import ConfigError

if TYPE_CHECKING:
    from neurosim.devices import DeviceModel

SEED = 0
FIT = "fit"
PICTURES = (".png", ".svg", ".pdf")


def devices(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", show_default=False, help="A device model, a preset, a preset's file, or fit."),
    ] = None,
    pulses: Annotated[
        Path | None,
        typer.Argument(metavar="PULSES.csv", show_default=False, help="With fit: measured pulses (docs/devices.md)."),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png",
            help="Plot the pulse response, without NAME of all presets; with fit: the residuals.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="With fit: the model; all that can be fitted if left out."),
    ] = None,
    compare: Annotated[bool, typer.Option("--compare", help="With fit: compare MODEL with all others.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="PRESET.toml", help="With fit: write the best as a preset.", show_default=False),
    ] = None,
    g_min: Annotated[
        str | None, typer.Option(metavar="SIEMENS", help="With fit: lower bound of the device, if known.")
    ] = None,
    g_max: Annotated[
        str | None, typer.Option(metavar="SIEMENS", help="With fit: upper bound of the device, if known.")
    ] = None,
) -> None:
    """List device models and presets, show one in full, or fit a model to measured pulses.

    With NAME: equation or source, parameters, pulse response.

    With fit PULSES.csv: parameters with 95 % intervals, comparison of models, a preset for experiments.
    """
    if plot is not None and plot.suffix.lower() not in PICTURES:
        raise ConfigError(f"--plot {plot}: expected a file name that ends in .png, .svg or .pdf")
    if name == FIT:
        from neurosim.cli.fit import fit

        fit(pulses, model=model, compare=compare, out=out, plot=plot, bounds=(g_min, g_max))
        return
    options = {"PULSES.csv": pulses, "--model": model, "--out": out, "--g-min": g_min, "--g-max": g_max}
    alone = [option for option, given in options.items() if given is not None] + ["--compare"] * compare
    if alone:
        raise ConfigError(f"{alone[0]}: belongs to a fit; expected neurosim devices fit PULSES.csv [--model MODEL]")
    if name is None:
        _list()
        if plot is not None:
            _sheet(plot)
    else:
        _show(name, plot)


def _list() -> None:
    from neurosim.cli.sheet import print_table
    from neurosim.devices import DEVICES, preset, preset_names

    models = [[name, (model.__doc__ or "").strip().splitlines()[0]] for name, model in DEVICES.items()]
    presets = [[name, preset(name).model, preset(name).title, preset(name).source] for name in preset_names()]
    print_table(["model", "what it is"], [models])
    print_table(["preset", "model", "what it is", "source"], [presets])


def _sheet(plot: Path) -> None:
    import numpy as np

    from neurosim.cli.device_figures import draw_sheet
    from neurosim.devices import preset, preset_names
    from neurosim.devices.response import pulse_response, step_profile
    from neurosim.style import styled

    models = [(name, preset(name).build()) for name in preset_names()]
    with styled():
        sheet = draw_sheet([(n, pulse_response(m, np.random.default_rng(SEED)), step_profile(m)) for n, m in models])
        sheet.savefig(plot, dpi=110)
    typer.echo(f"{plot}: pulse response and steps of every preset")


def _show(name: str, plot: Path | None) -> None:
    from neurosim.devices import DEVICES, preset, preset_names
    from neurosim.errors import choose

    if name in DEVICES:
        typer.echo(inspect.cleandoc(DEVICES[name].__doc__ or ""))
        _parameters(DEVICES[name](), "default")
        _respond(f"{name}, default parameters", DEVICES[name](), plot)
        return
    if not name.endswith(".toml"):
        choose(dict.fromkeys((*DEVICES, *preset_names())), name, "neurosim devices")
    found = preset(name)
    source = f"{found.source}, doi:{found.doi}" if found.doi else found.source
    typer.echo(f"{found.title}\nsource: {source}\nfitted: {found.fitted}\nvalid: {found.valid}")
    for assumption in found.assumed:
        typer.echo(f"assumed: {assumption}")
    typer.echo(f'in an experiment: [device] preset = "{name}"; other keys beside it replace its own')
    _parameters(found.build(), found.model)
    _respond(f"{name}: {found.title} ({found.model})", found.build(), plot)


def _parameters(model: DeviceModel, column: str) -> None:
    from neurosim.cli.sheet import print_table
    from neurosim.devices import parameters
    from neurosim.units import format_quantity

    rows = []
    for key, declared in parameters(model).items():
        value = getattr(model, key)
        shown = format_quantity(value, declared.unit) if declared.unit != "1" else str(value)
        rows.append([key, shown, declared.allowed, declared.meaning])
    print_table(["key in [device]", column, "allowed", "meaning"], [rows])


def _respond(title: str, model: DeviceModel, plot: Path | None) -> None:
    import numpy as np

    from neurosim.devices.response import pulse_response, step_profile
    from neurosim.devices.voltage import VoltageDevice
    from neurosim.units import format_quantity

    found = pulse_response(model, np.random.default_rng(SEED))
    top = len(found.pulse) // 2
    ends = [format_quantity(float(found.mean[k]), "S") for k in (0, top, -1)]
    typer.echo(f"{found.states:g} states; {top} pulses up, {top} down: {ends[0]} -> {ends[1]} -> {ends[2]}")
    std = float(found.std[top])
    spread = format_quantity(std if std > 1e-9 * model.g_max else 0.0, "S")  # equal devices differ by rounding
    few, ratio = found.effective_states, found.dynamic_range
    typer.echo(f"effective states {few:.4g}; dynamic range {ratio:.4g}; std of devices at the top {spread}")
    profile = step_profile(model)
    low, middle, high = (f"{round(float(profile.asymmetry[k]), 3) + 0.0:+.3f}" for k in (0, len(profile.up) // 2, -1))
    typer.echo(f"asymmetry (up - down) / (up + down): {low} at g_min, {middle} at mid-range, {high} at g_max")
    if found.symmetry_point is not None:
        typer.echo(f"symmetry point {format_quantity(found.symmetry_point, 'S')}")
    if isinstance(model, VoltageDevice):
        up, down = (format_quantity(width, "s") for width in model.widths)
        typer.echo(f"pulse up {model.volts_up:g} V for {up}, down {model.volts_down:g} V for {down}")
    if plot is not None:
        from neurosim.cli.device_figures import draw_device
        from neurosim.style import styled

        with styled():
            draw_device(title, found, profile).savefig(plot, dpi=150)
        typer.echo(f"{plot}: pulse response")
