"""What a search found as text and as CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.config.keys import unit_of
from neurosim.specification.find import Findings, Found, Share
from neurosim.sweeps.axes import text
from neurosim.sweeps.directory import replacing
from neurosim.sweeps.groups import Interval, interval
from neurosim.sweeps.names import key_name, setting_name, value_name

COLUMNS = ("point", "imperfection", "tolerable", "interval", "ideal accuracy", "losses measured at")
SHARES = ("point", "imperfection", "value", "loss alone", "recovered without it", "loss of all")


def point_name(group: Mapping[str, Any]) -> str:
    """Return a point of the sweep in words."""
    return ", ".join(setting_name(path, value) for path, value in group.items()) or "this experiment"


def tolerance_rows(findings: Findings) -> Iterator[list[str]]:
    """Yield the lines of the table of tolerances under `COLUMNS`."""
    for found in findings.tolerances:
        path = found.axis.path
        yield [
            point_name(found.group),
            key_name(path),
            tolerable(found),
            f"{bound(found, found.tolerance.lower, below=True)} to {bound(found, found.tolerance.upper, below=False)}",
            f"{100 * found.ideal:.1f} %",
            f"{len(found.places)} values",
        ]


def tolerable(found: Found) -> str:
    """Return the tolerable value with its unit, or that the range does not hold it."""
    value, tolerance = found.value(found.tolerance.estimate), found.tolerance
    if value is not None:
        return _named(found, value)
    end = found.axis.good if tolerance.exceeded else found.axis.bad
    return f"{'not even' if tolerance.exceeded else 'all up to'} {_named(found, end)}"


def bound(found: Found, place: float | None, *, below: bool) -> str:
    """Return one end of the interval with its unit, or that it lies beyond the range."""
    if place is None:
        return f"beyond {_named(found, found.axis.good if below else found.axis.bad)}"
    return _named(found, found.axis.value(place))


def _named(found: Found, value: float) -> str:
    return value_name(found.axis.path, value if unit_of(found.axis.path) or found.axis.whole else float(f"{value:.3g}"))


def share_rows(findings: Findings) -> Iterator[list[str]]:
    """Yield the lines of the table of the attribution under `SHARES`, in percentage points."""
    for share in findings.shares:
        parts = [points(values) for values in (share.alone, share.recovered, share.everything)]
        yield [point_name(share.group), key_name(share.path), value_name(share.path, share.value), *parts]


def points(losses: np.ndarray) -> str:
    """Return a loss of accuracy with its interval, in percentage points; runs that failed are said."""
    if not np.isfinite(losses).all():
        return f"{int((~np.isfinite(losses)).sum())} of {len(losses)} runs failed"
    found = loss_interval(losses)
    return f"{100 * found.mean:.1f} ± {100 * found.half:.1f}"


def loss_interval(losses: np.ndarray) -> Interval:
    """Return mean and interval of the losses of the runs that ended."""
    return interval([value if math.isfinite(value) else math.nan for value in losses.tolist()])


def write_tables(findings: Findings, out: Path) -> None:
    """Write ``tolerances.csv`` (SI values, every place that was measured) and ``attribution.csv``."""
    _write(out / "tolerances.csv", list(_tolerances(findings.tolerances)))
    if findings.shares:
        _write(out / "attribution.csv", list(_shares(findings.shares)))


def _tolerances(found: Sequence[Found]) -> Iterator[list[str]]:
    groups = list(found[0].group)
    yield [*groups, "imperfection", "unit", "tolerable", "lower", "upper", "exceeded", "ideal_accuracy", "measured"]
    for one in found:
        ends = (one.tolerance.estimate, one.tolerance.lower, one.tolerance.upper)
        measured = "; ".join(
            f"{one.axis.value(place)!r}: {' '.join(f'{loss:.6g}' for loss in losses)}"
            for place, losses in sorted(one.places.items())
        )
        yield [
            *(text(value) for value in one.group.values()),
            one.axis.path,
            unit_of(one.axis.path) or "1",
            *("" if place is None else repr(one.axis.value(place)) for place in ends),
            str(one.tolerance.exceeded).lower(),
            repr(one.ideal),
            measured,
        ]


def _shares(shares: Sequence[Share]) -> Iterator[list[str]]:
    yield [*shares[0].group, "imperfection", "value", "alone", "recovered", "all"]
    for share in shares:
        losses = (" ".join(f"{v:.6g}" for v in part) for part in (share.alone, share.recovered, share.everything))
        yield [*(text(value) for value in share.group.values()), share.path, text(share.value), *losses]


def _write(path: Path, rows: Sequence[Sequence[str]]) -> None:
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(rows)
    with replacing(path) as part:
        part.write_text(table.getvalue(), encoding="utf-8")
