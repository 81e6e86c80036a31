import pytest
from experiment.tiny import contents, tiny

from neurosim.experiment import run


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """Return the trace and the final scalars of the tiny experiment, run through."""
    path = tmp_path_factory.mktemp("undisturbed") / "run.h5"
    final = run(tiny(), path)
    return contents(path), final
