"""What an import costs: heavy libraries are loaded by those who need them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("scipy", "matplotlib", "h5py", "numba", "cupy", "pandas", "xarray", "distributed", "networkx", "pydantic")
NOT_FOR_TRAINING = ("scipy", "matplotlib", "numba", "cupy", "pandas", "xarray", "distributed", "typer", "jinja2")


@pytest.mark.parametrize(("module", "unwanted"), [("neurosim", HEAVY), ("neurosim.experiment", NOT_FOR_TRAINING)])
def test_import_loads_no_library_that_is_not_needed(module, unwanted):
    code = f"import sys, {module}; print([name for name in {unwanted} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
