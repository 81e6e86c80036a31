"""What simulators pass over in silence is refused before one is started, with the line and a remedy."""

import pytest
from spice.engines.texts import BISTABLE, DIVIDER, MIXED, RC_AC, RC_TRAN, STEPPING, title

from neurosim.errors import SpiceError
from neurosim.spice.engines import ENGINES, get_engine
from neurosim.spice.engines.text_checks import check_text, logical_lines

REFUSED = {
    "empty": ("", "line 1 '': the first line is empty"),
    "empty title": ("\nv1 a 0 1\nr1 a 0 1\n.op\n", "line 1 '': the first line is empty"),
    "title forgotten, source": ("v1 a 0 1\nr1 a 0 1\n.op\n", "line 1 'v1 a 0 1': the first line is the title"),
    "title forgotten, resistor": (
        "rload x y 1e3\nv1 x 0 1\n.op\n",
        "line 1 'rload x y 1e3': the first line is the title",
    ),
    "title forgotten, B": ("bsum x y v=v(a)\nr1 x y 1\n.op\n", "line 1 'bsum x y v=v(a)': the first line is the title"),
    "title forgotten, card": (".op\nr1 a 0 1\n", "line 1 '.op': the first line is the title"),
    "title forgotten, subcircuit": ("x1 in out div\nr1 a 0 1\n.op\n", "line 1 'x1 in out div': the first line is the"),
    "no analysis": ("* t\nv1 a 0 1\nr1 a 0 1\n.options reltol=1e-6\n.end\n", "'* t': no analysis"),
    "analysis in a comment": ("* t\nr1 a 0 1\n* .op\n; .op\n.end\n", "no analysis"),
    "R = 0": ("* t\nv1 a 0 1\nr1 a b 0\n.op\n", "line 3 'r1 a b 0': a resistance of 0"),
    "R = 0.0 by key": ("* t\nv1 a 0 1\nr1 a b r = 0.0\n.op\n", "line 3 'r1 a b r = 0.0': a resistance of 0.0"),
    "R < 0": ("* t\nR7 a b -1e3\n.op\n", "line 2 'R7 a b -1e3': a resistance of -1e3"),
    "R underflows": ("* t\nr1 a b 1e-400\n.op\n", "a resistance of 1e-400"),
    "R on a continuation": ("* t\nr1 a\n* comment\n+ b\n+ 0\n.op\n", "line 2 'r1 a  b  0': a resistance of 0"),
    "R without value": ("* t\nr1 a b\n.op\n", "line 2 'r1 a b': no value"),
    "1M": ("* t\nr1 a b 1M\n.op\n", "line 2 'r1 a b 1M': 1M: the suffix M means milli in SPICE"),
    "1MOhm": ("* t\nr1 a b 2.2MOhm\n.op\n", "2.2MOhm: the suffix M means milli"),
    "C in MF": ("* t\nc1 a b 1MF\n.op\n", "1MF: the suffix M means milli"),
    "source": ("* t\nv1 a 0 dc 1M\n.op\n", "1M: the suffix M means milli"),
    "source, in a wave": ("* t\nv1 a 0 sin(0 1 1M)\n.op\n", "1M: the suffix M means milli"),
    "expression": ("* t\nb1 a 0 i=1e-1M*v(a)\n.op\n", "1e-1M: the suffix M means milli"),
    "sweep": ("* t\nv1 a 0 ac 1\nr1 a 0 1\n.ac dec 1 1 1M\n", "line 4 '.ac dec 1 1 1M': 1M: the suffix M means milli"),
    "two devices of one name": ("* t\nr1 a 0 1\nR1 b 0 1\n.op\n", "line 3 'R1 b 0 1': 'r1' stands on line 2 already"),
    "text after .end": ("* t\nr1 a 0 1\n.op\n.end\n\nr2 a 0 1\n", "line 6 'r2 a 0 1': text after .end"),
    "include is missing": ("* t\n.include /nowhere/x.inc\n.op\n", "line 2 '.include /nowhere/x.inc': no such file"),
    "include is relative": ("* t\n.include x.inc\n.op\n", "line 2 '.include x.inc': a relative path"),
}


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("case", REFUSED)
def test_every_engine_refuses_it_before_it_runs(case, name):
    text, says = REFUSED[case]
    with pytest.raises(SpiceError) as caught:
        get_engine(name).run(text)
    assert says in str(caught.value)
    assert str(caught.value).count("; ") >= 2  # what came; what is allowed; what to do


@pytest.mark.parametrize("text", [DIVIDER, RC_TRAN, RC_AC, BISTABLE, MIXED, STEPPING], ids=title)
def test_a_good_text_passes(text):
    check_text(text)


@pytest.mark.parametrize(
    "title",
    ["* v1 a 0 1", "hopfield 2-3-2", "resistive network of 3-4-2 nodes", "RC low pass", "t", "beta = 0.1", "divider\t"],
)
def test_a_title_is_a_title(title):
    check_text(DIVIDER.replace("* divider", title))


@pytest.mark.parametrize(
    "value", ["1Meg", "1MEG", "1megohm", "1mil", "1MIL", "1m", "1k", "{r}", "rmod", "r=1", "1 tc1=0"]
)
def test_a_value_that_means_what_it_says_passes(value):
    check_text(DIVIDER.replace("r1 a b 1000", f"r1 a b {value}"))


def test_names_that_end_in_m_are_not_numbers():
    check_text("* t\nr1 1M 0 1\nb1 b 0 v=v(1M)+i(v1M)\nv1M 1M 0 1\n.op\n")


def test_subcircuits_have_names_of_their_own():
    check_text("* t\nr1 a 0 1\nx1 a 0 d\n.subckt d p q\nr1 p q 1\n.ends\n.op\n")


def test_an_include_that_is_there_passes(tmp_path):
    (tmp_path / "part.inc").write_text("r1 a 0 1\n")
    check_text(f"* t\nv1 a 0 1\n.include '{tmp_path}/part.inc'\n.op\n")


def test_logical_lines_join_continuations_and_drop_comments_and_control_blocks():
    text = "r1 a 0 1 ; one\n\n* two\n.control\nop\n+ x\n.endc\nv1 a 0\n* between\n+ sin(0 1\n+ 50) $ three\n.op // four"
    found = [(line.number, line.words) for line in logical_lines(text.splitlines())]
    assert found == [
        (2, ("r1", "a", "0", "1")),
        (5, (".control",)),
        (9, ("v1", "a", "0", "sin", "0", "1", "50")),
        (13, (".op",)),
    ]


@pytest.mark.parametrize("name", ["pyspice", "neospice"])
def test_a_control_block_is_for_ngspice_alone(name):
    text = DIVIDER.replace(".op", ".control\nop\nquit 0\n.endc")
    with pytest.raises(
        SpiceError, match=rf"line 5 '.control': a .control block, which the engine '{name}' does not run"
    ):
        get_engine(name).run(text)
