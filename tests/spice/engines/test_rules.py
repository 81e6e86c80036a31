"""Which messages are fatal, as ngspice 39 writes them."""

import numpy as np
import pytest

from neurosim.errors import SpiceError
from neurosim.spice.engines.rules import judge_messages, judge_plots, summary
from neurosim.spice.rawfile import Plot

STEPPED = """Note: Starting dynamic gmin stepping
Trying gmin =   1.0000E-03 Warning: Further gmin increment
Trying gmin =   9.9996E-03 Warning: Last gmin step failed
Warning: Dynamic gmin stepping failed
Note: Starting source stepping
Supplies reduced to   0.0000% Note: One successful source step
Supplies reduced to 100.0000% Note: One successful source step
Note: Source stepping completed
 Reference value :  4.89091e-05
"""


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("Warning: singular matrix:  check node c", "singular matrix"),
        ("Error on line 3 or its substitute:", "error"),
        ("Error: Could not find include file /nowhere/foo.inc", "error"),
        ("Error: circuit not parsed.", "error"),
        ("ERROR: fatal error in ngspice, exit(1)", "error"),
        ("Error: -1 out of range for sqrt", "error"),
        ("doAnalyses: OP:  no convergence in dc solution", "no convergence"),
        ("doAnalyses: TRAN:  Timestep too small; time = 1, timestep = 1e-21: trouble", "timestep too small"),
        ("run simulation(s) aborted", "aborted"),
        ("Warning : Nodeset on non-existent node - zz, ignored", "ignored"),
        ("Warning: r1: resistance to low, set to 1 mOhm", "resistance to low"),
    ],
)
def test_a_fatal_message_fails_a_run_of_status_0(line, rule):
    with pytest.raises(SpiceError) as caught:
        judge_messages("ngspice", f"{STEPPED}{line}\n", 0)
    assert str(caught.value).startswith(f"ngspice: the run failed: it reported {rule!r}; it said:\n  Note: Starting")
    assert f"\n  {line}" in str(caught.value)


def test_stepping_and_progress_fail_no_run_but_a_status_after_them_does():
    judge_messages("ngspice", STEPPED, 0)
    with pytest.raises(SpiceError, match="ended with status 1"):
        judge_messages("ngspice", STEPPED, 1)


def test_a_status_fails_a_run_without_a_message():
    with pytest.raises(SpiceError, match=r"ngspice: the run failed: it ended with status 1, allowed is 0$"):
        judge_messages("ngspice", "", 1)


def test_a_summary_has_each_telling_line_once_and_the_end_of_many():
    assert summary(STEPPED).splitlines()[1] == "  Warning: Last gmin step failed"
    many = summary("\n".join(f"Warning: {n}" for n in range(100)))
    lines = [line.strip() for line in many.splitlines()]
    assert lines == [*(f"Warning: {n}" for n in range(4)), "...", *(f"Warning: {n}" for n in range(96, 100))]


def test_plots_must_be_there_with_points_and_finite_vectors():
    good = Plot("Operating Point", {"v(a)": np.ones(1), "v(b)": np.array([np.nan])})
    judge_plots("ngspice", [good], ["V(A)"])
    with pytest.raises(SpiceError, match=r"'Operating Point': v\(b\) is nan at point 0, allowed is finite"):
        judge_plots("ngspice", [good], [])
    with pytest.raises(SpiceError, match=r"v\(a\) is \(inf\+0j\) at point 1"):
        judge_plots("ngspice", [Plot("AC Analysis", {"v(a)": np.array([0j, complex(np.inf, 0)])})], ["v(a)"])
    with pytest.raises(SpiceError, match="it gave no result"):
        judge_plots("ngspice", [], [])
    for empty in ({}, {"v(a)": np.ones(0)}):
        with pytest.raises(SpiceError, match="'Operating Point' has no points"):
            judge_plots("ngspice", [Plot("Operating Point", empty)], [])
