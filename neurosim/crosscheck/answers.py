"""The checked answers of a circuit as text: a table of quantities that a run must reproduce."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neurosim.crosscheck.deviation import Comparison
from neurosim.errors import ConfigError

HEADER = ("quantity", "entry", "value", "unit")
TOLERANCE = 1e-6
"""Allowed difference from the stored answers, over the largest magnitude: other machines round differently."""


def write_answers(path: Path, comparisons: Sequence[Comparison]) -> None:
    """Write the states and currents of `comparisons`, as SPICE gave them, one line per entry."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for comparison in comparisons:
            for index, value in np.ndenumerate(comparison.spice):
                label = comparison.labels[index[-1]]
                entry = label if len(index) == 1 else f"sample {index[0]} {label}"
                writer.writerow([comparison.quantity, entry, f"{value:.12g}", comparison.unit])


def compare_answers(path: Path, comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return what is computed now against the stored answers; empty where there is no such file.

    Raises
    ------
    ConfigError
        The file is no table of answers, or lacks one.
    """
    if not path.is_file():
        return []
    try:
        with path.open(newline="") as file:
            stored = {(row["quantity"], row["entry"]): float(row["value"]) for row in csv.DictReader(file)}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path}: no table of answers ({error}); expected the columns {','.join(HEADER)}") from None
    found = []
    for comparison in comparisons:
        expected = np.empty(comparison.ours.shape)
        for index in np.ndindex(comparison.ours.shape):
            label = comparison.labels[index[-1]]
            key = comparison.quantity, label if len(index) == 1 else f"sample {index[0]} {label}"
            if key not in stored:
                raise ConfigError(f"{path}: lacks {key[0]!r}, {key[1]!r}; delete the file or write the answers anew")
            expected[index] = stored[key]
        title = f"stored answer: {comparison.quantity}"
        found.append(Comparison(title, comparison.ours, expected, comparison.unit, TOLERANCE, True, comparison.labels))
    return found
