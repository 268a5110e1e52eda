import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from engine.cli.main import main
from engine.store import hdf5
from engine.store.hdf5 import Content
from engine.store.packing import pack, unpack
from engine.store.seal import MAGIC
from engine.store.study import Study, StudyError
from tests import made_up_study as made_up


@pytest.fixture
def study(tmp_path):
    return made_up.manifold(tmp_path)


def same(first, second):
    assert [e.key for e in first.entries] == [e.key for e in second.entries]
    for entry in first.entries:
        a, b = first.read(entry.key), second.read(entry.key)
        assert a.documents == b.documents
        assert set(a.arrays) == set(b.arrays)
        for name, array in a.arrays.items():
            np.testing.assert_array_equal(array, b.arrays[name])


def test_that_a_packed_study_comes_back_whole(study, tmp_path):
    study.describe(name="Tilt", notes="two lines\nof notes")
    size = pack(study, tmp_path / "one.h5")
    assert size == (tmp_path / "one.h5").stat().st_size
    back = unpack(tmp_path / "one.h5", tmp_path / "back.isthmus")
    same(study, back)
    assert back.about == study.about
    assert not list(back.check())


@pytest.mark.skipif(os.name == "nt", reason="paths there are too short for such names")
@pytest.mark.parametrize("name", ["n" * 247, "n" * 250, "n" * 255, "\u4e2d" * 85], ids=len)
def test_that_the_name_of_a_folder_may_be_as_long_as_the_system_allows(study, tmp_path, name):
    pack(study, tmp_path / "one.h5")
    same(study, unpack(tmp_path / "one.h5", tmp_path / name))
    assert {path.name for path in tmp_path.iterdir() if path != study.path} == {name, "one.h5"}
    with pytest.raises(StudyError, match="File name too long"):
        unpack(tmp_path / "one.h5", tmp_path / f"{name}{'n' * 9}")


@pytest.mark.skipif(os.name == "nt", reason="paths there are too short for such names")
def test_that_half_an_unpacked_folder_of_a_long_name_is_taken_away(study, tmp_path, monkeypatch):
    pack(study, tmp_path / "one.h5")
    with monkeypatch.context() as patch:
        patch.setattr("engine.store.packing.shutil.rmtree", lambda *_, **__: None)  # a kill
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError(5, "it is off")))
        with pytest.raises(StudyError, match="it is off"):
            unpack(tmp_path / "one.h5", tmp_path / ("n" * 250))
    assert len(list(tmp_path.glob(".n*.partial"))) == 1
    unpack(tmp_path / "one.h5", tmp_path / ("n" * 250))
    assert not list(tmp_path.glob(".n*.partial"))


def test_that_any_viewer_reads_it(study, tmp_path):
    pack(study, tmp_path / "one.h5")
    entry = next(e for e in study.entries if e.kind == "manifold_distance")
    with h5py.File(tmp_path / "one.h5", "r") as file:
        found = file[f"manifold_distance/{entry.key}/arrays/distances"][()]
    np.testing.assert_array_equal(found, study.read(entry.key).arrays["distances"])


def test_that_one_changed_byte_is_found(study, tmp_path):
    path = tmp_path / "one.h5"
    pack(study, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StudyError, match="is damaged: its bytes differ from its checksum"):
        unpack(path, tmp_path / "back.isthmus")
    assert not list(tmp_path.glob("*back*"))


@pytest.mark.parametrize("name", ["../../evil/0", "training/../../x", "training/short", "a/b"])
def test_that_a_name_that_no_record_has_is_refused(tmp_path, name):
    path = tmp_path / "evil.h5"
    contents = [("study/about", Content({"about": {}}, {})), (name, Content({}, {}))]
    hdf5.write_packed(path, contents)
    with pytest.raises(StudyError):
        unpack(path, tmp_path / "in" / "back.isthmus")
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["evil.h5"]


@pytest.mark.parametrize("how", ["exchanged", "another kind", "no header", "a newer version"])
def test_that_a_record_that_is_not_what_its_name_says_is_refused(study, tmp_path, how):
    path = tmp_path / "evil.h5"
    pack(study, path)
    about, *records = hdf5.read_packed(path, depth=2)
    records = [(name, record) for name, record in [about, *records] if name != "study/about"]
    about = ("study/about", Content({"about": {}}, {}))
    (first, one), (second, other), *_ = records
    header = {**one.documents["header"], "schema": 99}
    newer = Content({**one.documents, "header": header}, one.arrays)
    ways = {
        "exchanged": ([(first, other), (second, one)], "holds the record"),
        "another kind": ([(f"maps/{first[-20:]}", one)], "holds the record"),
        "no header": ([(first, Content({}, {}))], "lacks a header"),
        "a newer version": ([(first, newer)], "has schema 99, newer than"),
    }
    contents, words = ways[how]
    hdf5.write_packed(path, [about, *contents])
    with pytest.raises(StudyError, match=words):
        unpack(path, tmp_path / "back.isthmus")
    assert not list(tmp_path.glob("*back*"))


@pytest.mark.parametrize("place", ["a file", "a pipe", "a full folder", "the present folder"])
def test_that_a_study_is_unpacked_only_to_a_new_or_empty_folder(
    study, tmp_path, place, monkeypatch
):
    path, target = tmp_path / "one.h5", tmp_path / "target"
    pack(study, path)
    ways = {
        "a file": (lambda: target.write_text("mine"), "a file; it must be a new or empty"),
        "a pipe": (lambda: os.mkfifo(target), "a file; it must be a new or empty"),
        "a full folder": (lambda: (target / "mine").mkdir(parents=True), "it must be empty"),
        "the present folder": (target.mkdir, "the present folder; it must be another one"),
    }
    make, words = ways[place]
    make()
    before = sorted(target.rglob("*")) if target.is_dir() else target.stat()
    if place == "the present folder":
        monkeypatch.chdir(target)
        target = Path()
    with pytest.raises(StudyError, match=words):
        unpack(path, target)
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "target"
    assert before == (sorted(target.rglob("*")) if target.is_dir() else target.stat())
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("leads", ["to an empty folder", "nowhere"])
def test_that_a_link_is_followed_to_where_a_study_is_unpacked(study, tmp_path, leads):
    path, link, disk = tmp_path / "one.h5", tmp_path / "link", tmp_path / "disk" / "study"
    pack(study, path)
    disk.parent.mkdir()
    if leads == "to an empty folder":
        disk.mkdir()
    link.symlink_to(disk)
    same(study, unpack(path, link))
    assert link.is_symlink()
    same(study, Study(link))
    assert sorted(disk.parent.iterdir()) == [disk]


def test_that_a_packed_study_in_place_of_a_study_is_said_with_the_remedy(study, tmp_path):
    path = tmp_path / "one.h5"
    pack(study, path)
    before = path.read_bytes()
    for create in (False, True):
        with pytest.raises(StudyError, match="a packed study, one file; the command unpack"):
            Study(path, create=create)
    assert path.read_bytes() == before


def test_that_a_link_in_it_is_refused(study, tmp_path):
    path = tmp_path / "one.h5"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["training"] = h5py.ExternalLink("/etc/passwd", "/")
    seal(path)
    with pytest.raises(StudyError, match="holds a link at 'training'"):
        unpack(path, tmp_path / "back.isthmus")


def seal(path):
    import hashlib

    raw = path.read_bytes()
    digest = hashlib.sha256(raw[512:]).hexdigest()
    path.write_bytes((MAGIC + digest.encode()).ljust(512, b"\0") + raw[512:])


def test_that_a_record_is_no_packed_study(study, tmp_path):
    record = next(study.path.glob("records/*/*.h5"))
    with pytest.raises(StudyError, match="which no"):
        unpack(record, tmp_path / "back.isthmus")


def test_that_nothing_is_unpacked_over_other_files(study, tmp_path):
    pack(study, tmp_path / "one.h5")
    with pytest.raises(StudyError, match="a folder with other files"):
        unpack(tmp_path / "one.h5", study.path)


def test_that_a_folder_is_no_file_to_pack_into(study, tmp_path):
    with pytest.raises(StudyError, match="is a folder, must be a file"):
        pack(study, tmp_path)


def test_that_a_failed_pack_leaves_an_older_file_alone(study, tmp_path):
    path = tmp_path / "one.h5"
    pack(study, path)
    before = path.read_bytes()
    victim = next(study.path.glob("records/training/*.h5"))
    victim.write_bytes(victim.read_bytes()[:-1])
    with pytest.raises(StudyError, match="damaged"):
        pack(Study(study.path), path)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".one*"))


def test_that_the_commands_pack_and_unpack(study, tmp_path, capsys):
    path, back = tmp_path / "one.h5", tmp_path / "back.isthmus"
    assert main(["pack", "--study", str(study.path), "--out", str(path)]) == 0
    assert main(["unpack", str(path), "--study", str(back)]) == 0
    assert f"{len(study.entries)} records" in capsys.readouterr().out
    assert main(["unpack", str(tmp_path / "none.h5"), "--study", str(tmp_path / "n")]) == 2
