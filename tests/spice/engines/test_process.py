"""Missing engines, processes that die, hang or answer with nothing, and what they leave behind."""

import ctypes.util
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from spice.engine_required import engine
from spice.engines.texts import DIVIDER

from neurosim.errors import SpiceError
from neurosim.spice.engines import ENGINES, get_engine, neospice

SLOW = "* slow\nv1 a 0 sin(0 1 1e6)\nr1 a 0 5\n.tran 1e-12 {stop} 0 1e-12\n"
HEADER = "Title: t\\nDate: d\\nPlotname: Transient Analysis\\nFlags: real\\nNo. Variables: 1\\nNo. Points: {points}\\n"


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Where temporary folders are made; it must be empty afterwards."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Make a shell script stand for ngspice."""

    def make(script):
        path = tmp_path / "ngspice"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("NEUROSIM_NGSPICE", str(path))

    return make


# --- missing


def test_without_ngspice_the_error_says_what_to_install(monkeypatch, folders):
    monkeypatch.delenv("NEUROSIM_NGSPICE", raising=False)
    monkeypatch.setenv("PATH", "")
    assert get_engine("ngspice").available() is None
    with pytest.raises(
        SpiceError, match="engine 'ngspice': no program 'ngspice' on PATH; install it: apt-get install ngs"
    ):
        get_engine("ngspice").run(DIVIDER)


def test_a_wrong_path_in_the_environment_is_named(monkeypatch, tmp_path, folders):
    monkeypatch.setenv("NEUROSIM_NGSPICE", str(tmp_path / "none"))
    assert get_engine("ngspice").available() is None
    with pytest.raises(SpiceError, match=r"NEUROSIM_NGSPICE = '.*/none' is not a program; install it"):
        get_engine("ngspice").run(DIVIDER)


def test_a_relative_path_in_the_environment_is_one_from_here(program, tmp_path, monkeypatch, folders):
    program("exit 5")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEUROSIM_NGSPICE", "./ngspice")
    with pytest.raises(SpiceError, match="it ended with status 5"):
        get_engine("ngspice").run(DIVIDER)


def test_a_program_that_cannot_be_started_is_named(tmp_path, monkeypatch, folders):
    broken = tmp_path / "ngspice"
    broken.write_text("#!/nowhere/sh\n")
    broken.chmod(0o755)
    monkeypatch.setenv("NEUROSIM_NGSPICE", str(broken))
    assert get_engine("ngspice").available() is None
    with pytest.raises(SpiceError, match="cannot be started: No such file or directory; install it: apt-get install"):
        get_engine("ngspice").run(DIVIDER)


@pytest.mark.parametrize(("name", "package"), [("pyspice", "PySpice"), ("neospice", "neospice")])
def test_without_its_package_an_engine_says_what_to_install(name, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    assert get_engine(name).available() is None
    with pytest.raises(
        SpiceError, match=rf"engine '{name}': the package {package} is not installed; install it: pip inst"
    ):
        get_engine(name).run(DIVIDER)


def test_without_libngspice_pyspice_says_what_to_install(monkeypatch):
    engine("pyspice")
    monkeypatch.delenv("NGSPICE_LIBRARY_PATH", raising=False)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    assert get_engine("pyspice").available() is None
    with pytest.raises(SpiceError, match=r"libngspice is not found; install it: .* apt-get install libngspice0"):
        get_engine("pyspice").run(DIVIDER)


def test_a_library_that_cannot_be_loaded_is_named_and_the_next_run_is_free(tmp_path):
    engine("pyspice")
    code = f"""
import os
from neurosim.errors import SpiceError
from neurosim.spice.engines import get_engine
pyspice = get_engine("pyspice")
os.environ["NGSPICE_LIBRARY_PATH"] = "{tmp_path}/libngspice.so"
try:
    pyspice.run({DIVIDER!r})
except SpiceError as error:
    print(error)
del os.environ["NGSPICE_LIBRARY_PATH"]
print(pyspice.run({DIVIDER!r})[0].voltage("b")[0])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    error, answer = said.stdout.splitlines()
    assert "engine 'pyspice': libngspice cannot be loaded: cannot load library" in error
    assert answer == "1.5"


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_that_is_there_says_its_version(name):
    assert any(character.isdigit() for character in engine(name).available())


# --- what the process shows


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("exit 3", "it ended with status 3, allowed is 0"),
        ("kill -9 $$", "it ended with status -9, allowed is 0"),
        ("exit 0", "it wrote no rawfile"),
        (
            "echo 'Warning: singular matrix:  check node c' >&2",
            "it reported 'singular matrix'; it said:\n  Warning: sing",
        ),
        (": >out.raw", "rawfile: empty"),
        (
            f"printf '{HEADER.format(points=0)}Variables:\\n\\t0\\ttime\\ttime\\nBinary:\\n12345678' >out.raw",
            "0 points",
        ),
        (
            f"printf '{HEADER.format(points=2)}Variables:\\n\\t0\\ttime\\ttime\\nBinary:\\n12345678' >out.raw",
            "8 of 16 bytes",
        ),
    ],
)
def test_a_process_that_fails_is_an_error_with_its_reason(script, says, program, folders):
    program(script)
    with pytest.raises(SpiceError) as caught:
        get_engine("ngspice").run(DIVIDER)
    assert str(caught.value).startswith("ngspice: the run failed: ")
    assert says in str(caught.value)


def test_the_title_on_standard_output_is_no_error(program, folders):
    program("echo 'Error: singular matrix, no convergence'; exec /usr/bin/env PATH=/usr/bin:/bin ngspice \"$@\"")
    engine("ngspice")
    assert get_engine("ngspice").run(DIVIDER)[0].voltage("b") == pytest.approx([1.5])


def test_the_program_is_called_as_a_batch_run_of_a_plain_locale(program, folders, tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    program(f'(printf "%s " "$@" "$LC_ALL" "$OMP_NUM_THREADS"; cat; cat in.cir) >{tmp_path}/called')
    with pytest.raises(SpiceError):
        get_engine("ngspice").run(DIVIDER)
    assert (tmp_path / "called").read_text() == f"-n -b -r out.raw in.cir C 1 {DIVIDER}"


# --- late


def gone(pid):
    """Wait until the process is no more."""
    until = time.monotonic() + 10.0
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.01)
    return not Path(f"/proc/{pid}").exists()


def test_a_process_past_its_timeout_is_killed(program, folders, tmp_path):
    program(f"echo $$ >{tmp_path}/pid; echo 'Note: at work' >&2; exec sleep 60")
    start = time.monotonic()
    with pytest.raises(SpiceError, match=r"ngspice: the run failed: it ran past the timeout of 0.5 s and was ended"):
        get_engine("ngspice").run(DIVIDER, timeout=0.5)
    assert time.monotonic() - start < 20.0
    assert gone((tmp_path / "pid").read_text().strip())


def test_an_interrupt_kills_the_process_and_leaves_no_folder(program, tmp_path):
    program(f"echo $$ >{tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid; exec sleep 60")
    place = tmp_path / "temporary"
    place.mkdir()
    # a job started in the background ignores the signal, and its children with it
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += f"import tempfile; tempfile.tempdir = {str(place)!r}\n"
    code += f"from neurosim.spice.engines import get_engine\nget_engine('ngspice').run({DIVIDER!r})"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as python:
        until = time.monotonic() + 30.0
        while not (tmp_path / "pid").exists() and time.monotonic() < until:
            time.sleep(0.01)
        assert len(list(place.iterdir())) == 1
        python.send_signal(signal.SIGINT)
        _, said = python.communicate(timeout=30)
    assert "KeyboardInterrupt" in said
    assert list(place.iterdir()) == []
    assert gone((tmp_path / "pid").read_text().strip())


def test_a_slow_run_of_ngspice_is_ended(folders):
    found = engine("ngspice")
    with pytest.raises(SpiceError, match=r"it ran past the timeout of 0.2 s"):
        found.run(SLOW.format(stop=1e-3), timeout=0.2)


def test_pyspice_gives_up_on_a_late_run_waits_for_its_end_and_goes_on():
    found = engine("pyspice")
    with pytest.raises(SpiceError, match=r"pyspice: the run failed: it ran past the timeout of 0.05 s"):
        found.run(SLOW.format(stop=1e-6), timeout=0.05)
    with pytest.raises(SpiceError, match=r"pyspice: the run failed: busy with another run for 0.01 s"):
        found.run(DIVIDER, timeout=0.01)
    assert found.run(DIVIDER, timeout=60.0)[0].voltage("b").tolist() == [1.5]


def test_a_late_run_of_neospice_is_an_error_when_it_ends(monkeypatch):
    found = engine("neospice")
    clock = iter([0.0, 7.5])
    monkeypatch.setattr(neospice, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    with pytest.raises(SpiceError, match=r"neospice: the run failed: it took 7.5 s, past the timeout of 5 s"):
        found.run(DIVIDER, timeout=5.0)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan"), float("inf")])
def test_a_timeout_is_a_positive_number(name, timeout):
    with pytest.raises(SpiceError, match=r"run: timeout = .*, allowed is a finite number of seconds > 0"):
        get_engine(name).run(DIVIDER, timeout=timeout)
