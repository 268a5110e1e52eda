"""What other processes do to an open study is taken up."""

import re

import pytest

from engine.store.changes import MANY, signature, take_up_changes
from engine.store.index import NAME, record_files
from engine.store.study import Study
from engine.store.trash import delete
from tests import made_up_study as made_up


def test_that_records_of_another_process_are_taken_up_and_its_deletions_too(tmp_path):
    mine = Study(tmp_path / "s.isthmus", create=True)
    other = Study(mine.path)
    before = signature(mine)
    made_up.add_images(other)
    assert signature(mine) != before
    assert mine.entries == []
    changes = take_up_changes(mine)
    assert [entry.key for entry in changes.added] == [made_up.IMAGES.key]
    assert mine.has(made_up.IMAGES)
    assert take_up_changes(mine).added == ()
    before = signature(mine)
    delete(other, [made_up.IMAGES.key])
    assert signature(mine) != before
    assert [entry.key for entry in take_up_changes(mine).removed] == [made_up.IMAGES.key]
    assert not mine.has(made_up.IMAGES)


@pytest.mark.parametrize("damage", ["none", "a line", "all lines"])
def test_that_many_records_of_others_are_taken_from_their_index(tmp_path, monkeypatch, damage):
    mine = Study(tmp_path / "s.isthmus", create=True)
    other = Study(mine.path)
    made_up.add_images(other)
    for seed in range(MANY):
        made_up.add_network(other, made_up.network(seed=seed))
    place = mine.path / NAME
    lines = place.read_text().splitlines(keepends=True)
    if damage == "a line":  # of a record that has changed since
        lines[1] = re.sub(r'"size":\d+', '"size":1', lines[1])
    if damage != "none":
        place.write_text("".join(lines if damage == "a line" else ["no line\n"]))
    read, adopt = [], mine.adopt
    monkeypatch.setattr(mine, "adopt", lambda path: read.append(path) or adopt(path))
    added = take_up_changes(mine).added
    assert len(read) == {"none": 0, "a line": 1, "all lines": MANY + 1}[damage]
    assert [entry.key for entry in added] == [entry.key for entry in other.entries]
    assert mine.entries == other.entries


def test_that_a_damaged_record_is_left_to_check(tmp_path):
    study = Study(tmp_path / "s.isthmus", create=True)
    folder = study.path / "records" / "glyphs"
    folder.mkdir()
    (folder / "0123456789abcdef0123.h5").write_bytes(b"no record")
    assert take_up_changes(study).added == ()


def test_that_what_is_removed_while_it_is_listed_or_checked_is_left_out(tmp_path):
    study = Study(tmp_path / "s.isthmus", create=True)
    made_up.add_images(study)
    networks = [made_up.add_network(study, made_up.network(seed=seed)) for seed in range(3)]
    folder = study.path / "records" / "training"
    first, second, third = sorted(folder.glob("*.h5"))
    listing = record_files(study.path / "records")
    while next(listing)[0] != first:
        pass
    second.unlink()
    assert [path for path, _ in listing] == [third]
    first.write_bytes(b"no record")
    checking = Study(study.path).check()
    assert next(checking)[0].endswith(first.name)
    third.unlink()
    assert list(checking) == []
    assert len(networks) == 3
