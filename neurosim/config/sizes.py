"""What the known data sets hold, so that a network that cannot fit one is refused before it is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.data.registry import SOURCES


@dataclass(frozen=True, slots=True)
class Size:
    """Features and classes of a data set, and its training and test images; a set in one piece has no test images.

    Of a set of images, `image` is (channels, height, width), the order in which features are listed.
    """

    features: int
    classes: int
    train: int
    test: int
    image: tuple[int, int, int] | None = None

    def split(self, test_fraction: float) -> tuple[int, int]:
        """Return the number of training and of test images."""
        if self.test:
            return self.train, self.test
        test = min(max(round(test_fraction * self.train), 1), self.train - 1)
        return self.train - test, test


SHAPES = {"digits": (64, 10), "iris": (4, 3), "mnist": (784, 10), "fashion_mnist": (784, 10), "cifar10": (3072, 10)}
IMAGES = {"digits": (1, 8, 8), "mnist": (1, 28, 28), "fashion_mnist": (1, 28, 28), "cifar10": (3, 32, 32)}

SIZES = {name: Size(*shape, *SOURCES[name].samples, IMAGES.get(name)) for name, shape in SHAPES.items()}
