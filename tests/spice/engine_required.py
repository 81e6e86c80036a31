"""An engine for a test. Where it is missing the test skips and says why, or fails where NEUROSIM_REQUIRE_SPICE=1."""

import os

import pytest

from neurosim.spice.engines import Engine, get_engine


def engine(name: str) -> Engine:
    found = get_engine(name)
    if found.available() is None:
        reason = f"the engine {name!r} is not installed: {found.how_to_install}"
        if os.environ.get("NEUROSIM_REQUIRE_SPICE") == "1":
            pytest.fail(f"NEUROSIM_REQUIRE_SPICE=1 and {reason}", pytrace=False)
        pytest.skip(reason)
    return found
