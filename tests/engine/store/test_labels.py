import errno
import json
import os

import pytest

from engine.store.hdf5 import FileError
from engine.store.labels import LONGEST_NOTE, LONGEST_TITLE, Label, Labels, clean_title
from engine.store.packing import pack, unpack
from engine.store.study import Study
from tests import made_up_study as made_up

KEY = "0123456789abcdef0123"


def test_that_a_label_is_the_title_wherever_a_record_is_listed(tmp_path):
    study = made_up.sweep(tmp_path)
    entry = study.entries[1]
    study.labels.set(entry.key, title="my network", note="the one of the talk")
    again = Study(study.path)
    assert again.entry(entry.key).title == "my network"
    assert [e.title for e in again.entries if e.key == entry.key] == ["my network"]
    assert again.read(entry.key).entry.title == "my network"
    assert again.labels.of(entry.key) == Label("my network", "the one of the talk")
    assert again.entries[2] == study.entries[2]


def test_that_an_empty_title_brings_the_own_one_back(tmp_path):
    study = made_up.sweep(tmp_path)
    own = study.entries[1]
    study.labels.set(own.key, title="x")
    study.labels.set(own.key, title="")
    assert study.entry(own.key) == own
    assert json.loads((study.path / "labels.json").read_text()) == {}


def test_that_title_and_note_are_changed_one_at_a_time(tmp_path):
    labels = Labels(tmp_path / "labels.json")
    labels.set(KEY, title="a")
    labels.set(KEY, note="b")
    assert labels.of(KEY) == Label("a", "b")


def test_that_two_windows_keep_each_others_labels(tmp_path):
    one, two = (Labels(tmp_path / "labels.json") for _ in range(2))
    one.set(KEY, title="a")
    two.set(KEY[::-1], title="b")
    assert Labels(tmp_path / "labels.json").of(KEY).title == "a"
    assert two.of(KEY).title == "a"


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[" * 100_000,
        "[]",
        '{"../../x": {"title": "a"}}',
        json.dumps({KEY: "a"}),
        json.dumps({KEY: {"title": 3, "note": ["x"]}}),
        json.dumps({KEY + "0": {"title": "a"}}),
    ],
)
def test_that_a_strangers_file_is_believed_in_nothing(tmp_path, text):
    path = tmp_path / "labels.json"
    path.write_text(text, encoding="utf-8")
    assert Labels(path).of(KEY) == Label()
    assert Labels(path)._known == {}


def test_that_long_and_many_lined_titles_become_one_short_line(tmp_path):
    path = tmp_path / "labels.json"
    title = "a\x1b[31m\n\u202e" + "b" * 1000
    path.write_text(json.dumps({KEY: {"title": title, "note": "c" * 100_000}}), encoding="utf-8")
    found = Labels(path).of(KEY)
    assert found.title.startswith("a [31m bb")
    assert len(found.title) == LONGEST_TITLE
    assert len(found.note) == LONGEST_NOTE
    assert clean_title(" a \t b ") == "a b"


def test_that_a_link_in_the_place_of_the_labels_is_not_followed(tmp_path):
    (tmp_path / "else.json").write_text(json.dumps({KEY: {"title": "a"}}), encoding="utf-8")
    (tmp_path / "labels.json").symlink_to(tmp_path / "else.json")
    labels = Labels(tmp_path / "labels.json")
    assert labels.of(KEY) == Label()
    labels.set(KEY, title="b")
    assert json.loads((tmp_path / "else.json").read_text())[KEY]["title"] == "a"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_that_a_pipe_in_the_place_of_the_labels_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "labels.json")
    assert Labels(tmp_path / "labels.json").of(KEY) == Label()


def test_that_labels_that_cannot_be_written_stay_as_they_were(tmp_path):
    labels = Labels(tmp_path / "gone" / "labels.json")
    with pytest.raises(FileError, match="cannot be written"):
        labels.set(KEY, title="a")
    assert labels.of(KEY) == Label()
    with pytest.raises(FileError, match="half of a letter"):
        Labels(tmp_path / "labels.json").set(KEY, note="\ud800")


def test_that_a_packed_study_keeps_the_labels(tmp_path):
    study = made_up.sweep(tmp_path)
    key = study.entries[1].key
    study.labels.set(key, title="mine", note="a\nb")
    pack(study, tmp_path / "copy.h5")
    copy = unpack(tmp_path / "copy.h5", tmp_path / "copy.isthmus")
    assert copy.labels.of(key) == Label("mine", "a\nb")
    assert copy.entries == study.entries


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES, errno.ENOMEM])
def test_that_labels_that_cannot_be_read_now_are_not_replaced(tmp_path, monkeypatch, number):
    path = tmp_path / "labels.json"
    Labels(path).set(KEY, title="mine", note="long")
    before = path.read_bytes()

    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("engine.store.labels.read_text", refused)
    with pytest.raises(FileError, match=r"cannot be read: .*; it is not changed"):
        Labels(path).set(KEY[::-1], title="other")
    assert path.read_bytes() == before


@pytest.mark.parametrize("cut", [1, 10])
def test_that_a_damaged_file_of_labels_is_kept_and_what_is_known_of_it_too(tmp_path, cut):
    path = tmp_path / "labels.json"
    labels = Labels(path)
    labels.set(KEY, title="mine")
    damaged = path.read_bytes()[:-cut]
    path.write_bytes(damaged)
    Labels(path).set(KEY[::-1], title="other")
    assert (tmp_path / "labels.json.damaged").read_bytes() == damaged
    path.write_bytes(damaged)
    labels.set(KEY[::-1], title="other")
    assert Labels(path).of(KEY).title == "mine"


def test_that_an_exchange_leaves_what_another_window_changed(tmp_path):
    one, two = (Labels(tmp_path / "labels.json") for _ in range(2))
    one.exchange(KEY, Label(), Label("a", ""))
    two.set(KEY, note="of the other")
    one.exchange(KEY, Label("a", ""), Label("b", ""))
    assert one.of(KEY) == Label("b", "of the other")
    two.set(KEY, title="c")
    with pytest.raises(FileError, match="the title was changed elsewhere meanwhile"):
        one.exchange(KEY, Label("b", ""), Label("a", ""))
    assert Labels(tmp_path / "labels.json").of(KEY) == Label("c", "of the other")
    assert one.of(KEY).title == "c"
    assert not one.take_up()
    two.set(KEY, title="d")
    assert one.take_up()
