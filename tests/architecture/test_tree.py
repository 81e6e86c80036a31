"""The top level of the repository: fixed, so that results written by a command run in it never get committed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALLOWED = {
    *("pyproject.toml", "neurosim", "circuits", "experiments", "tests", "data"),
    *("README.md", "LICENSE", "docs", "run", "requirements"),
}


def test_top_level_holds_nothing_but_what_belongs_there():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = {line.split("/")[0] for line in listed.splitlines()}
    assert {name for name in found if not name.startswith(".")} <= ALLOWED
