"""Every entry of every registry is covered by its family's contract tests, and is one file."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from neurosim.crossbar import MAPPINGS, WRITE_ERRORS
from neurosim.crossbar.approximations import APPROXIMATIONS
from neurosim.crossbar.currents import CURRENTS
from neurosim.devices import DEVICES
from neurosim.learning.computed import REFERENCES
from neurosim.learning.estimators import ESTIMATORS
from neurosim.learning.optimiser import OPTIMISERS
from neurosim.learning.programmers import PROGRAMMERS
from neurosim.networks.activations import ACTIVATIONS
from neurosim.networks.pools import POOLS
from neurosim.networks.resistive import LAWS
from neurosim.numerics.fixed_point import SOLVERS
from neurosim.numerics.integrators import IMPLICIT, INTEGRATORS
from neurosim.numerics.processes import PROCESSES
from neurosim.spice.engines import ENGINES

ROOT = Path(__file__).parents[2]
CONTRACTS = {
    "tests/crossbar/test_approximations.py": APPROXIMATIONS,
    "tests/crossbar/test_crossbar.py": MAPPINGS,
    "tests/crossbar/test_currents.py": CURRENTS,
    "tests/crossbar/test_write_error.py": WRITE_ERRORS,
    "tests/devices/test_device_contract.py": DEVICES,
    "tests/learning/test_contrast.py": ESTIMATORS,
    "tests/learning/test_optimiser.py": OPTIMISERS,
    "tests/learning/test_programmers.py": PROGRAMMERS,
    "tests/learning/test_computed.py": REFERENCES,
    "tests/networks/test_activations.py": ACTIVATIONS,
    "tests/networks/test_convolution.py": POOLS,
    "tests/networks/resistive/test_laws.py": LAWS,
    "tests/numerics/test_implicit.py": IMPLICIT,
    "tests/numerics/test_integrators.py": INTEGRATORS,
    "tests/numerics/test_processes.py": PROCESSES,
    "tests/spice/engines/test_runs.py": ENGINES,
    "tests/test_settle.py": SOLVERS,
}
FOLDERS = {
    "neurosim/devices": DEVICES,
    "neurosim/crossbar/currents": CURRENTS,
    "neurosim/learning/estimators": ESTIMATORS,
    "neurosim/learning/programmers": PROGRAMMERS,
    "neurosim/networks/activations": ACTIVATIONS,
    "neurosim/networks/pools": POOLS,
    "neurosim/networks/resistive/laws": LAWS,
    "neurosim/numerics/integrators": {**INTEGRATORS, **IMPLICIT},
    "neurosim/numerics/processes": PROCESSES,
    "neurosim/spice/engines": ENGINES,
}
OTHER_FILES = {"__init__", "base", "tableau", "rules", "text_checks"}


@pytest.fixture(scope="module")
def parametrised():
    """Return how often each word stands among the parameters of the collected contract tests, by file."""
    options = ["-o", "addopts=", "--import-mode=importlib", "--collect-only", "-q", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *CONTRACTS]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    listed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    words = {path: Counter() for path in CONTRACTS}
    for line in listed.splitlines():
        path, _, test = line.partition("::")
        words.get(path, Counter()).update(test.partition("[")[2].rstrip("]").split("-"))
    return words


@pytest.mark.parametrize("path", CONTRACTS)
def test_every_entry_of_a_registry_runs_through_its_contract(path, parametrised):
    missing = [name for name in CONTRACTS[path] if parametrised[path][name] < 1]
    assert missing == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_entry_of_a_registry_is_a_file_of_its_name(folder):
    files = {path.stem for path in (ROOT / folder).glob("*.py")}
    assert set(FOLDERS[folder]) <= files


@pytest.mark.parametrize("folder", list(FOLDERS)[1:])
def test_every_file_of_a_family_is_registered(folder):
    files = {path.stem for path in (ROOT / folder).glob("*.py")} - OTHER_FILES
    assert files == set(FOLDERS[folder])
