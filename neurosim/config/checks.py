"""Checks across keys, made before anything is computed: settings that contradict each other or physics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, TypeAlias

from neurosim.config.build import topology
from neurosim.config.continual import CONTINUAL_CHECKS
from neurosim.config.convolution import convolution_findings
from neurosim.config.faults import FAULT_CHECKS
from neurosim.config.feedback import FEEDBACK_CHECKS
from neurosim.config.images import image_findings
from neurosim.config.keys import unit_of
from neurosim.config.mistakes import Mistake, entry
from neurosim.config.noise import NOISE_CHECKS, stability
from neurosim.config.periphery import PERIPHERY_CHECKS, unwritten
from neurosim.config.predictive import PREDICTIVE_CODING, predictive_findings
from neurosim.config.rates import rate_findings
from neurosim.config.recipe import RECIPE_CHECKS
from neurosim.config.sizes import SIZES
from neurosim.config.time import time_findings
from neurosim.crossbar import MAPPINGS
from neurosim.crossbar.checks import check_array
from neurosim.devices import DEVICES
from neurosim.devices.straight import StraightStep
from neurosim.errors import ConfigError, RangeError
from neurosim.learning.computed import REFERENCES
from neurosim.networks.activations import ACTIVATIONS
from neurosim.numerics.integrators import INTEGRATORS
from neurosim.settle import ADAPTIVE
from neurosim.units import format_quantity

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment

FINEST_FLOAT32 = 1e-6

Finding: TypeAlias = tuple[str, str, str]
"""Table (dotted where it lies within another), key, and what is allowed instead of its value."""


def _quoted(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _layers(e: Experiment) -> Iterator[Finding]:
    layers, output, data = e.network.layers, e.network.output, e.data.name
    hidden = output == "softmax" and not e.network.convolutions
    least, why = (3, "input, hidden, readout") if hidden else (2, "input, output")
    if len(layers) < least:
        yield "network", "layers", f"expected at least {least} sizes ({why}) with output = {output!r}"
        return
    size = SIZES[data]
    if layers[0] != size.features:
        yield "network", "layers", f"the first must be {size.features}, the inputs of data set {data!r}"
    if layers[-1] != size.classes:
        yield "network", "layers", f"the last must be {size.classes}, the classes of data set {data!r}"


def _architecture(e: Experiment) -> Iterator[Finding]:
    net = e.network
    if net.convolutions and net.architecture != "layered":
        yield "network", "architecture", "joins dense layers; with convolutions leave it 'layered'"
    if net.convolutions and net.skips:
        yield "network", "skips", "join dense layers; with convolutions leave them out"
    if net.architecture == "loop" and net.tied:
        yield "network", "architecture", "in a loop no array is read both ways; set tied = false"
    if net.architecture == "recurrent" and not net.tied:
        yield "network", "architecture", "a layer is coupled to itself by one array read both ways; set tied = true"
    free = len(net.layers) - 1 - (net.output == "softmax")
    if net.architecture == "loop" and free < 2:
        yield "network", "layers", "a loop needs at least two layers behind the input (and before a readout)"
    elif net.skips and not net.convolutions and net.architecture != PREDICTIVE_CODING:
        try:
            topology(e)
        except ConfigError as error:
            yield "network", "skips", str(error)


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
    if e.learning.update in ("in_situ", "continual"):
        cause = f"update = {e.learning.update!r}"
    elif e.learning.programmer == "stochastic":
        cause = "programmer = 'stochastic'"
    else:
        return
    plain = {"momentum": 0, "weight_decay": 0, "optimiser": "sgd"}
    for key, without in plain.items():
        if getattr(e.train, key) != without:
            text = f"needs a digital gradient, which [learning] {cause} never forms; set {key} = {without!r}"
            yield "train", key, f"{text}, or update = 'differenced' with programmer = 'ideal' or 'rounded'"


def _pulse_order(e: Experiment) -> Iterator[Finding]:
    learning = e.learning
    if learning.pulse_order == "net":
        return
    if learning.programmer != "stochastic":
        text = f"has no effect on programmer = {learning.programmer!r}; leave it out, or set 'stochastic'"
        yield "learning", "pulse_order", text
    elif learning.pulse_order == "aggregated" and not issubclass(DEVICES[e.device.model], StraightStep):
        straight = _quoted([name for name, model in DEVICES.items() if issubclass(model, StraightStep)])
        text = f"the sum of many pulses has a closed form only where the step is a straight line: {straight}"
        yield "learning", "pulse_order", f"{text}; choose one as [device] model, or 'samples' or 'net'"
    elif learning.pulse_order == "samples" and e.crossbar.wear.pulses:
        text = "the end of a device's life within a batch is not modelled"
        yield "learning", "pulse_order", f"{text}; choose 'aggregated' or 'net', or leave [crossbar.wear] out"


def _complex(e: Experiment) -> Iterator[Finding]:
    learning = e.learning
    circle = learning.estimator == "holomorphic" and learning.points > 2
    rotation = learning.estimator == "oscillating" and learning.waveform == "rotation"
    if not (circle or rotation):
        return
    real = "waveform = 'cosine'" if rotation else "points = 2 or estimator = 'symmetric'"
    text = f"not holomorphic, but [learning] estimator = {learning.estimator!r} needs complex states"
    if not ACTIVATIONS[e.network.activation].holomorphic:
        smooth = _quoted([name for name, sigma in ACTIVATIONS.items() if sigma.holomorphic])
        yield "network", "activation", f"{text}; choose {smooth}, or [learning] {real}"
    for i, convolution in enumerate(e.network.convolutions, start=1):
        if i > 1 and convolution.pool == "max":  # the first reads the input, which is real
            pools = _quoted(["softmax", "average", "none"])
            yield "network", "convolutions", f"entry {i}: pool = 'max': {text}; choose {pools}, or [learning] {real}"


def _harmonics(e: Experiment) -> Iterator[Finding]:
    learning = e.learning
    least = 2 * (learning.harmonics + 1)
    if learning.estimator == "oscillating" and learning.waveform == "cosine" and learning.points < least:
        text = f"too few points per period to tell harmonic {learning.harmonics} from higher ones"
        yield "learning", "points", f"{text}; expected an integer >= {least}"


def _unphased(e: Experiment) -> Iterator[Finding]:
    if e.learning.estimator in REFERENCES and e.learning.update == "in_situ":
        text = f"estimator = {e.learning.estimator!r} is computed and has no two phases to program in place"
        yield "learning", "update", f"{text}; set update = 'differenced'"


def _through_time(e: Experiment) -> Iterator[Finding]:
    settle = e.settle
    if e.learning.estimator != "bptt":
        return
    if settle.method == "transient" and settle.integrator != "euler":
        text = "[learning] estimator = 'bptt' goes back through explicit Euler steps; set integrator = 'euler'"
        yield "settle", "integrator", text
    if settle.nudged_steps > settle.free_steps:
        text = f"[learning] estimator = 'bptt' goes back through so many of the free_steps = {settle.free_steps}"
        yield "settle", "nudged_steps", f"{text}; expected an integer <= {settle.free_steps}"


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
    _architecture,
    convolution_findings,
    image_findings,
    predictive_findings,
    *CIRCUIT_CHECKS,
    _optimiser,
    _pulse_order,
    *RECIPE_CHECKS,
    _harmonics,
    _unphased,
    _through_time,
    _continuous,
    *FEEDBACK_CHECKS,
    *CONTINUAL_CHECKS,
    *NOISE_CHECKS,
    *FAULT_CHECKS,
    *PERIPHERY_CHECKS,
    stability,
    _precision,
    _data_limits,
    rate_findings,
    time_findings,
)


def contradictions(experiment: Experiment) -> Iterator[Mistake]:
    """Yield what is wrong between keys that are each valid by themselves."""
    yield from _mistakes(experiment, CHECKS)


def circuit_contradictions(experiment: Experiment) -> Iterator[Mistake]:
    """Yield what is wrong between the keys of a circuit's network, arrays and devices."""
    yield from _mistakes(experiment, (*CIRCUIT_CHECKS, unwritten))


def _mistakes(experiment: Experiment, checks: tuple[Check, ...]) -> Iterator[Mistake]:
    for check in checks:
        for table, key, text in check(experiment):
            held, unit = attrgetter(table)(experiment), unit_of(f"{table}.{key}")
            value = held.value(key) if table == "device" else getattr(held, key)
            if unit:
                yield Mistake(f"[{table}] {key} = {format_quantity(value, unit)}", text)
            else:
                yield entry(table, key, value, text)
