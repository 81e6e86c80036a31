"""Steps that fall exponentially along the range, fitted to filamentary ReRAM."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurosim.backend import Array, namespace
from neurosim.devices.cells import Cells
from neurosim.devices.imperfect import ImperfectDevice
from neurosim.devices.parameter import number
from neurosim.errors import RangeError


@dataclass(frozen=True, kw_only=True)
class ExpStep(ImperfectDevice):
    """Exponential dependence of the step on the conductance, with its own shape in each direction.

        z      = a w + b                                        w = (g - g_mid) / (g_high - g_mid)
        y_up   = max(0, 1 - amplitude_up   exp( gamma_up   z))
        y_down = max(0, 1 - amplitude_down exp(-gamma_down z))

        up:    g <- clip(g + step_up   y_up(w)   / y_up(0)   (1 + c2c xi))
        down:  g <- clip(g - step_down y_down(w) / y_down(0) (1 + c2c xi))

    g [S] conductance; w in [-1, 1] its position in the device's own range; step_up, step_down, g_low, g_high
    [S] of each device (`Cells`); amplitude, gamma, a, b shape parameters; xi fresh standard normal at each
    pulse. The noise of a pulse of mean size m is ``c2c (m + step (noise_floor + noise_slope p))``, p in [0, 1] the
    position in the range: with the defaults it is ``c2c m``, as written above. Dividing
    by y(0) makes `step` the mid-range step, as in every other model. The defaults are the
    published fit's shape; its up/down ratio at mid-range is ``asymmetry = -0.147`` (see README.md).

    Valid range: conductances in [g_low, g_high]; ``amplitude_up exp(gamma_up b) < 1`` and
    ``amplitude_down exp(-gamma_down b) < 1`` (the device must move at mid-range), `RangeError` otherwise.

    References
    ----------
    Data: Gong et al., Nat. Commun. 9, 2102 (2018), doi:10.1038/s41467-018-04485-1; form and fit: Rasch et
    al., AICAS 2021, arXiv:2104.02184.
    """

    amplitude_up: float = number(-1.18445, "A_up: weight of the exponential, up", low=-100.0, high=100.0)
    amplitude_down: float = number(-0.081404, "A_down: weight of the exponential, down", low=-100.0, high=100.0)
    gamma_up: float = number(5.0, "steepness of the exponential, up", low=0.0, high=40.0)
    gamma_down: float = number(5.0, "steepness of the exponential, down", low=0.0, high=40.0)
    a: float = number(-0.5, "slope of the exponent's argument along the range", low=-1.0, high=1.0)
    b: float = number(-0.5, "exponent's argument at mid-range", low=-1.0, high=1.0)
    noise_floor: float = number(0.0, "noise of a pulse besides the proportional one, over c2c step", low=0.0)
    noise_slope: float = number(0.0, "what noise_floor grows by along the range", low=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, middle in zip(("amplitude_up", "amplitude_down"), self._middle, strict=True):
            if middle <= 0:
                raise RangeError(
                    f"ExpStep.{name} = {getattr(self, name)!r}: the step at mid-range would be zero; "
                    f"allowed below {getattr(self, name) / (1 - middle):.6g} with this gamma and b"
                )

    @property
    def _middle(self) -> tuple[float, float]:
        """``1 - A exp(+-gamma b)``, up and down: the relative step at mid-range before scaling."""
        return (
            1 - self.amplitude_up * math.exp(self.gamma_up * self.b),
            1 - self.amplitude_down * math.exp(-self.gamma_down * self.b),
        )

    def increment(self, g: Array, cells: Cells, up: bool) -> Array:
        """Return the mean step at `g`."""
        xp = namespace(g)
        amplitude = self.amplitude_up if up else self.amplitude_down
        rate = self.gamma_up if up else -self.gamma_down
        relative = 1 - amplitude * xp.exp(rate * (self.a * cells.position(g) + self.b))
        middle_up, middle_down = self._middle
        return cells.step(up) * (xp.maximum(relative, 0.0) / (middle_up if up else middle_down))

    def jitter(self, g: Array, move: Array, cells: Cells, up: bool) -> Array | None:
        """Return ``c2c`` times the mean step here, plus floor and slope."""
        if not self.c2c:
            return None
        std = self.c2c * move
        if self.noise_floor or self.noise_slope:
            rise = 0.5 * self.noise_slope * (1 + cells.position(g))
            std = std + self.c2c * self.step * (self.noise_floor + rise)
        return std
