"""[crossbar.faults], errors of writing, and the checks of both and of the second set of arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from neurosim.config.fields import Count, Positive, Table
from neurosim.crossbar import WRITE_ERRORS, Faults
from neurosim.errors import RangeError
from neurosim.learning.estimators import ESTIMATORS

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment

Fraction = Annotated[float, Field(ge=0, le=1)]


class FaultTable(Table):
    """[crossbar.faults]: probability of each fault; see `neurosim.crossbar.Faults`."""

    stuck_g_min: Fraction = Field(default=0.0, description="fraction of devices stuck at g_min")
    stuck_g_max: Fraction = Field(default=0.0, description="fraction of devices stuck at g_max")
    stuck_random: Fraction = Field(default=0.0, description="fraction of devices stuck anywhere in their range")
    open_devices: Fraction = Field(default=0.0, description="fraction of devices that are open, 0 S")
    stuck_rows: Fraction = Field(default=0.0, description="fraction of rows whose devices are all stuck")
    stuck_cols: Fraction = Field(default=0.0, description="fraction of columns whose devices are all stuck")
    stuck_lines_at: Literal["g_min", "g_max", "open"] = Field(default="g_min", description="where stuck lines sit")
    open_rows: Fraction = Field(default=0.0, description="fraction of rows cut off their terminal")
    open_cols: Fraction = Field(default=0.0, description="fraction of columns cut off their terminal")
    shorted_rows: Fraction = Field(default=0.0, description="fraction of rows shorted to the next one")
    shorted_cols: Fraction = Field(default=0.0, description="fraction of columns shorted to the next one")

    def build(self) -> Faults | None:
        """Return the faults, or None without any."""
        faults = Faults(**self.model_dump())
        return None if faults == Faults(stuck_lines_at=self.stuck_lines_at) else faults

    @property
    def shorted(self) -> bool:
        """Whether lines may be shorted."""
        return self.shorted_rows > 0 or self.shorted_cols > 0


class WriteVerify(Table):
    """[learning.write_verify]: the loop of ``programmer = "write_verify"``."""

    tolerance: Positive = Field(default=0.5, description="accepted deviation of a read, in nominal steps")
    budget: Count = Field(default=20, description="most pulses on a device in one write")


def _devices(e: Experiment) -> Iterator[tuple[str, str, str]]:
    try:
        e.crossbar.faults.build()
    except RangeError as error:
        yield "crossbar.faults", "open_devices", f"{str(error).partition(': ')[2]} with the stuck ones"


def _write_error(e: Experiment) -> Iterator[tuple[str, str, str]]:
    if e.crossbar.write_error == "none":
        return
    try:
        WRITE_ERRORS[e.crossbar.write_error].check(e.device.g_min, e.device.g_max)
    except RangeError as error:
        yield "crossbar", "write_error", str(error).partition(": ")[2]


def _shorted(e: Experiment) -> Iterator[tuple[str, str, str]]:
    if e.crossbar.faults.shorted and e.crossbar.read_noise > 0 and e.crossbar.read_noise_scope == "step":
        text = "not modelled for shorted lines, whose weights share the noise; choose 'frozen' or 'phase'"
        yield "crossbar", "read_noise_scope", text


def _separate(e: Experiment) -> Iterator[tuple[str, str, str]]:
    if e.crossbar.phases == "shared":
        return
    if e.learning.estimator not in ESTIMATORS or e.learning.estimator == "oscillating":
        text = f"[learning] estimator = {e.learning.estimator!r} has no phases to separate; set phases = 'shared'"
        yield "crossbar", "phases", text
    noisy = e.crossbar.read_noise > 0 or e.crossbar.noise.kind != "none"
    if noisy and e.crossbar.read_noise_scope == "step":
        text = "not modelled with [crossbar] phases = 'separate'; choose 'frozen' or 'phase'"
        yield "crossbar", "read_noise_scope", text


FAULT_CHECKS = (_devices, _write_error, _shorted, _separate)
