"""[crossbar.noise], the temperature, and the checks of all noise that goes on while the network settles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from neurosim.config.fields import Hertz, Interval, Table
from neurosim.numerics.integrators import INTEGRATORS
from neurosim.settle import ADAPTIVE

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment
    from neurosim.numerics.processes import NoiseProcess

Finding = tuple[str, str, str]
Relative = Annotated[float, Field(gt=0, le=1)]


class Noise(Table):
    """[crossbar.noise]: noise of every conductance as a process in time; `read_noise_scope` says when it is read."""

    kind: Literal["none", "white", "telegraph", "flicker"] = Field(default="none", description="process")
    amplitude: Relative = Field(
        default=0.02,
        description="relative to the conductance: the jump of telegraph noise, the standard deviation of the others",
    )
    bandwidth: Hertz = Field(default=1e6, description="corner frequency of white noise")
    rate_up: Hertz = Field(default=1e3, description="rate of telegraph jumps to the higher conductance")
    rate_down: Hertz = Field(default=1e3, description="rate of telegraph jumps to the lower conductance")
    f_min: Hertz = Field(default=1.0, description="lower end of the 1/f range")
    f_max: Hertz = Field(default=1e6, description="upper end of the 1/f range")
    interval: Interval = Field(default=0.0, description="time between two updates, beside that of their phases")

    def process(self) -> NoiseProcess | None:
        """Return the process, or None for ``"none"``."""
        from neurosim.numerics.processes import PROCESSES

        return PROCESSES[self.kind](**self.model_dump(exclude={"kind", "interval"})) if self.kind != "none" else None


def _frequencies(e: Experiment) -> Iterator[Finding]:
    noise = e.crossbar.noise
    if noise.kind == "flicker" and noise.f_min >= noise.f_max:
        yield "crossbar.noise", "f_min", f"must be below f_max = {noise.f_max:g} Hz"


def _running(e: Experiment) -> Iterator[Finding]:
    if e.crossbar.noise.kind == "none" or e.crossbar.read_noise_scope != "step":
        return
    if e.network.output == "softmax" or e.network.convolutions:
        what = "a softmax readout" if e.network.output == "softmax" else "convolutions"
        text = f"with {what} [crossbar.noise] is read once a phase; choose 'phase' or 'frozen'"
        yield "crossbar", "read_noise_scope", text
    elif e.learning.homeostasis > 0:
        yield "learning", "homeostasis", "not modelled with noise at every read; set homeostasis = 0"


def unsettled(e: Experiment) -> str | None:
    """Return why noise that changes at every step cannot be had, or None."""
    settle = e.settle
    if settle.method == "operating_point":
        return "noise that changes at every step leaves no operating point; set [settle] method = 'transient'"
    if settle.integrator == ADAPTIVE:
        return "an adaptive integrator cannot follow noise; set [settle] integrator = 'heun' or 'euler'"
    if settle.on_unsettled == "raise":
        return "noise keeps the residual up, and such a run would stop; set [settle] on_unsettled = 'accept'"
    return None


def _noise(e: Experiment) -> Iterator[Finding]:
    text = unsettled(e)
    if text is None:
        return
    if e.settle.state_noise > 0:
        yield "settle", "state_noise", f"{text}, or state_noise = 0"
    if e.settle.temperature > 0:
        yield "settle", "temperature", f"{text}, or temperature = 0"
    noisy = e.crossbar.read_noise > 0 or e.crossbar.noise.kind != "none"
    if noisy and e.crossbar.read_noise_scope == "step":
        yield "crossbar", "read_noise_scope", f"{text}, or the scope 'frozen' or 'phase'"


def _thermal(e: Experiment) -> Iterator[Finding]:
    if e.settle.temperature > 0 and e.network.convolutions:
        yield "settle", "temperature", "thermal noise is not modelled for kernels; set temperature = 0"


def _kernels(e: Experiment) -> Iterator[Finding]:
    if e.network.convolutions and e.crossbar.read_noise > 0 and e.crossbar.read_noise_scope == "step":
        text = "not modelled for kernels, whose noise goes through the pool; choose 'frozen' or 'phase'"
        yield "crossbar", "read_noise_scope", text


def stability(e: Experiment) -> Iterator[Finding]:
    """Yield a time step at which the integrator does not damp."""
    settle = e.settle
    if settle.method != "transient" or settle.integrator == ADAPTIVE:
        return
    growth = abs(float(INTEGRATORS[settle.integrator].amplification(settle.dt)))
    if growth >= 1:
        text = f"unstable: {settle.integrator!r} multiplies an error by {growth:.3g} at every such step"
        yield "settle", "dt", f"{text}; take a smaller one (1 is the iteration of the literature)"


NOISE_CHECKS = (_frequencies, _running, _kernels, _noise, _thermal)
