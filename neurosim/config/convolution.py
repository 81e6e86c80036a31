"""Entries of ``network.convolutions``, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from neurosim.config.fields import Count, Positive, Table, Whole, listed
from neurosim.config.sizes import SIZES
from neurosim.errors import ConfigError, ShapeError
from neurosim.networks.convolution import ConvSpec
from neurosim.networks.pools import POOLS

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment


class Convolution(Table):
    """One layer of maps: ``{channels = 32, kernel = 5, pool = "max"}``."""

    channels: Count = Field(description="maps that it makes")
    kernel: Count = Field(description="side of the kernel")
    stride: Count = Field(default=1, description="step of the kernel")
    padding: Whole = Field(default=0, description="zeros on each side")
    pool: Literal["none", "max", "average", "softmax"] = Field(default="none", description="pool")
    pool_size: Annotated[int, Field(ge=2)] = Field(default=2, description="side of a window, also its stride")
    temperature: Positive = Field(default=1.0, description="of the softmax pool; hotter is nearer the mean")

    def spec(self) -> ConvSpec:
        """Return what it is to the network."""
        return ConvSpec(**self.model_dump())


Convolutions = Annotated[tuple[Convolution, ...], BeforeValidator(listed)]


def convolution_findings(experiment: Experiment) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with ``network.convolutions`` on the images of the data set: table, key, what is allowed."""
    shape, name = SIZES[experiment.data.name].image, experiment.data.name
    if experiment.network.convolutions and shape is None:
        images = ", ".join(repr(other) for other, size in SIZES.items() if size.image)
        yield "network", "convolutions", f"data set {name!r} has no images; leave them out, or choose {images}"
        return
    for i, convolution in enumerate(experiment.network.convolutions, start=1):
        for text in _unused(convolution):
            yield "network", "convolutions", f"entry {i}: {text}"
        try:
            shape = convolution.spec().pooled(shape) if shape else None
        except (ConfigError, ShapeError) as error:
            yield "network", "convolutions", f"entry {i}: {str(error).removeprefix('convolution: ')}"
            return


def _unused(convolution: Convolution) -> Iterator[str]:
    """Yield keys that are given though the pool does not use them."""
    fields = type(convolution).model_fields
    for key, users in (("pool_size", [name for name in POOLS if name != "none"]), ("temperature", ["softmax"])):
        value = getattr(convolution, key)
        if convolution.pool not in users and value != fields[key].default:
            allowed = " or ".join(repr(name) for name in users)
            yield f"{key} = {value:g}: not used by pool = {convolution.pool!r}, only by {allowed}; leave it out"
