"""Tests that need an engine skip without it, and fail where it must be there."""

import pytest
from spice.engine_required import engine


@pytest.fixture(autouse=True)
def _no_ngspice(monkeypatch):
    monkeypatch.delenv("NEUROSIM_NGSPICE", raising=False)
    monkeypatch.setenv("PATH", "")


def test_a_missing_engine_skips_with_the_reason(monkeypatch):
    monkeypatch.delenv("NEUROSIM_REQUIRE_SPICE", raising=False)
    with pytest.raises(pytest.skip.Exception, match="the engine 'ngspice' is not installed: apt-get install ngspice"):
        engine("ngspice")


def test_a_missing_engine_fails_where_it_is_required(monkeypatch):
    monkeypatch.setenv("NEUROSIM_REQUIRE_SPICE", "1")
    with pytest.raises(
        pytest.fail.Exception, match="NEUROSIM_REQUIRE_SPICE=1 and the engine 'ngspice' is not installed"
    ):
        engine("ngspice")
