"""The circuits around the arrays: converters, tiles, amplifiers. Their tables, and what contradicts them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from neurosim.config.fields import NonNegative, Positive, Table, Unit, Whole, quantity
from neurosim.config.predictive import PREDICTIVE_CODING
from neurosim.crossbar.converters import FINEST_BITS, Converter
from neurosim.crossbar.tiles import Tiles
from neurosim.networks.neurons import Amplifier

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment

ACTIVITY, OUTPUT = 1.0, 10.0
"""Full scale of a converter that none is given for: of an activity [v_ref], of an array's output [g_ref v_ref]."""

Bits = Annotated[int, Field(ge=0, le=FINEST_BITS)]
Saturation = Annotated[float, quantity("V", zero=True), Unit("V")]


class ConverterTable(Table):
    """[crossbar.dac], [crossbar.adc]: one kind of converters."""

    bits: Bits = Field(default=0, description="resolution; 0 for ideal ones")
    full_scale: Positive | None = Field(
        default=None, description="largest value in v_ref (activities) or g_ref v_ref (outputs of arrays)"
    )
    offset: NonNegative = Field(default=0.0, description="spread of the offsets, relative to full_scale")
    gain_error: NonNegative = Field(default=0.0, description="spread of the gains, relative")
    noise: NonNegative = Field(default=0.0, description="noise of a conversion, relative to full_scale")

    def build(self, full_scale: float) -> Converter:
        """Return the converter; `full_scale` is what it is where none is given."""
        return Converter(self.bits, self.full_scale or full_scale, self.offset, self.gain_error, self.noise)


class TilesTable(Table):
    """[crossbar.tiles]: largest size of one physical array."""

    rows: Whole = Field(default=0, description="rows of one array; 0 for no limit")
    cols: Whole = Field(default=0, description="columns of one array; 0 for no limit")

    def build(self) -> Tiles:
        """Return the tiles."""
        return Tiles(self.rows, self.cols)


class AmplifierTable(Table):
    """[network.amplifier]: the summing amplifier of every neuron."""

    gain: NonNegative = Field(default=0.0, description="open-loop gain; 0 for an ideal one")
    u_max: Saturation = Field(default=0.0, description="largest output voltage; 0 for no limit")

    def build(self) -> Amplifier | None:
        """Return the amplifier that loads its drive, or None for an ideal one."""
        return Amplifier(self.gain) if self.gain else None


def converting(e: Experiment) -> bool:
    """Return whether some converter is not ideal."""
    return not all(table.build(1.0).ideal for table in (e.crossbar.dac, e.crossbar.adc) if table.bits != 1)


def _bits(e: Experiment) -> Iterator[tuple[str, str, str]]:
    for name in ("dac", "adc"):
        if getattr(e.crossbar, name).bits == 1:
            yield f"crossbar.{name}", "bits", "one bit has the code 0 alone; expected 0 for ideal ones, or 2 to 24"


def _converters(e: Experiment) -> Iterator[tuple[str, str, str]]:
    if not converting(e):
        return
    learning, where = e.learning, f"conversion = {e.crossbar.conversion!r}"
    circle = learning.estimator == "holomorphic" and learning.points > 2
    if circle or (learning.estimator == "oscillating" and learning.waveform == "rotation"):
        text = "needs complex states, which no converter passes; choose one with real beta (one_sided, random_sign, "
        yield "learning", "estimator", f"{text}symmetric, oscillating with waveform = 'cosine'), or bits = 0"
    if e.network.output == "softmax":
        yield "network", "output", "the converters of a softmax readout are not modelled; choose 'squared_error'"
    if e.learning.homeostasis > 0:
        yield "learning", "homeostasis", "its own reads are not modelled with converters; set 0, or bits = 0"
    if e.crossbar.conversion == "readout":
        return
    if e.network.convolutions:
        yield "crossbar", "conversion", "not modelled for kernels; choose 'readout'"
    if e.network.architecture == PREDICTIVE_CODING:
        yield "crossbar", "conversion", "not modelled for predictive networks; choose 'readout'"
    if e.network.amplifier.gain:
        text = f"with [crossbar] {where} neurons are digital and sum nothing"
        yield "network.amplifier", "gain", f"{text}; set 0, or conversion = 'readout'"
    if e.crossbar.read_noise > 0 and e.crossbar.read_noise_scope == "step":
        yield "crossbar", "read_noise_scope", f"is added behind the ADCs of {where}; choose 'frozen' or 'phase'"
    yield from _noise(e)


def _noise(e: Experiment) -> Iterator[tuple[str, str, str]]:
    """Yield why noise that is fresh at every read of every step cannot be settled."""
    for name in ("dac", "adc"):
        if getattr(e.crossbar, name).noise == 0:
            continue
        if e.settle.method == "operating_point":
            text = "noise that changes at every step leaves no operating point; set [settle] method = 'transient'"
        elif e.settle.integrator == "tsit5_adaptive":
            text = "an adaptive integrator cannot follow noise; set [settle] integrator = 'euler'"
        elif e.settle.on_unsettled == "raise":
            text = "noise keeps the residual up, and such a run would stop; set [settle] on_unsettled = 'accept'"
        else:
            continue
        yield f"crossbar.{name}", "noise", f"{text}, or noise = 0"


def _amplifier(e: Experiment) -> Iterator[tuple[str, str, str]]:
    if e.network.amplifier.gain == 0:
        return
    if e.network.convolutions:
        yield "network.amplifier", "gain", "not modelled for kernels; set 0 for an ideal one"
    if e.network.architecture == PREDICTIVE_CODING:
        yield "network.amplifier", "gain", "not modelled for predictive networks; set 0 for an ideal one"
    if e.crossbar.mapping == "reference":
        text = "the current of a shared reference column loads no single neuron"
        yield "network.amplifier", "gain", f"{text}; set [crossbar] mapping = 'balanced' or 'one_sided'"


def _energy(e: Experiment) -> Iterator[tuple[str, str, str]]:
    """Yield what the power balance of analog neurons behind ideal virtual grounds does not hold for."""
    amplifier, hybrid = e.network.amplifier, e.crossbar.conversion == "every_read" and converting(e)
    if e.trace.energy and (hybrid or amplifier.gain or amplifier.u_max):
        what = "converters in every read" if hybrid else "amplifiers that are not ideal"
        yield "trace", "energy", f"the power of {what} is not modelled; set energy = false"


PERIPHERY_CHECKS = (_bits, _converters, _amplifier, _energy)


def unwritten(e: Experiment) -> Iterator[tuple[str, str, str]]:
    """Yield what of the periphery no netlist is written for."""
    for name in ("dac", "adc"):
        table = getattr(e.crossbar, name)
        for key in ("bits", "offset", "gain_error", "noise"):
            if getattr(table, key):
                yield f"crossbar.{name}", key, "no netlist is written for converters; leave the table out"
    for key in ("gain", "u_max"):
        if getattr(e.network.amplifier, key):
            text = "no netlist is written for amplifiers that are not ideal; leave the table out"
            yield "network.amplifier", key, text
