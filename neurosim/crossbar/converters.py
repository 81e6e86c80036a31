"""Digital-to-analog and analog-to-digital converters: uniform, saturating, each line with its own gain and offset."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from neurosim.backend import Array, namespace
from neurosim.errors import RangeError
from neurosim.rng import Streams

FINEST_BITS = 24
"""Most bits: what the significand of float32 holds."""


@dataclass(frozen=True, slots=True)
class Converter:
    """A mid-tread uniform quantiser that saturates, the same for a whole row of lines.

    ``q(x) = lsb round(clip(x, -full_scale, full_scale) / lsb)``,  ``lsb = 2 full_scale / (2^bits - 2)``

    with codes ``-(2^(bits - 1) - 1) ... 2^(bits - 1) - 1``: zero is a code and both ends of the range are. A signal
    between 0 and `full_scale` uses half of them.

    Attributes
    ----------
    bits
        Resolution, 2 to 24; 0 for one that neither rounds nor saturates.
    full_scale
        Largest value: of an activity in units of v_ref, of the output of an array in units of ``g_ref v_ref``.
    offset
        Standard deviation of the lines' offsets, relative to `full_scale`.
    gain_error
        Standard deviation of the lines' relative gain errors.
    noise
        Standard deviation of the noise of one conversion, relative to `full_scale`.

    Raises
    ------
    RangeError
        A value outside its range.
    """

    bits: int = 0
    full_scale: float = 1.0
    offset: float = 0.0
    gain_error: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        if self.bits != 0 and not 2 <= self.bits <= FINEST_BITS:
            raise RangeError(f"Converter.bits = {self.bits!r}: allowed 2 to {FINEST_BITS}, or 0 for an ideal one")
        if not 0 < self.full_scale < math.inf:
            raise RangeError(f"Converter.full_scale = {self.full_scale!r}: must be positive and finite")
        for name in ("offset", "gain_error", "noise"):
            if not 0 <= getattr(self, name) < math.inf:
                raise RangeError(f"Converter.{name} = {getattr(self, name)!r}: allowed [0, inf)")

    @property
    def ideal(self) -> bool:
        """Whether it changes nothing."""
        return self.bits == 0 and self.offset == self.gain_error == self.noise == 0

    @property
    def lsb(self) -> float:
        """Distance of two codes, in the units of `full_scale`; 0 without a resolution."""
        return 2 * self.full_scale / (2**self.bits - 2) if self.bits else 0.0

    def quantise(self, x: Array) -> Array:
        """Return `x` at its nearest code, a new array; `x` itself without a resolution."""
        refuse_complex(x)
        if self.bits == 0:
            return x
        xp = namespace(x)
        codes = xp.clip(x, -self.full_scale, self.full_scale)
        codes *= 1 / self.lsb
        xp.rint(codes, out=codes)
        codes *= self.lsb
        return codes

    def row(self, count: int, name: str, streams: Streams, dtype: Any) -> ConverterRow:
        """Return `count` lines, their errors drawn from streams ``converters/<name>/gain`` and ``.../offset``."""

        def drawn(what: str, scale: float) -> Array:
            if scale == 0:
                return None
            normal = streams.generator(f"converters/{name}/{what}").standard_normal((count,), dtype=dtype)
            normal *= scale
            return normal

        gain = drawn("gain", self.gain_error)
        return ConverterRow(self, None if gain is None else 1 + gain, drawn("offset", self.offset * self.full_scale))


@dataclass(frozen=True, slots=True, eq=False)
class ConverterRow:
    """Converters side by side, one per line.

    Attributes
    ----------
    converter
        What they have in common.
    gain, offset
        Gain, near 1, and offset of each line, (lines,); None where all are ideal.
    """

    converter: Converter
    gain: Array = None
    offset: Array = None

    def digital(self, x: Array, rng: Any) -> Array:
        """Return the readings ``q(gain x + offset + noise)`` of analog values `x` (batch, lines)."""
        return self.converter.quantise(self._line(x, rng))

    def analog(self, x: Array, rng: Any) -> Array:
        """Return ``gain q(x) + offset + noise``, what is applied for digital values `x` (batch, lines)."""
        return self._line(self.converter.quantise(x), rng)

    def _line(self, x: Array, rng: Any) -> Array:
        refuse_complex(x)
        if self.gain is not None:
            x = x * self.gain
        if self.offset is not None:
            x = x + self.offset
        if self.converter.noise:
            normal = rng.standard_normal(x.shape, dtype=x.dtype)
            normal *= self.converter.noise * self.converter.full_scale
            normal += x
            x = normal
        return x


def refuse_complex(x: Array) -> None:
    """Raise `RangeError` when `x` is complex: rounding has no analytic continuation."""
    if x.dtype.kind == "c":
        raise RangeError(
            f"a converter is not holomorphic and got complex values ({x.dtype}); for complex beta leave "
            "[crossbar.dac] and [crossbar.adc] out, or choose an estimator with real beta (one_sided, random_sign, "
            "symmetric, or oscillating with the cosine waveform)"
        )
