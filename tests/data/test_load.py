import io
import pickle
import zipfile

import numpy as np
import pytest

from neurosim.data import bundled, datasets, load
from neurosim.errors import ConfigError, DataError, RangeError

DIGIT_COUNTS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # as published by UCI for the test file


def check(dataset, files):
    for kind in ("train", "test"):
        x, images = getattr(dataset, f"x_{kind}"), files.arrays[f"x_{kind}"]
        assert x.dtype == np.float32
        np.testing.assert_allclose(x, images.reshape(len(images), -1) / 255, rtol=1e-6)
        np.testing.assert_array_equal(getattr(dataset, f"y_{kind}"), files.arrays[f"y_{kind}"])
    assert dataset.y_train.dtype == np.int64
    assert dataset.classes == 4


def test_digits_are_whole_and_scaled():
    digits = load("digits")
    assert (digits.name, digits.classes, digits.source) == ("digits", 10, "bundled with neurosim")
    assert (digits.x_train.shape, digits.x_test.shape) == ((1438, 64), (359, 64))
    x = np.concatenate([digits.x_train, digits.x_test])
    assert x.dtype == np.float32
    assert np.unique(x).tolist() == [k / 16 for k in range(17)]
    assert np.bincount(np.concatenate([digits.y_train, digits.y_test])).tolist() == DIGIT_COUNTS
    with np.load(bundled("digits.npz"), allow_pickle=False) as archive:
        known = sorted(map(bytes, archive["images"].reshape(-1, 64)))
    assert sorted(map(bytes, (16 * x).astype(np.uint8))) == known  # each image once: no sample is in both parts


def test_digits_are_split_the_same_way_for_ever():
    digits = load("digits", train_limit=12)
    assert digits.y_train.tolist() == [1, 8, 6, 3, 0, 0, 2, 4, 2, 5, 4, 8]
    small, large = (load("digits", test_fraction=f) for f in (0.1, 0.5))
    assert len(small.y_test) == 180
    np.testing.assert_array_equal(small.x_test, large.x_test[:180])
    # A random split: every class in its share, within 4 standard deviations of the hypergeometric count.
    shares = np.bincount(large.y_test, minlength=10) - np.array(DIGIT_COUNTS) / 2
    assert np.abs(shares).max() < 4 * np.sqrt(183 / 4 * 0.9)


def test_iris_is_whole_and_scaled():
    iris = load("iris")
    assert (iris.classes, iris.x_train.shape, iris.x_test.shape) == (3, (120, 4), (30, 4))
    x, y = np.concatenate([iris.x_train, iris.x_test]), np.concatenate([iris.y_train, iris.y_test])
    assert np.bincount(y).tolist() == [50, 50, 50]
    assert (x > 0).all()
    assert x.max() == 1
    centimetres = 7.9 * np.stack([x[y == k].mean(axis=0) for k in range(3)])
    published = [[5.006, 3.428, 1.462, 0.246], [5.936, 2.770, 4.260, 1.326], [6.588, 2.974, 5.552, 2.026]]
    np.testing.assert_allclose(centimetres, published, atol=1e-5)  # Fisher 1936, table 2


def test_limits_take_the_first_samples(mnist, tmp_path):
    folder = mnist.write(tmp_path / "given")
    dataset = load("mnist", folder=folder, train_limit=7, test_limit=2, test_fraction=0.9)
    np.testing.assert_array_equal(dataset.y_train, mnist.arrays["y_train"][:7])
    np.testing.assert_array_equal(dataset.y_test, mnist.arrays["y_test"][:2])
    assert (dataset.x_train.shape, dataset.x_test.shape) == ((7, 6), (2, 6))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": "mnsit"}, ConfigError, r"data\.name: unknown 'mnsit' \(did you mean 'mnist'\?\)"),
        ({"folder": "x"}, ConfigError, r"data\.folder = 'x': digits comes with neurosim"),
        ({"test_fraction": 0.0}, RangeError, r"data\.test_fraction = 0\.0: must lie between 0 and 1"),
        ({"test_fraction": 1.0}, RangeError, r"data\.test_fraction = 1\.0"),
        ({"test_fraction": float("nan")}, RangeError, r"data\.test_fraction = nan"),
        ({"train_limit": 0}, RangeError, r"data\.train_limit = 0: .* has 1438 such samples; allowed: 1 to 1438"),
        ({"test_limit": 360}, RangeError, r"data\.test_limit = 360: .* allowed: 1 to 359"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        load(**{"name": "digits", **arguments})


def test_an_extreme_fraction_leaves_both_parts_a_sample():
    assert len(load("digits", test_fraction=1e-9).y_test) == 1
    assert len(load("digits", test_fraction=1 - 1e-9).y_train) == 1


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("place", ["", "mnist", "MNIST/raw"])
def test_idx_files_are_found_in_a_folder(mnist, tmp_path, place, suffix):
    mnist.write(tmp_path / "given" / place, suffix)
    dataset = load("mnist", folder=tmp_path / "given")
    check(dataset, mnist)
    assert dataset.source == str(tmp_path / "given" / place)


@pytest.mark.parametrize("name", ["mnist.npz", "mnist_u8.npz"])
def test_npz_files_are_found_in_a_folder(mnist, tmp_path, name):
    np.savez_compressed(tmp_path / name, **mnist.arrays)
    check(load("mnist", folder=tmp_path), mnist)


def test_the_order_of_search_is_variable_system_cache(fashion, tmp_path, monkeypatch):
    def source():
        dataset = load("fashion_mnist", download=False)
        check(dataset, fashion)
        return dataset.source

    with pytest.raises(DataError, match="Fashion-MNIST not found"):
        source()
    fashion.write(tmp_path / "cache" / "neurosim" / "fashion_mnist")
    assert source() == f"{tmp_path}/cache/neurosim/fashion_mnist (downloaded)"
    fashion.write(tmp_path / "system")
    assert source() == f"{tmp_path}/system (system package dataset-fashion-mnist)"
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path / "mine"))
    with pytest.raises(DataError, match=r"\$NEUROSIM_DATA = '.*/mine': not a folder; correct or unset it"):
        source()
    (tmp_path / "mine").mkdir()
    assert source() == f"{tmp_path}/system (system package dataset-fashion-mnist)"
    fashion.write(tmp_path / "mine" / "fashion-mnist")
    assert source() == f"{tmp_path}/mine/fashion-mnist ($NEUROSIM_DATA)"


def test_a_given_folder_is_the_only_one_searched(fashion, tmp_path):
    fashion.write(tmp_path / "system")
    (tmp_path / "given").mkdir()
    with pytest.raises(
        DataError, match=r"data\.folder = '.*given': does not hold Fashion-MNIST; expected there: train-"
    ):
        load("fashion_mnist", folder=tmp_path / "given")
    with pytest.raises(DataError, match=r"data\.folder = '.*none': is not a folder"):
        load("fashion_mnist", folder=tmp_path / "none")


def test_the_message_of_a_missing_set_names_all_ways(fashion):
    with pytest.raises(DataError) as caught:
        load("fashion_mnist", download=False)
    for way in (
        "data.folder or $NEUROSIM_DATA",
        "t10k-labels-idx1-ubyte",
        "fashion_mnist.npz with x_train, y_train, x_test, y_test",
        "apt install dataset-fashion-mnist",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "$NEUROSIM_DATA_URL/fashion_mnist/",
    ):
        assert way in str(caught.value)


def test_the_other_set_is_recognised(mnist, fashion, tmp_path):
    fashion.write(tmp_path / "given")
    with pytest.raises(DataError, match=r"ubyte\.gz: this is Fashion-MNIST, not MNIST; keep each set in a folder"):
        load("mnist", folder=tmp_path / "given")


def test_changed_content_is_refused(mnist, tmp_path):
    mnist.write(tmp_path / "given")
    mnist.arrays["y_test"][1] ^= 1
    changed = mnist.contents()["t10k-labels-idx1-ubyte.gz"]
    (tmp_path / "given" / "t10k-labels-idx1-ubyte.gz").write_bytes(changed)
    with pytest.raises(
        DataError, match=r"t10k-labels.*: not the y_test of MNIST: SHA-256 .* remove it and get it again"
    ):
        load("mnist", folder=tmp_path / "given")


class Payload:
    """Unpickled, it would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_no_pickle_is_opened(mnist, tmp_path):
    marker, archive = tmp_path / "executed", tmp_path / "mnist.npz"
    content = io.BytesIO()
    np.lib.format.write_array(content, np.array([Payload(marker)], object), allow_pickle=True)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("x_train.npy", content.getvalue())
    with pytest.raises(DataError, match=r"mnist\.npz: not a readable npz file of plain arrays"):
        load("mnist", folder=tmp_path)
    archive.write_bytes(pickle.dumps(Payload(marker)))
    with pytest.raises(DataError, match=r"mnist\.npz: not an npz file"):
        load("mnist", folder=tmp_path)
    assert not marker.exists()


def test_wrong_archives_are_refused(mnist, tmp_path):
    path = tmp_path / "mnist.npz"
    for arrays, message in [
        ({**mnist.arrays, "x_test": mnist.arrays["x_test"] / 255}, r"x_test is float64 \(5, 2, 3\); expected uint8"),
        ({**mnist.arrays, "y_test": mnist.arrays["y_test"][:3]}, r"y_test is uint8 \(3,\); expected uint8 \(5,\)"),
        ({"images": mnist.arrays["x_test"]}, "x_train.* expected the arrays x_train, y_train, x_test, y_test"),
        ({**mnist.arrays, "y_train": 1 - mnist.arrays["y_train"]}, "not the y_train of MNIST"),
    ]:
        np.savez(path, **arrays)
        with pytest.raises(DataError, match=message):
            load("mnist", folder=tmp_path)
    np.savez(path, **mnist.arrays)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="not an npz file, or truncated"):
        load("mnist", folder=tmp_path)


def test_a_damaged_bundled_file_is_refused(tmp_path, monkeypatch):
    with np.load(bundled("digits.npz"), allow_pickle=False) as archive:
        images, labels = archive["images"], archive["labels"]
    monkeypatch.setattr("neurosim.data.loading._PACKAGE", tmp_path / "neurosim")
    with pytest.raises(DataError, match=r"'digits\.npz' is not among the files bundled with neurosim; reinstall"):
        load("digits")
    path = tmp_path / "neurosim" / "_data" / "digits.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, images=images, labels=labels)
    assert load("digits").y_train[:4].tolist() == [1, 8, 6, 3]
    np.savez(path, images=images, labels=labels[::-1])
    with pytest.raises(DataError, match="labels does not match its checksum; reinstall"):
        load("digits")
    np.savez(path, images=images)
    with pytest.raises(DataError, match=r"digits\.npz: damaged: .*labels"):
        load("digits")
    path.write_bytes(b"x")
    with pytest.raises(DataError, match=r"digits\.npz: damaged"):
        load("digits")


def test_bundled_files_have_plain_names():
    assert bundled("README.md").is_file()
    for name in ("nothing.npz", "../pyproject.toml", "/etc/passwd", ""):
        with pytest.raises(DataError, match="is not among the files bundled"):
            bundled(name)


def test_the_list_says_what_is_where_and_how_to_get_the_rest(mnist, fashion, tmp_path):
    fashion.write(tmp_path / "system")
    digits, iris, first, second, third = datasets()
    names = ["digits", "iris", "mnist", "fashion_mnist", "cifar10"]
    assert [info.name for info in (digits, iris, first, second, third)] == names
    assert (iris.found, iris.how, iris.bytes) == ("bundled", (), bundled("iris.npz").stat().st_size)
    assert (digits.found, digits.how, digits.bytes) == ("bundled", (), bundled("digits.npz").stat().st_size)
    assert "CC BY 4.0" in digits.licence
    assert "10.24432/C50P49" in digits.citation
    assert first.found is None
    assert "ossci-datasets" in first.how[-1]
    assert second.found == f"{tmp_path}/system (system package dataset-fashion-mnist)"
    mnist.write(tmp_path / "cache" / "neurosim" / "mnist")
    assert datasets()[2].found == f"{tmp_path}/cache/neurosim/mnist (downloaded)"
