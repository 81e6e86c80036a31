"""Where converters stand: around a network that settles in analog, or in every read of every array.

``readout``: inputs come from DACs, held for all phases, and the activities of which updates and outputs are made are
read by ADCs, each reading with noise of its own. Nothing is converted while the network settles. A response smaller
than one step of the ADC is seen only by the neurons that happen to cross a threshold: for two readings at +-beta of
activities a with responses a' the expected cosine with the response is

    cos = sqrt( 2 beta <a'^2> / (lsb <|a'|>) ),   2 beta |a'| < lsb.

``every_read``: the neurons are digital, see `neurosim.networks.conversion`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from neurosim.crossbar.converters import Converter
from neurosim.crossbar.tiles import Tiles, converted_read
from neurosim.errors import ConfigError
from neurosim.networks.conversion import Conversion
from neurosim.networks.topology import INPUT

if TYPE_CHECKING:
    from neurosim.backend import Array
    from neurosim.crossbar.converters import ConverterRow
    from neurosim.crossbar.tiles import ConvertedRead
    from neurosim.learning.bench import Bench
    from neurosim.networks.topology import Topology
    from neurosim.rng import Streams

CONVERSIONS = ("readout", "every_read")


@dataclass(frozen=True, slots=True, eq=False)
class ReadoutConverters:
    """DACs of the inputs and ADCs of the activities, one per line."""

    inputs: ConverterRow
    readings: ConverterRow

    def on(self, bench: Bench, streams: Streams, use: str, step: int) -> Bench:
        """Return `bench` with inputs as coded and applied, and activities as read."""
        rng = streams.generator(f"{use}/adc", step)
        code = self.inputs.converter.quantise(bench.x)
        applied = self.inputs.analog(bench.x, streams.generator(f"{use}/dac", step))

        def reading(a: Array) -> Array:
            return self.readings.digital(a, rng)

        return replace(bench, x=code, applied=applied, sampled=reading)


@dataclass(frozen=True, slots=True, eq=False)
class ReadConverters:
    """Converters of every array, per tile and direction."""

    forward: Mapping[str, ConvertedRead]
    back: Mapping[str, ConvertedRead]

    def on(self, bench: Bench, streams: Streams, use: str, step: int) -> Bench:
        """Return `bench` with reads that are converted."""
        conversion = Conversion(
            self.forward,
            self.back,
            streams.generator(f"{use}/converters", step),
            lambda: streams.generator(f"{use}/converters/held", step),
        )
        return replace(bench, conversion=conversion)


Converters = ReadoutConverters | ReadConverters


def build_converters(
    top: Topology, where: str, dac: Converter, adc: Converter, tiles: Tiles, streams: Streams, dtype: Any
) -> Converters | None:
    """Return the converters of a network, their errors drawn once; None where both kinds are ideal.

    Parameters
    ----------
    top
        Layers and arrays; for ``every_read`` dense ones without a readout.
    where
        ``"readout"`` or ``"every_read"``.
    dac, adc
        Both kinds of converters. In ``readout`` both are in units of activity, in ``every_read`` the ADC's are those
        of the output of an array.
    tiles
        Size of the arrays; of no consequence in ``readout``.

    Raises
    ------
    ConfigError
        Kernels or a softmax readout, whose converters are not modelled.
    """
    if dac.ideal and adc.ideal:
        return None
    if top.readout:
        raise ConfigError("converters: the logits of a softmax readout are not modelled; use output = 'squared_error'")
    if where == "readout":
        inputs = dac.row(top.by_name[INPUT].size, "input/dac", streams, dtype)
        return ReadoutConverters(inputs, adc.row(top.nodes, "activity/adc", streams, dtype))
    if top.inverted:
        raise ConfigError("converters in every read are not modelled for predictive networks; use 'readout'")
    if top.convolutional:
        raise ConfigError("converters in every read are not modelled for kernels; use conversion = 'readout'")

    def read(name: str, shape: tuple[int, int], back: bool) -> ConvertedRead:
        return converted_read(name, shape, tiles, dac=dac, adc=adc, back=back, streams=streams, dtype=dtype)

    forward = {s.name: read(s.name, top.shape(s), False) for s in top.synapses}
    back = {s.name: read(s.name, top.shape(s), True) for s in top.synapses if s.reciprocal}
    return ReadConverters(forward, back)
