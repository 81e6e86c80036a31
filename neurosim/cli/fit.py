"""``neurosim devices fit``: a device model from measured pulses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neurosim.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neurosim.devices.fit import Fitted, Transitions


def fit(
    pulses: Path | None,
    *,
    model: str | None,
    compare: bool,
    out: Path | None,
    plot: Path | None,
    bounds: tuple[str | None, str | None],
) -> None:
    """Fit device models to the pulses in a CSV file, say how good they are, and write the best as a preset."""
    from neurosim.devices import fit as fitting
    from neurosim.units import parse_quantity

    if pulses is None:
        raise ConfigError(
            "neurosim devices fit: of which pulses? expected neurosim devices fit PULSES.csv (docs/devices.md)"
        )
    if out is not None and out.suffix != ".toml":
        raise ConfigError(f"--out {out}: expected a file name that ends in .toml")
    names = ("--g-min", "--g-max")
    low, high = (None if b is None else parse_quantity(b, "S", n) for b, n in zip(bounds, names, strict=True))
    data = fitting.read_pulses(pulses)
    chosen = None if model is None else fitting.fit(data, model, (low, high))
    found = [chosen] if chosen and not compare else fitting.compare(data, (low, high))
    best = chosen or found[0]
    typer.echo(f"{pulses}: {len(data.up)} pulses, {int(data.up.sum())} up; {len(data.names)} device(s)")
    if len(found) > 1:
        _compare(found)
    _parameters(best, {"g_min": low, "g_max": high})
    if out is not None:
        out.write_text(preset_text(best, data), encoding="utf-8")
        typer.echo(f'{out}: preset; in an experiment: [device] preset = "{out}"')
    if plot is not None:
        from neurosim.cli.device_figures import draw_fit
        from neurosim.style import styled

        with styled():
            order = [best, *(one for one in found if one.model != best.model)]
            draw_fit(f"{pulses.name}: {best.model}", data, order[:3]).savefig(plot, dpi=150)
        typer.echo(f"{plot}: steps and residuals")


def _compare(found: Sequence[Fitted]) -> None:
    from neurosim.cli.sheet import print_table

    least = min(one.aic for one in found)
    rows = [
        [
            one.model,
            str(one.parameters.get("noise", "multiplicative")),
            str(one.free),
            f"{one.aic:.1f}",
            f"{one.aic - least:.1f}",
        ]
        for one in found
    ]
    print_table(["model", "noise", "numbers fitted", "AIC", "above the best"], [rows])


def _parameters(best: Fitted, bounds: Mapping[str, float | None]) -> None:
    from neurosim.cli.sheet import print_table
    from neurosim.devices import parameters
    from neurosim.units import format_quantity

    known, rows = parameters(best.build()), []
    for name, value in best.parameters.items():
        interval = best.intervals.get(name)
        unit = known[name].unit

        def shown(number: float | str, unit: str = unit) -> str:
            if isinstance(number, str):
                return number
            return format_quantity(number, unit) if unit != "1" else f"{number:.4g}"

        if interval is None:
            between = "" if name not in bounds else "extreme reading" if bounds[name] is None else "given"
        elif interval.low != interval.low:
            between = "not determined by these data"
        else:
            between = f"{shown(interval.low)} to {shown(interval.high)}"
        rows.append([name, shown(value), between, known[name].meaning])
    print_table([best.model, "value", "95 % interval", "meaning"], [rows])
    mean, spread = float(best.residuals.mean()), float(best.residuals.std())
    typer.echo(f"residuals over their expected std: mean {mean:+.3f}, std {spread:.3f} (expected 0 and 1)")


def preset_text(best: Fitted, data: Transitions) -> str:
    """Return the fit as the text of a preset file."""
    device = {"model": best.model, **best.parameters}
    lines = [
        f'title = "{best.model} fitted to {_plain(data.source)}"',
        f'source = "{_plain(data.source)}"',
        'doi = ""',
        f'fitted = "{len(data.up)} pulses of {len(data.names)} device(s), AIC {best.aic:.1f}"',
        'valid = "the pulses, the temperature and the range of these data"',
        "assumed = [",
        '  "readings are exact: their own noise counts as c2c",',
        '  "a range that was neither fitted nor given is that of the readings",',
        "]",
        "",
        "[device]",
    ]
    lines += [
        f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value:.8g}" for key, value in device.items()
    ]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    return text.replace("\\", "/").replace('"', "'")
