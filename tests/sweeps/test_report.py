"""The report: complete in itself, true to its runs, and sensible for every kind of sweep."""

from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser

import numpy as np
import pytest
from sweeps import fake_runs
from sweeps.experiments import experiment

from neurosim.config import parse_experiment
from neurosim.sweeps import report
from neurosim.sweeps.configuration import as_toml
from neurosim.sweeps.directory import SweepDirectory
from neurosim.sweeps.plan import plan
from neurosim.sweeps.rows import Row, Timing, finished_row

ALL = {"accuracy.png", "alignment.png", "learning.png", "conductances.png", "settling.png"}
HOSTILE = {"title": "<script>alert(1)</script> & more"}


class Page(HTMLParser):
    """What a browser would fetch and show: addresses, and the text outside styles."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.tags, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "xlink:href", "data", "action", "srcset")]

    def handle_data(self, data):
        if self.tags and self.tags[-1] != "style":
            self.text.append(data)

    @property
    def words(self):
        """All text, its white space made single spaces."""
        return " ".join("".join(self.text).split())


def make(out, axes, *, failed=(), source_text="", seeds=2, **options):
    """Write the files and the report of a sweep; return its page, rows and directory."""
    swept = experiment(axes, seeds=seeds, **options)
    directory, rows = SweepDirectory(out), []
    directory.runs.mkdir()
    for spec in plan(swept):
        if spec.index in failed:
            rows.append(Row(spec, "failed", f"did not settle <{spec.index}>"))
            continue
        fake_runs.traced(spec, directory.run_file(spec))
        rows.append(finished_row(directory, spec, Timing()))
    report.write(directory, swept, rows, source_text)
    return Page(directory.report.read_text(encoding="utf-8")), rows, directory


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the page of a sweep over one number and two names, with a failed run."""
    axes = {
        "device.asymmetry": [0.0, 0.1],
        "learning.estimator": ["symmetric", "oscillating"],
        "learning.update": ["differenced", "in_situ"],
    }
    return make(tmp_path_factory.mktemp("made"), axes, failed=[3], source_text="# as <written>\n", **HOSTILE)


def test_page_needs_nothing_from_outside(made):
    page, _, directory = made
    assert all(address.startswith("#") for address in page.addresses)
    text = directory.report.read_text(encoding="utf-8")
    urls = set(re.findall(r"https?://[^\s\"'<>]+", text))
    assert urls <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}, "names of SVG, not addresses"
    assert not re.search(r"@import|url\((?!#)", text)
    assert {"script", "link", "iframe", "img"}.isdisjoint(page.tags)
    assert page.tags.count("svg") == 5


def test_page_holds_configuration_versions_and_command(made):
    page, _, directory = made
    resolved = directory.configuration.read_text(encoding="utf-8")
    assert " ".join(resolved.split()) in page.words
    assert "# as <written>" in page.words
    assert re.search(r"neurosim \S+.*Python 3\.\d+\.\d+.*NumPy \d", page.words)
    assert "neurosim sweep experiment.toml" in page.words


def test_configuration_beside_the_page_gives_the_same_runs(made):
    _, rows, directory = made
    document = tomllib.loads(directory.configuration.read_text(encoding="utf-8"))
    again = parse_experiment(document)
    assert [spec.id for spec in plan(again)] == [row.spec.id for row in rows]
    assert again.title == HOSTILE["title"]


def test_page_lists_every_run_and_why_one_failed(made):
    page, rows, _ = made
    for row in rows:
        assert f"runs/{row.spec.id}.h5" in page.words
    assert "1 of 16 runs failed" in page.words
    assert "did not settle <3>" in page.words


def test_headline_and_table_tell_the_means_of_the_runs(made):
    page, rows, _ = made

    def mean(update):
        points = {}
        for row in rows:
            if (row.spec.axes["device.asymmetry"], row.spec.axes["learning.update"]) == (0.1, update):
                points.setdefault(row.spec.axes["learning.estimator"], []).append(row.accuracy)
        return 100 * np.mean([np.mean(seeds) for seeds in points.values()])

    expected = f"digitally differenced {mean('differenced'):.1f} % and in situ two-phase {mean('in_situ'):.1f} %"
    assert f"There, averaged over the other settings – update: {expected}" in page.words
    assert f"{50 * (rows[0].accuracy + rows[1].accuracy):.1f} ±" in page.words
    assert f"{100 * rows[2].accuracy:.1f} % 1 of 2 failed" in page.words.replace("%1", "% 1")


def test_figures_are_files_too(made):
    _, _, directory = made
    assert {path.name for path in directory.path.glob("*.png")} == ALL
    for path in directory.path.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_report_is_the_same_bytes_each_time(made, tmp_path):
    _, rows, directory = made
    before = {path.name: path.read_bytes() for path in directory.path.iterdir() if path.is_file()}
    swept = parse_experiment(tomllib.loads(directory.configuration.read_text(encoding="utf-8")))
    report.write(directory, swept, rows, "# as <written>\n")
    assert {path.name: path.read_bytes() for path in directory.path.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    ("axes", "options", "said"),
    [
        ({}, {"seeds": 1}, "1 run of 64-32-10 networks on digits, 1 seed per point."),
        ({"device.g_max": ["20 uS", "50 uS"]}, {}, "over largest conductance (20 µS, 50 µS)"),
        ({"learning.estimator": ["one_sided", "symmetric"]}, {}, "gradient estimator (one-sided EP, symmetric EP)"),
        (
            {"device.asymmetry": [0.0, 0.1, 0.2, 0.3], "learning.beta": [0.1, 0.2, 0.5, 1.0]},
            {"seeds": 1},
            "nudge amplitude β (0.1, 0.2, 0.5, 1)",
        ),
        (
            {"device.asymmetry": [0.0, 0.2], "learning.estimator": ["one_sided", "symmetric"]},
            {"mode": "zip"},
            "At up/down asymmetry of the device = 0, mean test accuracy is",
        ),
        (
            {"network.layers": [[64, 32, 10], [64, 10]], "device.c2c": [0.0, 0.01, 0.3], "network.bias": [True, False],
             "crossbar.mapping": ["balanced", "one_sided"]},
            {"seeds": 1},
            "mapping of weights to pairs: one sided",
        ),
    ],
)  # fmt: skip
def test_every_kind_of_sweep_gets_a_report_with_all_figures(tmp_path, axes, options, said):
    page, rows, _ = make(tmp_path, axes, **options)
    assert said in page.words
    assert {path.name for path in tmp_path.glob("*.png")} == ALL
    assert all(f"runs/{row.spec.id}.h5" in page.words for row in rows)
    assert "nan" not in page.words


def test_sweep_without_a_finished_run_gets_a_report_of_reasons_and_no_stale_figures(tmp_path):
    (tmp_path / "accuracy.png").write_bytes(b"of an earlier sweep")
    page, rows, _ = make(tmp_path, {"device.asymmetry": [0.0, 0.1]}, failed=range(4))
    assert "No run finished" in page.words
    assert all(row.reason in page.words for row in rows)
    assert not list(tmp_path.glob("*.png"))


def test_runs_without_arrays_get_the_figures_that_can_be_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(fake_runs, "traced", fake_runs.quick)
    make(tmp_path, {"device.asymmetry": [0.0, 0.1]})
    assert {path.name for path in tmp_path.glob("*.png")} == {"accuracy.png", "alignment.png"}


def test_text_of_the_configuration_survives_as_toml():
    odd = experiment(
        {"learning.beta": [0.1, 1e-05]}, title='quote " backslash \\ tab \t β \x7f', train={"lr": [0.1, 2e-7]}
    )
    again = parse_experiment(tomllib.loads(as_toml(odd)))
    assert (again.title, again.sweep, again.document()) == (odd.title, odd.sweep, odd.document())
