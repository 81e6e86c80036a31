"""Programmers, one file each. Adding one is a file and a line in `PROGRAMMERS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from neurosim.learning.programmers.base import Change, Programmed, Programmer
from neurosim.learning.programmers.ideal import IdealProgrammer
from neurosim.learning.programmers.rounded import RoundedProgrammer
from neurosim.learning.programmers.stochastic import StochasticProgrammer
from neurosim.learning.programmers.write_verify import WriteVerifyProgrammer

PROGRAMMERS: Mapping[str, Callable[..., Any]] = {
    "ideal": lambda **_: IdealProgrammer(),
    "rounded": lambda rounding, **_: RoundedProgrammer(rounding),
    "stochastic": lambda train_length, pulse_order="net", **_: StochasticProgrammer(train_length, pulse_order),
    "write_verify": lambda tolerance, budget, **_: WriteVerifyProgrammer(tolerance, budget),
}
"""Name -> function of the [learning] options (rounding, train_length, pulse_order, tolerance, budget)."""

__all__ = [
    "PROGRAMMERS",
    "Change",
    "IdealProgrammer",
    "Programmed",
    "Programmer",
    "RoundedProgrammer",
    "StochasticProgrammer",
    "WriteVerifyProgrammer",
]
