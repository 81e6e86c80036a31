"""Ctrl-C that Python loses in a callback of its own still stops a training and a sweep, and nothing is lost."""

import signal
import threading
import weakref

import pytest
from experiment.tiny import assert_same, contents, tiny
from sweeps import fake_runs
from sweeps.experiments import experiment

from neurosim.experiment import run
from neurosim.experiment.checkpoint import checkpoint_path
from neurosim.interrupts import remembered
from neurosim.sweeps import run_sweep

lost_in_a_callback = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _as_in_a_terminal():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Referred:
    """What can be referred to weakly."""


def lose_an_interrupt(*_):
    """Interrupt the program where a weak reference dies: Python prints the KeyboardInterrupt and goes on."""
    referred = Referred()
    reference = weakref.ref(referred, lambda _: signal.raise_signal(signal.SIGINT))
    del referred
    assert reference() is None


@lost_in_a_callback
def test_a_lost_interrupt_is_raised_at_the_next_check():
    with remembered() as interrupts:
        interrupts.check()
        lose_an_interrupt()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_an_interrupt_is_raised_where_it_comes():
    with pytest.raises(KeyboardInterrupt), remembered():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with remembered() as interrupts:
        signal.raise_signal(signal.SIGINT)
        interrupts.check()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_other_threads_leave_the_handlers_alone():
    seen = []

    def inside():
        with remembered() as interrupts:
            interrupts.check()
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


@lost_in_a_callback
def test_a_lost_interrupt_stops_a_training_which_goes_on_as_if_undisturbed(tmp_path):
    run(tiny(), tmp_path / "whole.h5")
    with pytest.raises(KeyboardInterrupt):
        run(tiny(), tmp_path / "pieces.h5", notify=lose_an_interrupt)
    assert checkpoint_path(tmp_path / "pieces.h5").exists()
    run(tiny(), tmp_path / "pieces.h5", resume=True)
    assert_same(contents(tmp_path / "whole.h5"), contents(tmp_path / "pieces.h5"))


@lost_in_a_callback
def test_a_lost_interrupt_stops_a_sweep_and_says_what_is_kept(tmp_path):
    def after_the_first(progress):
        if progress.done == 1:
            lose_an_interrupt()

    swept = experiment({"device.asymmetry": [0.0, 0.1, 0.2, 0.3]})
    with pytest.raises(KeyboardInterrupt, match=r"stopped; [1-3] of 4 runs have ended and are kept"):
        run_sweep(swept, tmp_path / "out", workers=1, task=fake_runs.slow, notify=after_the_first)
