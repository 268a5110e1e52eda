"""The file of a decoded set: written block by block, mapped, and refused where it is damaged."""

import os
import tracemalloc

import numpy as np
import pytest

from engine.data.kept import shelf

MB = 1 << 20


@pytest.fixture
def arrays():
    draws = np.random.default_rng(0)
    return {
        "images": draws.integers(0, 255, (40, 3, 5, 5), dtype=np.uint8),
        "none": np.zeros((0, 3, 5, 5), np.uint8),
        "points": draws.random((6, 2, 1, 1), dtype=np.float32),
        "labels": np.arange(40),
    }


@pytest.fixture
def path(tmp_path, arrays):
    shelf.write(tmp_path / "set.images", {"name": "\udce9t\u00e9", "list": [1]}, arrays)
    return tmp_path / "set.images"


def test_that_what_was_written_is_mapped_alike(path, arrays):
    about, found = shelf.read(path)
    assert about == {"name": "\udce9t\u00e9", "list": [1]}
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


def test_that_writing_to_a_mapped_array_never_reaches_the_file(path):
    before = path.read_bytes()
    shelf.read(path)[1]["images"][:] = 7
    assert path.read_bytes() == before


def test_that_any_changed_byte_is_found(path, arrays):
    whole = path.read_bytes()
    used = set(range(shelf.HEAD.size)) | set(range(len(whole) - 200, len(whole)))
    used |= set(range(4096, 4096 + arrays["images"].nbytes, 97))
    for place in sorted(used):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises((ValueError, KeyError)):
            shelf.read(path)


@pytest.mark.parametrize("keep", [0, 10, 5000, -1])
def test_that_a_file_that_is_cut_off_is_refused(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(shelf.ShelfError):
        shelf.read(path)


def test_that_writing_and_opening_need_little_memory_however_large_the_set(tmp_path):
    pixels = np.zeros((64, 3, 1024, 1024), np.uint8)
    tracemalloc.start()
    shelf.write(tmp_path / "large", {}, {"images": pixels})
    shelf.read(tmp_path / "large")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * MB < pixels.nbytes


def test_that_large_arrays_are_checked_in_places_from_first_to_last(monkeypatch, tmp_path):
    monkeypatch.setattr(shelf, "BLOCK", 10)
    path = tmp_path / "many"
    shelf.write(path, {}, {"images": np.zeros(10 * 1000, np.uint8)})
    assert len(shelf._some(1000)) == shelf.CHECKED
    for place in (0, 9_999):
        data = bytearray(path.read_bytes())
        data[4096 + place] ^= 1
        path.write_bytes(data)
        with pytest.raises(shelf.ShelfError, match="damaged"):
            shelf.read(path)
        data[4096 + place] ^= 1
        path.write_bytes(data)


def test_that_a_cancelled_writing_leaves_nothing(tmp_path):
    calls = []

    def check():
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    arrays = {str(k): np.zeros(9, np.uint8) for k in range(5)}
    with pytest.raises(KeyboardInterrupt):
        shelf.write(tmp_path / "set", {}, arrays, check)
    assert os.listdir(tmp_path) == []
