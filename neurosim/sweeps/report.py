"""The page to read: ``report.html``, complete in itself, and its figures as PNG files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

from neurosim.config import Experiment
from neurosim.sweeps import tables
from neurosim.sweeps.configuration import as_toml
from neurosim.sweeps.directory import SweepDirectory, replacing
from neurosim.sweeps.groups import group, roles
from neurosim.sweeps.names import key_name, value_name
from neurosim.sweeps.pictures import pictures
from neurosim.sweeps.rows import Row
from neurosim.traces import read_trace

CLASSES = {"digits": 10, "mnist": 10, "fashion_mnist": 10}
VERSIONS = {
    "neurosim_version": "neurosim",
    "python_version": "Python",
    "numpy_version": "NumPy",
    "h5py_version": "h5py",
    "hdf5_version": "HDF5",
    "backend": "backend",
}


def write(directory: SweepDirectory, experiment: Experiment, rows: Sequence[Row], source_text: str = "") -> None:
    """Write the report of a sweep, its figures and its configuration.

    Parameters
    ----------
    directory
        Where the run files are and the report goes.
    experiment
        What was run, with its [sweep].
    rows
        All runs in plan order, failed ones too.
    source_text
        The experiment file as written; the resolved configuration is shown in any case.
    """
    import jinja2
    from markupsafe import Markup

    groups = group(rows)
    parts = roles(groups)
    chance = _chance(rows)
    source = resources.files("neurosim.sweeps").joinpath("report.html.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    resolved = as_toml(experiment)
    page = environment.from_string(source).render(
        title=experiment.title or "Sweep",
        swept=tables.swept(experiment, rows, groups),
        headline=tables.headline(groups, parts),
        table=tables.headline_table(groups, parts),
        pictures=[(one, Markup(one.svg)) for one in pictures(directory, groups, parts, chance)],
        failed=[row for row in rows if row.status == "failed"],
        axes=[(path, key_name(path)) for path in groups[0].axes],
        runs=[(row, [value_name(path, value) for path, value in row.spec.axes.items()]) for row in rows],
        source_text=source_text,
        resolved=resolved,
        versions=_versions(directory, rows),
    )
    with replacing(directory.report) as part:
        part.write_text(page, encoding="utf-8")
    with replacing(directory.configuration) as part:
        part.write_text(resolved, encoding="utf-8")


def _chance(rows: Sequence[Row]) -> float | None:
    """Return the accuracy of guessing, where all runs share it."""
    classes = {CLASSES.get(row.spec.document["data"]["name"]) for row in rows}
    known = classes.pop() if len(classes) == 1 else None
    return 1 / known if known else None


def _versions(directory: SweepDirectory, rows: Sequence[Row]) -> list[tuple[str, str]]:
    """Return what software made the first finished run."""
    for row in rows:
        if row.status == "done":
            with read_trace(directory.run_file(row.spec)) as trace:
                found = trace.attributes
            return [(name, str(found[key])) for key, name in VERSIONS.items() if key in found]
    return []
