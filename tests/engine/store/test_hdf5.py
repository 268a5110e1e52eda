import subprocess
import sys

import h5py
import numpy as np
import pytest

from engine.store import hdf5
from engine.store.hdf5 import Content, FileError
from engine.store.seal import MAGIC, USER_BLOCK


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
    path.write_bytes((MAGIC + digest).ljust(USER_BLOCK, b"\0") + image)


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


LIBRARY = [*range(532, 536), *range(536, 544), *range(552, 560)]  # mark, start, end of the file


def test_that_every_flipped_bit_of_the_superblock_is_found_that_means_something(path):
    hdf5.write(path, CONTENT)
    whole = path.read_bytes()
    for bit in range(512 * 8, (512 + 96) * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        if bit // 8 == 532 and bit % 8 < 3:  # the mark that a program has the file open
            assert hdf5.read(path).documents == CONTENT.documents
            continue
        with pytest.raises(FileError):
            hdf5.read(path)


def as_first_release(path):
    """Write a record as the first release did: its superblock does not count the user block."""
    hdf5.write(path, CONTENT)
    image = bytearray(path.read_bytes()[512:])
    image[24:32], image[40:48] = (0).to_bytes(8, "little"), len(image).to_bytes(8, "little")
    path.write_bytes(image)
    seal(path)


VERSIONS = [None, "earliest", "v108", "v110", "v112", "v114", "latest"]
MAKERS = {
    "new": lambda path: hdf5.write(path, CONTENT),
    "first release": as_first_release,
    "packed": lambda path: hdf5.write_packed(path, [("study/about", CONTENT)]),
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("mode", ["r+", "a"])
@pytest.mark.parametrize("libver", VERSIONS)
def test_that_a_program_that_opens_and_closes_a_file_damages_nothing(path, maker, mode, libver):
    MAKERS[maker](path)
    before = path.read_bytes()
    with h5py.File(path, mode, libver=libver) as file:
        file.visititems(lambda _, item: item[()] if isinstance(item, h5py.Dataset) else None)
        file.flush()
    changed = [n for n, (a, b) in enumerate(zip(before, path.read_bytes(), strict=True)) if a != b]
    assert not changed or maker == "first release"
    assert set(changed) <= set(LIBRARY)
    hdf5.verify(path)


@pytest.mark.parametrize("maker", MAKERS)
def test_that_a_program_killed_while_it_had_the_file_open_damages_nothing(path, maker):
    MAKERS[maker](path)
    before = path.read_bytes()
    code = f"import h5py, os; file = h5py.File({str(path)!r}, 'r+'); os._exit(0)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert path.read_bytes() != before
    hdf5.verify(path)


@pytest.mark.parametrize("maker", MAKERS)
def test_that_what_a_program_changes_is_found_in_a_touched_file_too(path, maker):
    MAKERS[maker](path)
    with h5py.File(path, "r+") as file:
        where = "study/about/arrays/weights/0.w" if maker == "packed" else "arrays/weights/0.w"
        file[where][0, 0] = 7
    with pytest.raises(FileError, match="checksum"):
        hdf5.verify(path)
    MAKERS[maker](path)
    with h5py.File(path, "r+") as file:
        file.attrs["by"] = "another program"
    with pytest.raises(FileError, match="checksum"):
        hdf5.verify(path)


@pytest.mark.parametrize("keeps_seal", [True, False])
@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"chunks": (1, 1)}])
def test_that_a_file_that_was_written_anew_is_refused_with_the_reason(path, keeps_seal, options):
    hdf5.write(path, CONTENT)
    head, again = path.read_bytes()[:USER_BLOCK], path.with_name("again.h5")
    with h5py.File(path) as old, h5py.File(again, "w", userblock_size=USER_BLOCK) as new:
        for name in old:
            old.copy(name, new)
        del new["arrays/weights/0.w"]
        new["arrays"].create_dataset(
            "weights/0.w", data=CONTENT.arrays["weights/0.w"], track_times=True, **options
        )
    if keeps_seal:
        again.write_bytes(head + again.read_bytes()[USER_BLOCK:])
    reason = "HDF5 files anew" if keeps_seal else "is not a file that Isthmus wrote"
    with pytest.raises(FileError, match=reason):
        hdf5.read(again)


def test_that_a_touched_file_of_the_first_release_is_checked_as_before(path):
    as_first_release(path)
    with h5py.File(path, "r+"):
        pass
    whole = path.read_bytes()
    hdf5.verify(path)
    for position in range(0, len(whole), 37):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(FileError):
            hdf5.read(path)
    path.write_bytes(whole + b"\0")
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
