"""Arrays of conductance pairs: mapping of weights, programming, reads and their noise."""

from neurosim.crossbar.array import Crossbar
from neurosim.crossbar.faults import Faults, Shorts
from neurosim.crossbar.mapping import MAPPINGS, SCHEMES
from neurosim.crossbar.pair import PairState, Past
from neurosim.crossbar.pair_lines import PairLines
from neurosim.crossbar.read import OutputNoise, WeightNoise
from neurosim.crossbar.write_error import WRITE_ERRORS, WriteError

__all__ = [
    "MAPPINGS",
    "SCHEMES",
    "WRITE_ERRORS",
    "Crossbar",
    "Faults",
    "OutputNoise",
    "PairLines",
    "PairState",
    "Past",
    "Shorts",
    "WeightNoise",
    "WriteError",
]
