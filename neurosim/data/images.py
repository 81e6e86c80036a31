"""What is done to images before a network sees them: normalisation of channels, and random flips and crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from neurosim.errors import RangeError

Shape: TypeAlias = tuple[int, int, int]
"""(channels, height, width) of an image; its features are listed in this order."""


def normalised(x: np.ndarray, image: Shape, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Return ``(x - mean_c) / std_c`` of images `x` (samples, features), float32.

    Parameters
    ----------
    x
        Images, features in the order of `image`.
    image
        Shape of an image.
    mean, std
        One number per channel, in units of `x`; ``std > 0``.
    """
    maps = x.reshape(len(x), image[0], -1)
    shift, scale = (np.asarray(values, np.float32)[:, None] for values in (mean, std))
    found: np.ndarray = ((maps - shift) / scale).reshape(len(x), -1)
    return found


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Each image mirrored left to right with probability 1/2, then moved by up to `crop_padding` pixels.

    The image is continued by its edge pixels on all sides, and a window of its own size is cut out:
    ``out[c, y, x] = in[c, clip(y + dy), clip(x + dx)]`` with dy, dx uniform in -crop_padding..crop_padding.

    Attributes
    ----------
    image
        (channels, height, width).
    flip
        Whether images are mirrored.
    crop_padding
        Pixels, >= 0.

    Raises
    ------
    RangeError
        `crop_padding` is negative.
    """

    image: Shape
    flip: bool = False
    crop_padding: int = 0

    def __post_init__(self) -> None:
        if self.crop_padding < 0:
            raise RangeError(f"crop_padding = {self.crop_padding}: expected an integer >= 0")

    def draw(self, rng: np.random.Generator, samples: int) -> np.ndarray:
        """Return (mirrored, dy, dx) of each sample, (samples, 3).

        Row i is made of the draws 3 i to 3 i + 2 of `rng`: it does not depend on how many samples there are.
        """
        drawn = rng.random((samples, 3))
        reach = self.crop_padding
        moves = np.floor(drawn[:, 1:] * (2 * reach + 1)).astype(np.int64) - reach
        mirrored = (drawn[:, :1] < 0.5) & self.flip
        return np.concatenate((mirrored.astype(np.int64), moves), axis=1)

    def apply(self, x: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """Return images `x` (samples, features) as their `draws` (samples, 3) say."""
        channels, height, width = self.image
        y_from = np.clip(np.arange(height) + draws[:, 1:2], 0, height - 1)
        x_from = np.clip(np.arange(width) + draws[:, 2:3], 0, width - 1)
        x_from = np.where(draws[:, :1] == 1, width - 1 - x_from, x_from)
        maps = x.reshape(-1, channels, height, width)
        sample, channel = np.arange(len(x))[:, None, None, None], np.arange(channels)[:, None, None]
        found: np.ndarray = maps[sample, channel, y_from[:, None, :, None], x_from[:, None, None, :]]
        return found.reshape(len(x), -1)
