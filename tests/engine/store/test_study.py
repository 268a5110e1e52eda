import json
import threading

import numpy as np
import pytest

from engine import specs
from engine.store import hdf5, index
from engine.store import study as module
from engine.store.hdf5 import Content
from engine.store.study import Result, Study, StudyError

GLYPHS = specs.Glyphs(train=100, test=50)
TRAINING = specs.Training(images=GLYPHS, network=specs.SmallCNN())
RESULT = Result({"clean_accuracy": 0.9}, {"weights/a": np.arange(3.0)}, {"classes": ["a", "b"]})


def write(study, spec=TRAINING, result=RESULT):
    return study.write(spec, result, seconds=1.5, provenance={"torch": "x"})


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "s.isthmus", create=True)


def test_that_a_record_comes_back_with_its_spec_and_provenance(study):
    entry = write(study)
    record = Study(study.path).read(entry.key)
    assert record.spec == TRAINING
    assert record.numbers == {"clean_accuracy": 0.9}
    assert record.documents["classes"] == ["a", "b"]
    assert record.provenance == {"torch": "x"}
    assert record.entry.parents == (GLYPHS.key,)
    np.testing.assert_array_equal(record.arrays["weights/a"], [0, 1, 2])


def test_that_a_record_is_never_changed(study):
    first = write(study)
    second = write(study, result=Result({"clean_accuracy": 0.1}))
    assert second == first
    assert study.read(TRAINING).numbers == {"clean_accuracy": 0.9}


def test_that_the_index_is_only_a_cache(study):
    write(study)
    write(study, GLYPHS, Result({"classes": 10}))
    expected = {entry.key: entry for entry in study.entries}
    (study.path / "index.jsonl").write_text('{"torn')
    assert {entry.key: entry for entry in Study(study.path).entries} == expected
    (study.path / "index.jsonl").unlink()
    assert {entry.key: entry for entry in Study(study.path).entries} == expected
    assert len((study.path / "index.jsonl").read_text().splitlines()) == 2


def test_that_a_record_deleted_or_changed_outside_is_noticed(study):
    entry = write(study)
    path = study.path / "records" / "training" / f"{entry.key}.h5"
    content = path.read_bytes()
    path.unlink()
    assert not Study(study.path).has(TRAINING)
    path.write_bytes(content[:-1])
    assert not Study(study.path).has(TRAINING)
    ((file, problem),) = Study(study.path).check()
    assert entry.key in file
    assert "damaged" in problem


def test_that_check_finds_one_flipped_byte_which_the_index_cannot_see(study):
    entry = write(study)
    path = study.path / "records" / "training" / f"{entry.key}.h5"
    assert list(study.check()) == []
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    assert len(list(Study(study.path).check())) == 1
    with pytest.raises(StudyError, match="damaged"):
        Study(study.path).read(entry.key)


def test_that_records_are_found_by_the_beginning_of_their_key(study):
    entry = write(study)
    assert study.entry(entry.key[:6]) == entry
    with pytest.raises(StudyError, match="no record begins"):
        study.entry("zzz")


def test_that_a_nan_is_refused_where_it_arises():
    with pytest.raises(ValueError, match="score is nan"):
        Result({"score": float("nan")})


@pytest.mark.parametrize("make", ["missing", "file", "other", "empty"])
def test_that_what_is_no_study_is_named(tmp_path, make):
    path = tmp_path / "x"
    if make == "file":
        path.write_text("hello")
    elif make != "missing":
        path.mkdir()
        if make == "other":
            (path / "notes.txt").write_text("hello")
    with pytest.raises(StudyError, match=r"not a study|does not exist|a file; it must be"):
        Study(path)
    if make in ("file", "other"):
        with pytest.raises(StudyError, match="must be"):
            Study(path, create=True)


def test_that_a_newer_study_is_refused_with_a_sentence(study):
    about = json.loads((study.path / "study.json").read_text())
    (study.path / "study.json").write_text(json.dumps({**about, "schema": 99}))
    with pytest.raises(StudyError, match="schema 99"):
        Study(study.path)


def test_that_a_full_disk_gives_a_sentence_and_loses_nothing(study, monkeypatch):
    write(study, GLYPHS, Result({"classes": 10}))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hdf5.os, "fsync", full)
    with pytest.raises(StudyError, match="No space left on device"):
        write(study)
    assert not study.has(TRAINING)
    assert Study(study.path).has(GLYPHS)


def test_that_checkpoints_are_replaced_and_end_with_the_record(study):
    assert study.checkpoint(TRAINING) is None
    study.save_checkpoint(TRAINING, Content({"fit": {"epoch": 1}}, {}))
    study.save_checkpoint(TRAINING, Content({"fit": {"epoch": 2}}, {}))
    assert study.checkpoint(TRAINING).documents["fit"]["epoch"] == 2
    write(study)
    assert study.checkpoint(TRAINING) is None


def test_that_a_broken_checkpoint_counts_as_none(study):
    study.save_checkpoint(TRAINING, Content({"fit": {"epoch": 1}}, {}))
    path = study.path / "checkpoints" / f"{TRAINING.key}.h5"
    path.write_bytes(path.read_bytes()[:700])
    assert study.checkpoint(TRAINING) is None


def test_that_locations_survive_moving_study_and_images_together(tmp_path):
    home = tmp_path / "home"
    (home / "images").mkdir(parents=True)
    study = Study(home / "s", create=True)
    study.set_location("abc", home / "images")
    home.rename(tmp_path / "moved")
    moved = Study(tmp_path / "moved" / "s")
    assert moved.locate("abc") == (tmp_path / "moved" / "images").resolve()
    (tmp_path / "moved" / "images").rmdir()
    with pytest.raises(StudyError, match="are not found; they were at"):
        moved.locate("abc")


def test_that_many_threads_can_write_at_once(study):
    from concurrent.futures import ThreadPoolExecutor

    many = [TRAINING.replace("seed", seed) for seed in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda spec: write(study, spec), many))
    assert len(Study(study.path).entries) == 40
    found, stale = index.load(study.path / "index.jsonl", study.path / "records", study._read_entry)
    assert len(found) == 40
    assert stale == 0


@pytest.mark.parametrize("step", ["describe", "set_location", "take_up_about"])
def test_that_a_drive_that_is_waited_for_does_not_hold_the_list_of_records(
    tmp_path, monkeypatch, step
):
    study = Study(tmp_path / "s.isthmus", create=True)
    begun, going, read = threading.Event(), threading.Event(), module.read_text

    def slow(*given):
        begun.set()
        going.wait(60)
        return read(*given)

    monkeypatch.setattr(module, "read_text", slow)
    steps = {
        "describe": lambda: study.describe(name="x"),
        "set_location": lambda: study.set_location("0" * 64, tmp_path),
        "take_up_about": study.take_up_about,
    }
    waiting = threading.Thread(target=steps[step])
    waiting.start()
    assert begun.wait(30)
    listing = threading.Thread(target=lambda: study.entries, daemon=True)
    listing.start()
    listing.join(30)
    listed = not listing.is_alive()
    going.set()
    waiting.join(30)
    assert listed
