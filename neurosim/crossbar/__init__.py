"""Arrays of conductance pairs: mapping of weights, programming, reads and their noise."""

from neurosim.crossbar.array import Crossbar
from neurosim.crossbar.mapping import MAPPINGS, SCHEMES
from neurosim.crossbar.pair import PairState, Past
from neurosim.crossbar.pair_lines import PairLines
from neurosim.crossbar.read import OutputNoise, WeightNoise

__all__ = ["MAPPINGS", "SCHEMES", "Crossbar", "OutputNoise", "PairLines", "PairState", "Past", "WeightNoise"]
