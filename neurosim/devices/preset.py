"""Presets: device models with the parameters of published devices, one TOML file each in `presets/`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.devices.parameter import parameters
from neurosim.errors import ConfigError, NeurosimError, choose, nearest
from neurosim.units import parse_quantity

if TYPE_CHECKING:
    from neurosim.devices.base import DeviceModel

FOLDER = Path(__file__).parent / "presets"
WORDS = ("title", "source", "doi", "fitted", "valid")
KEYS = (*WORDS, "assumed", "device")


@dataclass(frozen=True, slots=True)
class Preset:
    """A device model with the parameters of a device.

    Attributes
    ----------
    name
        Its name in experiment files, or the path of a file of one's own.
    title, source, doi
        What it is, and where its numbers are from.
    fitted
        What the parameters were fitted to: figure, table or data file.
    valid
        Where they hold.
    assumed
        What was assumed on the way to siemens, and what of the source is left out.
    device
        Keys of [device] as in an experiment file, `model` among them; quantities as text or SI numbers.
    """

    name: str
    title: str
    source: str
    doi: str
    fitted: str
    valid: str
    assumed: tuple[str, ...]
    device: Mapping[str, Any]

    @property
    def model(self) -> str:
        """Name of the device model."""
        return str(self.device["model"])

    def build(self) -> DeviceModel:
        """Return the device model with the preset's parameters.

        Raises
        ------
        ConfigError, RangeError
            An unknown model or key, or a value out of range.
        """
        from neurosim.devices import DEVICES

        model = choose(DEVICES, self.model, f"preset {self.name}: model")
        keys = {key: value for key, value in self.device.items() if key != "model"}
        known = parameters(model)
        for key in keys:
            if key not in known:
                text = f"unknown key {key!r} of model {self.model!r}{nearest(key, known)}; allowed: {', '.join(known)}"
                raise ConfigError(f"preset {self.name}: {text}")
        return model(**in_si(model, keys))


def in_si(model: type[DeviceModel], keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return `keys` of a device model with quantities that are text as SI numbers.

    Raises
    ------
    ConfigError
        A text that is no quantity of the parameter's unit.
    """
    known, found = parameters(model), {}
    for key, value in keys.items():
        quantity = isinstance(value, str) and key in known and known[key].unit != "1"
        found[key] = parse_quantity(value, known[key].unit, key) if quantity else value
    return found


def preset_names() -> tuple[str, ...]:
    """Return the names of the presets that come with neurosim, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def preset(name: str) -> Preset:
    """Return the preset called `name`, or the one in the file `name` when that ends in ``.toml``.

    Raises
    ------
    ConfigError
        No such preset, with the nearest name; or a file that is missing, not TOML, or no preset.
    """
    if name.endswith(".toml"):
        return read_preset(Path(name))
    choose(dict.fromkeys(preset_names()), name, "preset")
    return _bundled(name)


@cache
def _bundled(name: str) -> Preset:
    return read_preset(FOLDER / f"{name}.toml", name)


def read_preset(path: Path, name: str | None = None) -> Preset:
    """Return the preset in TOML file `path`; without `name` it is called by its path.

    Raises
    ------
    ConfigError
        The file cannot be read, is not TOML, has unknown keys, or describes no device.
    """
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ConfigError(f"{path}: {reason}; expected a preset (TOML), such as neurosim devices fit writes") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    for key in document:
        if key not in KEYS:
            raise ConfigError(f"{path}: unknown key {key!r}{nearest(key, KEYS)}; allowed: {', '.join(KEYS)}")
    device, assumed = document.get("device"), document.get("assumed", [])
    if not isinstance(device, dict) or not isinstance(device.get("model"), str):
        raise ConfigError(f"{path}: no table [device] with a model; expected one as in an experiment file")
    words = {key: document.get(key, "") for key in WORDS}
    if not all(isinstance(word, str) for word in (*words.values(), *assumed)):
        raise ConfigError(f"{path}: expected text in quotes for {', '.join(WORDS)}, and a list of texts for assumed")
    found = Preset(name or str(path), **words, assumed=tuple(assumed), device=device)
    try:
        found.build()
    except NeurosimError as error:
        raise ConfigError(f"{path}: {error}") from None
    return found
