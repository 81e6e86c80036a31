"""What a trace file holds: every dataset with its axes, kind, unit and long name, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from neurosim.errors import TraceError, nearest

SCHEMA = "neurosim-trace"
SCHEMA_VERSION = 1
GROUPS = ("weights", "pulses", "states", "teaching", "metrics", "run")
"""Present in every file, empty where nothing was recorded."""
Status = Literal["running", "done", "failed"]

Kind = Literal["float", "int", "text"]


@dataclass(frozen=True, slots=True)
class Field:
    """One kind of dataset. In `path` a ``*`` stands for the name of a synapse or a layer.

    ``float`` is stored as float32 or float64 as it comes, ``int`` as int32 or int64, ``text`` as UTF-8.
    """

    path: str
    dims: tuple[str, ...]
    kind: Kind
    units: str
    long_name: str


def _pair(part: str, sign: str) -> Field:
    return Field(
        f"weights/*/{part}",
        ("step", "row", "col"),
        "float",
        "S",
        f"conductance of the {sign} device of each pair",
    )


def _state(part: str, what: str) -> tuple[Field, ...]:
    dims = ("time", "batch", "neuron")
    return (
        Field(f"states/*/{part}", dims, "float", "V", what),
        Field(f"states/*/{part}_re", dims, "float", "V", f"{what}, real part"),
        Field(f"states/*/{part}_im", dims, "float", "V", f"{what}, imaginary part"),
    )


def _metric(name: str, long_name: str, kind: Kind = "float") -> Field:
    return Field(f"metrics/{name}", ("step",), kind, "1", long_name)


def _scalar(name: str, long_name: str, kind: Kind = "float") -> Field:
    return Field(f"run/{name}", (), kind, "1", long_name)


def _energy(name: str, long_name: str) -> Field:
    return Field(f"run/{name}", (), "float", "J", long_name)


ENERGIES = (
    ("energy_image", "energy of one training image, all phases, at the end: heat, and what nodes store"),
    ("energy_free", "its part in the free phase"),
    ("energy_nudged", "its part in the nudged phases together"),
    ("energy_array_*", "its part in the devices of one array"),
    ("energy_neurons", "its part in leaks and capacitances of the nodes"),
    ("energy_pulses", "energy of all programming pulses of the run"),
    ("energy_training", "energy of the whole training: all images and pulses"),
)
TIMES = (
    ("latency_image", "length of all phases of one training image"),
    ("settling_time_free", "time until the residual of the free phase stays below the tolerance, mean over images"),
    ("settling_time_nudged", "the longest such time among the nudged phases"),
    ("time_training", "length of the whole training, images one after the other, without programming"),
)

_ALIGNMENT = "cosine between the estimated gradient and the implicit-function gradient"
_REFRESHES = "pairs reset and rewritten, and arrays programmed again, so far"
_WORN = "share of the devices of one synapse that have stopped"
_MOST = "most programming pulses of a device of one synapse so far"
_MEAN = "mean number of programming pulses of the devices of one synapse so far"
_ANGLE = "angle between a feedback array and its forward array"
_SYMMETRY = "symmetric part of the coupling of the free layers, |S| / (|S| + |A|)"
_JACOBIAN = "symmetric part of the Jacobian of the free layers, the coupling with the leak, |S| / (|S| + |A|)"
_HOMEOSTATIC = "homeostatic loss, 2 |A|^2 / n of the coupling of n free neurons"

_LINES = {
    "line_staleness": "largest relative deviation of the weights read in the epoch from newly solved ones",
    "line_residual": "largest deviation of a read through the effective conductances from a solved one",
    "line_figure_of_merit": "n^2 r / R_min of the array with the largest one",
    "line_loss": "largest share of the conductance of an array that its lines take",
}
FIELDS: tuple[Field, ...] = (
    Field("config", (), "text", "1", "configuration of the run"),
    Field("weights/*/step", ("step",), "int", "1", "updates done when the conductances were recorded"),
    Field("weights/*/row", ("row",), "int", "1", "input of the array"),
    Field("weights/*/col", ("col",), "int", "1", "output of the array"),
    Field("weights/*/col_g_minus", ("col_g_minus",), "int", "1", "shared reference column of the array"),
    _pair("g_plus", "positive"),
    _pair("g_minus", "negative"),
    Field("pulses/*/step", ("step",), "int", "1", "updates done when the pulses were applied"),
    Field("pulses/*/row", ("row",), "int", "1", "input of the array"),
    Field("pulses/*/col", ("col",), "int", "1", "output of the array"),
    Field(
        "pulses/*/count",
        ("step", "row", "col"),
        "int",
        "1",
        "programming pulses applied, positive raise the weight",
    ),
    Field("states/*/time", ("time",), "float", "s", "time since the free phase began"),
    Field("states/*/batch", ("batch",), "int", "1", "sample in the recorded batch"),
    Field("states/*/neuron", ("neuron",), "int", "1", "node of the layer"),
    *_state("u", "node voltage"),
    *_state("a", "activation voltage"),
    Field("teaching/time", ("time",), "float", "s", "time since the free phase began"),
    Field("teaching/beta_re", ("time",), "float", "1", "nudging strength beta, real part"),
    Field("teaching/beta_im", ("time",), "float", "1", "nudging strength beta, imaginary part"),
    Field("metrics/step", ("step",), "int", "1", "updates done when the metrics were taken"),
    _metric("epoch", "passes through the training set", "int"),
    _metric("train_loss", "mean loss over the training set"),
    _metric("train_accuracy", "fraction of training samples classified correctly"),
    _metric("test_loss", "mean loss over the test set"),
    _metric("test_accuracy", "fraction of test samples classified correctly"),
    _metric(
        "settled_fraction",
        "fraction of training samples that settled within the tolerance; under an always-on beta: that stayed finite",
    ),
    _metric("test_settled_fraction", "fraction of test samples whose free phase ended below the tolerance"),
    _metric("residual", "largest distance of a state from its target after settling, in units of v_ref"),
    _metric("pulses", "programming pulses applied so far", "int"),
    _metric("refreshes", _REFRESHES, "int"),
    _metric("worn_*", _WORN),
    _metric("writes_max_*", _MOST, "int"),
    _metric("writes_mean_*", _MEAN),
    _metric("write_failures", "devices that write-verify loops have given up so far", "int"),
    _metric("alignment_total", f"{_ALIGNMENT}, all weights together"),
    _metric("alignment_*", f"{_ALIGNMENT}, of one synapse"),
    Field("metrics/angle_*", ("step",), "float", "degree", _ANGLE),
    _metric("coupling_symmetry", _SYMMETRY),
    _metric("jacobian_symmetry", _JACOBIAN),
    _metric("homeostatic_loss", _HOMEOSTATIC),
    *(_metric(name, text) for name, text in _LINES.items()),
    _scalar("test_accuracy", "fraction of test samples classified correctly at the end"),
    _scalar("best_test_accuracy", "largest fraction of test samples classified correctly in any epoch"),
    _scalar("test_loss", "mean loss over the test set at the end"),
    _scalar("train_loss", "mean loss over the training set at the end"),
    _scalar(
        "settled_fraction",
        "fraction of training samples that settled within the tolerance; under an always-on beta: that stayed finite",
    ),
    _scalar("test_settled_fraction", "fraction of test samples whose free phase ended below the tolerance"),
    _scalar("residual", "largest distance of a state from its target after settling, in units of v_ref"),
    _scalar("pulses", "programming pulses applied in the whole run", "int"),
    _scalar("write_failures", "devices that write-verify loops gave up in the whole run", "int"),
    _scalar("steps", "updates done in the whole run", "int"),
    *(_energy(*entry) for entry in ENERGIES),
    *(Field(f"run/{name}", (), "float", "s", what) for name, what in TIMES),
    _scalar("refreshes", _REFRESHES, "int"),
    _scalar("worn_*", _WORN),
    _scalar("writes_max_*", _MOST, "int"),
    _scalar("writes_mean_*", _MEAN),
    _scalar("alignment_total", f"{_ALIGNMENT}, all weights together"),
    _scalar("alignment_*", f"{_ALIGNMENT}, of one synapse"),
    Field("run/angle_*", (), "float", "degree", _ANGLE),
    _scalar("coupling_symmetry", _SYMMETRY),
    _scalar("jacobian_symmetry", _JACOBIAN),
    _scalar("homeostatic_loss", _HOMEOSTATIC),
    *(_scalar(name, text) for name, text in _LINES.items()),
)
_EXACT = {field.path: field for field in FIELDS if "*" not in field.path}
_PATTERNS = tuple(field for field in FIELDS if "*" in field.path)


def field(path: str) -> Field:
    """Return the table row for dataset `path`, such as ``"weights/W1/g_plus"``.

    Raises
    ------
    TraceError
        The table has no such dataset.
    """
    if path in _EXACT:
        return _EXACT[path]
    for row in _PATTERNS:
        if row.path.count("/") == path.count("/") and fnmatchcase(path, row.path):
            return row
    folder = path.split("/", 1)[0]
    known = [row.path for row in FIELDS if row.path.startswith(folder + "/")]
    raise TraceError(
        f"{path}: not a dataset of {SCHEMA} version {SCHEMA_VERSION}{nearest(path, known)}; "
        f"allowed here: {', '.join(known) or 'nothing'}"
    )


def check_name(name: str, what: str) -> str:
    """Return `name` if it can name a group of a trace file, else raise `TraceError`."""
    if not (name.isidentifier() and name.isascii()):
        raise TraceError(f"{what} name {name!r}: only letters, digits and _ are allowed, not first a digit")
    return name
