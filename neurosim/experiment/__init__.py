"""One experiment, run: built from its configuration, trained, traced, and resumable."""

from __future__ import annotations

from neurosim.experiment.train import Paused, Progress, run

__all__ = ["Paused", "Progress", "run"]
