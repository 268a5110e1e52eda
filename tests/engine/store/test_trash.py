import multiprocessing
import os
import random
import signal
import time

import pytest

from engine.store import trash
from engine.store.changes import take_up_changes
from engine.store.labels import Label
from engine.store.packing import pack, unpack
from engine.store.study import Study, StudyError
from tests import made_up_study as made_up


@pytest.fixture
def study(tmp_path):
    return made_up.sweep(tmp_path, eps=(0.02, 0.04), norms=("linf",))


def network_of(study):
    return next(entry for entry in study.entries if entry.kind == "training")


def files(study, folder="records"):
    return {path.stem for path in (study.path / folder).glob("*/*.h5")}


def test_that_a_record_goes_with_all_that_was_computed_from_it(study):
    before = {entry.key: entry for entry in study.entries}
    images = study.entries[0]
    strong = [entry for entry in study.entries if entry.kind == "training"][-1]
    of_strong = {key for key, entry in before.items() if strong.key in entry.parents}
    assert len(of_strong) == 4
    deleted = trash.delete(study, [strong.key])
    assert deleted.keys == {strong.key} | of_strong
    assert {entry.key for entry in study.entries} == set(before) - deleted.keys
    assert files(study, "trash") == deleted.keys
    assert len(trash.dependants(study.entries, [images.key])) == len(study.entries)


def test_that_parents_come_first_whatever_their_dates(study):
    found = trash.dependants(study.entries, [study.entries[0].key])
    place = {entry.key: index for index, entry in enumerate(found)}
    for entry in found:
        assert all(place[parent] < place[entry.key] for parent in entry.parents if parent in place)


def test_that_undoing_brings_back_the_same_records_also_in_a_study_opened_anew(study):
    before = study.entries
    contents = {path: path.read_bytes() for path in (study.path / "records").glob("*/*.h5")}
    deleted = trash.delete(study, [network_of(study).key])
    again = Study(study.path)
    assert not deleted.keys & {entry.key for entry in again.entries}
    assert list(again.check()) == []
    back = trash.restore(again, deleted)
    assert {entry.key for entry in back} == deleted.keys
    assert again.entries == before == Study(study.path).entries
    assert all(path.read_bytes() == text for path, text in contents.items())
    assert list(again.check()) == []
    assert trash.content(again) == []


def test_that_a_copy_of_the_study_leaves_the_trash_out(study, tmp_path):
    deleted = trash.delete(study, [network_of(study).key])
    pack(study, tmp_path / "copy.h5")
    copy = unpack(tmp_path / "copy.h5", tmp_path / "copy.isthmus")
    assert copy.entries == study.entries
    assert not deleted.keys & files(copy)


def test_that_another_process_is_told_and_does_not_stumble(study):
    other = Study(study.path)
    key = network_of(study).key
    spec = other.read(key).spec
    trash.delete(study, [key])
    with pytest.raises(StudyError, match="was deleted meanwhile"):
        other.read(key)
    assert not other.has(spec)


def test_that_what_was_computed_anew_is_not_replaced_by_the_trash(study):
    spec = study.read(network_of(study).key).spec
    deleted = trash.delete(study, [spec.key])
    made_up.add_network(study, spec, clean=0.5)
    trash.restore(study, deleted)
    assert study.entry(spec.key).numbers["clean_accuracy"] == 0.5


def test_that_emptying_is_for_good_and_restoring_then_says_so(study):
    deleted = trash.delete(study, [network_of(study).key])
    assert trash.empty(study) == len(deleted.entries)
    with pytest.raises(StudyError, match="not in the trash any more"):
        trash.restore(study, deleted)
    assert list(study.check()) == []


def test_that_everything_in_the_trash_can_be_put_back_without_knowing_what_it_was(study):
    before = study.entries
    trash.delete(study, [before[0].key])
    again = Study(study.path)
    assert again.entries == []
    assert trash.restore_all(again) == len(before)
    assert again.entries == before


def test_that_a_failure_in_the_middle_leaves_everything_where_it_was(study, monkeypatch):
    before, calls, move = study.entries, [], os.replace

    def failing(source, target):
        calls.append(target)
        if len(calls) == 3:
            raise OSError(13, "Permission denied")
        move(source, target)

    monkeypatch.setattr(trash.os, "replace", failing)
    with pytest.raises(StudyError, match="cannot be deleted: Permission denied"):
        trash.delete(study, [network_of(study).key])
    assert study.entries == before == Study(study.path).entries


def test_that_a_trash_that_leads_out_of_the_study_is_refused(study, tmp_path):
    (tmp_path / "outside").mkdir()
    (study.path / "trash").symlink_to(tmp_path / "outside")
    with pytest.raises(StudyError, match="is a link"):
        trash.delete(study, [network_of(study).key])
    assert list((tmp_path / "outside").iterdir()) == []
    assert trash.content(study) == []


def _delete_and_restore(path):
    study = Study(path)
    while True:
        trash.restore(study, trash.delete(study, [study.entries[0].key]))


@pytest.mark.skipif(os.name == "nt", reason="needs a kill that cannot be caught")
def test_that_who_watches_the_folder_meanwhile_takes_nothing_out_of_the_undo(study):
    """The window looks every two seconds, on another thread, what has left the folder."""
    before = study.entries
    network = network_of(study)
    study.labels.set_many({network.key: Label(title="mine")})
    titled = study.entries
    deleted = trash.delete(study, [network.key], lambda *_: take_up_changes(study))
    assert len(deleted.keys) > 1
    trash.restore(study, deleted, lambda *_: take_up_changes(study))
    assert study.entries == titled
    study.labels.set_many({network.key: Label()})
    assert study.entries == before


def test_that_putting_everything_back_reads_only_what_the_index_does_not_know(study, monkeypatch):
    before = study.entries
    trash.delete(study, [before[0].key])
    changed = next(iter(trash.content(study)))
    changed.write_bytes(changed.read_bytes() + b"more")
    read = []
    adopt = study.adopt
    monkeypatch.setattr(study, "adopt", lambda path: read.append(path.stem) or adopt(path))
    assert trash.restore_all(study) == len(before)
    assert read == [changed.stem]
    assert {entry.key for entry in study.entries} >= {e.key for e in before} - {changed.stem}


def test_that_a_kill_at_any_moment_loses_no_record(study):
    every = {entry.key for entry in study.entries}
    chance = random.Random(1)
    for _ in range(12):
        child = multiprocessing.get_context("fork").Process(
            target=_delete_and_restore, args=(study.path,)
        )
        child.start()
        time.sleep(0.01 + 0.03 * chance.random())
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        there, aside = files(study), files(study, "trash")
        assert there | aside == every
        assert not there & aside
        found = Study(study.path)
        # Whatever is there finds what it was computed from.
        keys = {entry.key for entry in found.entries}
        parents = {p for entry in found.entries for p in entry.parents if p in every}
        assert parents <= keys
        assert list(found.check()) == []
        trash.restore_all(found)
        assert {entry.key for entry in Study(study.path).entries} == every


def moved(study):
    """Rename a study's folder, as another program may while it is open."""
    elsewhere = study.path.with_name("elsewhere.isthmus")
    study.path.rename(elsewhere)
    return elsewhere


@pytest.mark.parametrize("step", ["delete", "restore", "restore_all"])
def test_that_a_study_that_was_moved_is_said_to_be_gone_and_not_made_anew(study, step):
    key = network_of(study).key
    deleted = trash.delete(study, [key]) if step != "delete" else None
    before = {path.name for path in study.path.rglob("*.h5")}
    elsewhere = moved(study)
    steps = {
        "delete": lambda: trash.delete(study, [key]),
        "restore": lambda: trash.restore(study, deleted),
        "restore_all": lambda: trash.restore_all(study),
    }
    with pytest.raises(StudyError, match="no longer there: moved, renamed or deleted"):
        steps[step]()
    assert not study.path.exists()
    assert {path.name for path in elsewhere.rglob("*.h5")} == before


def test_that_what_another_window_deleted_first_is_deleted_and_comes_back_once(study):
    other, key = Study(study.path), network_of(study).key
    before = files(study)
    first = trash.delete(other, [key])
    assert trash.delete(study, [key]).entries == ()
    assert key not in {entry.key for entry in study.entries}
    trash.restore(other, first)
    assert files(study) == before
    assert list(Study(study.path).check()) == []


def test_that_two_windows_that_delete_a_record_and_its_parent_undo_in_either_order(study):
    other, parent = Study(study.path), network_of(study)
    child = next(entry for entry in study.entries if parent.key in entry.parents)
    before = files(study)
    of_child = trash.delete(other, [child.key])
    of_parent = trash.delete(study, [parent.key])
    assert child.key not in of_parent.keys
    with pytest.raises(StudyError, match="computed from a record that is in the trash"):
        trash.restore(other, of_child)
    assert child.key not in files(study)
    trash.restore(study, of_parent)
    trash.restore(other, of_child)
    assert files(study) == before


@pytest.mark.parametrize("kind", ["other bytes", "longer", "link", "pipe", "folder"])
def test_that_a_file_that_was_changed_in_the_trash_stays_there(study, kind, tmp_path):
    key = network_of(study).key
    deleted = trash.delete(study, [key])
    place = next(path for path in trash.content(study) if path.stem == key)
    data = place.read_bytes()
    place.unlink()
    outside = tmp_path / "outside"
    outside.write_bytes(data)
    ways = {
        "other bytes": lambda: place.write_bytes(b"x"),
        "longer": lambda: place.write_bytes(data + b"x"),
        "link": lambda: place.symlink_to(outside),
        "pipe": lambda: os.mkfifo(place),
        "folder": place.mkdir,
    }
    ways[kind]()
    with pytest.raises(StudyError, match="was changed in the trash, and stays there"):
        trash.restore(study, deleted)
    assert os.path.lexists(place)
    assert key not in files(study)
    assert key not in {entry.key for entry in study.entries}
