"""The table of accuracies by which a network was opened, on its way into the record."""

import json
from types import SimpleNamespace

import pytest

from engine.networks.opening.tried import Tried, keep_tried, kept_tried, tried_in, words_for
from engine.store.study import Study, StudyError

ROWS = (Tried("none", "as in the folders", 9, 10, True), Tried("signed", "by names", 10, 10, False))


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "s.isthmus", create=True)


def record_with(document):
    return SimpleNamespace(documents={"import": document})


def test_that_a_table_waits_for_its_import_and_for_no_other(study):
    keep_tried(study, "ab", ROWS)
    assert kept_tried(study, "ab") == ROWS
    assert kept_tried(study, "cd") == ()


def test_that_a_table_that_cannot_be_read_or_written_is_one_sentence(study):
    keep_tried(study, "ab", ROWS)
    (study.path / "choices" / "ab.json").write_text("{")
    with pytest.raises(StudyError, match=r"ab\.json cannot be read: Expecting"):
        kept_tried(study, "ab")
    (study.path / "choices" / "ab.json").unlink()
    (study.path / "choices").rmdir()
    (study.path / "choices").write_text("a file in the way")
    with pytest.raises(StudyError, match="cannot be written"):
        keep_tried(study, "ab", ROWS)


def test_that_the_rows_of_a_record_come_best_first_with_the_one_that_was_taken():
    rows = [vars(row) for row in ROWS]
    found = tried_in(record_with({"accuracies": rows}))
    assert found == ROWS[::-1]
    assert words_for(found)[1:] == [
        "100.0 % of 10 images with normaliser signed, classes by names",
        "90.0 % of 10 images with normaliser none, classes as in the folders (taken)",
    ]
    assert found[1].cells == ("none", "as in the folders", "90.0 %", "9 of 10", "taken")


@pytest.mark.parametrize(
    "bad",
    [
        *(7, None, {}, {"normalizer": "none"}),
        {**vars(ROWS[0]), "correct": 11},
        {**vars(ROWS[0]), "correct": -1},
        {**vars(ROWS[0]), "correct": True},
        {**vars(ROWS[0]), "correct": 0, "images": 0},
        {**vars(ROWS[0]), "images": 1e9},
        {**vars(ROWS[0]), "normalizer": ["x"]},
    ],
)
def test_that_what_a_strangers_record_holds_instead_of_rows_is_left_out(bad):
    assert tried_in(record_with({"accuracies": [bad, vars(ROWS[0])]})) == (ROWS[0],)
    assert tried_in(record_with(bad)) == tried_in(record_with({"accuracies": bad})) == ()


def test_that_names_of_a_strangers_record_are_shown_as_letters():
    row = json.loads(json.dumps(vars(ROWS[0])))
    row["normalizer"] = "\x1b[31m" + "x" * 500
    (found,) = tried_in(record_with({"accuracies": [row] * 1}))
    assert "\x1b" not in found.normalizer
    assert len(found.normalizer) <= 60
    assert words_for(()) == []
