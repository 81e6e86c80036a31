"""A small circuit as a TOML file: what it is made of, how it is driven, and what is compared with SPICE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ModelWrapValidatorHandler, ValidationError, ValidationInfo, model_validator

from neurosim.config.checks import circuit_contradictions
from neurosim.config.device import Device
from neurosim.config.experiment import Experiment
from neurosim.config.fields import (
    Amperes,
    Count,
    NonNegative,
    Positive,
    PositiveSiemens,
    Seed,
    Siemens,
    Sizes,
    Table,
    Volts,
    Whole,
)
from neurosim.config.load import read_toml
from neurosim.config.matrix import Matrix, Numbers, Weights
from neurosim.config.mistakes import ExperimentError, Mistake, entry, explain
from neurosim.config.predictive import PREDICTIVE_CODING
from neurosim.config.tables import Crossbar, Learning, Network
from neurosim.config.wires import LineResistance, Lines

KINDS = ("network", "resistive", "array")


class Resistive(Table):
    """[resistive]: a passive network of resistors, diodes and amplifier stages."""

    layers: Sizes = Field(default=(2, 4, 1), description="nodes per layer, the input first")
    inputs: Literal["doubled", "pairs"] = Field(default="doubled", description="how weights get a sign")
    outputs: Literal["single", "pairs"] = Field(default="single", description="one node per output, or v+ - v-")
    law: Literal["linear", "sinh"] = Field(default="linear", description="current over voltage of a device")
    v_sinh: Volts = Field(default=1.0, description="voltage scale of the law 'sinh'")
    bias: bool = Field(default=True, description="rows driven by v_ref, without quotes")
    gain: Positive = Field(default=1.0, description="voltage gain of the stage behind each hidden layer")
    leak: Siemens = Field(default=0.0, description="from each hidden node to ground")
    diodes: bool = Field(default=True, description="antiparallel diodes at each hidden node, without quotes")
    diode_bias: Volts = Field(default=0.1, description="the diodes conduct beyond plus and minus this voltage")
    i_s: Amperes = Field(default=1e-9, description="saturation current of the diodes")
    ideality: Positive = Field(default=1.5, description="ideality factor of the diodes")
    g_low: PositiveSiemens = Field(default=2e-4, description="lowest initial conductance")
    g_high: PositiveSiemens = Field(default=1e-3, description="highest initial conductance")


class Array(Table):
    """[array]: one passive array, driven at the rows, read at the columns."""

    rows: Count = Field(default=8, description="rows")
    cols: Count = Field(default=8, description="columns")
    g_low: PositiveSiemens = Field(default=1e-6, description="lowest conductance; they are drawn log-uniformly")
    g_high: PositiveSiemens = Field(default=1e-4, description="highest conductance")
    v_max: Volts = Field(default=0.2, description="row voltages are drawn uniformly up to this, both signs")


class Drive(Table):
    """[drive]: inputs, targets and starting states, one row per sample."""

    x: Matrix = Field(default=(), description="inputs")
    y: Matrix = Field(default=(), description="targets")
    start: Matrix = Field(default=(), description="state u before the free phase; zero when left out")
    data: Literal["iris"] | None = Field(default=None, description="take samples of a data set instead of x and y")
    samples: Count = Field(default=3, description="number of samples taken from the data set")


class Training(Table):
    """[train]: training before (and between) the comparisons."""

    steps: Whole = Field(default=0, description="updates before the last comparison")
    batch: Count = Field(default=4, description="samples per update")
    lr: Positive = Field(default=0.1, description="learning rate")
    check_at: Annotated[tuple[Whole, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)] = Field(
        default=(), description="updates after which the network is compared; only the last when left out"
    )


class Check(Table):
    """[check]: what is compared."""

    beta: Positive = Field(default=0.05, description="nudge of the compared states")
    betas: Numbers = Field(default=(), description="nudges over which the slopes of the gradient error are fitted")
    free_time: NonNegative = Field(default=0.0, description="length of the free waveform, in tau; 0 for none")
    nudged_time: NonNegative = Field(default=0.0, description="length of the nudged waveform, in tau; 0 for none")
    gradients: bool = Field(default=True, description="compare gradients, without quotes")
    update: bool = Field(default=False, description="compare one training step, without quotes")
    lockin: Numbers = Field(default=(), description="omega tau of the oscillating nudges")
    lockin_beta: Positive = Field(default=0.02, description="amplitude of the oscillating nudge")


class CircuitFile(Table):
    """A complete, checked circuit. Exactly one of `network`, `resistive` and `array` says what it is.

    Raises
    ------
    ConfigError
        Anything wrong in any table, or between tables: one line per mistake.
    """

    title: str = Field(default="", description="text in quotes")
    seed: Seed = Field(default=0, description="root of all random streams")
    network: Network | None = None
    resistive: Resistive | None = None
    array: Array | None = None
    crossbar: Crossbar = Crossbar()
    device: Device = Device()
    wires: Lines | None = None
    weights: Weights = Weights()
    conductances: str | None = Field(default=None, description="file of measured conductances beside this one")
    drive: Drive = Drive()
    learning: Learning = Learning()
    train: Training = Training()
    check: Check = Check()

    @model_validator(mode="wrap")
    @classmethod
    def _explained(
        cls, data: Any, handler: ModelWrapValidatorHandler[CircuitFile], info: ValidationInfo
    ) -> CircuitFile:
        source = (info.context or {}).get("source", "circuit")
        try:
            circuit = handler(data)
        except ValidationError as error:
            raise ExperimentError(source, explain(error, cls)) from None
        if found := list(_mistakes(circuit)):
            raise ExperimentError(source, found)
        return circuit

    @property
    def kind(self) -> str:
        """Which of ``network``, ``resistive`` and ``array`` the circuit is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    def experiment(self) -> Experiment:
        """Return the rate network of this circuit as an experiment, settled at exact operating points."""
        settle: dict[str, Any] = {
            "method": "operating_point",
            "tolerance": 1e-13,
            "max_sweeps": 20_000,
            "dtype": "float64",
        }
        if self.network and self.network.architecture == PREDICTIVE_CODING:
            settle["solver"] = "damped"
        document = {
            "network": (self.network or Network()).model_dump(),
            "crossbar": self.crossbar.model_dump(),
            "device": self.device.document(),
            "learning": self.learning.model_dump(),
            "settle": settle,
            "train": {"batch": self.train.batch, "lr": self.train.lr, "seed": self.seed},
        }
        return Experiment.model_validate(document, context={"source": "circuit", "across": False})


def _mistakes(circuit: CircuitFile) -> Iterator[Mistake]:
    """Yield what is wrong between tables that are each valid by themselves."""
    kinds = [kind for kind in KINDS if getattr(circuit, kind) is not None]
    if len(kinds) != 1:
        got = " and ".join(f"[{kind}]" for kind in kinds) or "none"
        allowed = "[network] (RC neurons), [resistive] (passive) or [array] (one wired array)"
        yield Mistake("", f"expected exactly one of {allowed}, got {got}")
        return
    if circuit.crossbar.wires != LineResistance():
        yield Mistake("[crossbar.wires]", "a circuit has its line resistances in the table [wires]; move them there")
    if kinds == ["array"]:
        if circuit.wires is None:
            yield Mistake("", "[array] without [wires] is the matrix itself; give at least one resistance")
        return
    if kinds == ["network"]:
        if circuit.network and circuit.network.convolutions:
            text = "a circuit has dense layers only: no netlist is written for kernels; leave them out"
            yield entry("network", "convolutions", circuit.network.convolutions, text)
        yield from circuit_contradictions(circuit.experiment())
    yield from _drive(circuit)
    yield from _check(circuit)


def _drive(circuit: CircuitFile) -> Iterator[Mistake]:
    drive, layers = circuit.drive, (circuit.network or circuit.resistive or Network()).layers
    if drive.data is None and not drive.x:
        yield Mistake("[drive] x", "expected one row of inputs per sample, or data = 'iris'")
    if drive.data is not None and (drive.x or drive.y):
        yield entry("drive", "data", drive.data, "x and y are given too; keep one of them")
    if drive.data is None and len(drive.y) != len(drive.x):
        yield Mistake(
            "[drive] y", f"{len(drive.y)} rows; expected one row of targets for each of {len(drive.x)} inputs"
        )
    for key, rows, width in (("x", drive.x, layers[0]), ("y", drive.y, layers[-1])):
        for row in rows:
            if len(row) != width:
                yield entry("drive", key, list(row), f"expected {width} numbers per row, as [layers] says")
    if circuit.wires is not None and circuit.kind == "resistive":
        yield Mistake("[wires]", "line resistance is modelled for [network] and [array] only; leave the table out")


def _check(circuit: CircuitFile) -> Iterator[Mistake]:
    check, train = circuit.check, circuit.train
    if check.betas and len(check.betas) < 3:
        yield entry("check", "betas", list(check.betas), "a slope needs at least three values")
    if any(step > train.steps for step in train.check_at):
        yield entry("train", "check_at", list(train.check_at), f"expected integers <= steps = {train.steps}")


def load_circuit(path: Path | str) -> CircuitFile:
    """Return the circuit in TOML file `path`.

    Raises
    ------
    ConfigError
        The file cannot be read, is not TOML (with line and column), or describes no valid circuit.
    """
    return parse_circuit(read_toml(Path(path)), str(path))


def parse_circuit(document: Mapping[str, Any], source: str = "circuit") -> CircuitFile:
    """Return the circuit of a TOML-like `document`; messages name `source`."""
    return CircuitFile.model_validate(dict(document), context={"source": source})
