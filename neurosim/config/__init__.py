"""Experiments as TOML files: tables, checks and their messages, and what is built from them."""

from neurosim.config.build import device_model, hidden_layers, scale, topology, updates_per_epoch
from neurosim.config.experiment import Experiment, parse_experiment
from neurosim.config.images import augmentation
from neurosim.config.keys import set_key
from neurosim.config.load import load_experiment

__all__ = [
    "Experiment",
    "augmentation",
    "device_model",
    "hidden_layers",
    "load_experiment",
    "parse_experiment",
    "scale",
    "set_key",
    "topology",
    "updates_per_epoch",
]
