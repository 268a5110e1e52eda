import time
from types import SimpleNamespace

import pytest

from engine import specs
from engine.jobs.events import Ended, Queued
from engine.store import unfinished as store
from engine.store.asked import Asked, line_of
from engine.store.hdf5 import Content
from engine.store.study import Study
from engine.store.unfinished import Unfinished
from gui.queue.job_dock import JobDock
from gui.queue.unfinished import UnfinishedBar, UnfinishedList, ask_to_discard
from gui.session.workspace import Workspace
from gui.widgets.label import Question

GLYPHS = specs.Glyphs(train=100, test=50)
ONE, TWO = (
    specs.Training(images=GLYPHS, network=specs.SmallCNN(), epochs=30, seed=seed) for seed in (0, 1)
)


@pytest.fixture
def left(tmp_path):
    """Return the path of a study that was closed at epoch 21 of one training, before another."""
    study = Study(tmp_path / "s", create=True)
    own = Asked(study.path)
    own.add([line_of(ONE), line_of(TWO)])
    own.close()
    study.save_checkpoint(ONE, Content({"fit": {"epoch": 21}}, {}))
    return study.path


@pytest.fixture
def workspace(qtbot):
    made = Workspace()
    yield made
    made.runner.shutdown()


def opened(qtbot, workspace, path):
    assert workspace.open_study(path)
    qtbot.waitUntil(lambda: bool(workspace.unfinished.found), timeout=10_000)


def test_that_opening_a_study_tells_what_is_unfinished_in_bar_list_and_queue(
    qtbot, workspace, left
):
    bar, listed, dock = (
        UnfinishedBar(workspace.unfinished),
        UnfinishedList(workspace.unfinished),
        JobDock(workspace),
    )
    for widget in (bar, listed, dock):
        qtbot.addWidget(widget)
    assert bar.isHidden()
    assert listed.isHidden()
    opened(qtbot, workspace, left)
    assert not bar.isHidden()
    assert f"{ONE.title} (epoch 21 of 30)" in bar.text.text
    assert bar.text.text.startswith("2 unfinished: ")  # the number is not what is cut off
    rows = [[listed.table.item(row, column).text() for column in (0, 2)] for row in (0, 1)]
    assert rows == [[ONE.title, "epoch 21 of 30"], [TWO.title, "not begun"]]
    assert dock.summary.text() == "2 unfinished"
    assert dock.model.job(ONE.key).message == "epoch 21 of 30"
    assert dock.model.rowCount() == 2
    dock.set_expanded(True)
    dock.show()
    assert not dock.grab().isNull()
    dock.clear.click()
    assert dock.model.rowCount() == 2


def test_that_resume_queues_what_was_asked_for_and_the_lines_go(
    qtbot, workspace, left, monkeypatch
):
    bar, dock = UnfinishedBar(workspace.unfinished), JobDock(workspace)
    qtbot.addWidget(bar)
    qtbot.addWidget(dock)
    opened(qtbot, workspace, left)
    workspace.runner.set_paused(True)
    bar.resume.click()
    assert {ONE, TWO} <= set(workspace.runner.pending)
    qtbot.waitUntil(bar.isHidden, timeout=10_000)
    qtbot.waitUntil(lambda: dock.model.job(ONE.key).state == "waiting", timeout=10_000)
    workspace.runner.cancel()
    qtbot.waitUntil(lambda: not bar.isHidden(), timeout=10_000)
    assert {one.key for one in workspace.unfinished.found} >= {ONE.key, TWO.key}


def test_that_discard_asks_and_forgets_only_the_selected(qtbot, workspace, left):
    listed = UnfinishedList(workspace.unfinished)
    qtbot.addWidget(listed)
    listed.show()
    opened(qtbot, workspace, left)
    listed.table.selectRow(0)
    listed.discard.click()
    box = listed.findChild(Question, "discard")
    assert "epoch 21 of 30" in box.text()
    next(b for b in box.buttons() if b.text() == "Discard").click()
    qtbot.waitUntil(lambda: [o.spec for o in workspace.unfinished.found] == [TWO], timeout=10_000)
    assert Study(left).checkpoint(ONE) is None


def test_that_later_hides_the_bar_until_something_else_is_unfinished(qtbot, workspace, left):
    bar = UnfinishedBar(workspace.unfinished)
    qtbot.addWidget(bar)
    opened(qtbot, workspace, left)
    bar.later.click()
    assert bar.isHidden()
    three = ONE.replace("seed", 3)
    own = Asked(left)
    own.add([line_of(three)])
    own.close()
    workspace.unfinished.look()
    qtbot.waitUntil(lambda: not bar.isHidden(), timeout=10_000)


def test_that_nothing_is_asked_where_nothing_is_unfinished(qtbot, workspace, tmp_path):
    listed = UnfinishedList(workspace.unfinished)
    qtbot.addWidget(listed)
    assert workspace.open_study(tmp_path / "empty", create=True)
    ask_to_discard(workspace.unfinished, None, listed)
    assert listed.findChild(Question, "discard") is None


def test_that_finished_work_causes_no_look(qtbot, workspace, monkeypatch):
    looked = []
    monkeypatch.setattr(workspace.unfinished._timer, "start", lambda: looked.append(1))
    workspace.engine_event.emit(Queued("k", "training", "t"))
    workspace.engine_event.emit(Ended("k", "finished", 1.0))
    assert looked == []
    workspace.engine_event.emit(Ended("k", "cancelled", 1.0))
    assert looked == [1]


def test_that_thousands_do_not_hold_the_window_while_others_are_queued(
    qtbot, workspace, left, monkeypatch
):
    """3.7 s of its thread where all keys are gathered for each of what was found."""
    opened(qtbot, workspace, left)
    found = [Unfinished(f"{number:020x}", ONE) for number in range(8000)]
    queued = [SimpleNamespace(key=f"{number:020x}") for number in range(7000, 15_000)]
    monkeypatch.setattr(store, "unfinished", lambda *_, **__: found)
    monkeypatch.setattr(type(workspace.runner), "pending", queued)
    began = time.thread_time()
    workspace.unfinished.look()
    qtbot.waitUntil(lambda: len(workspace.unfinished.found) == 7000, timeout=20_000)
    assert time.thread_time() - began < 1.0
