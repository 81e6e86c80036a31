"""CIFAR-10: the binary version in its archive, out of it, and as arrays; nothing else."""

import hashlib
import pickle
from dataclasses import replace

import numpy as np
import pytest
from cifar_like import CifarLike
from data.test_download import server  # noqa: F401

from neurosim.config.sizes import SIZES
from neurosim.data import datasets, load
from neurosim.data.registry import CIFAR10, SOURCES
from neurosim.errors import DataError


@pytest.fixture
def cifar(monkeypatch):
    files = CifarLike()
    monkeypatch.setitem(SOURCES, "cifar10", files.source)
    return files


def check(dataset, files):
    for kind in ("train", "test"):
        images = files.arrays[f"x_{kind}"]
        np.testing.assert_allclose(getattr(dataset, f"x_{kind}"), images.reshape(len(images), -1) / 255, rtol=1e-6)
        np.testing.assert_array_equal(getattr(dataset, f"y_{kind}"), files.arrays[f"y_{kind}"])
    assert dataset.x_train.dtype == np.float32
    assert dataset.classes == 10


def test_features_are_channels_then_rows_then_columns(cifar, tmp_path):
    red = np.zeros_like(cifar.images)
    red[:, 0, 1, 2], red[:, 2, 31, 30] = 255, 51
    cifar.images = red
    x = load("cifar10", folder=cifar.write(tmp_path)).x_train
    assert x.shape[1:] == (SIZES["cifar10"].features,)
    maps = x.reshape(-1, *SIZES["cifar10"].image)
    assert (maps[:, 0, 1, 2] == 1).all()
    np.testing.assert_allclose(maps[:, 2, 31, 30], 0.2, rtol=1e-6)
    assert np.count_nonzero(maps) == 2 * len(maps)


@pytest.mark.parametrize("place", ["", "cifar10", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"])
def test_binary_files_are_found_in_a_folder(cifar, tmp_path, place):
    cifar.write(tmp_path / place)
    dataset = load("cifar10", folder=tmp_path)
    check(dataset, cifar)
    assert dataset.source == str(tmp_path / place)
    assert "pixels without a published checksum" in dataset.checked


@pytest.mark.parametrize("place", ["", "cifar10"])
def test_the_archive_is_read_as_it_is(cifar, tmp_path, place):
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / place / "cifar-10-binary.tar.gz").write_bytes(cifar.archive())
    dataset = load("cifar10", folder=tmp_path)
    check(dataset, cifar)
    assert dataset.checked == "MD5 as published"


@pytest.mark.parametrize("shape", [(-1, 3, 32, 32), (-1, 3072), "channels last"], ids=str)
def test_arrays_are_read_in_each_of_their_usual_orders(cifar, tmp_path, shape):
    arrays = dict(cifar.arrays)
    for part in ("x_train", "x_test"):
        arrays[part] = arrays[part].transpose(0, 2, 3, 1) if shape == "channels last" else arrays[part].reshape(shape)
    arrays["y_test"] = arrays["y_test"][:, None]
    np.savez_compressed(tmp_path / "cifar10.npz", **arrays)
    check(load("cifar10", folder=tmp_path), cifar)


def test_it_is_downloaded_once_from_a_mirror(cifar, server, tmp_path):  # noqa: F811
    server.files = {"/cifar10/cifar-10-binary.tar.gz": cifar.archive()}
    dataset = load("cifar10")
    check(dataset, cifar)
    assert dataset.source == f"{tmp_path}/cache/neurosim/cifar10 (downloaded)"
    check(load("cifar10", download=False), cifar)
    assert server.asked == ["/cifar10/cifar-10-binary.tar.gz"]
    server.files["/cifar10/cifar-10-binary.tar.gz"] += b"x"
    (tmp_path / "cache" / "neurosim" / "cifar10" / "cifar-10-binary.tar.gz").unlink()
    with pytest.raises(DataError, match=r"MD5 is [0-9a-f]{32}, expected [0-9a-f]{32}"):
        load("cifar10")


def truncated(files, folder):
    path = folder / "data_batch_3.bin"
    path.write_bytes(path.read_bytes()[:-1])


def lengthened(files, folder):
    path = folder / "test_batch.bin"
    path.write_bytes(path.read_bytes() + b"x")


def unbalanced(files, folder):
    path = folder / "data_batch_1.bin"
    path.write_bytes(bytes([(path.read_bytes()[0] + 1) % 10]) + path.read_bytes()[1:])


def mislabelled(files, folder):
    path = folder / "test_batch.bin"
    path.write_bytes(b"\xc8" + path.read_bytes()[1:])


def repacked(files, folder):
    (folder / "cifar-10-binary.tar.gz").write_bytes(files.archive({"data_batch_1.bin": b""}))


def floats(files, folder):
    np.savez(folder / "cifar10.npz", **{**files.arrays, "x_test": files.arrays["x_test"] / 255})


def incomplete(files, folder):
    np.savez(folder / "cifar10.npz", x_train=files.arrays["x_train"])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncated, "data_batch_3.bin has 61459 bytes; expected 20 records of 3073 bytes"),
        (lengthened, "test_batch.bin has 61461 bytes"),
        (unbalanced, r"y_train has \[.*\] images of the classes; CIFAR-10 has 10 of each of 10"),
        (mislabelled, r"y_test has \["),
        (repacked, "MD5 is .* remove it and get it again"),
        (floats, r"x_test is float64 .*expected uint8 \(20, 3, 32, 32\) or \(20, 3072\) or \(20, 32, 32, 3\)"),
        (incomplete, "expected the arrays x_train, y_train, x_test, y_test"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_damaged_files_are_refused(cifar, tmp_path, damage, message):
    damage(cifar, cifar.write(tmp_path))
    with pytest.raises(DataError, match=message):
        load("cifar10", folder=tmp_path)


def test_an_archive_with_the_right_sum_and_the_wrong_content_is_refused(cifar, tmp_path, monkeypatch):
    content = cifar.archive({name: body for name, body in cifar.contents().items() if name != "data_batch_2.bin"})
    source = replace(cifar.source, md5=hashlib.md5(content).hexdigest())
    monkeypatch.setitem(SOURCES, "cifar10", source)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"data_batch_2\.bin has 0 bytes"):
        load("cifar10", folder=tmp_path)


class Payload:
    """Unpickled, it would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_the_python_version_is_not_opened_and_a_way_out_is_named(cifar, tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in ("data_batch_1", "test_batch"):
        (folder / name).write_bytes(pickle.dumps(Payload(tmp_path / "executed")))
    for place in (folder, tmp_path):
        with pytest.raises(DataError, match=r"does not hold CIFAR-10; .*Python version, whose pickles .*docs/cifar10"):
            load("cifar10", folder=place)
    assert not (tmp_path / "executed").exists()


def test_the_list_names_the_home_and_the_published_size():
    info = datasets()[-1]
    assert (info.name, info.samples, info.bytes) == ("cifar10", (50000, 10000), 170_052_171)
    assert "https://www.cs.toronto.edu/~kriz/" in info.how[-1]
    assert CIFAR10.records * len(CIFAR10.files) == sum(CIFAR10.samples)
