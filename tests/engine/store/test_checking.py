"""A file that cannot be read at this moment is not taken for a damaged one."""

import errno
import json
import shutil

import h5py
import numpy as np
import pytest

from engine.cli.main import main
from engine.plan.planfile import PRESETS, load_preset, read_plan
from engine.store import hdf5
from engine.store.hdf5 import FileError
from engine.store.labels import Label
from engine.store.study import Result, Study, StudyError
from tests import made_up_study as made_up
from tests.golden.make import HERE
from tests.made_up_study import IMAGES
from tests.reliability.sealing import DOCUMENTS, HEADER, forge, seal_again, with_images

REFUSALS = [errno.EMFILE, errno.ENFILE, errno.EIO, errno.EACCES, errno.ENOMEM, errno.ESTALE]


@pytest.fixture
def study(tmp_path):
    return shutil.copytree(HERE / "v0.1.isthmus", tmp_path / "s.isthmus")


def refuse(monkeypatch, where, code):
    def refused(*_, **__):
        raise OSError(code, "refused")

    owner, name = {"by us": (hdf5, "check_regular"), "by the library": (h5py, "File")}[where]
    monkeypatch.setattr(owner, name, refused)


@pytest.mark.parametrize("where", ["by us", "by the library"])
@pytest.mark.parametrize("code", REFUSALS)
def test_that_repair_moves_nothing_that_it_could_not_read(study, monkeypatch, capsys, where, code):
    before = {path: path.stat().st_size for path in (study / "records").rglob("*.h5")}
    with monkeypatch.context() as refusing:
        refuse(refusing, where, code)
        assert main(["check", "--study", str(study)]) == 1
        assert "0 damaged, 16 that could not be read" in capsys.readouterr().err
        assert main(["check", "--study", str(study), "--repair"]) == 1
    assert {path: path.stat().st_size for path in (study / "records").rglob("*.h5")} == before
    assert not (study / "damaged").exists()
    assert main(["check", "--study", str(study)]) == 0


def test_that_repair_moves_what_is_damaged_and_leaves_what_cannot_be_read(
    study, monkeypatch, capsys
):
    broken, closed = sorted((study / "records" / "training").glob("*.h5"))[:2]
    broken.write_bytes(broken.read_bytes()[:-1] + b"?")
    plain = hdf5.check_regular

    def check(path):
        if path.name == closed.name:
            raise OSError(errno.EIO, "Input/output error")
        plain(path)

    monkeypatch.setattr(hdf5, "check_regular", check)
    assert main(["check", "--study", str(study), "--repair"]) == 1
    said = capsys.readouterr().out
    assert f"{closed.name}: it cannot be read: Input/output error; it may be whole" in said
    assert (study / "damaged" / "training" / broken.name).exists()
    assert closed.exists()


@pytest.mark.parametrize("where", ["by us", "by the library"])
@pytest.mark.parametrize("code", REFUSALS)
def test_that_a_record_that_cannot_be_read_is_not_replaced(tmp_path, monkeypatch, where, code):
    study = Study(tmp_path / "s.isthmus", create=True)
    spec = made_up.network()
    made_up.add_network(study, spec)
    (path,) = (study.path / "records" / "training").glob("*.h5")
    content = path.read_bytes()
    study.forget([spec.key])
    with monkeypatch.context() as refusing:
        refuse(refusing, where, code)
        # The library also writes; an error there is one of the disk.
        with pytest.raises((StudyError, OSError)):
            study.write(spec, Result({"x": 1.0}), seconds=1.0, provenance={})
    assert path.read_bytes() == content


def test_that_what_fits_no_memory_now_is_not_damaged(study, monkeypatch):
    def read(*_, **__):
        raise hdf5.NotRead("it does not fit into the memory")

    monkeypatch.setattr(hdf5, "read", read)
    unread = []
    assert list(Study(study).check(unread)) == []
    assert len(unread) == 16


@pytest.mark.parametrize("code", [None, errno.EINVAL, errno.EFBIG, errno.EOVERFLOW])
def test_that_errors_a_file_can_cause_are_damage(study, monkeypatch, code):
    def refused(*_, **__):
        raise OSError(*([code, "an impossible place"] if code else ["bad superblock"]))

    (path, *_) = (study / "records" / "training").glob("*.h5")
    monkeypatch.setattr(h5py, "File", refused)
    with pytest.raises(FileError, match="not a readable HDF5 file"):
        hdf5.read(path)


LATER = {
    "a newer schema": ("header", "schema", 99),
    "an unknown field": ("spec", "brand_new", 3),
    "an unknown kind": ("spec", "network", {"kind": "transformer_9"}),
}


@pytest.mark.parametrize("what", LATER)
def test_that_a_record_of_a_later_version_stays_whatever_is_done(study, capsys, what):
    """Two versions of the program may work on one study."""
    path = sorted((study / "records" / "training").glob("*.h5"))[0]
    document, name, value = LATER[what]
    with h5py.File(path, "r+") as file:
        found = json.loads(bytes(file[f"documents/{document}"][()]))
        found[name] = value
        del file[f"documents/{document}"]
        file[f"documents/{document}"] = np.bytes_(json.dumps(found))
    seal_again(path)
    for index in study.glob("*index*"):
        index.unlink()
    before = path.read_bytes()
    assert main(["check", "--study", str(study)]) == 1
    said = capsys.readouterr()
    assert "0 damaged, 1 that could not be read" in said.err
    assert path.stem in said.out
    assert main(["check", "--study", str(study), "--repair"]) == 1
    assert "it may be whole and stays where it is" in capsys.readouterr().out
    assert not (study / "damaged").exists()
    assert main(["list", "--study", str(study)]) == 0
    hidden = what == "a newer schema"
    assert ("1 more cannot be read" in capsys.readouterr().err) is hidden
    assert path.read_bytes() == before


def test_that_no_record_takes_the_place_of_one_of_a_later_version(tmp_path):
    found = Study(tmp_path / "s", create=True)
    path = with_images(found)
    forge(path, documents={**DOCUMENTS, "header": {**HEADER, "schema": 2}})
    before = path.read_bytes()
    again = Study(found.path)
    with pytest.raises(StudyError, match="has schema 2, newer than 1"):
        again.write(IMAGES, Result({"classes": 10}), seconds=1.0, provenance={})
    assert path.read_bytes() == before


def test_that_what_macos_writes_beside_files_is_no_record(tmp_path, capsys):
    folder = shutil.copytree(HERE / "v0.1.isthmus", tmp_path / "s.isthmus")
    for path in list(folder.rglob("*")):
        path.with_name(f"._{path.name}").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X")
    assert main(["check", "--study", str(folder)]) == 0
    assert main(["check", "--repair", "--study", str(folder)]) == 0
    assert "nothing is damaged" in capsys.readouterr().err
    assert main(["pack", "--study", str(folder), "--out", str(tmp_path / "a.h5")]) == 0
    assert len(Study(folder).entries) == len(Study(HERE / "v0.1.isthmus").entries)
    assert not (folder / "damaged").exists()


def test_that_a_mark_of_the_byte_order_is_no_damage(tmp_path, capsys):
    folder = shutil.copytree(HERE / "v0.1.isthmus", tmp_path / "s.isthmus")
    study = Study(folder)
    study.describe(name="Größe", notes="two\nlines")
    study.labels.set_many({study.entries[0].key: Label(note="mine")})
    for path in (folder / "study.json", folder / "labels.json"):
        text = path.read_text(encoding="utf-8")
        path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    (tmp_path / "p.toml").write_bytes(b"\xef\xbb\xbf" + (PRESETS / "demo.toml").read_bytes())
    assert main(["check", "--repair", "--study", str(folder)]) == 0
    assert "nothing is damaged" in capsys.readouterr().err
    found = Study(folder)
    assert (found.about["name"], found.about["notes"]) == ("Größe", "two\nlines")
    assert found.labels.of(found.entries[0].key).note == "mine"
    assert len(read_plan(tmp_path / "p.toml").specs) == len(load_preset("demo").specs)
