"""Can a network of real analog devices learn by equilibrium propagation? A simulator that answers.

Networks of leaky neurons settle on crossbars of imperfect conductance pairs, are nudged toward their targets, and
update every device from local differences alone. See ``docs/architecture.md`` for how the parts fit together.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("neurosim-analog")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"
