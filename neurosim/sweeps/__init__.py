"""Sweeps: many runs of one experiment over axes, with tables and a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurosim.sweeps.ledger import Progress
    from neurosim.sweeps.sweep import SweepResult, run_sweep

__all__ = ["Progress", "SweepResult", "run_sweep"]


def __getattr__(name: str) -> Any:
    # Every worker imports this package for the one module that it needs; the rest must not cost it seconds.
    if name == "Progress":
        from neurosim.sweeps.ledger import Progress

        return Progress
    if name in __all__:
        from neurosim.sweeps import sweep

        return getattr(sweep, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
