"""Circuit simulators, one file each. Adding one is a file and a line in `ENGINES`."""

from __future__ import annotations

from collections.abc import Mapping

from neurosim.errors import choose
from neurosim.spice.engines.base import Engine, run_all
from neurosim.spice.engines.neospice import Neospice
from neurosim.spice.engines.ngspice import Ngspice
from neurosim.spice.engines.pyspice import PySpice

ENGINES: Mapping[str, Engine] = {
    "ngspice": Ngspice(),
    "pyspice": PySpice(),
    "neospice": Neospice(),
}
"""Name -> engine. They are light: a simulator is looked for when it is asked to run."""

__all__ = ["ENGINES", "Engine", "get_engine", "run_all"]


def get_engine(name: str) -> Engine:
    """Return the engine `name`, installed or not."""
    return choose(ENGINES, name, "engine")
