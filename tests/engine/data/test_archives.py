import gzip
import io
import os
import tarfile
import zipfile

import pytest

from engine.data import archives
from engine.data.archives import archive_stem, open_archive
from engine.data.image_set import Skipped
from engine.data.sources import HIDDEN, ImagesError, UnreadableFile, never, silent
from tests.image_files import tarred, write, zipped

FILES = {"b/2": b"22", "b/1": b"1", "a": b"", "日本/3": b"3", "c": None}
SUFFIXES = pytest.mark.parametrize("suffix", archives.SUFFIXES)


def packed(root, target):
    return (zipped if target.suffix == ".zip" else tarred)(root, target)


def opened(path):
    return open_archive(path, never, silent)


def contents(source):
    return {entry.path: source.read(entry) for entry in source.listing.entries}


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "folder", FILES)


@SUFFIXES
def test_that_an_archive_lists_and_reads_what_was_packed(tmp_path, folder, suffix):
    source = opened(packed(folder, tmp_path / f"set.x{suffix}"))
    assert list(contents(source)) == sorted(
        path for path, data in FILES.items() if data is not None
    )
    assert contents(source) == {path: data for path, data in FILES.items() if data is not None}
    assert source.listing.folders == {"b", "c", "日本"}
    assert source.listing.name == "set.x"
    source.close()


def test_that_only_archives_have_a_stem():
    assert archive_stem("A.TAR.GZ") == "A"
    assert archive_stem("a.tgz") == "a"
    assert archive_stem("a.gz") == ""


def test_that_a_tar_too_large_for_the_memory_is_read_forwards(tmp_path, folder, monkeypatch):
    path = tarred(folder, tmp_path / "set.tar.gz")
    monkeypatch.setattr(archives, "MEMORY_CAP", 100)
    source = opened(path)
    entries = source.listing.entries
    order = source.in_order(entries)
    assert order != list(range(len(entries)))
    offsets = [entries[k].handle[0] for k in order]
    assert offsets == sorted(offsets)
    assert contents(source)["b/2"] == b"22"


HOSTILE = ("../out.png", "/root.png", "a/../../out.png", "C:/out.png")


def test_that_names_that_point_outside_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in (*HOSTILE, "..\\windows.png", "./good.png"):
            archive.writestr(zipfile.ZipInfo(name), b"x")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in (*HOSTILE, "./good.png"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    for name, count in (("a.zip", len(HOSTILE) + 1), ("a.tar", len(HOSTILE))):
        source = opened(tmp_path / name)
        assert [entry.path for entry in source.listing.entries] == ["good.png"]
        assert len(source.listing.skipped) == count
        assert {item.reason for item in source.listing.skipped} == {
            "its name points outside the archive"
        }
        source.close()
    assert sorted(os.listdir(tmp_path)) == ["a.tar", "a.zip"]


def test_that_system_names_are_passed_over(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("__MACOSX/cat/._1.png", "cat/.DS_Store", "cat/1.png"):
            archive.writestr(name, b"x")
    source = opened(tmp_path / "a.zip")
    assert list(contents(source)) == ["cat/1.png"]
    assert source.listing.skipped == ()


def test_that_a_hidden_folder_that_may_be_a_class_is_named_once(tmp_path):
    names = ("set/.cat/1.png", "set/.cat/2.png", "set/dog/1.png", ".git/x.png", ".a/.b/c.png")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    source = opened(tmp_path / "a.zip")
    assert list(contents(source)) == ["set/dog/1.png"]
    assert source.listing.skipped == (Skipped(".a", HIDDEN), Skipped("set/.cat", HIDDEN))


def test_that_of_two_members_with_one_name_the_last_counts(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for data in (b"old", b"new"):
            member = tarfile.TarInfo("1")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    assert contents(opened(tmp_path / "a.tar")) == {"1": b"new"}


def test_that_links_and_devices_in_an_archive_are_not_followed(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind in (("s", tarfile.SYMTYPE), ("h", tarfile.LNKTYPE), ("f", tarfile.FIFOTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/hostname"
            archive.addfile(member)
    source = opened(tmp_path / "a.tar")
    assert source.listing.entries == ()
    assert [item.reason for item in source.listing.skipped] == [
        "neither a file nor a folder",
        archives.IS_LINK,
        archives.IS_LINK,
    ]
    link = zipfile.ZipInfo("s")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/hostname")
    assert opened(tmp_path / "a.zip").listing.skipped[0].reason == archives.IS_LINK


@SUFFIXES
def test_that_bombs_are_refused_by_size_before_they_are_unpacked(tmp_path, monkeypatch, suffix):
    folder = write(tmp_path / "folder", {"1.png": bytes(5000), "2.png": bytes(10)})
    path = packed(folder, tmp_path / f"a{suffix}")
    monkeypatch.setattr(archives, "FILE_CAP", 1000)
    source = opened(path)
    assert list(contents(source)) == ["2.png"]
    assert "larger" in source.listing.skipped[0].reason
    source.close()
    monkeypatch.setattr(archives, "TOTAL_CAP", 3000)
    with pytest.raises(ImagesError, match="unpacks to more than"):
        opened(path)


def test_that_a_member_that_holds_more_than_it_says_is_not_unpacked(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.png", bytes(1_000_000))
    honest = (1_000_000).to_bytes(4, "little")
    assert path.read_bytes().count(honest) == 2
    path.write_bytes(path.read_bytes().replace(honest, (10).to_bytes(4, "little")))
    source = opened(path)
    with pytest.raises(UnreadableFile, match="damaged"):
        source.read(source.listing.entries[0])


def test_that_a_damaged_member_does_not_cost_the_others(tmp_path):
    folder = write(tmp_path / "folder", {"1": b"first", "2": b"second"})
    path = zipped(folder, tmp_path / "a.zip")
    path.write_bytes(path.read_bytes().replace(b"first", b"worst"))
    source = opened(path)
    first, second = source.listing.entries
    with pytest.raises(UnreadableFile, match="damaged"):
        source.read(first)
    assert source.read(second) == b"second"


def test_that_encrypted_members_are_named(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1.png", b"x")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert opened(path).listing.skipped[0].reason == "encrypted"


@SUFFIXES
def test_that_a_damaged_archive_is_named_in_one_sentence(tmp_path, folder, suffix):
    path = packed(folder, tmp_path / f"a{suffix}")
    path.write_bytes(path.read_bytes()[:-1500] if suffix != ".tar" else b"no tar" * 200)
    with pytest.raises(ImagesError, match="is damaged"):
        opened(path)


def test_that_a_truncated_gzip_is_damaged(tmp_path):
    data = gzip.compress(os.urandom(5000))
    (tmp_path / "a.tar.gz").write_bytes(data[:2000])
    with pytest.raises(ImagesError, match="is damaged"):
        opened(tmp_path / "a.tar.gz")


def two_members(path):
    """Write a tar of two members, a header and a block of data each."""
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in ("1", "2"):
            member = tarfile.TarInfo(name)
            member.size = 300
            archive.addfile(member, io.BytesIO(bytes(300)))
    return path.read_bytes()


@pytest.mark.parametrize("kept", [100, 700, 1024 + 100, 2048 - 1])
def test_that_a_truncated_tar_is_damaged(tmp_path, kept):
    path = tmp_path / "a.tar"
    path.write_bytes(two_members(path)[:kept])
    with pytest.raises(ImagesError, match="is damaged"):
        opened(path)


@pytest.mark.parametrize("more", ["zeros", "another"])
def test_that_what_stands_behind_the_end_of_a_tar_is_said(tmp_path, more):
    """A copy that was broken off may have zeros in place of its second half."""
    path = tmp_path / "a.tar"
    data = two_members(path)
    assert opened(path).listing.skipped == ()
    path.write_bytes(data + (bytes(5000) if more == "zeros" else data))
    source = opened(path)
    assert len(contents(source)) == 2
    ((name, reason),) = [(item.path, item.reason) for item in source.listing.skipped]
    assert name == "a.tar"
    assert reason.endswith("bytes behind its last file are no file: a part may be missing")


def test_that_a_damaged_header_does_not_end_a_tar_in_silence(tmp_path):
    path = tmp_path / "a.tar"
    data = bytearray(two_members(path))
    assert len(contents(opened(path))) == 2
    data[1024] ^= 1
    path.write_bytes(data)
    with pytest.raises(ImagesError, match="is damaged"):
        opened(path)


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
def test_that_an_archive_of_too_many_members_is_refused(tmp_path, monkeypatch, suffix):
    # Members of no bytes pass every bound on bytes, and pack to nearly nothing.
    monkeypatch.setattr("engine.data.archives.MOST_MEMBERS", 50)
    path = tmp_path / f"a{suffix}"
    names = [f"c/{k}.png" for k in range(51)]
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"")
    else:
        with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as archive:
            for name in names:
                archive.addfile(tarfile.TarInfo(name))
    with pytest.raises(ImagesError, match="more than 50 members"):
        opened(path)


def test_that_a_large_directory_of_a_zip_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.data.archives.DIRECTORY_CAP", 5_000)
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(200):
            archive.writestr(f"c/{k}.png", b"")
    with pytest.raises(ImagesError, match="more than"):
        opened(path)
