"""Layered resistive networks: input -> h1 -> ... -> out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from neurosim.networks.resistive.laws import Law, Linear
from neurosim.networks.resistive.network import ResistiveNetwork, Stage
from neurosim.networks.topology import layered
from neurosim.units import Scale

if TYPE_CHECKING:
    from neurosim.backend import Array
    from neurosim.networks.resistive.diode import Clamp

T = TypeVar("T")


def layered_resistive(
    sizes: Sequence[int],
    *,
    scale: Scale,
    bias: bool = True,
    inputs: str = "doubled",
    outputs: str = "single",
    stage: Stage | Mapping[str, Stage] | None = None,
    leak: float | Mapping[str, float] = 0.0,
    clamps: tuple[Clamp, ...] | Mapping[str, tuple[Clamp, ...]] = (),
    law: Law | Mapping[str, Law] | None = None,
    rate: float | Array = 1.0,
) -> ResistiveNetwork:
    """Return a layered network of the given numbers of data columns, hidden nodes and outputs.

    Parameters
    ----------
    sizes
        Columns of x, nodes of each hidden layer, outputs. Doubled inputs and output pairs take twice as many nodes.
    scale
        Natural units to SI.
    bias
        Give every free layer a bias array, from the constant 1 (doubled: from 1 and -1).
    inputs, outputs, rate
        As in `ResistiveNetwork`.
    stage, leak, clamps
        One for all hidden layers, or a mapping by layer (``h1``, ..., ``out``); `leak` in units of g_ref.
    law
        One for all arrays, or a mapping by array (``W1``, ``b1``, ...); linear by default.
    """
    top = layered([*sizes[:-1], sizes[-1] * (2 if outputs == "pairs" else 1)], bias=bias)
    double = 2 if inputs == "doubled" else 1
    layers = tuple(replace(layer, size=layer.size * double) if layer.clamped else layer for layer in top.layers)
    top = replace(top, layers=layers, classes=sizes[-1])
    hidden = [layer.name for layer in top.free if layer.name != top.output]
    return ResistiveNetwork(
        top,
        scale,
        stages=_each({} if stage is None else stage, hidden),
        leaks=_each(leak, hidden),
        clamps=_each(clamps, hidden),
        laws=_each(Linear() if law is None else law, [s.name for s in top.synapses]),
        inputs=inputs,
        outputs=outputs,
        rate=rate,
    )


def _each(value: T | Mapping[str, T], names: Iterable[str]) -> dict[str, T]:
    """Return one value by name: a mapping as it is, anything else for all `names`."""
    return dict(value) if isinstance(value, Mapping) else dict.fromkeys(names, value)
