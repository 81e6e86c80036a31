"""Keys of [data] for sets of images: normalisation, random flips and crops; and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field

from neurosim.config.fields import Positive, Table, listed
from neurosim.config.sizes import SIZES
from neurosim.data.images import Augmentation

if TYPE_CHECKING:
    from neurosim.config.experiment import Experiment

Means = Annotated[tuple[float, ...], BeforeValidator(listed)]
Deviations = Annotated[tuple[Positive, ...], BeforeValidator(listed)]


class Normalise(Table):
    """[data.normalise]: ``(x - mean) / (factor std)`` of each channel, x in [0, 1]; nothing where both are left out."""

    mean: Means = Field(default=(), description="subtracted from each channel")
    std: Deviations = Field(default=(), description="each channel is divided by it")
    factor: Positive = Field(default=1.0, description="multiplies every std")


def augmentation(experiment: Experiment) -> Augmentation | None:
    """Return what is done to training images at random, or None."""
    data = experiment.data
    image = SIZES[data.name].image
    if image is None or not (data.flip or data.crop_padding):
        return None
    return Augmentation(image, data.flip, data.crop_padding)


def image_findings(experiment: Experiment) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with the keys of images on this data set: table, key, what is allowed."""
    data = experiment.data
    image, fields = SIZES[data.name].image, type(data).model_fields
    if image is None:
        images = ", ".join(repr(other) for other, size in SIZES.items() if size.image)
        why = f"data set {data.name!r} has no images; leave it out, or choose {images}"
        for key in ("flip", "crop_padding"):
            if getattr(data, key) != fields[key].default:
                yield "data", key, why
        for key in ("mean", "std"):
            if getattr(data.normalise, key):
                yield "data.normalise", key, why
        return
    if data.crop_padding >= min(image[1:]):
        yield "data", "crop_padding", f"images are {image[1]} x {image[2]}; expected an integer < {min(image[1:])}"
    yield from _channels(experiment, image[0])


def _channels(experiment: Experiment, channels: int) -> Iterator[tuple[str, str, str]]:
    table = experiment.data.normalise
    if not (table.mean or table.std):
        if table.factor != type(table).model_fields["factor"].default:
            yield "data.normalise", "factor", "there is no std to multiply; give mean and std, or leave it out"
        return
    for key in ("mean", "std"):
        if len(getattr(table, key)) != channels:
            count = "1 number" if channels == 1 else f"{channels} numbers"
            text = f"expected {count}, one per channel of the images of {experiment.data.name!r}"
            yield "data.normalise", key, text
