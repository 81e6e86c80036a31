"""``neurosim doctor``: what is installed, what is missing and how to get it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import typer

import neurosim

DISTRIBUTION = "neurosim-analog"
NEEDED = (
    "numpy",
    "scipy",
    "h5py",
    "matplotlib",
    "networkx",
    "pydantic",
    "jinja2",
    "rich",
    "typer",
    "threadpoolctl",
)
OPTIONAL = (
    ("numba", "fast", "compiled programming pulses"),
    ("distributed", "cluster", "sweeps on a dask.distributed cluster"),
    ("xarray", "analysis", "reading traces as labelled arrays"),
    ("h5netcdf", "analysis", "reading traces with xarray"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked for. `found` is None when it is missing; `remedy` says how to get it."""

    name: str
    found: str | None
    remedy: str = ""
    needed: bool = False

    def cells(self) -> list[str]:
        """Return the finding as a row of the table."""
        if self.found is not None:
            return [self.name, self.found, ""]
        return [self.name, "MISSING" if self.needed else "not found", self.remedy]


def doctor() -> None:
    """Show what is installed and what is missing, and how to get it."""
    from neurosim.cli.sheet import print_table

    findings = list(examine())
    print_table(["", "found", "if missing"], [[finding.cells() for finding in findings]])
    if any(finding.needed and finding.found is None for finding in findings):
        raise typer.Exit(1)


def examine() -> Iterator[Finding]:
    """Yield all findings."""
    yield from _software()
    yield from _machine()
    yield from _simulators()
    yield from _data_sets()


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _software() -> Iterator[Finding]:
    import platform

    yield Finding("python", platform.python_version())
    yield Finding("neurosim", neurosim.__version__)
    for package in NEEDED:
        yield Finding(package, _version(package), f"pip install {DISTRIBUTION}", needed=True)
    for package, extra, use in OPTIONAL:
        yield Finding(package, _version(package), f"{use}: pip install '{DISTRIBUTION}[{extra}]'")


def _machine() -> Iterator[Finding]:
    from neurosim.backend import get_backend
    from neurosim.errors import BackendError

    yield Finding("processor", _threads())
    yield Finding("pulse loop", _pulse_loop())
    try:
        backend = get_backend("cupy")
        count = backend.xp.cuda.runtime.getDeviceCount()
        yield Finding("GPU (cupy)", f"cupy {backend.xp.__version__}, {count} device(s)")
    except BackendError as error:
        yield Finding("GPU (cupy)", None, str(error).partition("; backend =")[0])


def _simulators() -> Iterator[Finding]:
    from neurosim.spice.engines import ENGINES

    for name, engine in ENGINES.items():
        yield Finding(name, engine.available(), f"circuit simulator, for cross-checks: {engine.how_to_install}")


def _threads() -> str:
    import os

    import numpy as np  # noqa: F401  (loads the BLAS that is asked about)
    from threadpoolctl import threadpool_info

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pools = [
        f"{pool['internal_api']} {pool.get('version') or ''} with {pool['num_threads']} thread(s)"
        for pool in threadpool_info()
    ]
    return f"{cores} core(s); BLAS: {', '.join(pools) or 'unknown'}"


def _pulse_loop() -> str:
    import numpy as np

    from neurosim.devices.kernels import compiled

    return "numpy" if compiled(np.dtype("float32")) is None else "compiled, in processes that apply many pulses"


def _data_sets() -> Iterator[Finding]:
    from neurosim.data import datasets

    for info in datasets():
        yield Finding(
            f"data set {info.name}", info.found, f"neurosim data {info.name}; or {info.how[0]}" if info.how else ""
        )
