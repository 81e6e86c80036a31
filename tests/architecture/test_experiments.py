"""The experiment files that come with the project are valid and say what they show."""

from pathlib import Path

import pytest

from neurosim.config import load_experiment

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "experiments").rglob("*.toml"))


def test_there_are_experiments():
    assert {"quickstart", "gradcheck", "ideal"} <= {path.stem for path in FILES}
    assert {"gdu", "g24_fig2", "g24_fig4"} <= {path.stem for path in FILES if path.parent.name == "papers"}


def test_every_experiment_stands_in_the_list():
    listed = (ROOT / "experiments" / "README.md").read_text()
    assert [path.name for path in FILES if f"`{path.relative_to(ROOT / 'experiments')}`" not in listed] == []


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_experiment_is_valid_and_says_what_it_shows(path):
    experiment = load_experiment(path)
    first = path.read_text().splitlines()[0]
    assert first.startswith("# ")
    assert len(first) > 40
    assert experiment.title
