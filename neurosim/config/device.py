"""[device]: the model of one memory element. Its further keys are the parameters of the chosen model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from neurosim.config.fields import PositiveSiemens, Siemens, Table, named
from neurosim.config.mistakes import Mistake, entry, refuse_all
from neurosim.devices import DEVICES, DeviceModel, Parameter, parameters
from neurosim.errors import ConfigError, RangeError, nearest

COMMON = ("g_min", "g_max", "step")


def keys_of(model: str) -> dict[str, Parameter]:
    """Return the keys that `model` has besides the common ones."""
    return {name: p for name, p in parameters(DEVICES[model]).items() if name not in COMMON}


def all_keys() -> list[str]:
    """Return the keys that some model accepts."""
    return list(dict.fromkeys(["model", *COMMON, *(name for model in DEVICES for name in keys_of(model))]))


def own_key_mistakes(model: Any, document: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield what is wrong with the keys of [device] that belong to `model` alone."""
    own = keys_of(model) if model in DEVICES else {}
    for key, value in document.items():
        if key in own:
            try:
                own[key].check(key, value)
            except (RangeError, ConfigError) as error:
                yield entry("device", key, value, str(error).partition(": ")[2])
        elif model in DEVICES and key not in ("model", *COMMON) and not _switched_off(key, value):
            yield _unknown(model, key)


def _switched_off(key: str, value: Any) -> bool:
    """Return whether `key` is another model's and has no effect, as when a sweep exchanges the model."""
    defaults = [getattr(DEVICES[m](), key) for m in DEVICES if key in keys_of(m)]
    return bool(defaults) and all(value == default for default in defaults)


def _unknown(model: str, key: str) -> Mistake:
    others = [other for other in DEVICES if key in keys_of(other)]
    if others:
        text = f"model {model!r} has no key {key!r} in [device]; models that have it: {', '.join(others)}"
        return Mistake("", text)
    known = ["model", *COMMON, *keys_of(model)]
    near = nearest(key, [*known, *all_keys()])
    text = f"unknown key {key!r} in [device] for model {model!r}{near}; allowed: {', '.join(known)}"
    return Mistake("", text)


class Device(Table):
    """[device]: model, conductance range, mean step, and the chosen model's own keys."""

    model_config = ConfigDict(extra="allow")

    model: Annotated[str, named(DEVICES)] = Field(default="ideal", description="device model")
    g_min: Siemens = Field(default=1e-6, description="lowest conductance")
    g_max: PositiveSiemens = Field(default=51e-6, description="highest conductance")
    step: PositiveSiemens = Field(default=0.02e-6, description="mean change of one pulse at mid-range")

    @model_validator(mode="after")
    def _own_keys(self) -> Device:
        found = list(own_key_mistakes(self.model, self.model_extra or {}))
        if found:
            raise refuse_all(found)
        return self

    def build(self) -> DeviceModel:
        """Return the device model with these parameters."""
        own = {k: v for k, v in (self.model_extra or {}).items() if k in keys_of(self.model)}
        return DEVICES[self.model](g_min=self.g_min, g_max=self.g_max, step=self.step, **own)

    def document(self) -> dict[str, Any]:
        """Return all keys, the chosen model's defaults included."""
        built = self.build()
        return {"model": self.model, **{name: getattr(built, name) for name in parameters(built)}}
