import os
import unicodedata

import pytest

from engine.data import sources
from engine.data.image_set import Skipped
from engine.data.safety.names import printable
from engine.data.sources import FolderSource, UnreadableFile, never, silent
from tests.image_files import write


def folder(*paths):
    return FolderSource(paths, never, silent)


def paths_of(source):
    return [entry.path for entry in source.listing.entries]


def reasons(source):
    return {item.path: item.reason for item in source.listing.skipped}


def test_that_files_are_listed_sorted_with_all_folders(tmp_path):
    source = folder(write(tmp_path, {"b/2": b"2", "b/1": b"1", "a": b"", "c/d": None}))
    assert paths_of(source) == ["a", "b/1", "b/2"]
    assert source.listing.folders == {"b", "c", "c/d"}
    assert source.listing.name == tmp_path.name
    assert [source.read(entry) for entry in source.listing.entries] == [b"", b"1", b"2"]


def test_that_hidden_and_system_names_are_passed_over_in_silence(tmp_path):
    names = (".DS_Store", "Thumbs.db", "._1.png", ".ipynb_checkpoints/1.png", "__MACOSX/1.png")
    source = folder(write(tmp_path, dict.fromkeys(names, b"x")))
    assert paths_of(source) == []
    assert source.listing.folders == frozenset()
    assert source.listing.skipped == ()


def test_that_hidden_folders_that_may_be_classes_are_named(tmp_path):
    names = (".cat/1.png", "dog/1.png", "dog/.two\nlines/1.png", ".Trash-1000/1.png", ".x.png")
    source = folder(write(tmp_path, dict.fromkeys(names, b"x")))
    assert paths_of(source) == ["dog/1.png"]
    assert reasons(source) == {
        ".cat": sources.HIDDEN,
        f"dog/{printable('.two' + chr(10) + 'lines')}": sources.HIDDEN,
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_that_what_is_no_regular_file_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "1.png")
    (tmp_path / "2.png").symlink_to(tmp_path / "1.png")
    # Opening either would wait for a writer for ever.
    source = folder(tmp_path)
    assert reasons(source) == dict.fromkeys(("1.png", "2.png"), sources.NOT_REGULAR)


def test_that_links_are_followed_but_not_in_a_circle(tmp_path):
    inside = write(tmp_path / "inside", {"a/1": b"1", "a/b/2": b"2"})
    outside = write(tmp_path / "outside", {"3": b"3", "deep/4": b"4"})
    (inside / "a" / "up").symlink_to(inside)
    (inside / "a" / "b" / "self").symlink_to(inside / "a" / "b")
    (inside / "linked").symlink_to(outside)
    (outside / "back").symlink_to(inside)
    (inside / "file").symlink_to(outside / "3")
    (inside / "nowhere").symlink_to(tmp_path / "missing")
    source = folder(inside)
    assert paths_of(source) == ["a/1", "a/b/2", "file", "linked/3", "linked/deep/4"]
    known = "a link to a folder that is read already"
    assert reasons(source) == {
        "a/up": known,
        "a/b/self": known,
        "linked/back": known,
        "nowhere": "a link that leads nowhere",
    }


def test_that_a_link_does_not_hide_the_folder_it_leads_to(tmp_path):
    write(tmp_path, {"z/1": b"1"})
    (tmp_path / "a").symlink_to(tmp_path / "z")
    source = folder(tmp_path)
    assert paths_of(source) == ["z/1"]
    assert list(reasons(source)) == ["a"]


def test_that_a_folder_without_permission_is_listed(tmp_path, monkeypatch):
    # Not by chmod: the tests may run as a user for whom permissions do not count.
    write(tmp_path, {"open/1": b"1", "closed/2": b"2"})
    scandir = os.scandir

    def guarded(path):
        if str(path).endswith("closed"):
            raise PermissionError(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    source = folder(tmp_path)
    assert paths_of(source) == ["open/1"]
    assert source.listing.skipped == (Skipped("closed", sources.NO_PERMISSION),)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(PermissionError(13, "denied"), "no permission"), (OSError(5, "I/O error"), "I/O error")],
)
def test_that_a_file_whose_bytes_cannot_be_had_says_why(tmp_path, monkeypatch, error, reason):
    source = folder(write(tmp_path, {"1": b"1"}))

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(UnreadableFile, match=reason):
        source.read(source.listing.entries[0])


def test_that_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "FILE_CAP", 3)
    source = folder(write(tmp_path, {"1": b"123", "2": b"1234"}))
    small, large = source.listing.entries
    assert source.read(small) == b"123"
    with pytest.raises(UnreadableFile, match="larger"):
        source.read(large)


@pytest.mark.parametrize("name", ["日本語", "🦊", "café", "Ωmega", "a b%20c"])
def test_that_names_of_every_script_work(tmp_path, name):
    source = folder(write(tmp_path / name, {f"{name}/{name}": b"1"}))
    assert paths_of(source) == [f"{name}/{name}"]
    assert source.listing.name == name
    assert source.read(source.listing.entries[0]) == b"1"


def test_that_accents_are_spelled_in_one_way(tmp_path):
    spellings = [unicodedata.normalize(form, "café") for form in ("NFC", "NFD")]
    for k, name in enumerate(spellings):
        source = folder(write(tmp_path / str(k), {name: b"1"}))
        assert paths_of(source) == spellings[:1]


@pytest.mark.skipif(os.name != "posix", reason="names are bytes only on POSIX")
def test_that_a_name_that_is_no_text_can_be_stored_as_text(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"a\xff")).write_bytes(b"1")
    except OSError:
        pytest.skip("this file system takes no such names")
    source = folder(tmp_path)
    paths_of(source)[0].encode("utf-8")
    assert source.read(source.listing.entries[0]) == b"1"


def test_that_long_paths_work(tmp_path):
    deep = "/".join(["x" * 60] * 6)
    source = folder(write(tmp_path, {f"{deep}/1": b"1"}))
    assert len(paths_of(source)[0]) > 260
    assert source.read(source.listing.entries[0]) == b"1"


def test_that_several_paths_are_taken_as_if_they_lay_in_one_folder(tmp_path):
    write(tmp_path, {"x/cat/1": b"1", "y/dog/2": b"2", "z/3": b"3", "q/3": b"4"})
    source = folder(tmp_path / "z/3", tmp_path / "x/cat", tmp_path / "y/dog", tmp_path / "q/3")
    assert paths_of(source) == ["3", "cat/1", "dog/2"]
    assert reasons(source) == {"3": "another dropped item has the same name"}


def test_that_the_listing_tells_how_far_it_is_and_can_be_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "STEP", 2)
    write(tmp_path, {str(k): b"" for k in range(5)})
    seen = []
    FolderSource([tmp_path], never, lambda done, total: seen.append((done, total)))
    assert seen == [(2, 0), (4, 0)]

    def cancel():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        FolderSource([tmp_path], cancel, silent)
