"""A window stays alive where the drive of the open study does not answer, and nothing is lost."""

import builtins
import io
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine.specs import Glyphs, SmallCNN, Training
from engine.store.asked import Asked, line_of
from engine.store.study import Study
from engine.store.unfinished import unfinished
from gui.pages import PAGES
from gui.shell.main_window import MainWindow
from tests import made_up_study as made_up
from tests.gui.fakes import WAIT_MS
from tests.gui.session.test_drives import QUESTIONS, Drive

ASKED = Training(images=Glyphs(train=20, test=10), network=SmallCNN(), epochs=1, seed=7)
CHANGES = ("replace", "rename", "unlink", "mkdir", "link", "rmdir")


@pytest.fixture
def drive(tmp_path, monkeypatch):
    folder = tmp_path / "drive"
    folder.mkdir()
    study = made_up.sweep(folder, eps=(0.02, 0.04), norms=("linf",))
    left = Asked(study.path)
    left.add([line_of(replace(ASKED, seed=8))])
    left.close()
    assert left.settle(WAIT_MS / 1000)
    found = Drive(folder)
    found.going.set()
    for name in (*QUESTIONS, *CHANGES):
        monkeypatch.setattr(os, name, found.wrap(getattr(os, name)))
    opened = found.wrap(builtins.open)
    monkeypatch.setattr(builtins, "open", opened)
    monkeypatch.setattr(io, "open", opened)
    yield found
    found.going.set()


@pytest.fixture
def window(qtbot, drive):
    found = MainWindow()
    found.workspace.runner.load_engine()
    qtbot.waitUntil(lambda: found.workspace.runner.loaded, timeout=WAIT_MS)
    found.show()
    found.said = []
    found.workspace.message.connect(lambda text, error: found.said.append(text))
    folder = next(Path(drive.folder).glob("*.isthmus"))
    assert found.workspace.open_study(folder)
    found.workspace.queueing.confirm = None
    yield found
    drive.going.set()
    if found.stopped is None:
        found.stop()
    found.deleteLater()


def network(window):
    return window.workspace.entries("training")[1]


def rename(window):
    window.workspace.edits.rename(network(window).key, "mine")


def note(window):
    window.workspace.edits.note(network(window).key, "mine")


def name(window):
    window.workspace.edits.describe(name="Talk")


def delete(window):
    window.workspace.edits.delete([network(window).key])


def undo(window):
    window.workspace.edits.stack.undo()


def put_back(window):
    window.workspace.edits.put_back_all()


def look(window):
    window.workspace.watching.look()


def pages(window):
    for place in PAGES:
        window.pages.show_place(place)


def train(window):
    assert ASKED in window.workspace.run([ASKED])


def train_many(window):
    window.workspace.run([replace(ASKED, seed=seed) for seed in range(20, 40)])


def cancel(window):
    window.workspace.runner.cancel()


def discard(window):
    window.workspace.unfinished.discard()


def resume(window):
    window.workspace.unfinished.resume()


def open_another(window):
    path = Path(drive_of(window)).parent / "another.isthmus"
    assert window.workspace.open_study(path, create=True)


def drive_of(window):
    return window.workspace.study.path.parent


CHANGES_OF_THE_STUDY = (rename, note, name, delete, undo, put_back)
ASKED_FOR = (train, train_many, cancel, discard, resume, open_another)
ACTIONS = (*CHANGES_OF_THE_STUDY, *ASKED_FOR, look, pages)


@pytest.mark.skipif(os.name == "nt", reason="the questions are replaced by name")
@pytest.mark.parametrize("act", ACTIONS, ids=lambda act: act.__name__)
def test_that_a_silent_drive_of_the_study_does_not_hold_the_window(
    qtbot, window, drive, act, monkeypatch
):
    window.workspace.edits.note(network(window).key, "before")
    qtbot.wait(300)
    monkeypatch.setattr("gui.session.threads.attempts.PATIENCE", 0.1)
    drive.askers.clear()
    drive.going.clear()
    act(window)
    qtbot.wait(1000)
    assert threading.main_thread() not in drive.askers
    if act in (rename, note, name, delete, undo):
        assert any("The study has not taken this yet" in text for text in window.said)
        assert window.workspace.edits.busy
    drive.going.set()
    qtbot.waitUntil(lambda: not window.workspace.edits.busy, timeout=WAIT_MS)
    after = {
        rename: lambda: window.workspace.study.labels.of(network(window).key).title == "mine",
        note: lambda: window.workspace.study.labels.of(network(window).key).note == "mine",
        undo: lambda: window.workspace.study.labels.of(network(window).key).note == "",
        name: lambda: window.workspace.study.about["name"] == "Talk",
        delete: lambda: len(window.workspace.entries("training")) == 2,
    }
    assert after.get(act, lambda: True)()


@pytest.mark.skipif(os.name == "nt", reason="the questions are replaced by name")
def test_that_a_note_is_kept_where_the_window_closes_before_the_drive_took_it(
    qtbot, window, drive, monkeypatch
):
    key, study = network(window).key, window.workspace.study
    monkeypatch.setattr("gui.session.threads.attempts.PATIENCE", 0.1)
    drive.going.clear()
    window.workspace.edits.note(key, "written last")
    window.workspace.edits.rename(key, "named last")
    threading.Timer(1.0, drive.going.set).start()
    window.close()
    qtbot.waitUntil(lambda: window.stopped is not None, timeout=WAIT_MS)
    found = Study(study.path).labels.of(key)
    assert (found.title, found.note) == ("named last", "written last")
    window.workspace.edits.note(key, "after it closed")  # as a field that loses the focus then
    assert Study(study.path).labels.of(key).note == "after it closed"


@pytest.mark.skipif(os.name == "nt", reason="the questions are replaced by name")
@pytest.mark.parametrize("answers", [True, False])
def test_that_what_was_asked_for_is_noted_where_the_window_closes_before_the_drive_took_it(
    qtbot, window, drive, monkeypatch, answers
):
    monkeypatch.setattr("gui.queue.closing.MOST_SECONDS", 3.0)
    study = window.workspace.study
    window.workspace.runner.set_paused(True)
    drive.askers.clear()
    drive.going.clear()
    train(window)
    if answers:
        threading.Timer(1.0, drive.going.set).start()
    window.closing.waits.connect(window.said.append)
    begun = time.monotonic()
    window.close()
    window.quit_button.click()
    qtbot.waitUntil(lambda: window.stopped is not None, timeout=WAIT_MS)
    assert time.monotonic() - begun < 20
    assert any("the notes of what was asked for" in text for text in window.said)
    assert threading.main_thread() not in drive.askers
    if answers:
        assert ASKED in [one.spec for one in unfinished(Study(study.path))]
