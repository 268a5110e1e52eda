import gzip

import numpy as np
import pytest

from engine.data.idx import parse_idx, unpack_idx
from engine.data.scan import IDX_NAMES
from engine.data.sources import ImagesError


def idx(values):
    values = np.asarray(values, np.uint8)
    head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    return head + values.tobytes()


def files(train=6, test=4, size=(3, 5)):
    """Return the four files of a small set; image k is filled with k and of class k % 3."""
    parts = {}
    for name, count in (("train", train), ("t10k", test)):
        images = np.arange(count)[:, None, None] * np.ones(size)
        parts[f"{name}-images-idx3-ubyte"] = idx(images)
        parts[f"{name}-labels-idx1-ubyte"] = idx(np.arange(count) % 3)
    return parts


def test_that_images_and_labels_are_read():
    arrays = parse_idx(files())
    assert arrays.train_images.shape == (6, 1, 3, 5)
    assert arrays.train_images[:, 0, 2, 4].tolist() == [0, 1, 2, 3, 4, 5]
    assert arrays.test_labels.tolist() == [0, 1, 2, 0]
    assert arrays.test_labels.dtype == np.int64


def test_that_gzipped_and_plain_files_are_alike():
    for data in files().values():
        assert unpack_idx("f", gzip.compress(data)) == data
        assert unpack_idx("f", data) == data


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (IDX_NAMES[0], b"\x00\x00\x08\x01" + bytes(20), "no idx file"),
        (IDX_NAMES[0], b"\x00\x00\x08\x03", "no idx file"),
        (IDX_NAMES[0], idx(np.zeros((6, 3, 5)))[:-1], "must be 90"),
        (IDX_NAMES[1], idx(np.zeros(5)), "5 labels, must be 6"),
        (IDX_NAMES[2], idx(np.zeros((4, 5, 3))), "must be"),
        (IDX_NAMES[0], bytes([0, 0, 8, 3]) + b"\xff" * 12, "must be"),
    ],
)
def test_that_files_that_do_not_fit_are_refused_by_name(name, data, message):
    with pytest.raises(ImagesError, match=message):
        parse_idx({**files(), name: data})


def test_that_damaged_gzip_is_refused():
    packed = gzip.compress(bytes(1000))
    with pytest.raises(ImagesError, match="truncated"):
        unpack_idx("f", packed[:-4])
    with pytest.raises(ImagesError, match="damaged"):
        unpack_idx("f", packed[:2] + b"xxxx" + packed[6:])
