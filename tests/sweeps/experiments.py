"""Experiments to sweep over in tests."""

from __future__ import annotations

from neurosim.config import Experiment, parse_experiment


def experiment(axes: dict, *, seeds: int = 1, mode: str = "product", **tables: dict) -> Experiment:
    """Return a sweep over `axes` of a soft-bounds experiment."""
    document = {
        "title": "a sweep of stand-ins",
        "device": {"model": "soft_bounds"},
        "sweep": {"axes": axes, "seeds": seeds, "mode": mode},
        **tables,
    }
    return parse_experiment(document, "test.toml")
