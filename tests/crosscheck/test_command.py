"""``neurosim spice``: what it refuses, before anything is computed, and with which code it ends."""

import pytest
from command import neurosim
from crosscheck.circuits import ARRAY, DIODES, HOPFIELD
from spice.engine_required import engine

from neurosim.spice.engines import ENGINES


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "network.toml").write_text(HOPFIELD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def changed(old, new, text=HOPFIELD):
    assert old in text
    return text.replace(old, new)


WRONG = {
    "no kind": ("[drive]\nx = [[1.0]]", r"expected exactly one of [network] (RC neurons)"),
    "two kinds": (HOPFIELD + "[array]\nrows = 3", "got [network] and [array]"),
    "unknown table": (HOPFIELD + "[chek]\nbeta = 1.0", "unknown table [chek] (did you mean [check]?)"),
    "unknown key": (changed("layers =", "layer ="), "unknown key 'layer' in [network] (did you mean 'layers'?)"),
    "no number": (changed("0.6, -0.4", "0.6, '-0.4'"), "'-0.4' is not a finite number"),
    "ragged": (changed("0.6, -0.4", "0.6"), "rows of 1, 2 numbers; expected rows of one length"),
    "wrong width": (changed("[2, 3, 2]", "[3, 3, 2]"), "[drive] x = [0.6, -0.4]: expected 3 numbers per row"),
    "targets missing": (changed("y = [[0.5, -0.5], [-0.5, 0.5]]", ""), "0 rows; expected one row of targets"),
    "samples missing": (changed("x = [[0.6, -0.4], [-0.8, 0.5]]", ""), "expected one row of inputs per sample"),
    "data and x": (changed("[drive]", "[drive]\ndata = 'iris'"), "x and y are given too"),
    "target out of range": (changed("target_high = 0.5", "target_high = 1.5"), "the output of tanh lies between"),
    "a slope of two": (HOPFIELD + "betas = [0.1, 0.2]", "a slope needs at least three values"),
    "check too late": (HOPFIELD + "[train]\nsteps = 3\ncheck_at = [4]", "expected integers <= steps = 3"),
    "negative wire": (HOPFIELD + "[wires]\nr_row = '-1 ohm'", "expected a quantity >= 0 with the unit ohm"),
    "wire in siemens": (HOPFIELD + "[wires]\nr_row = '1 S'", "unit 'S' is not ohm"),
    "array without wires": (ARRAY.partition("[wires]")[0], "[array] without [wires] is the matrix itself"),
    "wires of a passive network": (DIODES + "[wires]\nr_row = 1.0", "for [network] and [array] only"),
    "weights of no array": (HOPFIELD + "[weights]\nW7 = [[1.0]]", "[weights]: array: unknown 'W7'"),
    "weights of another shape": (HOPFIELD + "[weights]\nW2 = [[1.0]]", "[weights] W2: (1, 1); expected (rows, cols)"),
    "weights too large": (HOPFIELD + "[weights]\nb1 = [[9.0, 0.0, 0.0]]", "beyond the range of the devices"),
    "ragged weights": (HOPFIELD + "[weights]\nb1 = [[1.0], [1.0, 2.0]]", "[weights] b1 = [[1.0], [1.0, 2.0]]: rows of"),
    "start of another shape": (changed("[check]", "start = [[0.1]]\n[check]"), "[drive] start: (1, 1); expected"),
    "conductances missing": ("conductances = 'no.csv'\n" + HOPFIELD, "no.csv: no such file"),
    "no TOML": ("title = hopfield", "line 1, column 9: not valid TOML"),
}

CONDUCTANCES = {
    "header": ("a,b\n", "line 1: expected the columns array,row,col,g_plus,g_minus"),
    "array": ("array,row,col,g_plus,g_minus\nW9,0,0,1e-6,1e-6\n", "line 2: array: unknown 'W9'"),
    "text": ("array,row,col,g_plus,g_minus\nW1,0,x,1e-6,1e-6\n", "line 2: .* expected integers row, col"),
    "place": ("array,row,col,g_plus,g_minus\nW1,5,0,1e-6,1e-6\n", "line 2: row 5, col 0: array W1 is 2 x 3"),
    "negative": (
        "array,row,col,g_plus,g_minus\nW1,0,0,-1e-6,1e-6\n",
        r"line 2: g_plus = '-1e-6'.*allowed \[0, inf\) S",
    ),
    "one plane": ("array,row,col,g_plus,g_minus\nW1,0,0,1e-6,\n", r"line 2: .*g_minus = ''"),
    "twice": (
        "array,row,col,g_plus,g_minus\n" + 2 * "W1,0,0,1e-6,1e-6\n",
        "line 3: row 0, col 0 of W1 is given a second",
    ),
    "missing": ("array,row,col,g_plus,g_minus\nW1,0,0,1e-6,1e-6\n", "array W1: no line for row 0, col 1"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_circuit_is_refused_and_writes_nothing(what, folder):
    engine("ngspice")
    text, message = WRONG[what]
    (folder / "wrong.toml").write_text(text)
    run = neurosim("spice", "wrong.toml")
    assert (run.code, run.out) == (2, "")
    assert message in run.err
    assert (
        "wrong.toml" in run.err
        or what in run.err
        or "[weights]" in run.err
        or "[drive]" in run.err
        or ".csv" in run.err
    )
    assert sorted(path.name for path in folder.iterdir()) == ["network.toml", "wrong.toml"]


@pytest.mark.parametrize("what", CONDUCTANCES)
def test_wrong_conductances_are_refused_with_file_and_line(what, folder):
    import re

    engine("ngspice")
    text, message = CONDUCTANCES[what]
    (folder / "chip.csv").write_text(text)
    (folder / "wrong.toml").write_text("conductances = 'chip.csv'\n" + HOPFIELD)
    run = neurosim("spice", "wrong.toml")
    assert run.code == 2
    assert re.search(rf"chip\.csv: {message}", run.err), run.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "expected a circuit file, or --all"),
        (("missing.toml",), "missing.toml: no such file"),
        (("netwrk.toml",), "did you mean 'network.toml'?"),
        ((".",), "is a folder; add --all"),
        (("empty", "--all"), "empty: no folder with circuit files"),
        (("network.toml", "--engine", "hspice"), "engine: unknown 'hspice'"),
        (("network.toml", "--out", "network.toml"), "--out network.toml: is a file; expected a folder"),
    ],
)
def test_wrong_use_ends_with_code_2(arguments, message, folder):
    (folder / "empty").mkdir()
    run = neurosim("spice", *arguments)
    assert (run.code, run.out) == (2, "")
    assert message in run.err


def test_a_missing_engine_is_an_error_that_says_how_to_get_it(folder, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("NEUROSIM_NGSPICE", raising=False)
    run = neurosim("spice", "network.toml")
    assert (run.code, run.out) == (2, "")
    assert "engine 'ngspice' is not installed; install it: apt-get install ngspice" in run.err
    assert not (folder / "network-spice").exists()


def test_an_engine_that_fails_is_an_error_and_nothing_else(folder, monkeypatch):
    class Broken:
        name, how_to_install, parallel = "ngspice", "", False

        def available(self):
            return "0"

        def run(self, text, *, vectors=(), timeout=120.0):
            return ENGINES["pyspice"].run(text.replace(".op", ""), vectors=vectors)

    engine("pyspice")
    monkeypatch.setitem(ENGINES, "ngspice", Broken())
    run = neurosim("spice", "network.toml")
    assert (run.code, run.out) == (2, "")
    assert "no analysis" in run.err.lower()


def test_all_circuits_of_a_folder(folder):
    engine("ngspice")
    (folder / "some").mkdir()
    (folder / "some" / "a.toml").write_text(HOPFIELD)
    (folder / "some" / "b.toml").write_text(ARRAY)
    run = neurosim("spice", "some", "--all", "--out", "out")
    assert run.code == 0
    assert "2 of 2 circuits hold within all tolerances" in run.out
    assert {path.name for path in (folder / "out").iterdir()} == {"a", "b"}
