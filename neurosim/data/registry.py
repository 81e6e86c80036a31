"""The data sets: what they are, their licences, where they come from, and the checksums of their content."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

PARTS: dict[str, tuple[str, tuple[int, ...]]] = {
    "x_train": ("train-images-idx3-ubyte", (60000, 28, 28)),
    "y_train": ("train-labels-idx1-ubyte", (60000,)),
    "x_test": ("t10k-images-idx3-ubyte", (10000, 28, 28)),
    "y_test": ("t10k-labels-idx1-ubyte", (10000,)),
}
"""File name (``.gz`` when compressed) and shape of the four parts of MNIST and of sets made like it."""


@dataclass(frozen=True, slots=True)
class DataSource:
    """One data set.

    Attributes
    ----------
    name
        Name in the configuration.
    title
        Name in text.
    what
        Contents in a line.
    licence
        Licence and where it is stated.
    citation
        Whom to cite.
    levels
        Largest value of an input: inputs are divided by it.
    samples
        Number of (training, test) samples as distributed; digits come in one piece.
    bytes
        Size of the download or of the bundled file.
    """

    name: str
    title: str
    what: str
    licence: str
    citation: str
    levels: int
    samples: tuple[int, int]
    bytes: int


@dataclass(frozen=True, slots=True)
class BundledSource(DataSource):
    """A set that comes with neurosim: `file` in ``data/`` and the SHA-256 of the bytes of its arrays."""

    file: str = ""
    sha256: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileSource(DataSource):
    """A set that is looked for on the machine, and downloaded.

    Attributes
    ----------
    url
        Folder of the files at their home.
    system
        Folder of an installed system package, with the package's name, or None.
    folders
        Names under which a data folder may hold the set, best first.
    """

    url: str = ""
    system: tuple[Path, str] | None = None
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IdxSource(FileSource):
    """A set in four idx files, ``.gz`` at their home.

    Attributes
    ----------
    sha256
        SHA-256 of each *uncompressed* idx file: the same for plain files, for any compression, and for arrays.
    parts
        File names and shapes.
    """

    sha256: dict[str, str] = field(default_factory=dict)
    parts: dict[str, tuple[str, tuple[int, ...]]] = field(default_factory=lambda: PARTS)


@dataclass(frozen=True, slots=True)
class CifarSource(FileSource):
    """A set in binary files of records, each a label and an image, packed in one archive.

    Attributes
    ----------
    archive, md5
        Name of the archive at its home, and its published MD5.
    files
        The binary files in it: training sets, and last the test set.
    records
        Images in each of them.
    image
        (channels, height, width), the order of the bytes of an image.
    classes
        Number of classes, each of which is there equally often.
    """

    archive: str = ""
    md5: str = ""
    files: tuple[str, ...] = ()
    records: int = 10000
    image: tuple[int, int, int] = (3, 32, 32)
    classes: int = 10


DIGITS = BundledSource(
    name="digits",
    title="Optical Recognition of Handwritten Digits",
    what="8x8 images of handwritten digits, 17 grey levels, 10 classes",
    licence="CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
    citation="E. Alpaydin, C. Kaynak (1998), UCI Machine Learning Repository, doi:10.24432/C50P49",
    levels=16,
    samples=(1797, 0),
    bytes=44_656,
    file="digits.npz",
    sha256={
        "images": "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3",
        "labels": "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0",
    },
)

IRIS = BundledSource(
    name="iris",
    title="Iris",
    what="sepal and petal length and width of 150 irises in tenths of a centimetre, 3 classes",
    licence="CC BY 4.0, https://creativecommons.org/licenses/by/4.0/",
    citation="R. A. Fisher (1936), doi:10.1111/j.1469-1809.1936.tb02137.x",
    levels=79,
    samples=(150, 0),
    bytes=871,
    file="iris.npz",
    sha256={
        "features": "9f83d709ff543630793c65970cd232a7b86de6f44338e64fb2847e5b5d757634",
        "labels": "7ba64c221a0a07e8a91f5c36d9f046565bb0dc1f9f5473a924f65122b6c8a412",
    },
)

MNIST = IdxSource(
    name="mnist",
    title="MNIST",
    what="28x28 images of handwritten digits, 256 grey levels, 10 classes",
    licence="CC BY-SA 3.0, https://keras.io/api/datasets/mnist/",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998), doi:10.1109/5.726791",
    levels=255,
    samples=(60000, 10000),
    bytes=11_594_722,
    url="https://ossci-datasets.s3.amazonaws.com/mnist/",
    folders=("mnist", "MNIST/raw", "MNIST"),
    sha256={
        "x_train": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "y_train": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "x_test": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "y_test": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
)

FASHION_MNIST = IdxSource(
    name="fashion_mnist",
    title="Fashion-MNIST",
    what="28x28 images of clothes, 256 grey levels, 10 classes",
    licence="MIT, https://github.com/zalandoresearch/fashion-mnist",
    citation="H. Xiao, K. Rasul, R. Vollgraf (2017), arXiv:1708.07747",
    levels=255,
    samples=(60000, 10000),
    bytes=30_878_645,
    url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    system=(Path("/usr/share/datasets/fashion-mnist"), "dataset-fashion-mnist"),
    folders=("fashion_mnist", "fashion-mnist", "FashionMNIST/raw", "FashionMNIST"),
    sha256={
        "x_train": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "y_train": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "x_test": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "y_test": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
)

CIFAR10 = CifarSource(
    name="cifar10",
    title="CIFAR-10",
    what="32x32 colour images of animals and vehicles, 3 channels of 256 levels, 10 classes",
    licence="none stated, https://www.cs.toronto.edu/~kriz/cifar.html asks for the citation",
    citation="A. Krizhevsky (2009), Learning Multiple Layers of Features from Tiny Images, University of Toronto",
    levels=255,
    samples=(50000, 10000),
    bytes=170_052_171,
    url="https://www.cs.toronto.edu/~kriz/",
    folders=("cifar10", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"),
    archive="cifar-10-binary.tar.gz",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
    files=(*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"),
)

SOURCES: dict[str, BundledSource | FileSource] = {
    source.name: source for source in (DIGITS, IRIS, MNIST, FASHION_MNIST, CIFAR10)
}
