"""Checks across keys, made before anything is computed: settings that contradict each other or physics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from neurosim.config.keys import unit_of
from neurosim.config.mistakes import Mistake, entry
from neurosim.config.rates import rate_findings
from neurosim.config.sizes import SIZES
from neurosim.crossbar import MAPPINGS
from neurosim.crossbar.array import check_array
from neurosim.errors import RangeError
from neurosim.networks.activations import ACTIVATIONS
from neurosim.numerics.integrators import INTEGRATORS
from neurosim.settle import ADAPTIVE
from neurosim.units import format_quantity

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment

FINEST_FLOAT32 = 1e-6

Finding: TypeAlias = tuple[str, str, str]
"""Table, key, and what is allowed instead of its value."""


def _quoted(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _layers(e: Experiment) -> Iterator[Finding]:
    layers, output, data = e.network.layers, e.network.output, e.data.name
    least, why = (3, "input, hidden, readout") if output == "softmax" else (2, "input, output")
    if len(layers) < least:
        yield "network", "layers", f"expected at least {least} sizes ({why}) with output = {output!r}"
        return
    size = SIZES[data]
    if layers[0] != size.features:
        yield "network", "layers", f"the first must be {size.features}, the inputs of data set {data!r}"
    if layers[-1] != size.classes:
        yield "network", "layers", f"the last must be {size.classes}, the classes of data set {data!r}"


def _targets(e: Experiment) -> Iterator[Finding]:
    low, high = e.network.target_low, e.network.target_high
    if e.network.output == "softmax":
        for key, value in (("target_low", low), ("target_high", high)):
            if value != type(e.network).model_fields[key].default:
                yield "network", key, "a softmax compares probabilities, whose targets are 0 and 1; leave it out"
        return
    sigma = ACTIVATIONS[e.network.activation]
    if low >= high:
        yield "network", "target_low", f"must be below target_high = {high:g}"
    for key, value in (("target_low", low), ("target_high", high)):
        if not sigma.low <= value <= sigma.high:
            text = f"the output of {sigma.name} lies between {sigma.low:.4g} and {sigma.high:.4g}"
            yield "network", key, f"{text}; choose a target inside, or another activation"


def _mapping(e: Experiment) -> Iterator[Finding]:
    mapping, schemes = e.crossbar.mapping, MAPPINGS[e.crossbar.mapping]
    if e.crossbar.scheme not in schemes:
        allowed = " or ".join(repr(name) for name in schemes)
        yield "crossbar", "scheme", f"mapping {mapping!r} cannot be programmed so; set scheme = {allowed}"


def _device(e: Experiment) -> Iterator[Finding]:
    device = e.device
    span = device.g_max - device.g_min
    if span <= 0:
        yield "device", "g_min", f"must be below g_max = {format_quantity(device.g_max, 'S')}"
    elif device.step >= span:
        yield "device", "step", f"must be below the range g_max - g_min = {format_quantity(span, 'S')}"
    else:
        try:
            check_array("", (1, 1), device.build(), 1.0, 0.0, e.settle.dtype)
        except RangeError as error:  # "SoftBounds.<key> = <value>: ..." or ": device.<key> = <value>: ..."
            place, _, text = str(error).removeprefix(": ").partition(": ")
            yield "device", place.partition(".")[2].partition(" ")[0], text


def _optimiser(e: Experiment) -> Iterator[Finding]:
    if e.learning.update == "in_situ":
        cause = "update = 'in_situ'"
    elif e.learning.programmer == "stochastic":
        cause = "programmer = 'stochastic'"
    else:
        return
    for key in ("momentum", "weight_decay"):
        if getattr(e.train, key) > 0:
            text = f"needs a digital gradient, which [learning] {cause} never forms; set {key} = 0"
            yield "train", key, f"{text}, or update = 'differenced' with programmer = 'ideal' or 'rounded'"


def _complex(e: Experiment) -> Iterator[Finding]:
    learning = e.learning
    circle = learning.estimator == "holomorphic" and learning.points > 2
    rotation = learning.estimator == "oscillating" and learning.waveform == "rotation"
    if (circle or rotation) and not ACTIVATIONS[e.network.activation].holomorphic:
        smooth = _quoted([name for name, sigma in ACTIVATIONS.items() if sigma.holomorphic])
        real = "waveform = 'cosine'" if rotation else "points = 2 or estimator = 'symmetric'"
        text = f"not holomorphic, but [learning] estimator = {learning.estimator!r} needs complex states"
        yield "network", "activation", f"{text}; choose {smooth}, or [learning] {real}"


def _harmonics(e: Experiment) -> Iterator[Finding]:
    learning = e.learning
    least = 2 * (learning.harmonics + 1)
    if learning.estimator == "oscillating" and learning.waveform == "cosine" and learning.points < least:
        text = f"too few points per period to tell harmonic {learning.harmonics} from higher ones"
        yield "learning", "points", f"{text}; expected an integer >= {least}"


def _unphased(e: Experiment) -> Iterator[Finding]:
    if e.learning.estimator == "rbp" and e.learning.update == "in_situ":
        text = "estimator = 'rbp' is computed and has no two phases to program in place"
        yield "learning", "update", f"{text}; set update = 'differenced'"


def _continuous(e: Experiment) -> Iterator[Finding]:
    if e.learning.estimator != "oscillating":
        return
    if e.settle.method == "operating_point":
        text = "[learning] estimator = 'oscillating' runs in continuous time; set method = 'transient'"
        yield (
            "settle",
            "method",
            f"{text}, or estimator = 'holomorphic' for settled points",
        )
    elif e.settle.integrator == ADAPTIVE:
        text = "[learning] estimator = 'oscillating' reads the network at fixed steps"
        yield "settle", "integrator", f"{text}; choose one of {_quoted(list(INTEGRATORS))}"


def _noise(e: Experiment) -> Iterator[Finding]:
    settle = e.settle
    if settle.method == "operating_point":
        text = "noise that changes at every step leaves no operating point; set [settle] method = 'transient'"
    elif settle.integrator == ADAPTIVE:
        text = "an adaptive integrator cannot follow noise; set [settle] integrator = 'heun' or 'euler'"
    elif settle.on_unsettled == "raise":
        text = "noise keeps the residual up, and such a run would stop; set [settle] on_unsettled = 'accept'"
    else:
        return
    if settle.state_noise > 0:
        yield "settle", "state_noise", f"{text}, or state_noise = 0"
    if e.crossbar.read_noise > 0 and e.crossbar.read_noise_scope == "step":
        yield "crossbar", "read_noise_scope", f"{text}, or the scope 'frozen' or 'phase'"


def _stability(e: Experiment) -> Iterator[Finding]:
    settle = e.settle
    if settle.method != "transient" or settle.integrator == ADAPTIVE:
        return
    growth = abs(float(INTEGRATORS[settle.integrator].amplification(settle.dt)))
    if growth >= 1:
        text = f"unstable: {settle.integrator!r} multiplies an error by {growth:.3g} at every such step"
        yield "settle", "dt", f"{text}; take a smaller one (1 is the iteration of the literature)"


def _precision(e: Experiment) -> Iterator[Finding]:
    if e.settle.dtype == "float32" and e.settle.tolerance < FINEST_FLOAT32:
        text = f"finer than float32 can settle; expected a number >= {FINEST_FLOAT32:g}"
        yield "settle", "tolerance", f"{text}, or set dtype = 'float64'"


def _data_limits(e: Experiment) -> Iterator[Finding]:
    train, test = SIZES[e.data.name].split(e.data.test_fraction)
    if e.data.folder is not None and e.data.name in ("digits", "iris"):
        text = f"{e.data.name!r} comes with neurosim and is read from nowhere else; leave the folder out"
        yield "data", "folder", text
    for key, have in (("train_limit", train), ("test_limit", test)):
        asked = getattr(e.data, key)
        if asked is not None and asked > have:
            kind = key.removesuffix("_limit")
            yield "data", key, f"{e.data.name!r} has {have} {kind} images; expected an integer <= {have}"
    used = min(e.data.train_limit or train, train)
    if e.train.batch > used:
        yield "train", "batch", f"there are {used} training images; expected an integer <= {used}"


Check: TypeAlias = Callable[["Experiment"], Iterator[Finding]]

CIRCUIT_CHECKS: tuple[Check, ...] = (_targets, _mapping, _device, _complex)
"""What holds for a network without data and training, too."""

CHECKS: tuple[Check, ...] = (
    _layers,
    *CIRCUIT_CHECKS,
    _optimiser,
    _harmonics,
    _unphased,
    _continuous,
    _noise,
    _stability,
    _precision,
    _data_limits,
    rate_findings,
)


def contradictions(experiment: Experiment) -> Iterator[Mistake]:
    """Yield what is wrong between keys that are each valid by themselves."""
    yield from _mistakes(experiment, CHECKS)


def circuit_contradictions(experiment: Experiment) -> Iterator[Mistake]:
    """Yield what is wrong between the keys of a circuit's network, arrays and devices."""
    yield from _mistakes(experiment, CIRCUIT_CHECKS)


def _mistakes(experiment: Experiment, checks: tuple[Check, ...]) -> Iterator[Mistake]:
    for check in checks:
        for table, key, text in check(experiment):
            value, unit = getattr(getattr(experiment, table), key), unit_of(f"{table}.{key}")
            if unit:
                yield Mistake(f"[{table}] {key} = {format_quantity(value, unit)}", text)
            else:
                yield entry(table, key, value, text)
