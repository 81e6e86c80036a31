"""Imperfections of the arrays under converters: fine converters read what the imperfect arrays hold."""

from dataclasses import replace

import numpy as np
import pytest
from learning.test_line_loss import LINES
from learning.test_times import NU, T0, ageing_controller
from small_controller import EXACT, batch_of, controller_of

from neurosim.crossbar.converters import Converter
from neurosim.crossbar.tiles import Tiles
from neurosim.devices import Ageing
from neurosim.learning.contrast import measure
from neurosim.learning.conversion import build_converters
from neurosim.learning.estimators import SymmetricEP
from neurosim.learning.reference import relative_error
from neurosim.learning.times import INSTANT, Times
from neurosim.rng import Streams

SIZES = (6, 8, 4)
FIELDS = {"sizes": SIZES, "estimator": SymmetricEP(0.5), "options": replace(EXACT, tolerance=1e-9, max_sweeps=500)}


def aged():
    times = Times(free_phase=0.5, nudged_phase=0.5)
    return ageing_controller(Ageing(nu=NU, t0=T0), times, **FIELDS), {"times": INSTANT}


def wired():
    controller, state = controller_of(**FIELDS, lines=LINES)
    return (controller, controller.solved(state)[0]), {"lines": None}


def gradient(controller, state):
    """Return the estimate of one step; unsettled samples count (a quantised network may cycle between codes)."""
    bench = controller.bench(state, *batch_of(controller))
    return measure(bench, controller.estimator, np.random.default_rng(0)).gradient()


@pytest.mark.parametrize("where", ["readout", "every_read"])
@pytest.mark.parametrize("imperfect", [aged, wired])
def test_fine_converters_read_the_arrays_as_they_are(imperfect, where):
    """The deviation that a converter makes falls by two per bit to far below what drift, or the lines, make."""
    (controller, state), without = imperfect()
    plain = gradient(controller, state)
    effect = relative_error(gradient(replace(controller, **without), state), plain)
    errors, bits = [], np.arange(14, 21, 2)
    for b in bits:
        kinds = Converter(int(b), 1.2), Converter(int(b), 10.0 if where == "every_read" else 1.2)
        made = build_converters(controller.network.topology, where, *kinds, Tiles(4, 4), Streams(1), np.float64)
        errors.append(relative_error(gradient(replace(controller, converters=made), state), plain))
    assert np.polyfit(bits, np.log2(errors), 1)[0] == pytest.approx(-1, abs=0.3)
    assert errors[-1] < 0.02 * effect
