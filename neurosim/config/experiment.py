"""One experiment: all tables together, valid as a whole or refused with every mistake named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, ValidationInfo, model_validator

from neurosim.config.checks import contradictions
from neurosim.config.device import Device, own_key_mistakes, with_preset
from neurosim.config.fields import Table
from neurosim.config.keys import TABLES, set_key
from neurosim.config.mistakes import ExperimentError, Mistake, explain
from neurosim.config.specification import Specification
from neurosim.config.sweep import Sweep
from neurosim.config.tables import Crossbar, Data, Learning, Network, Settle, Trace, Train

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PRESET = "device.preset"


class Experiment(Table):
    """A complete, checked experiment.

    Made by `load_experiment` from a file or by `parse_experiment` from a dictionary. Attributes are the
    tables of the file; all quantities are SI floats.

    Raises
    ------
    ConfigError
        Anything wrong in any table, or between tables: one line per mistake.
    """

    title: str = Field(default="", description="text in quotes")
    data: Data = Data()
    network: Network = Network()
    crossbar: Crossbar = Crossbar()
    device: Device = Device()
    settle: Settle = Settle()
    learning: Learning = Learning()
    train: Train = Train()
    trace: Trace = Trace()
    sweep: Sweep | None = None
    spec: Specification | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _explained(cls, data: Any, handler: ModelWrapValidatorHandler[Experiment], info: ValidationInfo) -> Experiment:
        context = info.context or {}
        source = context.get("source", "experiment")
        try:
            experiment = handler(data)
        except ValidationError as error:
            raise ExperimentError(source, [*explain(error, cls), *_hidden(data, error)]) from None
        if context.get("across", True):
            found = list(contradictions(experiment))
            if experiment.sweep:
                found += experiment.sweep.wrong_values(experiment._judge)
            if experiment.spec:
                found += experiment.spec.wrong_values(experiment._judge)
            if found:
                raise ExperimentError(source, found)
        return experiment

    def _judge(self, path: str, value: Any) -> list[Mistake]:
        """Return what is wrong with `value` at the dotted key `path`, whatever the other axes hold."""
        axes = self.sweep.axes if self.sweep else {}
        exchanged = PRESET if PRESET in axes else "device.model"
        kinds = axes.get(exchanged, ()) if path != exchanged else ()
        found: list[Mistake] = []
        for kind in kinds or (None,):
            document = self.swept_document()
            if kind is not None:
                set_key(document, exchanged, kind)
            try:
                type(self).model_validate(set_key(document, path, value), context={"across": False})
            except ExperimentError as error:
                found = list(error.mistakes)
            else:
                return []
        return found

    def swept_document(self) -> dict[str, Any]:
        """Return the document in which axes set their values.

        It is `document`; where presets are swept, [device] holds what was written alone: what one preset gives must
        not stand in the way of the next.
        """
        document = self.document()
        if self.sweep and PRESET in self.sweep.axes:
            document["device"] = self.device.given()
        return document

    def document(self) -> dict[str, Any]:
        """Return the experiment as plain, sorted, JSON-able data that fixes its result.

        All defaults are resolved and quantities are SI floats; the title, [sweep] and [spec] are left out. Parsing
        it gives an equal experiment.
        """
        found = {name: getattr(self, name).model_dump() for name in TABLES if name != "device"}
        document: dict[str, Any] = _plain({**found, "device": self.device.document()})
        return document


def _hidden(data: Any, error: ValidationError) -> Iterator[Mistake]:
    """Yield mistakes in the device model's own keys: pydantic stops before them at a wrong common key."""
    device = data.get("device") if isinstance(data, dict) else None
    if isinstance(device, dict) and any(len(e["loc"]) > 1 and e["loc"][0] == "device" for e in error.errors()):
        merged, _ = with_preset(device)
        model = merged.get("model", Device.model_fields["model"].default)
        yield from own_key_mistakes(model if isinstance(model, str) else None, merged)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(value[key]) for key in sorted(value)}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def parse_experiment(document: Mapping[str, Any], source: str = "experiment") -> Experiment:
    """Return the experiment of a TOML-like `document`; messages name `source`.

    Raises
    ------
    ConfigError
        One line per mistake.
    """
    return Experiment.model_validate(dict(document), context={"source": source})
