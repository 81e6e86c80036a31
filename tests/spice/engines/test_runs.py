"""Runs that go well: known circuits in every engine, and what engines owe each other."""

import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from spice.engine_required import engine
from spice.engines.texts import BISTABLE, DIVIDER, MIXED, RC_AC, RC_TRAN, STEPPING, TAU, title

from neurosim.errors import ConfigError, SpiceError
from neurosim.spice.engines import ENGINES, get_engine, run_all
from neurosim.spice.engines.neospice import dialect

NAMES = tuple(ENGINES)


@pytest.mark.parametrize("name", NAMES)
def test_a_divider_divides(name):
    (plot,) = engine(name).run(DIVIDER, vectors=["v(a)", "v(b)", "i(v1)"])
    assert plot.name == "Operating Point"
    assert set(plot.vectors) == {"v(a)", "v(b)", "i(v1)"}
    assert plot.voltage("b") == pytest.approx([1.5], rel=1e-12)
    assert plot.current("v1") == pytest.approx([-0.5e-3], rel=1e-9)  # gmin


@pytest.mark.parametrize("name", NAMES)
def test_a_capacitor_charges_exponentially(name):
    (plot,) = engine(name).run(RC_TRAN, vectors=["v(b)"])
    assert plot.name == "Transient Analysis"
    assert plot.time[-1] == pytest.approx(5e-3, rel=1e-12)
    assert np.all(np.diff(plot.time) > 0)
    assert len(plot.time) > 100
    exact = 1.0 - np.exp(-plot.time / TAU)
    assert np.abs(plot.voltage("b") - exact).max() < 2e-6


@pytest.mark.parametrize("name", NAMES)
def test_a_filter_has_its_complex_transfer_function(name):
    (plot,) = engine(name).run(RC_AC, vectors=["v(b)", "i(v1)"])
    assert plot.name == "AC Analysis"
    assert plot.frequency.dtype == np.float64
    assert plot.frequency == pytest.approx(np.logspace(0, 5, 26), rel=1e-9)
    assert plot.voltage("b").dtype == np.complex128
    exact = 1.0 / (1.0 + 2j * np.pi * plot.frequency * TAU)
    assert np.abs(plot.voltage("b") / exact - 1.0).max() < 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_nodeset_chooses_the_equilibrium(name):
    settled = [engine(name).run(BISTABLE.format(start=start))[0].voltage("x")[0] for start in (1.9, -1.9)]
    assert settled == pytest.approx([1.99865135, -1.99865135], abs=1e-6)
    assert settled[0] == pytest.approx(2 * np.tanh(2 * settled[0]), abs=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_analyses_come_in_one_order_with_all_currents(name):
    plots = engine(name).run(MIXED)
    names = ["AC Analysis", "DC transfer characteristic", "Operating Point", "Transient Analysis"]
    assert [plot.name for plot in plots] == names
    currents = {f"i({source})" for source in ("b1", "e1", "h1", "l1", "v1")}
    assert [currents - set(plot.vectors) for plot in plots] == [set()] * 4
    assert plots[1].vector("v(v-sweep)").tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert plots[1].voltage("a").tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]


@pytest.mark.parametrize("name", NAMES)
def test_titles_names_and_saves_are_taken_as_written(name):
    elements = "V1 In 0 2\nR1 in Mid 1e3\nR2 mid 0 1e3\n"
    text = f"* error: singular matrix\n{elements}.save V(MID)\n.options RELTOL = 1e-6\n.OP"
    (plot,) = engine(name).run(text, vectors=["V(Mid)"])
    assert {key: value.tolist() for key, value in plot.vectors.items()} == {"v(mid)": [1.0]}


@pytest.mark.parametrize("text", [DIVIDER, RC_TRAN, RC_AC, MIXED, STEPPING, BISTABLE], ids=title)
def test_pyspice_gives_the_vectors_of_ngspice_bit_for_bit(text):
    text = text.format(start=1.0) if text is BISTABLE else text
    plots, again = engine("ngspice").run(text), engine("pyspice").run(text)
    assert [plot.name for plot in plots] == [plot.name for plot in again]
    for plot, other in zip(plots, again, strict=True):
        assert list(plot.vectors) == list(other.vectors)
        for key, vector in plot.vectors.items():
            assert vector.dtype == other.vectors[key].dtype
            assert vector.tobytes() == other.vectors[key].tobytes()


@pytest.mark.parametrize("name", ["ngspice", "pyspice"])
def test_a_solution_found_only_by_stepping_is_a_solution(name, monkeypatch):
    said = []
    module = sys.modules[f"neurosim.spice.engines.{name}"]
    judge = module.judge_messages
    monkeypatch.setattr(module, "judge_messages", lambda *given: (said.append(given[1]), judge(*given)))
    (plot,) = engine(name).run(STEPPING, vectors=["v(b)"])
    assert "Warning: True gmin stepping failed" in said[-1]
    assert "Note: Source stepping completed" in said[-1]
    assert 0.0 < plot.voltage("b")[0] < 5.0


def test_a_control_block_writes_its_own_rawfile():
    text = DIVIDER.replace(".op", ".control\nop\nalter r2=1e3\nop\nset appendwrite\nwrite out.raw v(b)\nquit 0\n.endc")
    (plot,) = engine("ngspice").run(text, vectors=["v(b)"])
    assert plot.voltage("b").tolist() == [1.0]


@pytest.mark.parametrize("name", NAMES)
def test_the_end_may_be_left_out_and_the_next_run_knows_nothing_of_it(name):
    found = engine(name)
    for volts in (2, 4):
        text = DIVIDER.replace("v1 a 0 2", f"v1 a 0 {volts}").removesuffix(".end\n")
        assert found.run(text)[0].voltage("b") == pytest.approx([0.75 * volts])


# --- many runs


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("workers", [1, 3])
def test_many_texts_give_their_results_in_order(name, workers):
    texts = [DIVIDER.replace("v1 a 0 2", f"v1 a 0 {volts}") for volts in range(1, 8)]
    results = run_all(engine(name), texts, vectors=["v(b)"], workers=workers)
    assert [plot.voltage("b")[0] for (plot,) in results] == pytest.approx([0.75 * volts for volts in range(1, 8)])


@pytest.mark.parametrize("name", NAMES)
def test_the_first_error_of_many_texts_is_raised(name):
    texts = [DIVIDER, DIVIDER.replace("r1 a b 1000", "r1 a b 0"), DIVIDER.replace("v1 a", "v1 0"), "", DIVIDER]
    with pytest.raises(SpiceError, match="a resistance of 0"):
        run_all(engine(name), texts)
    with pytest.raises(SpiceError, match="workers = 0, allowed is 1 or more"):
        run_all(engine(name), [DIVIDER], workers=0)


class Counting:
    """An engine that runs nothing and counts how many of its runs go on at once."""

    name, how_to_install = "counting", ""

    def __init__(self, parallel):
        self.parallel, self.now, self.most, self.lock = parallel, 0, 0, threading.Lock()
        self.meeting = threading.Barrier(2) if parallel else None

    def available(self):
        return "1"

    def run(self, text, *, vectors=(), timeout=120.0):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        if self.meeting:
            self.meeting.wait(20.0)
        with self.lock:
            self.now -= 1
        return ()


@pytest.mark.parametrize(("parallel", "most"), [(True, 2), (False, 1)])
def test_runs_go_on_at_once_only_where_the_engine_permits_it(parallel, most):
    counting = Counting(parallel)
    assert run_all(counting, ["text"] * 6) == [()] * 6
    assert counting.most == most


def test_which_engines_permit_it():
    assert {name: ENGINES[name].parallel for name in NAMES} == {"ngspice": True, "pyspice": False, "neospice": False}


# --- names, dialect, surroundings


def test_an_unknown_engine_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match=r"engine: unknown 'ngspise' \(did you mean 'ngspice'\?\)"):
        get_engine("ngspise")


def test_the_dialect_of_neospice_is_lower_case_with_one_analysis_each():
    ac, op = dialect("* T\nV1 A 0\n+ ac 1\n.OPTIONS RelTol = 1e-6\n.op\n.AC dec 1 1 10\n.END\n")
    assert ac == "* neurosim\nv1 a 0  ac 1\n.options reltol=1e-6\n.ac dec 1 1 10\n.end\n"
    assert op == "* neurosim\nv1 a 0  ac 1\n.options reltol=1e-6\n.op\n.end\n"


@pytest.mark.parametrize("name", ["ngspice", "pyspice"])
def test_no_start_up_file_is_read(name, tmp_path):
    engine(name)
    (tmp_path / ".spiceinit").write_text("option temp=99\n")
    code = (
        "from neurosim.spice.engines import get_engine\n"
        "text = '* diode\\nv1 a 0 0.5\\nd1 a 0 dm\\n.model dm d is=1e-14\\n.op\\n'\n"
        f"print(get_engine({name!r}).run(text)[0].current('v1')[0])"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.stderr == ""
    assert float(run.stdout) == pytest.approx(-2.4856e-06, rel=1e-4)  # -4.5e-4 at 99 C


@pytest.mark.parametrize("name", NAMES)
def test_a_run_leaves_folder_environment_output_and_warnings_alone(name, capfd):
    found = engine(name)
    before = (Path.cwd(), dict(os.environ), list(warnings.filters))
    found.run(DIVIDER)
    with pytest.raises(SpiceError):
        found.run(DIVIDER.replace("v1 a 0 2", "v1 a 0 2\nv2 a 0 3"))
    assert (Path.cwd(), dict(os.environ), list(warnings.filters)) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["pyspice", "neospice"])
def test_memory_stays_flat(name):
    found = engine(name)

    def grown(runs):
        for _ in range(runs):
            found.run(RC_TRAN)
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    before = grown(20)
    assert grown(100) - before < 10.0  # MiB; the vectors of 100 runs are 5 to 10


def test_threads_take_turns_in_pyspice():
    found, answers = engine("pyspice"), []
    texts = [DIVIDER.replace("v1 a 0 2", f"v1 a 0 {volts}") for volts in range(1, 9)]
    work = [
        threading.Thread(target=lambda text=text: answers.append(found.run(text)[0].voltage("b")[0])) for text in texts
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join(30.0)
    assert sorted(answers) == pytest.approx([0.75 * volts for volts in range(1, 9)])
