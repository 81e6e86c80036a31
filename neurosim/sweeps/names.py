"""Words for a reader: what swept keys and their values are called in figures and tables."""

from __future__ import annotations

from neurosim.config.keys import unit_of
from neurosim.sweeps.axes import Value, number, text
from neurosim.units import format_quantity

KEYS = {
    "crossbar.faults.open_devices": "fraction of open devices",
    "crossbar.faults.stuck_g_max": "fraction of devices stuck at g_max",
    "crossbar.faults.stuck_g_min": "fraction of devices stuck at g_min",
    "crossbar.faults.stuck_random": "fraction of devices stuck at random",
    "crossbar.adc.bits": "resolution of the ADCs (bits)",
    "crossbar.adc.noise": "noise of the ADCs (relative to full scale)",
    "crossbar.conversion": "place of the converters",
    "crossbar.dac.bits": "resolution of the DACs (bits)",
    "crossbar.mapping": "mapping of weights to pairs",
    "crossbar.noise.amplitude": "amplitude of the conductance noise (relative)",
    "crossbar.noise.kind": "conductance noise",
    "crossbar.noise.rate_down": "rate of jumps down",
    "crossbar.noise.rate_up": "rate of jumps up",
    "crossbar.phases": "arrays of the phases",
    "crossbar.read_noise": "read noise of a conductance (relative)",
    "crossbar.read_noise_scope": "scope of the read noise",
    "crossbar.scheme": "pulse scheme",
    "crossbar.tiles.rows": "rows of one array",
    "crossbar.w_max": "largest weight",
    "crossbar.wires.r_col": "resistance of a column's segment",
    "crossbar.wires.r_row": "resistance of a row's segment",
    "data.name": "data set",
    "device.a": "slope a of the exponent along the range",
    "device.asymmetry": "up/down asymmetry of the device",
    "device.asymmetry_d2d": "device-to-device spread of the asymmetry",
    "device.bounds_d2d": "device-to-device spread of the range (relative)",
    "device.c2c": "cycle-to-cycle noise of a step (relative)",
    "device.g_max": "largest conductance",
    "device.g_min": "smallest conductance",
    "device.model": "device model",
    "device.preset": "device preset",
    "device.step": "conductance step of one pulse",
    "device.step_d2d": "device-to-device spread of the step (relative)",
    "device.stuck_fraction": "fraction of stuck devices",
    "device.write_noise": "write noise (in steps)",
    "learning.beta": "nudge amplitude β",
    "learning.dwell": "dwell per point (time steps)",
    "learning.estimator": "gradient estimator",
    "learning.feedback": "learning of the feedback arrays",
    "learning.homeostasis": "weight of the homeostatic loss",
    "learning.periods": "periods averaged",
    "learning.points": "points on the circle of β",
    "learning.programmer": "programmer",
    "learning.rounding": "rounding of the pulses",
    "learning.update": "update",
    "learning.update_every": "nudged steps between two updates",
    "network.activation": "activation",
    "network.feedback_angle": "initial angle of the feedback arrays (degrees)",
    "network.amplifier.gain": "open-loop gain of the amplifiers",
    "network.gain_spread": "spread of the neurons' gains (relative)",
    "network.layers": "layer sizes",
    "network.tau_spread": "spread of the time constants (relative)",
    "network.threshold_spread": "spread of the thresholds (in units of v_ref)",
    "settle.free_steps": "steps of the free phase",
    "settle.nudged_steps": "steps of a nudged phase",
    "settle.state_noise": "state noise (in units of v_ref)",
    "train.batch": "batch size",
    "train.epochs": "epochs",
    "train.lr": "learning rate",
    "train.optimiser": "optimiser",
    "train.schedule": "learning rate schedule",
}
VALUES = {
    ("learning.estimator", "one_sided"): "one-sided EP",
    ("learning.estimator", "random_sign"): "random-sign EP",
    ("learning.estimator", "symmetric"): "symmetric EP",
    ("learning.estimator", "holomorphic"): "holomorphic EP",
    ("learning.estimator", "oscillating"): "oscillating β",
    ("learning.estimator", "rbp"): "exact gradient (RBP)",
    ("learning.estimator", "bptt"): "backpropagation through time",
    ("learning.estimator", "true_response"): "EP for an infinitesimal β",
    ("learning.feedback", "kolen_pollack"): "Kolen-Pollack",
    ("learning.feedback", "vector_field"): "vector field",
    ("learning.rounding", "nearest"): "rounded to nearest",
    ("learning.rounding", "stochastic"): "rounded stochastically",
    ("learning.update", "differenced"): "digitally differenced",
    ("learning.update", "in_situ"): "in situ two-phase",
    ("learning.update", "continual"): "continual",
    ("data.name", "fashion_mnist"): "Fashion-MNIST",
    ("data.name", "mnist"): "MNIST",
}
NAMES_THEMSELVES = ("learning.estimator", "learning.update", "data.name", "device.model", "device.preset")
"""Keys whose values need no key beside them to be understood."""


def key_name(path: str) -> str:
    """Return what the key `path` is called, itself where nothing better is known."""
    return KEYS.get(path, path)


def value_name(path: str, value: Value) -> str:
    """Return what `value` of the key `path` is called: ``"one-sided EP"``, ``"25 uS"``, ``"0.1"``."""
    known = VALUES.get((path, value)) if isinstance(value, str) else None
    unit, size = unit_of(path), number(path, value)
    if known is None and unit and size is not None:
        return format_quantity(size, unit).replace(" u", " µ")
    return known or text(value).replace("_", " ")


def setting_name(path: str, value: Value) -> str:
    """Return key and value in words, the value alone where it speaks for itself."""
    if path in NAMES_THEMSELVES:
        return value_name(path, value)
    name = value_name(path, value)
    return f"{key_name(path)}{' =' if name[:1].isdigit() else ':'} {name}"
