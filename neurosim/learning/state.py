"""What evolves in training, and what one step tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from neurosim.backend import Array
from neurosim.crossbar import PairState
from neurosim.learning.line_loss import LineReport


@dataclass(frozen=True, slots=True)
class TrainState:
    """All that evolves: conductances of each array, what the optimiser keeps, updates, pulses and refreshes.

    `pulsed` is the sum over all pulses of the conductance of the device that got it [S]: times ``V^2 t`` it is the
    energy of programming by pulses of voltage V and width t. `twins` are the conductances of the second set of arrays,
    `noise` the states of the devices' noise processes (see `ConductanceNoise.start`), `failures` the devices that
    write-verify loops have given up; `lines` is, with line resistance, the attenuation of each plane of devices at the
    last solution (see `PairLines`).
    """

    pairs: Mapping[str, PairState]
    velocity: Mapping[str, Array] = field(default_factory=dict)
    step: int = 0
    pulses: float = 0.0
    pulsed: float = 0.0
    twins: Mapping[str, PairState] = field(default_factory=dict)
    noise: Mapping[str, Array] = field(default_factory=dict)
    failures: float = 0.0
    refreshes: float = 0.0
    lines: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one training step tells: mean free loss, settled fraction, worst residual, counts per array.

    `lines` is there when the step began with a new solution of the lines.
    """

    loss: float
    settled: float
    residual: float
    counts: Mapping[str, Array]
    lines: LineReport | None = None
