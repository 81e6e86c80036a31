"""A circuit file, taken to a circuit simulator: all comparisons, figures and files of one circuit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from neurosim.config.circuit import CircuitFile, load_circuit
from neurosim.crosscheck import figures
from neurosim.crosscheck.answers import compare_answers, write_answers
from neurosim.crosscheck.array import PassiveArray, compare_array
from neurosim.crosscheck.build import Trained, build, build_array
from neurosim.crosscheck.deviation import Comparison
from neurosim.crosscheck.energy import compare_energy
from neurosim.crosscheck.gradients import GradientRow, compare_gradients
from neurosim.crosscheck.schematic import draw_array, draw_schematic
from neurosim.crosscheck.states import Laboratory, compare_lock_in, compare_states, compare_waveform
from neurosim.crosscheck.subject import Subject
from neurosim.crosscheck.update import compare_update
from neurosim.errors import TraceError
from neurosim.spice.analyses import OperatingPoint, Transient
from neurosim.spice.engines import Engine
from neurosim.spice.teaching import BetaSource
from neurosim.style import PIXELS_PER_INCH, styled
from neurosim.traces.conductances import Planes, write_conductances

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WAVEFORMS = 2
"""Samples whose waveforms are compared."""


@dataclass(slots=True, eq=False)
class Report:
    """What was found about one circuit, and what is written.

    Attributes
    ----------
    name, text, seed, engine
        Of the circuit file, and the engine with its version.
    comparisons, gradients
        The two tables.
    settled
        The comparisons whose values are kept as checked answers.
    netlists, drawings
        File name -> text; file name -> function that draws it.
    conductances
        G+ and G- [S] of the arrays at the end; empty for a passive array.
    """

    name: str
    text: str
    seed: int
    engine: str
    comparisons: list[Comparison] = field(default_factory=list)
    gradients: list[GradientRow] = field(default_factory=list)
    settled: list[Comparison] = field(default_factory=list)
    netlists: dict[str, str] = field(default_factory=dict)
    drawings: dict[str, Callable[[], Figure]] = field(default_factory=dict)
    conductances: dict[str, Planes] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every comparison holds."""
        return all(comparison.passed for comparison in self.comparisons)


def check_circuit(path: Path, engine: Engine) -> Report:
    """Compare the circuit in TOML file `path` with `engine`; checked answers beside it are compared as well.

    Raises
    ------
    ConfigError
        The file, its conductances or its answers are wrong.
    ConvergenceError
        A state did not settle here.
    SpiceError
        The engine is missing or a run failed.
    """
    spec = load_circuit(path)
    report = Report(path.stem, path.read_text(encoding="utf-8-sig"), spec.seed, f"{engine.name} {engine.available()}")
    if spec.array is not None:
        _check_array(report, build_array(spec), engine)
    else:
        _check_network(report, spec, build(spec, path.parent), engine)
    report.comparisons += compare_answers(path.with_suffix(".csv"), report.settled)
    report.drawings["deviations.png"] = lambda: figures.draw_deviations(report.comparisons, engine.name)
    return report


def _check_array(report: Report, array: PassiveArray, engine: Engine) -> None:
    report.settled = compare_array(array, engine)
    report.comparisons += report.settled
    columns = [f"i(v_sense_{k})" for k in range(array.g.shape[1])]
    report.netlists["circuit.cir"] = array.circuit().text(OperatingPoint(), columns)
    report.drawings["schematic.png"] = lambda: draw_array(array)


def _check_network(report: Report, spec: CircuitFile, trained: Trained, engine: Engine) -> None:
    for state, subject in trained.stages():
        lab = Laboratory(subject, engine, subject.free())
        report.settled = compare_states(lab, (0.0, spec.check.beta, -spec.check.beta))
        found = list(report.settled)
        if spec.check.update:
            found += compare_update(trained, state, subject, engine)
        if len(trained.spec.train.check_at) > 1:
            found = [_labelled(comparison, f"after {state.step} updates: ") for comparison in found]
        report.comparisons += found
    _describe(report, lab)
    _waveforms(report, spec, lab)
    _lock_in(report, spec, lab)
    if spec.check.gradients:
        found, report.gradients = compare_gradients(lab, spec.check.beta, spec.check.betas)
        report.comparisons += found
        if spec.check.betas:
            report.drawings["gradients.png"] = lambda: figures.draw_slopes(report.gradients, engine.name)


def _labelled(comparison: Comparison, prefix: str) -> Comparison:
    c = comparison
    return Comparison(prefix + c.quantity, c.ours, c.spice, c.unit, c.tolerance, c.relative, c.labels, c.times)


def _describe(report: Report, lab: Laboratory) -> None:
    """Add netlist, schematic and conductances of the last compared subject."""
    subject: Subject = lab.subject
    report.conductances = dict(subject.arrays)
    point = OperatingPoint(lab.guess(lab.free[0]))
    report.netlists["circuit.cir"] = subject.circuit(0, BetaSource()).text(point, lab.vectors)
    report.drawings["schematic.png"] = lambda: draw_schematic(subject)


def _waveforms(report: Report, spec: CircuitFile, lab: Laboratory) -> None:
    subject, check = lab.subject, spec.check
    for sample in range(min(WAVEFORMS, subject.samples)):
        phases = ((0.0, subject.start[sample], check.free_time), (check.beta, lab.free[sample], check.nudged_time))
        for beta, start, length in phases:
            if not length:
                continue
            found = compare_waveform(lab, sample, beta, start, length)
            if beta == 0 and sample == 0 and subject.wires is None:
                found.append(compare_energy(lab, sample, start, length))
            report.comparisons += found
            phase = "nudged" if beta else "free"
            analysis = Transient(length * subject.scale.tau, subject.scale.tau)
            circuit = subject.circuit(sample, BetaSource(beta), start)
            report.netlists[f"{phase}_{sample}.cir"] = circuit.text(analysis, lab.vectors)
            report.drawings[f"{phase}_{sample}.png"] = _drawer(found[0], lab.engine.name)


def _drawer(comparison: Comparison, engine: str) -> Callable[[], Figure]:
    return lambda: figures.draw_waveform(comparison, engine)


def _lock_in(report: Report, spec: CircuitFile, lab: Laboratory) -> None:
    found = [compare_lock_in(lab, 0, omega, spec.check.lockin_beta) for omega in spec.check.lockin]
    if found:
        comparisons = [comparison for comparison, _ in found]
        linear = [response for _, response in found]
        report.comparisons += comparisons
        report.drawings["lock_in.png"] = lambda: figures.draw_lock_in(comparisons, linear, lab.engine.name)


def write(report: Report, out: Path) -> None:
    """Write netlists, ``compare.h5``, answers, conductances and figures into folder `out`.

    Raises
    ------
    TraceError
        The folder cannot be written.
    """
    from neurosim.traces.comparison import ComparisonWriter

    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in report.netlists.items():
            (out / name).write_text(text)
        write_answers(out / "answers.csv", report.settled)
        if report.conductances:
            write_conductances(out / "conductances.csv", report.conductances)
        with styled():
            for name, draw in report.drawings.items():
                draw().savefig(out / name, dpi=PIXELS_PER_INCH, metadata={"Software": None}, bbox_inches="tight")
    except OSError as error:
        raise TraceError(f"{out}: the comparison could not be written: {error.strerror}") from error
    with ComparisonWriter.create(
        out / "compare.h5", circuit=report.text, seed=report.seed, engine=report.engine
    ) as file:
        file.passed(report.passed)
        for c in report.comparisons:
            attributes = {
                "tolerance": c.tolerance,
                "tolerance_kind": "relative" if c.relative else "absolute",
                "deviation": c.deviation,
                "relative_deviation": c.relative_deviation,
                "passed": int(c.passed),
            }
            file.compare(c.quantity, c.ours, c.spice, c.unit, labels=c.labels, times=c.times, attributes=attributes)
        keys = ("method", "source", "beta", "limit_error", "rbp_error", "cosine")
        rows = [{key: getattr(row, key) for key in keys} for row in report.gradients]
        file.gradients(rows, [row.gradient for row in report.gradients])
