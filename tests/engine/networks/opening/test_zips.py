"""An archive of weights is read where Python's reader and torch's find the same content in it."""

import io
import random
import struct
import warnings
import zipfile

import pytest
import torch

from engine.networks.opening.formats import WeightsError
from engine.networks.opening.reading import read_file
from engine.networks.opening.zips import Ambiguous, TooManyMembers, members

END, PLACE, WIDE = 22, 20, 56
ROOM = 1 << 20


def saved(**state):
    buffer = io.BytesIO()
    torch.save({"fc.weight": torch.ones(2, 3), "fc.bias": torch.zeros(2), **state}, buffer)
    return buffer.getvalue()


def packed(*names, comment=b"", size=10):
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")  # of names that stand twice
        archive.comment = comment
        for name in names:
            archive.writestr(name, bytes(size))
    return buffer.getvalue()


def directory(data):
    """Return start and size of a directory, as the end of an archive has them."""
    size, start = struct.unpack("<2L", data[-10:-2])
    return start, size


def with_two_directories():
    """What torch reads lies where the end says; zipfile takes what stands right before the end."""
    large, small = packed("w/data.pkl", size=40), packed("w/data.pkl", size=2)
    _, size = directory(large)
    from_small, _ = directory(small)
    second = small[from_small : from_small + size]
    return large[:-END] + second + large[-END:]


def with_an_end_elsewhere():
    """torch follows the place of the wide end; zipfile takes what stands before that place."""
    data = saved()
    body, wide, place, end = data[: -END - PLACE - WIDE], data[-98:-42], data[-42:-22], data[-END:]
    moved = bytearray(place)
    moved[8:16] = struct.pack("<Q", len(body) + WIDE)
    return body + wide + wide + bytes(moved) + end


def with_size_in_the_mark():
    """The mark of the end stands twice within it, so that another number is taken for the size."""
    end = struct.pack("<4s4s2H2LH", b"PK\5\6", b"PK\5\6", 1, 1, 1 << 30, 64, 0)
    return packed("w/data.pkl")[:-END] + end


ODD = {
    "nothing": bytes(10),
    "bytes before": b"#!/bin/sh\n" + saved(),
    "bytes behind": saved() + b"more",
    "comment": packed("w/data.pkl", comment=b"PK\5\6" + bytes(18)),
    "two directories": with_two_directories(),
    "an end elsewhere": with_an_end_elsewhere(),
    "size in the mark": with_size_in_the_mark(),
    "one name twice": packed("w/data.pkl", "w/data.pkl"),
    "names in another case": packed("w/data.pkl", "w/DATA.pkl"),
    "end of a name": packed("w/data.pklxb").replace(b".pklxb", b".pkl\0b"),
}


@pytest.mark.parametrize("what", ODD)
def test_that_what_can_be_read_in_two_ways_is_refused(what, tmp_path):
    with pytest.raises(zipfile.BadZipFile):
        members(io.BytesIO(ODD[what]), ROOM)
    path = tmp_path / "w.pt"
    path.write_bytes(ODD[what])
    with pytest.raises(WeightsError):
        read_file(path)


@pytest.mark.parametrize("data", [saved(), packed("w/data.pkl", "w/data/0")])
def test_that_plain_archives_are_read_with_and_without_a_wide_end(data):
    file = io.BytesIO(data)
    found = members(file, ROOM)
    assert file.tell() == 0
    assert [info.filename for info in found] == zipfile.ZipFile(file).namelist()


def test_that_a_large_directory_is_not_read():
    class Watched(io.BytesIO):
        most = 0

        def read(self, size=-1):
            found = super().read(size)
            self.most = max(self.most, len(found))
            return found

    file = Watched(packed(*(f"w/data/{k}" for k in range(2000))))
    with pytest.raises(TooManyMembers):
        members(file, 50_000)
    assert file.most < 1000


def test_that_the_pickle_is_small_whichever_member_torch_takes_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.networks.opening.reading.MOST_PICKLED", 2000)
    path = tmp_path / "w.pt"
    path.write_bytes(saved(many={str(k): k for k in range(2000)}))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}q\x00.")  # the shortest name
    with pytest.raises(WeightsError, match="MB beside its tensors"):
        read_file(path)


def test_that_both_readers_agree_on_every_mutation_that_is_accepted():
    # Property: what members() accepts, torch's own reader reads with the same names and sizes.
    plain, chance, agreed = saved(), random.Random(15), 0
    for _ in range(1500):
        data = bytearray(plain)
        for _ in range(chance.randint(1, 3)):
            at = len(data) - 1 - int(chance.random() ** 2 * 640)
            data[at] = chance.choice([0, 1, 255, data[at] ^ 1 << chance.randrange(8)])
        try:
            found = members(io.BytesIO(bytes(data)), ROOM)
        except (zipfile.BadZipFile, Ambiguous, ValueError, NotImplementedError, struct.error):
            continue
        try:
            reader = torch._C.PyTorchFileReader(io.BytesIO(bytes(data)))
            names = reader.get_all_records()
            read = {name: len(reader.get_record(name)) for name in names}
        except RuntimeError:
            continue
        sizes = {info.filename.partition("/")[2]: info.file_size for info in found}
        assert read == sizes
        agreed += 1
    assert agreed > 50


def test_that_changed_or_missing_content_is_found(tmp_path):
    """torch compares no checksums: a bit that flipped, or a hole, became other weights."""
    data = saved(**{"conv.weight": torch.rand(40, 40)})
    path = tmp_path / "w.pt"
    path.write_bytes(data)
    read_file(path)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (largest,) = [item for item in archive.infolist() if item.file_size == 6400]
        first = data.index(archive.read(largest.filename))
    for place in range(first, first + 6400, 401):
        changed = bytearray(data)
        changed[place] ^= 0x40
        path.write_bytes(changed)
        with pytest.raises(WeightsError, match=r"w\.pt is damaged: the content of '.*' in it"):
            read_file(path)
    path.write_bytes(data[: first + 3000] + bytes(2000) + data[first + 5000 :])
    with pytest.raises(WeightsError, match="differs from its checksum"):
        read_file(path)


def test_that_an_archive_that_was_saved_without_checksums_is_read(tmp_path):
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        (tmp_path / "w.pt").write_bytes(saved())
    finally:
        torch.serialization.set_crc32_options(before)
    assert read_file(tmp_path / "w.pt").value["fc.weight"].sum() == 6
