import h5py
import numpy as np
import pytest

from engine.store import hdf5
from engine.store.hdf5 import Content, FileError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "record.h5"


CONTENT = Content(
    {"spec": {"kind": "x", "name": "日本"}, "numbers": {"a": 0.5}},
    {"weights/0.w": np.arange(6, dtype=np.float32).reshape(2, 3), "empty": np.zeros((0, 3))},
)


def seal(path):
    """Give a file made with h5py the seal that a record has."""
    import hashlib

    image = path.read_bytes()
    digest = hashlib.sha256(image).hexdigest().encode()
    path.write_bytes((hdf5.MAGIC + digest).ljust(hdf5.USER_BLOCK, b"\0") + image)


def test_that_content_comes_back_as_it_was_written(path):
    size = hdf5.write(path, CONTENT)
    again = hdf5.read(path)
    assert size == path.stat().st_size
    assert again.documents == CONTENT.documents
    assert again.arrays["weights/0.w"].dtype == np.float32
    np.testing.assert_array_equal(again.arrays["weights/0.w"], CONTENT.arrays["weights/0.w"])
    assert again.arrays["empty"].shape == (0, 3)


def test_that_any_hdf5_reader_opens_the_file(path):
    hdf5.write(path, CONTENT)
    with h5py.File(path) as file:
        assert file["arrays/weights/0.w"][1, 2] == 5
        assert b"kind" in file["documents/spec"][()]


def test_that_every_flipped_byte_is_found(path):
    hdf5.write(path, CONTENT)
    whole = path.read_bytes()
    for position in range(0, len(whole), 37):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(FileError):
            hdf5.read(path)


def test_that_a_truncated_file_is_found(path):
    hdf5.write(path, CONTENT)
    whole = path.read_bytes()
    for length in (0, 100, 512, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(FileError):
            hdf5.read(path)


def test_that_a_failed_write_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    hdf5.write(path, CONTENT)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hdf5.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        hdf5.write(path, Content({}, {}))
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    assert hdf5.read(path).documents == CONTENT.documents


def make_soft_link(file, folder):
    file["arrays/link"] = h5py.SoftLink("/arrays")


def make_external_link(file, folder):
    file["arrays/link"] = h5py.ExternalLink("/etc/hostname", "/")


def make_external_storage(file, folder):
    file.create_dataset(
        "arrays/secret", (8,), dtype="u1", external=[(str(folder / "secret"), 0, 8)]
    )


def make_virtual(file, folder):
    virtual = h5py.VirtualLayout((4,), "f4")
    virtual[:] = h5py.VirtualSource(str(folder / "other.h5"), "x", (4,))
    file.create_virtual_dataset("arrays/virtual", virtual)


def make_huge(file, folder):
    file.create_dataset("arrays/huge", (1 << 40,), dtype="u1", chunks=(1 << 20,))


def make_reference(file, folder):
    file["arrays/reference"] = file.ref


def make_loop(file, folder):
    file["arrays/loop"] = file["arrays"]


def make_objects(file, folder):
    file.create_dataset("arrays/text", data="text", dtype=h5py.string_dtype())


def make_stranger(file, folder):
    file["elsewhere"] = np.zeros(3)


@pytest.mark.parametrize(
    "make",
    [
        make_soft_link,
        make_external_link,
        make_external_storage,
        make_virtual,
        make_huge,
        make_reference,
        make_loop,
        make_objects,
        make_stranger,
    ],
)
def test_that_a_hostile_file_is_refused(path, tmp_path, make):
    (tmp_path / "secret").write_bytes(b"12345678")
    with h5py.File(path, "w") as file:
        file.create_group("arrays")
        make(file, tmp_path)
    seal(path)
    with pytest.raises(FileError):
        hdf5.read(path)
