"""Every way in which a run is known to fail ends in a clear SpiceError, in every engine.

What the text alone shows (no analysis, no title, R = 0, 1M, duplicate names) is in test_text_checks, what the process
shows (missing, killed, late) in test_process.
"""

import pytest
from spice.engine_required import engine
from spice.engines.texts import DIVIDER

from neurosim.errors import SpiceError
from neurosim.spice.engines import ENGINES

SOURCE = "v1 a 0 1\nr1 a 0 1e3\n"
NGSPICE, PYSPICE, NEOSPICE = "ngspice", "pyspice", "neospice"

# name: (text, what ngspice and pyspice must say, what neospice must say, or None where it gives an answer of its own)
FAILURES = {
    "syntax error": (
        f"* t\n{SOURCE}r2 a b 1000 foo bar 7 (\nq1 a b\n.op\n",
        "Error on line 4 or its substitute",
        "Q card requires",
    ),
    "missing model": (f"* t\n{SOURCE}d1 a 0 nomodel\n.op\n", "can't find model 'nomodel'", "Unknown model 'nomodel'"),
    "missing subcircuit": (f"* t\n{SOURCE}x1 a 0 nosub\n.op\n", "unknown subckt: x1 a 0 nosub", "unknown subcircuit"),
    "unknown function in B": (
        f"* t\n{SOURCE}b1 b 0 v=foo(v(a))\n.op\n",
        "no such function 'foo'",
        "unknown function 'foo'",
    ),
    "syntax error in B": (f"* t\n{SOURCE}b1 b 0 v=v(a)+*\nr2 b 0 1\n.op\n", "PTerror: syntax error", "skipping"),
    "unknown controlling source": (
        f"* t\n{SOURCE}f1 b 0 vno 1\nr2 b 0 1\n.op\n",
        "unknown controlling source vno",
        "'vno'",
    ),
    "unknown card": (f"* t\n{SOURCE}.operate\n.op\n", "unimplemented control card", "the card .operate"),
    "value of an option": (
        f"* t\n{SOURCE}.options reltol=banana\n.op\n",
        "bad type given for option reltol",
        "reltol=banana",
    ),
    "nodeset of no node": (f"* t\n{SOURCE}.nodeset v(zz)=1\n.op\n", "Nodeset on non-existent node", "the node zz"),
    "ic of no node": (f"* t\n{SOURCE}.ic v(zz)=1\n.op\n", "IC on non-existent node - zz", "the node zz"),
    "parameter": ("* t\n.param x={1+\nv1 a 0 {x}\nr1 a 0 1\n.op\n", "Expression err: 1+", "the card .param"),
    "V loop": (
        "* t\nv1 a 0 2\nv2 a 0 3\nr1 a 0 1\n.op\n",
        "singular matrix:  check node v1#branch",
        "Voltage source loop",
    ),
    "undefined node in B": (
        f"* t\n{SOURCE}b1 x 0 v=v(nowhere)\n.op\n",
        "check node nowhere",
        "Floating node 'nowhere'",
    ),
    "no DC solution": (
        f"* t\n{SOURCE}r2 b 0 1e3\nb1 b 0 i=v(b)>0.25?1:-1\nr3 a b 1e3\n.op\n",
        'trouble with node "b"',
        "skipping",
    ),
    "sqrt of a negative number": (
        f"* t\n{SOURCE}b1 b 0 v=sqrt(-v(a))\nr2 b 0 1\n.op\n",
        "-1 out of range for sqrt",
        None,
    ),
    "blow-up": (
        "* t\nc1 x 0 1e-9 ic=2\nb1 0 x i=1e-3*v(x)*v(x)\n.tran 1e-9 1e-5 uic\n",
        'trouble with node "x"',
        "failed to converge",
    ),
    "floating node": (
        f"* t\n{SOURCE}c1 a c 1e-9\n.op\n",
        "singular matrix:  check node c",
        "op-transient (OPtran) used",
    ),
    "current into a capacitor": (
        f"* t\n{SOURCE}c1 a c 1e-9\ni1 0 c 1\n.op\n",
        "check node c",
        "op-transient (OPtran) used",
    ),
    "an answer that is no number": (
        "* t\nv1 a 0 1e308\ne1 b 0 a 0 1e308\nr1 b 0 1\n.op\n",
        "v(b) is inf at point 0",
        "failed",
    ),
}


@pytest.mark.parametrize("name", [NGSPICE, PYSPICE])
@pytest.mark.parametrize("case", FAILURES)
def test_ngspice_program_and_library_refuse_it(case, name):
    text, says, _ = FAILURES[case]
    with pytest.raises(SpiceError) as caught:
        engine(name).run(text)
    assert str(caught.value).startswith(f"{name}: the run failed: ")
    assert says in str(caught.value)
    assert caught.value.exit_code == 2
    (plot,) = engine(name).run(DIVIDER)  # and the next run knows nothing of it
    assert plot.voltage("b").tolist() == [1.5]


@pytest.mark.parametrize("case", FAILURES)
def test_neospice_refuses_it_under_its_own_name(case):
    text, _, says = FAILURES[case]
    if says is None:
        assert engine(NEOSPICE).run(text)[0].voltage("b").tolist() == [1.0]  # sqrt(abs(x)), as its docstring warns
        return
    with pytest.raises(SpiceError) as caught:
        engine(NEOSPICE).run(text)
    assert "neospice" in str(caught.value)
    assert says in str(caught.value)
    (plot,) = engine(NEOSPICE).run(DIVIDER)
    assert plot.voltage("b") == pytest.approx([1.5])


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("r1 a 0 1\nr1 a 0 2\n", "device already exists"),
        (".include /nowhere/at/all.inc\n", "Could not find include file"),
    ],
)
@pytest.mark.parametrize("name", [NGSPICE, PYSPICE])
def test_what_is_wrong_inside_an_included_file_is_found(name, part, says, tmp_path):
    (tmp_path / "part.inc").write_text(part)
    with pytest.raises(SpiceError, match=says):
        engine(name).run(f"* t\n{SOURCE}.include {tmp_path}/part.inc\n.op\n")


@pytest.mark.parametrize("name", ENGINES)
def test_a_vector_that_was_asked_for_is_there_or_the_run_failed(name):
    with pytest.raises(
        SpiceError, match=r"'Operating Point' lacks 'v\(c\)' \(did you mean 'v\(b\)'\?\); it holds v\(a\), v\(b\)"
    ):
        engine(name).run(DIVIDER, vectors=["v(b)", "v(c)"])
    with pytest.raises(SpiceError, match=r"lacks 'v\(b\)'"):
        engine(name).run(DIVIDER.replace(".op", ".save v(a)\n.op"), vectors=["v(b)"])
    with pytest.raises(SpiceError, match=r"'Operating Point' lacks 'time'"):
        engine(name).run(DIVIDER.replace(".op", ".op\n.tran 1e-6 1e-5"), vectors=["time"])


def test_only_vectors_that_were_asked_for_need_be_finite():
    text = FAILURES["an answer that is no number"][0]
    (plot,) = engine(NGSPICE).run(text, vectors=["v(a)"])
    assert plot.voltage("a").tolist() == [1e308]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("foo=3", "the option foo=3"),
        ("maxord=2", "maxord=2"),
        ("method=euler", "method=euler"),
        ("gmin=1p", "gmin=1p"),
        ("interp", "interp"),
    ],
)
def test_an_option_that_neospice_would_ignore_is_refused(options, says):
    with pytest.raises(SpiceError, match=r"netlist, line 5 '\.options") as caught:
        engine(NEOSPICE).run(DIVIDER.replace(".op", f".options reltol=1e-6 {options}\n.op"))
    assert says in str(caught.value)
    assert "or use 'ngspice'" in str(caught.value)


def test_a_transient_with_a_tiny_first_step_runs_out_of_iterations_in_neospice():
    text = "* t\nv1 a 0 1\nr1 a b 1000\nc1 b 0 1e-6 ic=0\n.tran 1e-9 5e-3 0 1e-4 uic\n"
    with pytest.raises(SpiceError, match="Transient exceeded 500000 iterations"):
        engine(NEOSPICE).run(text)
    assert engine(NGSPICE).run(text)[0].voltage("b")[-1] == pytest.approx(0.99326, abs=1e-4)
