import gzip
import hashlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurosim.data import idx
from neurosim.errors import DataError

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
FILE = struct.pack(">IIII", 2051, 3, 4, 5) + IMAGES.tobytes()  # 2051 is the magic number that MNIST's page gives


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_what_is_written_is_parsed(shape, random):
    array = np.frombuffer(random.randbytes(int(np.prod(shape))), np.uint8).reshape(shape)
    np.testing.assert_array_equal(idx.parse(idx.header(array.shape) + array.tobytes(), "x"), array)


def test_the_documented_layout_is_read_plain_and_compressed(tmp_path):
    (tmp_path / "plain").write_bytes(FILE)
    (tmp_path / "packed").write_bytes(gzip.compress(FILE))  # told by its content, not by its name
    for name in ("plain", "packed"):
        np.testing.assert_array_equal(idx.read(tmp_path / name, (3, 4, 5)), IMAGES)
    assert idx.checksum(IMAGES) == hashlib.sha256(FILE).hexdigest()
    assert idx.checksum(IMAGES[:, ::-1]) != idx.checksum(IMAGES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes; an idx file has a header"),
        (FILE[:3], "3 bytes; an idx file has a header"),
        (FILE[:9], "ends inside its header; it is truncated"),
        (FILE[:-1], "75 bytes where 76 are needed for (3, 4, 5); it is truncated"),
        (FILE + b"\0", "77 bytes where 76 are needed for (3, 4, 5); it is too long"),
        (b"\1" + FILE[1:], "begins with 01 00 08 03; an idx file of unsigned bytes begins with 00 00 08"),
        (b"\0\0\x0d" + FILE[3:], "begins with 00 00 0d 03"),
        (b"\0\0\x08\0", "begins with 00 00 08 00"),
        (struct.pack(">IIII", 2051, 2**31, 2**31, 2**31), "holds (2147483648, 2147483648, 2147483648); expected"),
        (struct.pack(">II", 2049, 2) + b"ab", "holds (2,); expected (3, 4, 5)"),
    ],
)
def test_anything_else_is_refused(tmp_path, content, message):
    for packed in (False, True):
        path = tmp_path / f"file{packed}"
        path.write_bytes(gzip.compress(content) if packed else content)
        with pytest.raises(DataError) as caught:
            idx.read(path, (3, 4, 5))
        assert str(caught.value).startswith(f"{path}: {message}")


def test_sizes_beyond_any_memory_are_only_numbers():
    with pytest.raises(DataError, match="16 bytes where 9903520314283042199192993808 are needed"):
        idx.parse(struct.pack(">IIII", 2051, 2**31, 2**31, 2**31), "x")


def test_damaged_compression_is_refused(tmp_path):
    packed = gzip.compress(FILE)
    wrong_sum = packed[:-8] + bytes(4) + packed[-4:]
    for content in (packed[:-9], packed[:12], wrong_sum, packed[:10] + b"\xff" * 30):
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(DataError, match="a: truncated or damaged"):
            idx.read(tmp_path / "a", (3, 4, 5))
    with pytest.raises(DataError, match="b: cannot be read: No such file"):
        idx.read(tmp_path / "b", (3, 4, 5))


def test_a_file_that_unpacks_to_far_more_is_refused_early(tmp_path):
    path = tmp_path / "bomb"
    with gzip.open(path, "wb") as file:
        file.write(FILE)
        file.write(bytes(10_000_000))
    with pytest.raises(DataError, match="77 bytes where 76 are needed"):
        idx.read(path, (3, 4, 5))
