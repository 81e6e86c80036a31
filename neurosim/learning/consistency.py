"""What a `Controller` cannot combine: each rule yields a sentence that says where, what is allowed and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from neurosim.errors import ConfigError, choose
from neurosim.learning.conversion import ReadConverters
from neurosim.learning.times import INSTANT
from neurosim.networks.feedback import FEEDBACK
from neurosim.networks.rate import RateNetwork

if TYPE_CHECKING:
    from neurosim.learning.controller import Controller

NOISE_SCOPES = ("frozen", "phase", "step")
POLICIES = ("raise", "mask", "accept")


def check(controller: Controller) -> None:
    """Raise `ConfigError` with the first contradiction of `controller`."""
    choose(dict.fromkeys(NOISE_SCOPES), controller.noise_scope, "crossbar.read_noise_scope")
    choose(dict.fromkeys(POLICIES), controller.on_unsettled, "settle.on_unsettled")
    choose(dict.fromkeys(FEEDBACK), controller.feedback, "learning.feedback")
    for rule in RULES:
        for text in rule(controller):
            raise ConfigError(text)
    if controller.continual is not None:
        controller.continual.check(controller)


def _update(c: Controller) -> Iterator[str]:
    if c.homeostasis is not None and c.in_situ:
        yield "learning.homeostasis: its update has no two phases to program in place; set update = 'differenced'"
    if c.optimiser.digital and (c.in_situ or c.programmer.needs_factors):
        how = "update = 'in_situ'" if c.in_situ else f"programmer = {c.programmer.name!r}"
        yield (
            f"train.optimiser = 'adamw', train.momentum, train.weight_decay: need a digital gradient, which "
            f"learning.{how} never forms"
        )
    if c.dropout and not isinstance(c.network, RateNetwork):
        yield f"network.dropout: a {_kind(c)} has no neurons to silence; leave it out"


def _periphery(c: Controller) -> Iterator[str]:
    if (c.converters or c.amplifier) and not isinstance(c.network, RateNetwork):
        yield f"crossbar.dac, crossbar.adc, network.amplifier: not modelled in a {_kind(c)}"
    if isinstance(c.converters, ReadConverters) and c.noise_scope == "step" and _reads_noise(c):
        yield (
            "crossbar.read_noise_scope = 'step': is referred to the drive, behind the ADCs of every read; choose "
            "'frozen' or 'phase'"
        )


def _amplifier(c: Controller) -> Iterator[str]:
    if c.amplifier is None:
        return
    if c.network.topology.convolutional:
        yield "network.amplifier.gain: not modelled for kernels; set 0, an ideal one"
    if c.lines is not None:
        yield "network.amplifier.gain: not modelled with line resistance; leave [crossbar.wires] out, or set 0"
    if c.network.topology.inverted:
        yield "network.amplifier.gain: not modelled for predictive networks; set 0, an ideal one"
    if any(crossbar.mapping == "reference" for crossbar in c.crossbars.values()):
        yield (
            "network.amplifier.gain: the current of a shared reference column loads no single neuron; choose "
            "crossbar.mapping = 'balanced' or 'one_sided'"
        )


def _noise(c: Controller) -> Iterator[str]:
    if c.noise_scope != "step":
        return
    if c.twins and (c.noise is not None or _reads_noise(c)):
        yield "crossbar.phases = 'separate': not modelled with read_noise_scope = 'step'"
    if c.noise is not None and (c.network.topology.readout or not c.network.fresh_reads):
        yield (
            "crossbar.noise: in a network with a readout, kernels or passive arrays it is read once a phase; set "
            "read_noise_scope = 'phase' or 'frozen'"
        )


def _arrays(c: Controller) -> Iterator[str]:
    if c.twins and (c.lines is not None or c.refresh is not None or c.times != INSTANT):
        yield (
            "crossbar.phases = 'separate': the second set of arrays has no line resistance, refresh or time; leave "
            "[crossbar.wires], [crossbar.refresh] and [crossbar.times] out"
        )
    if c.lines is not None and not isinstance(c.network, RateNetwork):
        yield (
            f"crossbar.wires: a {_kind(c)} is not read at virtual grounds, so its lines are no effective conductance; "
            "leave the resistances 0"
        )
    kernels = " with kernels" if c.network.topology.convolutional else ""
    for name, crossbar in c.crossbars.items():
        if (crossbar.mapping, crossbar.scheme) not in c.network.layouts:
            allowed = ", ".join(f"{m!r} with scheme {s!r}" for m, s in sorted(c.network.layouts))
            yield (
                f"crossbar {name}: mapping = {crossbar.mapping!r} with scheme = {crossbar.scheme!r}: this {_kind(c)} "
                f"has {allowed}"
            )
        if c.noise_scope == "step" and crossbar.read_noise and not c.network.fresh_reads:
            yield (
                f"crossbar.read_noise_scope = 'step': not modelled in a {_kind(c)}{kernels}; allowed: 'frozen', 'phase'"
            )


def _kind(c: Controller) -> str:
    return type(c.network).__name__


def _reads_noise(c: Controller) -> bool:
    return any(crossbar.read_noise > 0 for crossbar in c.crossbars.values())


RULES: tuple[Callable[[Controller], Iterator[str]], ...] = (_update, _periphery, _amplifier, _noise, _arrays)
