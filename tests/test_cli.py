"""The commands: what they print, where they write, and with which code they end."""

import io
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from command import neurosim
from rich.console import Console

from neurosim import __version__ as version
from neurosim import gradcheck as check
from neurosim.cli import doctor
from neurosim.cli.progress import DownloadDisplay, EpochDisplay, SweepDisplay, duration, pace
from neurosim.devices import DEVICES, preset, preset_names
from neurosim.errors import ConvergenceError
from neurosim.experiment import Progress as EpochProgress
from neurosim.sweeps import Progress as SweepProgress
from neurosim.traces import read_trace

ROOT = Path(__file__).parents[1]
COMMANDS = ["run", "sweep", "spec", "gradcheck", "spice", "devices", "data", "doctor"]
SMALL = """
[data]
train_limit = 64
test_limit = 32
[network]
layers = [64, 8, 10]
[settle]
on_unsettled = "accept"
[train]
epochs = 2
batch = 32
probe_batch = 8
"""
SCALARS = {
    "test_accuracy": 0.9512,
    "best_test_accuracy": 0.96,
    "settled_fraction": 1.0,
    "alignment_total": 0.9876,
    "pulses": 12345.0,
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a working directory with a small experiment."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exp.toml").write_text(SMALL)
    return tmp_path


def start(folder, *arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "neurosim.cli", *arguments]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


# --- the program


def test_help_lists_the_commands_in_under_half_a_second(tmp_path):
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        with start(tmp_path, "--help") as process:
            out, _ = process.communicate(timeout=30)
        seconds.append(time.perf_counter() - begun)
        listed = [line.split()[0] for line in out.partition("Commands:")[2].splitlines() if line.startswith("  ")]
        assert listed[: len(COMMANDS)] == COMMANDS
    assert min(seconds) < 0.5


def test_help_imports_nothing_heavy():
    heavy = ["numpy", "scipy", "matplotlib", "h5py", "pydantic", "networkx", "distributed", "numba", "cupy", "jinja2"]
    code = f"import sys, neurosim.cli; print([name for name in {heavy} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    result = neurosim(command, "--help")
    assert result.code == 0
    assert f"neurosim {command}" in result.out


def test_version():
    result = neurosim("--version")
    assert result.code == 0
    assert result.out == f"neurosim {version}\n"


def test_an_error_of_the_system_becomes_a_message(folder, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device", "exp.h5")

    monkeypatch.setattr("neurosim.experiment.run", full)
    result = neurosim("run", "exp.toml")
    assert result.code == 2
    assert result.err.startswith("exp.h5: No space left on device")


def test_an_error_of_ours_that_is_not_the_users_is_not_hidden(folder, monkeypatch):
    monkeypatch.setattr("neurosim.experiment.run", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        neurosim("run", "exp.toml")


# --- run


@pytest.fixture
def runs(monkeypatch):
    """Replace training; return the calls."""
    calls = []

    def fake(spec, out, *, source_text, notify, resume, stop_after):
        calls.append(SimpleNamespace(spec=spec, out=out, text=source_text, resume=resume, stop_after=stop_after))
        for epoch in (1, 2):
            notify(EpochProgress(epoch, 2, {"test_accuracy": 0.5 * epoch}))
        return SCALARS

    monkeypatch.setattr("neurosim.experiment.run", fake)
    return calls


def test_run_writes_beside_the_working_directory_and_says_what_came_out(folder, runs):
    result = neurosim("run", "exp.toml")
    assert result.code == 0
    assert runs[0].out == Path("exp.h5")
    assert runs[0].text == SMALL
    assert not runs[0].resume
    assert result.out.startswith("exp.h5: test accuracy 95.12 %")
    assert "settled 100.0 %" in result.out


def test_run_logs_one_line_per_epoch_where_there_is_no_terminal(folder, runs):
    lines = neurosim("run", "exp.toml").err.splitlines()
    assert [line[:5] for line in lines] == ["[1/2]", "[2/2]"]
    assert "test accuracy 50.00 %" in lines[0]
    assert "left" in lines[0]
    assert "100.00 %" in lines[1]


def test_run_takes_overrides_and_then_keeps_the_resolved_configuration(folder, runs):
    neurosim("run", "exp.toml", "--set", "learning.beta=0.25", "--set", "train.seed=3", "--out", "sub/a.h5")
    assert runs[0].spec.learning.beta == 0.25
    assert runs[0].spec.train.seed == 3
    assert runs[0].out == Path("sub/a.h5")
    assert runs[0].text == ""  # the file alone would not be what ran


@pytest.mark.parametrize("error", [KeyboardInterrupt, KeyboardInterrupt("stopped; 3 of 4 runs are kept")])
def test_an_interrupt_ends_with_130_and_the_command_that_goes_on(folder, monkeypatch, error):
    def stop(*arguments, **options):
        raise error

    monkeypatch.setattr("neurosim.experiment.run", stop)
    result = neurosim("run", "exp.toml", "--set", "device.g_max=30 uS", "--out", "a.h5")
    assert result.code == 130
    assert result.err.splitlines()[0].startswith("stopped")
    assert result.err.splitlines()[-1] == (
        "to go on: neurosim run exp.toml --out a.h5 --set 'device.g_max=30 uS' --resume"
    )


def test_a_run_that_fails_ends_with_1(folder, monkeypatch):
    def fail(*arguments, **options):
        raise ConvergenceError("free phase: 3 of 8 samples did not settle")

    monkeypatch.setattr("neurosim.experiment.run", fail)
    result = neurosim("run", "exp.toml")
    assert (result.code, result.out) == (1, "")
    assert result.err == "free phase: 3 of 8 samples did not settle\n"


def test_force_replaces_a_run_file_and_resume_continues_a_checkpoint(folder, runs):
    (folder / "exp.h5").write_text("old")
    assert neurosim("run", "exp.toml", "--force").code == 0
    (folder / "exp.h5.checkpoint.npz").write_text("half way")
    assert neurosim("run", "exp.toml", "--resume").code == 0
    assert [call.resume for call in runs] == [False, True]


def test_run_leaves_a_finished_trace(folder):
    result = neurosim("run", "exp.toml")
    assert result.code == 0, result.err
    with read_trace("exp.h5", finished=True) as trace:
        assert trace.config == SMALL
        assert f"test accuracy {100 * trace.run()['test_accuracy']:.2f} %" in result.out
    assert {path.name for path in folder.iterdir()} == {"exp.toml", "exp.h5"}


def test_sigterm_stops_a_run_which_then_goes_on_to_the_same_result(folder):
    (folder / "exp.toml").write_text(SMALL.replace("epochs = 2", "epochs = 60"))
    with start(folder, "run", "exp.toml") as process:
        for _ in range(3):
            assert "left" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "to go on: neurosim run exp.toml --out exp.h5 --resume"
    assert "Traceback" not in err
    assert neurosim("run", "exp.toml", "--resume").code == 0
    assert neurosim("run", "exp.toml", "--out", "whole.h5").code == 0
    with read_trace("exp.h5", finished=True) as resumed, read_trace("whole.h5", finished=True) as whole:
        assert resumed.run() == whole.run()


@pytest.mark.parametrize(
    ("text", "seconds"), [("8min", 480), ("90 s", 90), ("1 h 30 min", 5400), ("0.5h", 1800), ("1h1min1.5s", 3661.5)]
)
def test_the_time_of_a_piece_is_read(folder, runs, text, seconds):
    assert neurosim("run", "exp.toml", "--stop-after", text).code == 0
    assert runs[0].stop_after == seconds


@pytest.mark.parametrize("text", ["8", "8 m", "0 s", "-1 s", "min", "8 min or so", ""])
def test_the_time_of_a_piece_that_is_no_time_is_refused(folder, runs, text):
    result = neurosim("run", "exp.toml", f"--stop-after={text}")
    assert (result.code, runs) == (2, [])
    assert f"--stop-after {text}: expected a time > 0 such as '8 min'" in result.err


def test_a_run_in_pieces_ends_each_with_0_and_says_how_to_go_on_until_there_is_nothing_to_resume(folder):
    line = ["run", "exp.toml", "--stop-after", "0.000000001 s", "--resume"]
    said = []
    while (result := neurosim(*line)).code == 0:
        said.append(result.out)
    assert result.code == 2
    assert "nothing to resume" in result.err
    assert len(said) == 4  # of one update each
    assert said[0] == (
        "exp.h5: paused after 1 of 4 updates (epoch 0.5)\n"
        "to go on: neurosim run exp.toml --out exp.h5 --stop-after '0.000000001 s' --resume\n"
    )
    assert "test accuracy" in said[-1]
    assert neurosim("run", "exp.toml", "--out", "whole.h5").code == 0
    with read_trace("exp.h5", finished=True) as pieces, read_trace("whole.h5", finished=True) as whole:
        assert pieces.run() == whole.run()


# --- sweep


@pytest.fixture
def sweeps(monkeypatch):
    """Replace the sweep; return the calls. The last row can be made to fail with `failing`."""
    state = SimpleNamespace(calls=[], failing=False)

    def row(index, status, reason=""):
        return SimpleNamespace(spec=SimpleNamespace(id=f"id{index}"), status=status, reason=reason)

    def fake(spec, out, **options):
        state.calls.append(SimpleNamespace(spec=spec, out=out, **options))
        options["notify"](SweepProgress(0, 2, 0, 0, 0.0))
        options["notify"](SweepProgress(1, 2, 0, 0, 4.0, "beta=0.1 seed=0", "done", 0.75))
        rows = (row(0, "done"), row(1, "failed", "did not settle") if state.failing else row(1, "done"))
        return SimpleNamespace(rows=rows, failed=int(state.failing), report=Path(out) / "report.html")

    monkeypatch.setattr("neurosim.sweeps.run_sweep", fake, raising=False)
    return state


def test_sweep_writes_below_out_and_names_the_report(folder, sweeps):
    result = neurosim("sweep", "exp.toml", "--workers", "3")
    assert result.code == 0
    assert result.out == "out/exp/report.html: 2 of 2 runs done, 0 failed\n"
    call = sweeps.calls[0]
    assert (call.out, call.workers, call.resume, call.scheduler) == (Path("out/exp"), 3, False, None)
    assert call.source_text == SMALL


def test_sweep_logs_runs_rate_and_time_left(folder, sweeps):
    lines = neurosim("sweep", "exp.toml").err.splitlines()
    assert lines[0] == "[0/2] starting workers"
    assert lines[1] == "[1/2] beta=0.1 seed=0: done, test accuracy 75.00 %, 4.0 s/run, 4 s left"


def test_sweep_passes_its_options_on(folder, sweeps):
    (folder / "there").mkdir()
    (folder / "there" / "summary.csv").touch()
    scheduler = "tcp://host:8786"
    line = ["--out", "there", "--resume", "--scheduler", scheduler, "--set", "sweep.seeds=2"]
    assert neurosim("sweep", "exp.toml", *line).code == 0
    call = sweeps.calls[0]
    assert (call.out, call.workers, call.resume, call.scheduler) == (Path("there"), None, True, scheduler)
    assert call.spec.sweep.seeds == 2
    assert call.source_text.startswith(SMALL)
    assert "# --set sweep.seeds=2" in call.source_text


def test_a_sweep_with_a_failed_run_ends_with_1_and_the_reason(folder, sweeps):
    sweeps.failing = True
    result = neurosim("sweep", "exp.toml")
    assert result.code == 1
    assert result.out == "out/exp/report.html: 1 of 2 runs done, 1 failed\n"
    assert result.err.splitlines()[-1] == "run id1 failed: did not settle"


def test_a_real_sweep_leaves_a_report_and_is_not_run_again_by_resume(folder):
    (folder / "exp.toml").write_text(SMALL + "[sweep.axes]\nlearning.beta = [0.2, 0.4]")
    first = neurosim("sweep", "exp.toml", "--workers", "1")
    assert (first.code, first.out) == (0, "out/exp/report.html: 2 of 2 runs done, 0 failed\n")
    assert len(list((folder / "out/exp/runs").glob("*.h5"))) == 2
    assert neurosim("sweep", "exp.toml").code == 2
    again = neurosim("sweep", "exp.toml", "--resume")
    assert (again.code, again.out) == (first.code, first.out)
    assert "beta=" not in again.err


# --- progress


def test_a_terminal_gets_a_bar_with_points_rate_and_time_left():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with SweepDisplay(console) as display:
        display.update(SweepProgress(3, 12, 1, 1, 4.0, "beta=0.1", "done", 0.9))
    text = console.file.getvalue()
    assert [part for part in ("3/12", "s/run", "18 s left", "1 failed") if part not in text] == []


def test_a_resumed_run_is_timed_from_where_it_went_on():
    console = Console(file=io.StringIO(), width=200)
    display = EpochDisplay("x", 10, console)
    display.started -= 2.0  # two seconds for the one epoch done here
    display.update(EpochProgress(9, 10, {"test_accuracy": 0.9}))
    assert console.file.getvalue() == "[9/10] x: test accuracy 90.00 %, 2.0 s/epoch, 2 s left\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_durations_are_readable(seconds, text):
    assert duration(seconds) == text


def test_paces_are_readable():
    assert (pace(2.5, "run"), pace(0.25, "run"), pace(0.0, "run")) == ("2.5 runs/s", "4.0 s/run", "")


# --- gradcheck


@pytest.mark.parametrize(("slope", "code", "verdict"), [(1.95, 0, "pass"), (1.5, 1, "FAIL")])
def test_gradcheck_prints_the_table_and_ends_with_its_verdict(folder, monkeypatch, slope, code, verdict):
    cosines = ({"W1": 0.99, "total": 0.98}, {"W1": 0.999, "total": 0.998})
    row = check.Row("symmetric", (0.1, 0.05), (1e-2, 2.5e-3), cosines, 2, slope, code == 0)
    shown = check.Row("rotation", (0.1, 0.05), (1e-2, 1e-2), cosines, None, math.nan, None)
    monkeypatch.setattr(check, "run", lambda spec: check.GradientTable((row, shown)))
    result = neurosim("gradcheck", "exp.toml", "--out", "checked")
    assert result.code == code
    line = next(line for line in result.out.splitlines() if "symmetric" in line)
    assert [part for part in ("0.1", "1.000e-02", "0.990000", "0.980000", verdict) if part not in line] == []
    assert "shown only" in result.out
    assert (folder / "checked" / "gradcheck.csv").exists()
    assert ("expected 2 within 0.15" in result.err) == (code == 1)


# --- devices, data, doctor


def test_devices_lists_every_model_and_preset():
    result = neurosim("devices")
    assert result.code == 0
    assert [name for name in (*DEVICES, *preset_names()) if f"  {name} " not in result.out] == []


@pytest.mark.parametrize("name", sorted(DEVICES))
def test_devices_shows_equation_parameters_and_response(name):
    result = neurosim("devices", name)
    assert result.code == 0
    assert "g_max" in result.out
    assert "51 uS" in result.out
    assert "2500 states; 2500 pulses up, 2500 down: 1 uS -> " in result.out


@pytest.mark.parametrize("name", ["reram_hfo2", "vteam_technion", "ecram"])
def test_devices_shows_source_assumptions_and_response_of_a_preset(name):
    result = neurosim("devices", name)
    assert result.code == 0
    found = preset(name)
    assert [text for text in (found.doi, found.fitted, found.valid, *found.assumed) if text not in result.out] == []
    said = ("effective states", "dynamic range", "asymmetry (up - down) / (up + down)", "symmetry point")
    assert [text for text in said if text not in result.out] == []
    assert ("pulse up 0.25 V for 50 ps" in result.out) == (name == "vteam_technion")


def test_devices_plots_the_response(folder):
    result = neurosim("devices", "exp_step", "--plot", "response.png")
    assert result.code == 0
    assert (folder / "response.png").read_bytes().startswith(b"\x89PNG")


def test_devices_plots_a_sheet_of_every_preset(folder):
    result = neurosim("devices", "--plot", "sheet.png")
    assert result.code == 0
    assert (folder / "sheet.png").read_bytes().startswith(b"\x89PNG")


def test_data_lists_every_set_and_the_ways_to_get_it(folder, monkeypatch):
    for variable in ("NEUROSIM_DATA", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(folder))
    result = neurosim("data")
    assert result.code == 0
    assert "bundled" in next(line for line in result.out.splitlines() if line.startswith("  digits"))
    assert "mnist: (1) give a folder" in result.out


def test_data_verifies_a_set():
    result = neurosim("data", "digits")
    assert result.code == 0
    assert "1438 training and 359 test samples, checksums good" in result.out
    assert "CC BY 4.0" in result.out


@pytest.mark.parametrize("terminal", [True, False])
def test_a_download_shows_each_file(terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    with DownloadDisplay(console) as display:
        for done in (500_000, 1_000_000):
            display.update("images.gz", done, 1_000_000)
    text = console.file.getvalue()
    assert "images.gz" in text
    assert ("1.0/1.0 MB" if terminal else "images.gz: 1.0 MB\n") in text


def test_doctor_reports_versions_threads_and_what_is_missing():
    result = neurosim("doctor")
    assert result.code == 0
    assert "numpy" in result.out
    assert "thread(s)" in result.out
    assert not any(line.endswith(" ") for line in result.out.splitlines())


def test_doctor_says_how_to_get_what_is_missing(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda package: None if package == "numba" else "1.0")
    for package in ("cupy", "PySpice", "neospice"):
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("NEUROSIM_NGSPICE", raising=False)
    result = neurosim("doctor")
    assert result.code == 0
    for name, remedy in (
        ("numba", "neurosim-analog[fast]"),
        ("GPU", "[gpu12]"),
        ("ngspice", "apt-get install ngspice"),
        ("pyspice", "pip install 'neurosim-analog[pyspice]' and apt-get install libngspice0"),
        ("neospice", "pip install 'neurosim-analog[neospice]'"),
    ):
        line = next(line for line in result.out.splitlines() if line.startswith(f"  {name}"))
        assert "not found" in line
        assert remedy in line


def test_doctor_ends_with_1_when_something_needed_is_missing(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda package: None if package == "h5py" else "1.0")
    result = neurosim("doctor")
    assert result.code == 1
    assert "MISSING" in next(line for line in result.out.splitlines() if line.startswith("  h5py"))
