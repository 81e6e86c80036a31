"""Fitting device models to measured pulses. Imports scipy; nothing that trains needs it."""

from neurosim.devices.fit.estimate import Fitted, compare, fit
from neurosim.devices.fit.intervals import Interval
from neurosim.devices.fit.pulses import Transitions, read_pulses
from neurosim.devices.fit.shapes import SHAPES

__all__ = ["SHAPES", "Fitted", "Interval", "Transitions", "compare", "fit", "read_pulses"]
