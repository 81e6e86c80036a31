"""[crossbar.drift], [crossbar.retention], [crossbar.times], [crossbar.refresh], [crossbar.wear]: time and use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from neurosim.config.fields import Duration, NonNegative, Seconds, Siemens, Table, Whole
from neurosim.crossbar import MAPPINGS
from neurosim.crossbar.refresh import Refresh as RefreshPolicy
from neurosim.devices import Ageing
from neurosim.devices import Wear as WearModel
from neurosim.learning.times import Times as Durations

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment

Exponent = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(ge=0, le=2)]
Fraction = Annotated[float, Field(ge=0, le=1)]
RUNNING = ("oscillating",)


class Drift(Table):
    """[crossbar.drift]: G falls as ((age + t0) / t0)^-nu, age being the time since the last programming."""

    nu: Exponent = Field(default=0.0, description="drift exponent of a device programmed to g_max")
    nu_spread: Spread = Field(default=0.0, description="its relative spread from device to device, lognormal")
    nu_slope: Annotated[float, Field(ge=-1, le=1)] = Field(
        default=0.0, description="what nu falls by per factor e of the programmed conductance"
    )
    nu_low: Exponent = Field(default=0.0, description="smallest mean exponent")
    nu_high: Exponent = Field(default=1.0, description="largest mean exponent")
    t0: Seconds = Field(default=1.0, description="age at which drift has set in")


class Retention(Table):
    """[crossbar.retention]: exponential loss towards a resting conductance, and a random walk."""

    lifetime: Duration = Field(default=0.0, description="time constant; 0 for none")
    rest: Siemens | None = Field(default=None, description="conductance that is left; g_min when left out")
    diffusion: Siemens = Field(default=0.0, description="standard deviation of the random walk after one second")


class Times(Table):
    """[crossbar.times]: how long the operations of training take; devices age meanwhile."""

    free_phase: Duration = Field(default=0.0, description="from the free read to the first nudged one")
    nudged_phase: Duration = Field(default=0.0, description="each nudged phase")
    update: Duration = Field(default=0.0, description="from an update to the next free phase")
    epoch: Duration = Field(default=0.0, description="pause between epochs")


class Refresh(Table):
    """[crossbar.refresh]: writing back what was last written, and emptying pairs that are only potentiated."""

    every: Whole = Field(default=0, description="updates; 0 for never")
    stale: Fraction = Field(
        default=0.0, description="mean distance from what was written, share of the range; 0: never"
    )
    larger: Fraction = Field(default=0.75, description="a full pair: its larger device above this share of the range")
    smaller: Fraction = Field(default=0.25, description="a full pair: its smaller device above this share")


class Wear(Table):
    """[crossbar.wear]: pulses that a device takes."""

    pulses: Annotated[float, Field(ge=0)] = Field(default=0.0, description="mean number; 0 for endless")
    spread: NonNegative = Field(default=0.0, description="its relative spread from device to device, lognormal")
    stuck_at: Literal["present", "g_min", "g_max"] = Field(default="present", description="where a device stops")


def ageing(experiment: Experiment) -> Ageing | None:
    """Return how the devices of [crossbar.drift] and [crossbar.retention] age, or None when they do not."""
    drift, loss, device = experiment.crossbar.drift, experiment.crossbar.retention, experiment.device
    found = Ageing(
        **drift.model_dump(),
        g_ref=device.g_max,
        lifetime=loss.lifetime,
        rest=device.g_min if loss.rest is None else loss.rest,
        diffusion=loss.diffusion,
    )
    return found if found.active else None


def wear(experiment: Experiment) -> WearModel | None:
    """Return the endurance of [crossbar.wear], or None when devices last for ever."""
    table = experiment.crossbar.wear
    return WearModel(**table.model_dump()) if table.pulses else None


def times(experiment: Experiment) -> Durations:
    """Return the durations of [crossbar.times]."""
    return Durations(**experiment.crossbar.times.model_dump())


def refresh(experiment: Experiment) -> RefreshPolicy | None:
    """Return the policy of [crossbar.refresh]; None where there is never an occasion."""
    table, exact = experiment.crossbar.refresh, experiment.learning.programmer == "ideal"
    layout = MAPPINGS[experiment.crossbar.mapping][experiment.crossbar.scheme]
    if not (layout.one_way or table.every or table.stale):
        return None
    return RefreshPolicy(**table.model_dump(), exact=exact)


def time_findings(e: Experiment) -> Iterator[tuple[str, str, str]]:
    """Yield what contradicts in the tables of this file, and between them and the phases."""
    spec = e.crossbar
    if spec.drift.nu_low > spec.drift.nu_high:
        yield "crossbar.drift", "nu_low", f"must not exceed nu_high = {spec.drift.nu_high:g}"
        return
    if spec.wear.pulses and spec.wear.pulses < 1:
        yield "crossbar.wear", "pulses", "expected 0 (endless) or a number >= 1"
    if spec.wear.spread > 10:
        yield "crossbar.wear", "spread", "expected a number <= 10"
    within = spec.times.free_phase > 0 or spec.times.nudged_phase > 0
    key = "free_phase" if spec.times.free_phase > 0 else "nudged_phase"
    if within and spec.read_noise > 0 and spec.read_noise_scope == "step":
        text = "not modelled where devices age between phases; choose 'frozen' or 'phase'"
        yield "crossbar", "read_noise_scope", text
    if within and e.learning.estimator in RUNNING:
        text = f"[learning] estimator = {e.learning.estimator!r} has no phases between which devices could age"
        yield "crossbar.times", key, f"{text}; leave it out, or choose an estimator with phases"
