"""The workspace: one study, one set of images, one queue, and words about all of them."""

import threading

import pytest

from engine.specs import Glyphs, PaperMnistCNN, Training
from engine.store.study import Result, Study
from gui.session.workspace import Workspace
from tests.gui.fakes import WAIT_MS, small
from tests.gui.made_up_workspace import image_set


@pytest.fixture
def workspace(qtbot):
    found = Workspace()
    found.said = []
    found.message.connect(lambda text, error: found.said.append((text, error)))
    return found


@pytest.fixture
def opened(workspace, tmp_path):
    assert workspace.open_study(tmp_path / "s.isthmus", create=True)
    return workspace


def test_that_opening_creates_a_study_where_that_is_asked(opened, tmp_path):
    assert (tmp_path / "s.isthmus" / "study.json").is_file()
    assert opened.study.path == tmp_path / "s.isthmus"
    assert opened.said == [("The study “s” is open.", False)]


def test_that_a_folder_that_is_no_study_is_refused_and_the_open_one_stays(opened, tmp_path):
    before = opened.study
    assert not opened.open_study(tmp_path)
    assert opened.study is before
    text, error = opened.said[-1]
    assert error
    assert "not a study" in text


def test_that_images_are_loaded_and_announced(qtbot, opened):
    with qtbot.waitSignals([opened.images_changed] * 2, timeout=WAIT_MS):
        opened.choose_images(small())
    assert opened.images == small()
    assert opened.image_set.train_images.shape == (10, 1, 28, 28)


def test_that_given_images_are_not_loaded_again(qtbot, opened):
    with qtbot.waitSignals([opened.images_changed] * 2, timeout=WAIT_MS):
        opened.choose_images(small())
    loaded = opened.image_set
    with qtbot.waitSignal(opened.images_changed, timeout=WAIT_MS):
        opened.choose_images(small(), loaded)
    assert opened.image_set is loaded


def test_that_images_that_load_late_do_not_take_the_place_of_newer_ones(qtbot, opened, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    old, new = image_set(), image_set()

    def slow_load(spec, locate, *, check_cancelled, cache):
        begun.set()
        go_on.wait(WAIT_MS / 1000)
        return old

    monkeypatch.setattr("engine.data.images.load", slow_load)
    opened.choose_images(small(0))
    assert begun.wait(WAIT_MS / 1000)
    opened.choose_images(small(1), new)
    go_on.set()
    qtbot.wait(300)
    assert opened.images == small(1)
    assert opened.image_set is new


def test_that_a_reopened_study_takes_up_its_last_images(qtbot, workspace, tmp_path):
    study = Study(tmp_path / "s.isthmus", create=True)
    for seed in (1, 2):
        study.write(small(seed), Result({}), seconds=0.0, provenance={})
    with qtbot.waitSignals([workspace.images_changed] * 2, timeout=WAIT_MS):
        workspace.open_study(study.path)
    assert workspace.images == small(2)


def test_that_opening_another_study_forgets_the_images(qtbot, opened, tmp_path):
    with qtbot.waitSignals([opened.images_changed] * 2, timeout=WAIT_MS):
        opened.choose_images(small())
    opened.open_study(tmp_path / "other.isthmus", create=True)
    assert opened.images is None
    assert opened.image_set is None


def test_that_a_stored_record_is_announced_with_its_entry(qtbot, opened, gate):
    gate.open.set()
    with qtbot.waitSignal(opened.record_added, timeout=WAIT_MS) as added:
        assert opened.run([small()]) == [small()]
    assert added.args[0].key == small().key
    assert [entry.key for entry in opened.entries("glyphs")] == [small().key]
    assert opened.entries("training") == []


def test_that_asking_for_what_is_there_says_so(qtbot, opened, gate):
    gate.open.set()
    with qtbot.waitSignal(opened.record_added, timeout=WAIT_MS):
        opened.run([small()])
    assert opened.run([small()]) == []
    assert opened.said[-1] == ("Everything asked for is in the study already.", False)


def test_that_running_without_a_study_is_said_and_not_raised(workspace):
    assert workspace.run([small()]) == []
    assert workspace.said[-1][1]


def test_that_classifiers_are_the_networks_of_the_study(opened):
    spec = Training(images=Glyphs(), network=PaperMnistCNN())
    opened.study.write(small(), Result({}), seconds=0.0, provenance={})
    opened.study.write(spec, Result({"accuracy": 0.5}), seconds=0.0, provenance={})
    assert [found for _, found in opened.classifiers()] == [spec]
