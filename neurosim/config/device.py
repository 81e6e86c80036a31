"""[device]: the model of one memory element. Its further keys are the parameters of the chosen model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ModelWrapValidatorHandler, PrivateAttr, ValidationInfo, model_validator

from neurosim.config.fields import PositiveSiemens, Siemens, Table, named
from neurosim.config.mistakes import Mistake, entry, refuse_all
from neurosim.devices import DEVICES, DeviceModel, Parameter, parameters, preset, preset_names
from neurosim.devices.preset import in_si
from neurosim.errors import ConfigError, RangeError, nearest

COMMON = ("g_min", "g_max", "step")
FIRST = ("model", "preset", *COMMON)
WIDTHS = ("width_up", "width_down")
EQUAL = 1e-9


def keys_of(model: str) -> dict[str, Parameter]:
    """Return the keys that `model` has besides the common ones."""
    return {name: p for name, p in parameters(DEVICES[model]).items() if name not in COMMON}


def all_keys() -> list[str]:
    """Return the keys that some model accepts."""
    return list(dict.fromkeys([*FIRST, *(name for model in DEVICES for name in keys_of(model))]))


def with_preset(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[Mistake]]:
    """Return the keys of [device] over those of its preset, and what is wrong with the preset."""
    given, name, model = dict(document), document.get("preset"), document.get("model")
    if model in preset_names():
        return given, [entry("device", "model", model, f"is a preset, not a model; write preset = {model!r}")]
    if name is None:
        return given, []
    if not isinstance(name, str):
        return given, [entry("device", "preset", name, "expected the name of a preset, or of a file, in quotes")]
    try:
        found = preset(name)
    except ConfigError as error:
        text = str(error) if name.endswith(".toml") else str(error).partition(": ")[2]
        return given, [entry("device", "preset", name, text)]
    if "model" in given and model != found.model:
        text = f"preset {name!r} is of model {found.model!r}; leave out model, or preset"
        return given, [entry("device", "model", model, text)]
    return {**found.device, **given}, []


def own_key_mistakes(model: Any, document: Mapping[str, Any]) -> Iterator[Mistake]:
    """Yield what is wrong with the keys of [device] that belong to `model` alone."""
    own = keys_of(model) if model in DEVICES else {}
    for key, value in document.items():
        if key in own:
            try:
                own[key].check(key, in_si(DEVICES[model], {key: value})[key])
            except (RangeError, ConfigError) as error:
                yield entry("device", key, value, str(error).partition(": ")[2])
        elif model in DEVICES and key not in FIRST and not _switched_off(key, value):
            yield _unknown(model, key)


def _switched_off(key: str, value: Any) -> bool:
    """Return whether `key` is another model's and has no effect, as when a sweep exchanges the model."""
    value = tuple(value) if isinstance(value, list) else value
    defaults = [getattr(DEVICES[m](), key) for m in DEVICES if key in keys_of(m)]
    return bool(defaults) and all(value == default for default in defaults)


def _unknown(model: str, key: str) -> Mistake:
    others = [other for other in DEVICES if key in keys_of(other)]
    if others:
        text = f"model {model!r} has no key {key!r} in [device]; models that have it: {', '.join(others)}"
        return Mistake("", text)
    known = [*FIRST, *keys_of(model)]
    near = nearest(key, [*known, *all_keys()])
    text = f"unknown key {key!r} in [device] for model {model!r}{near}; allowed: {', '.join(known)}"
    return Mistake("", text)


class Device(Table):
    """[device]: model or preset, conductance range, mean step, and the chosen model's own keys.

    A preset gives the model and its keys; keys beside it replace its own.
    """

    model_config = ConfigDict(extra="allow")

    model: Annotated[str, named(DEVICES)] = Field(default="ideal", description="device model")
    preset: str | None = Field(default=None, description="name of a preset, or file of one")
    g_min: Siemens = Field(default=1e-6, description="lowest conductance")
    g_max: PositiveSiemens = Field(default=51e-6, description="highest conductance")
    step: PositiveSiemens = Field(default=0.02e-6, description="mean change of one pulse at mid-range")
    _given: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _over_its_preset(cls, data: Any, handler: ModelWrapValidatorHandler[Device], info: ValidationInfo) -> Device:
        if not isinstance(data, Mapping):
            return handler(data)
        merged, mistakes = with_preset(data)
        if mistakes:
            raise refuse_all(mistakes)
        device = handler(merged)
        device._given = dict(data)
        return device

    @model_validator(mode="after")
    def _own_keys(self) -> Device:
        extra = self.model_extra or {}
        found = [*own_key_mistakes(self.model, extra)] or [*self._widths_against_steps(extra)]
        if found:
            raise refuse_all(found)
        if self._has_widths(extra):
            self.__dict__["step"] = self._built_step()  # frozen for users; here it becomes what it is
        return self

    def _has_widths(self, extra: Mapping[str, Any]) -> bool:
        return self.model in DEVICES and "width_up" in keys_of(self.model) and all(extra.get(key) for key in WIDTHS)

    def _built_step(self) -> float:
        try:
            return self.build().step
        except RangeError:  # reported by the checks across keys
            return self.step

    def _widths_against_steps(self, extra: Mapping[str, Any]) -> Iterator[Mistake]:
        """Yield `step` and `asymmetry` where they differ from what given widths of the pulses make them."""
        if not self._has_widths(extra):
            return
        given = {"asymmetry": extra.get("asymmetry"), "step": self.step if "step" in self.model_fields_set else None}
        try:
            built = self.build()
        except RangeError:  # reported by the checks across keys
            return
        for key, value in given.items():
            follows = getattr(built, key)
            if value is not None and abs(value - follows) > EQUAL * max(abs(follows), EQUAL):
                yield entry(
                    "device", key, value, f"follows from the widths ({follows:.6g}); leave out {key}, or widths"
                )

    def build(self) -> DeviceModel:
        """Return the device model with these parameters."""
        model = DEVICES[self.model]
        own = {k: v for k, v in (self.model_extra or {}).items() if k in keys_of(self.model)}
        # A step that was not written must not stand in the way of the widths that it follows from.
        span = self.g_max - self.g_min
        follows = "step" not in self.model_fields_set and self._has_widths(own) and span > 0
        step = min(self.step, span) if follows else self.step
        return model(g_min=self.g_min, g_max=self.g_max, step=step, **in_si(model, own))

    def value(self, key: str) -> Any:
        """Return the value of `key` as it was written, or the default of the model."""
        written = {**self.model_dump(), **(self.model_extra or {})}
        return written[key] if key in written else getattr(DEVICES[self.model](), key)

    def given(self) -> dict[str, Any]:
        """Return the keys that were written, without those of the preset."""
        return dict(self._given)

    def document(self) -> dict[str, Any]:
        """Return all keys, the chosen model's defaults included; what a preset gives stands there itself."""
        built = self.build()
        return {"model": self.model, **{name: getattr(built, name) for name in parameters(built)}}
