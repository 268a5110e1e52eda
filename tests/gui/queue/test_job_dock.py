"""The list of computations: what it says of time, how it bears thousands, what its keys do."""

from types import SimpleNamespace

import pytest
from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QMenu, QStyleOptionViewItem

from engine.jobs.durations import clock, duration
from engine.jobs.events import Ended, Notice, Progress, Queued, Scalars, Started
from engine.plan.retry import again
from engine.specs import AttackCheck, Glyphs, Maps, Measurement, SmallCNN, Training
from gui.queue import job_model, job_titles
from gui.queue.continuing import ContinueDialog
from gui.queue.job import Stopwatch
from gui.queue.job_dock import JobDock
from gui.queue.job_model import ACTION, ELAPSED, JOB, LEFT, PROGRESS, TITLE, JobModel
from gui.queue.job_table import JobTable
from gui.queue.long_work import ask_before
from gui.queue.retry import RetryDialog
from gui.session.workspace import Workspace
from tests.gui.fakes import WAIT_MS, Clock, small

SIGNALS = ("rowsInserted", "dataChanged", "layoutChanged", "modelReset")


@pytest.fixture
def time():
    return Clock(100.0)


@pytest.fixture
def model(time, qapp):
    found = JobModel(stopwatch=Stopwatch(time))
    QAbstractItemModelTester(found, QAbstractItemModelTester.FailureReportingMode.Fatal, found)
    return found


@pytest.fixture
def dock(qtbot):
    found = JobDock(Workspace())
    qtbot.addWidget(found)
    return found


def training(**changes):
    return Training(images=Glyphs(train=100, test=50), network=SmallCNN(), **changes)


def queue(model, *keys, kind="training"):
    for key in keys:
        model.take(Queued(key, kind, f"title {key}"))
    model.flush()


def start(model, key, kind="training"):
    model.take(Started(key, kind, f"title {key}"))


def titles(model):
    return [model.index(row, TITLE).data() for row in range(model.rowCount())]


def text(model, key, column):
    for row in range(model.rowCount()):
        if model.index(row, 0).data(JOB).key == key:
            return model.index(row, column).data()
    raise AssertionError(f"{key} is not on the list")


def test_that_running_stand_first_then_failed_then_waiting_then_the_rest(model):
    queue(model, "a", "b", "c", "d")
    for key in ("b", "c", "d"):
        start(model, key)
    model.take(Ended("b", "finished"))
    model.take(Ended("c", "failed", message="no"))
    model.flush()
    assert titles(model) == ["title d", "title c", "title a", "title b"]


def test_that_thousands_of_events_cost_the_views_one_update(model, qtbot):
    heard = []
    for name in SIGNALS:
        getattr(model, name).connect(lambda *_, name=name: heard.append(name))
    keys = [str(number) for number in range(5000)]
    for key in keys:
        model.take(Queued(key, "retraining", key))
    for key in keys[:2000]:
        start(model, key, "retraining")
        model.take(Progress(key, 1, 2))
        model.take(Ended(key, "finished", 0.1))
    assert heard == []
    model.flush()
    assert sorted(heard) == ["dataChanged", "layoutChanged", "rowsInserted"]
    assert model.rowCount() == 5000
    assert model.summary().done == 2000


def test_that_a_selected_computation_stays_selected_where_it_moves(model):
    queue(model, "a", "b", "c")
    kept = QPersistentModelIndex(model.index(2, TITLE))
    start(model, "c")
    model.flush()
    assert kept.row() == 0
    assert kept.data() == "title c"


def test_that_no_work_on_thousands_asks_about_every_cell(qtbot, monkeypatch):
    asked = []

    class Counting(JobModel):
        def rowCount(self, parent=None):
            asked.append(1)
            return super().rowCount(parent)

    model = Counting()
    table = JobTable(model)
    qtbot.addWidget(table)
    table.show()
    for number in range(3000):
        model.take(Queued(f"k{number}", "training", f"t{number}"))
    model.flush()
    table.selectAll()
    table.grab()
    for number in range(0, 3000, 2):
        model.take(Ended(f"k{number}", "cancelled"))
    monkeypatch.setattr(job_model, "SORT_SECONDS", 0.0)
    asked.clear()
    model.flush()
    table.grab()
    table.horizontalHeader().grab()
    chosen = table.selected_jobs()
    assert len(asked) < 1000
    assert [job.key for job in chosen] == [model.index(row, 0).data(JOB).key for row in range(3000)]


def test_that_time_left_follows_from_its_own_progress(model, time):
    queue(model, "a")
    start(model, "a")
    model.take(Progress("a", 0, 20, "epochs"))
    time.seconds += 10
    model.take(Progress("a", 4, 20, "epochs"))
    model.flush()
    assert text(model, "a", LEFT) == "40 s"
    assert text(model, "a", ELAPSED) == "0:10"


def test_that_no_time_is_promised_before_anything_was_measured(model, time):
    queue(model, "a")
    start(model, "a")
    model.take(Progress("a", 0, 20, "epochs"))
    time.seconds += 0.1
    model.take(Progress("a", 1, 20, "epochs"))
    model.flush()
    assert text(model, "a", LEFT) == ""
    assert model.summary().left is None


def test_that_the_steps_before_a_resumed_run_do_not_count_as_speed(model, time):
    queue(model, "a")
    start(model, "a")
    model.take(Progress("a", 15, 20, "epochs"))
    time.seconds += 10
    model.take(Progress("a", 16, 20, "epochs"))
    assert model.job("a").left(time.seconds) == pytest.approx(40.0)


def test_that_another_phase_is_measured_anew(model, time):
    queue(model, "a")
    start(model, "a")
    model.take(Progress("a", 0, 100, "images"))
    time.seconds += 10
    model.take(Progress("a", 100, 100, "images"))
    model.take(Progress("a", 0, 5, "epochs"))
    assert model.job("a").left(time.seconds) is None
    time.seconds += 2
    model.take(Progress("a", 1, 5, "epochs"))
    assert model.job("a").left(time.seconds) == pytest.approx(8.0)


def test_that_a_pause_counts_neither_as_work_nor_as_time(model, time):
    queue(model, "a")
    start(model, "a")
    model.take(Progress("a", 0, 4, "epochs"))
    time.seconds += 10
    model.stopwatch.hold()
    time.seconds += 1000
    model.stopwatch.release()
    model.take(Progress("a", 2, 4, "epochs"))
    now = model.stopwatch.now()
    assert model.job("a").left(now) == pytest.approx(10.0)
    assert model.job("a").elapsed(now) == pytest.approx(10.0)


def test_that_the_whole_queue_is_estimated_from_what_its_kinds_took(model, time):
    queue(model, *"abcde")
    start(model, "a")
    time.seconds += 30
    model.take(Ended("a", "finished", 30.0))
    start(model, "b")
    start(model, "c")
    # b and c take 30 s more, d and e 30 s each, two at once.
    assert model.summary().left == pytest.approx((30 + 30 + 30 + 30) / 2)
    assert (model.summary().done, model.summary().total) == (1, 5)


def test_that_nothing_is_promised_for_kinds_that_never_finished(model, time):
    queue(model, "a", "b")
    queue(model, "c", kind="retraining")
    start(model, "a")
    time.seconds += 30
    model.take(Ended("a", "finished", 30.0))
    assert model.summary().left is None


def test_that_a_new_queue_counts_from_nothing(model):
    queue(model, "a")
    start(model, "a")
    model.take(Ended("a", "finished", 1.0))
    queue(model, "b", "c")
    assert (model.summary().done, model.summary().total) == (0, 2)


def test_that_a_failed_computation_asked_for_again_waits_again(model):
    queue(model, "a", "b")
    start(model, "a")
    model.take(Ended("a", "failed", message="broke", details="trace"))
    queue(model, "a")
    assert model.job("a").state == "waiting"
    assert model.job("a").message == ""
    assert model.count == model.rowCount() == 2
    assert model.active == 2


def test_that_a_phase_that_counts_itself_is_said_with_its_share(model):
    model.take(Queued("a", "measurement", "A"))
    model.take(Started("a", "measurement", "A"))
    model.take(Progress("a", 15_992, 3_228_036, "APGD-100: 996 of 1,000 stand"))
    model.flush()
    assert text(model, "a", PROGRESS) == "0 %: APGD-100: 996 of 1,000 stand"


@pytest.mark.parametrize(
    ("done", "total", "said"),
    [
        (3.2, 20, "3.2 of 20 epochs"),
        (67_641.2, 80_090.66667, "67,641 of 80,091 epochs"),
        (0.5, 2.25, "0.5 of 2.25 epochs"),
        (900, 60_000, "900 of 60,000 epochs"),
    ],
)
def test_that_progress_is_said_without_digits_that_nobody_reads(model, done, total, said):
    model.take(Queued("a", "training", "A"))
    model.take(Started("a", "training", "A"))
    model.take(Progress("a", done, total, "epochs"))
    model.flush()
    assert text(model, "a", PROGRESS) == said


def test_that_what_is_said_of_a_running_one_is_its_progress_and_numbers(model):
    queue(model, "a")
    start(model, "a")
    model.take(Progress("a", 3.25, 20, "epochs"))
    model.take(Scalars("a", 3.0, {"clean_accuracy": 0.91234, "loss": 0.4, "extra": 1.0}))
    model.flush()
    assert text(model, "a", PROGRESS) == "3.2 of 20 epochs · clean accuracy 0.912, loss 0.4"


def test_that_a_failed_one_says_its_sentence(model):
    queue(model, "a")
    model.take(Ended("a", "failed", message="the device is out of memory"))
    model.flush()
    assert text(model, "a", PROGRESS) == "failed: the device is out of memory"


def test_that_clearing_takes_what_finished_and_only_then_what_failed(dock):
    model = dock.model
    queue(model, "a", "b", "c", "d")
    for key, outcome in (("a", "finished"), ("b", "failed"), ("c", "cancelled")):
        model.take(Ended(key, outcome, 1.0, "why"))
    dock._on_tick()
    assert dock.clear.text() == "Clear finished"
    dock.clear.click()
    assert sorted(titles(model)) == ["title b", "title c", "title d"]
    assert dock.clear.text() == "Clear failed and cancelled"
    dock.clear.click()
    assert titles(model) == ["title d"]
    assert not dock.clear.isEnabled()


def test_that_clearing_leaves_what_runs_or_waits(model):
    queue(model, "a", "b", "c")
    start(model, "a")
    model.take(Ended("b", "cancelled"))
    model.flush()
    model.clear(only_ended=True)
    assert sorted(titles(model)) == ["title a", "title c"]
    assert model.summary().total == 2
    model.clear(only_ended=False)
    assert model.rowCount() == 0
    model.take(Ended("a", "cancelled"))
    model.flush()
    assert model.rowCount() == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0.2, "1 s"), (59.4, "59 s"), (61, "1 min"), (3599, "1 h 0 min"), (7800, "2 h 10 min")),
        *((47.9 * 3600, "47 h 54 min"), (76 * 3600, "3 days 4 h"), (72 * 3600, "3 days")),
        *((58 * 86400, "58 days"), (11736.57 * 3600, "1.3 years"), (4e9, "127 years")),
    ],
)
def test_that_durations_are_said_in_words(seconds, words):
    assert duration(seconds) == words


def test_that_retrying_thousands_looks_at_each_once(monkeypatch):
    trainings = [Training(images=small(), network=SmallCNN(), seed=seed) for seed in range(300)]
    maps = [Maps(classifier=training) for training in trainings]
    looked = []
    plain = Maps.requires
    monkeypatch.setattr(Maps, "requires", lambda spec: looked.append(spec.key) or plain(spec))
    found = again(trainings[:200], maps)
    assert found == [*trainings[:200], *maps[:200]]
    assert len(looked) == len(maps)


def test_that_long_work_is_asked_about_before_it_is_queued(qtbot, tmp_path, gate):
    workspace, asked = Workspace(), []
    assert workspace.open_study(tmp_path / "s.isthmus", create=True)
    workspace.queueing.confirm = lambda *given: asked.append(given)
    workspace.pace.known_seconds = lambda specs: 400 * 86400.0
    assert workspace.run([small()]) == []
    (count, seconds, queue) = asked[0]
    assert (count, seconds, workspace.runner.busy) == (1, 400 * 86400.0, False)
    box = ask_before(None, count, seconds, queue)
    qtbot.addWidget(box)
    assert "1.1 years" in box.text()
    next(button for button in box.buttons() if button.text() == "Queue it").click()
    qtbot.waitUntil(lambda: workspace.runner.busy, timeout=WAIT_MS)
    gate.open.set()
    workspace.runner.shutdown()


def test_that_many_specs_are_queued_in_the_background(qtbot, tmp_path, gate):
    workspace = Workspace()
    assert workspace.open_study(tmp_path / "s.isthmus", create=True)
    assert workspace.run([small(seed) for seed in range(30)]) == []
    qtbot.waitUntil(lambda: len(workspace.runner.pending) == 30, timeout=WAIT_MS)
    workspace.runner.cancel()
    qtbot.waitUntil(lambda: not workspace.runner.busy, timeout=WAIT_MS)
    workspace.runner.shutdown()


def test_that_clocks_show_hours_only_where_there_are_some():
    assert (clock(65), clock(3661)) == ("1:05", "1:01:01")


# ------------------------------------------------------------------------------------- the widget


@pytest.fixture
def working(dock, tmp_path, gate):
    assert dock.workspace.open_study(tmp_path / "s.isthmus", create=True)
    dock.workspace.run([small(seed) for seed in range(6)])
    return dock


def ended(dock):
    return [job for job in dock.model._jobs.values() if not job.active]


def test_that_the_list_shows_what_was_queued(qtbot, working):
    qtbot.waitUntil(lambda: working.model.rowCount() == 6, timeout=WAIT_MS)
    assert working.summary.text().startswith("0 of 6 done")
    assert working.cancel.isEnabled()
    assert not working.clear.isEnabled()


def test_that_finishing_is_counted_and_can_be_cleared(qtbot, working, gate):
    gate.open.set()
    qtbot.waitUntil(lambda: working.summary.text() == "6 of 6 done", timeout=WAIT_MS)
    assert not working.cancel.isEnabled()
    working.clear.click()
    assert working.model.rowCount() == 0
    assert working.summary.text() == "No computations"


def test_that_cancel_all_ends_everything(qtbot, working):
    qtbot.waitUntil(lambda: working.model.rowCount() == 6, timeout=WAIT_MS)
    working.cancel.click()
    qtbot.waitUntil(lambda: len(ended(working)) == 6, timeout=WAIT_MS)
    assert {job.state for job in ended(working)} == {"cancelled"}


def test_that_delete_cancels_the_selected_rows_only(qtbot, working):
    qtbot.waitUntil(lambda: working.model.rowCount() == 6, timeout=WAIT_MS)
    working.table.selectRow(5)
    chosen = working.table.selected_jobs()[0]
    qtbot.keyClick(working.table, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: chosen.state == "cancelled", timeout=WAIT_MS)
    assert len(ended(working)) == 1


def test_that_the_cross_of_a_row_cancels_it(qtbot, working):
    qtbot.waitUntil(lambda: working.model.rowCount() == 6, timeout=WAIT_MS)
    job = working.model.index(5, 0).data(JOB)
    working.table.clicked.emit(working.model.index(5, TITLE))
    assert job.active
    working.table.clicked.emit(working.model.index(5, ACTION))
    qtbot.waitUntil(lambda: job.state == "cancelled", timeout=WAIT_MS)


def test_that_pause_holds_the_queue_and_resume_lets_it_go(qtbot, working, gate):
    qtbot.waitUntil(lambda: working.pause.isEnabled(), timeout=WAIT_MS)
    working.pause.click()
    gate.open.set()
    qtbot.wait(300)
    assert "paused" in working.summary.text()
    waiting = sum(job.state == "waiting" for job in working.model._jobs.values())
    assert waiting >= 2
    working.pause.click()
    qtbot.waitUntil(lambda: working.summary.text() == "6 of 6 done", timeout=WAIT_MS)


def test_that_opening_a_finished_one_selects_its_record(qtbot, working, gate):
    gate.open.set()
    qtbot.waitUntil(lambda: len(ended(working)) == 6, timeout=WAIT_MS)
    working.model.flush()
    index = working.model.index(0, TITLE)
    heard = []
    working.workspace.selected.connect(lambda key: heard.append(("selected", key)))
    working.opened.connect(lambda key: heard.append(("opened", key)))
    working.table.doubleClicked.emit(index)
    key = index.data(JOB).key
    assert sorted(heard) == [("opened", key), ("selected", key)]


def test_that_opening_a_failed_one_shows_its_details(qtbot, working, gate):
    gate.error = ValueError("the file is empty")
    gate.open.set()
    text = "0 of 6 done, 6 failed"
    qtbot.waitUntil(lambda: working.summary.text() == text, timeout=WAIT_MS)
    working.table.setCurrentIndex(working.model.index(0, TITLE))
    qtbot.keyClick(working.table, Qt.Key.Key_Return)
    dialogs = [child for child in working.children() if child.inherits("QDialog")]
    assert dialogs[0].sentence.text() == "the file is empty"
    assert "Traceback" in dialogs[0].text.toPlainText()


def test_that_another_study_starts_with_an_empty_list(qtbot, working, tmp_path):
    qtbot.waitUntil(lambda: working.model.rowCount() == 6, timeout=WAIT_MS)
    working.workspace.study_changed.emit()
    assert working.model.rowCount() == 6
    working.workspace.open_study(tmp_path / "other.isthmus", create=True)
    assert working.model.rowCount() == 0


def test_that_a_notice_is_kept_with_its_computation(dock):
    dock.workspace.engine_event.emit(Queued("a", "training", "a network"))
    dock.workspace.engine_event.emit(Notice("a", "robust accuracy fell to zero"))
    dock.model.flush()
    tip = dock.model.index(0, TITLE).data(Qt.ItemDataRole.ToolTipRole)
    assert "robust accuracy fell to zero" in tip


def test_that_the_list_can_be_hidden(dock):
    dock.show()
    dock.set_expanded(True)
    assert dock.table.isVisible()
    dock.toggle.click()
    assert not dock.table.isVisible()
    assert dock.maximumHeight() < 100
    assert not dock.model.index(0, 0, QModelIndex()).isValid()


# ---------------------------------------------------------------------------- the queue and retries


@pytest.fixture
def held(qtbot, working):
    """Return a dock whose waiting computations stay where they are."""
    working.pause.click()
    qtbot.waitUntil(lambda: working.model.rowCount() == 6, timeout=WAIT_MS)
    working.model.flush()
    return working


def waiting_keys(dock):
    return [key for key, _ in dock.workspace.runner.waiting()]


def listed(dock):
    rows = (dock.model.index(row, 0).data(JOB) for row in range(dock.model.rowCount()))
    return [job.key for job in rows if job.state == "waiting"]


def select(dock, *keys):
    dock.table.clearSelection()
    for row in range(dock.model.rowCount()):
        if dock.model.index(row, 0).data(JOB).key in keys:
            flags = (
                QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
            )
            dock.table.selectionModel().select(dock.model.index(row, 0), flags)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (Qt.Key.Key_Home, [2, 0, 1, 3]),
        (Qt.Key.Key_Up, [0, 2, 1, 3]),
        (Qt.Key.Key_Down, [0, 1, 3, 2]),
        (Qt.Key.Key_End, [0, 1, 3, 2]),
    ],
)
def test_that_ctrl_and_arrows_move_in_the_queue_and_on_the_list(qtbot, held, key, expected):
    before = waiting_keys(held)[-4:]
    first = waiting_keys(held)[:-4]
    select(held, before[2])
    qtbot.keyClick(held.table, key, Qt.KeyboardModifier.ControlModifier)
    moved = [before[place] for place in expected]
    if key == Qt.Key.Key_Home:
        assert waiting_keys(held)[0] == before[2]
    else:
        assert waiting_keys(held) == first + moved
    assert listed(held) == waiting_keys(held)
    assert [job.key for job in held.table.selected_jobs()] == [before[2]]


def entries_of(dock, row):
    """Return the words of the menu of a row, and the menu."""
    menu = QMenu(dock)
    job = dock.model.index(row, 0).data(JOB)
    dock.queue.fill(menu, job, dock.table.selected_jobs())
    return {action.text().split("\t")[0]: action for action in menu.actions()}


def test_that_the_menu_moves_a_waiting_computation(held):
    last = waiting_keys(held)[-1]
    row = next(row for row in range(6) if held.model.index(row, 0).data(JOB).key == last)
    entries_of(held, row)["Move to the top"].trigger()
    assert waiting_keys(held)[0] == last
    assert listed(held)[0] == last


def test_that_a_failed_one_can_be_retried(qtbot, working, gate):
    gate.error = ValueError("the file is empty")
    gate.open.set()
    qtbot.waitUntil(lambda: len(ended(working)) == 6, timeout=WAIT_MS)
    working.model.flush()
    gate.error = None
    working.table.selectRow(0)
    chosen = working.table.selected_jobs()[0]
    qtbot.keyClick(working.table, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: chosen.state == "finished", timeout=WAIT_MS)
    assert sum(job.state == "failed" for job in working.model._jobs.values()) == 5
    working.model.flush()
    states = [working.model.index(row, 0).data(JOB).state for row in range(6)]
    failed, finished = states.index("failed"), states.index("finished")
    assert "Retry" in entries_of(working, failed)
    assert "Retry" not in entries_of(working, finished)
    assert "Move up" not in entries_of(working, failed)


@pytest.fixture
def broken(qtbot, dock, tmp_path, monkeypatch):
    """Return a dock in which a training failed, which took its maps along; it would work now."""
    from engine.plan.computations import COMPUTATIONS
    from engine.store.study import Result

    state = {"error": ValueError("the device is out of memory")}

    def compute(spec, context):
        if spec.kind == "training" and state["error"] and spec.batch_size > 40:
            raise state["error"]
        return Result({"value": 1.0})

    for kind in ("glyphs", "training", "maps"):
        monkeypatch.setitem(COMPUTATIONS, kind, compute)
    assert dock.workspace.open_study(tmp_path / "s.isthmus", create=True)
    spec = training(batch_size=80)
    dock.workspace.run([Maps(classifier=spec), Maps(classifier=training(batch_size=20))])
    qtbot.waitUntil(lambda: len(ended(dock)) == 5, timeout=WAIT_MS)
    dock.model.flush()
    return dock, spec, state


def test_that_a_retry_takes_what_was_dropped_along(qtbot, broken):
    dock, spec, state = broken
    maps = dock.model.job(Maps(classifier=spec).key)
    assert maps.state == "failed"
    assert maps.dropped
    state["error"] = None
    dock.queue.retry([dock.model.job(spec.key)])
    qtbot.waitUntil(lambda: maps.state == "finished", timeout=WAIT_MS)
    assert dock.model.job(spec.key).state == "finished"


def test_that_a_retry_with_another_batch_size_rebuilds_what_needs_it(qtbot, broken):
    dock, spec, _ = broken
    dock.queue.retry_with(dock.model.job(spec.key))
    dialog = next(child for child in dock.children() if isinstance(child, RetryDialog))
    assert dialog.batch_size.number() == 40
    assert "It failed with 80." in dialog.note.text()
    assert "1 that need it" in dialog.note.text()
    dialog.accept()
    smaller = spec.replace("batch_size", 40)
    keys = (smaller.key, Maps(classifier=smaller).key)
    qtbot.waitUntil(
        lambda: all((job := dock.model.job(key)) and job.state == "finished" for key in keys),
        timeout=WAIT_MS,
    )
    assert dock.model.job(spec.key).state == "failed"


def test_that_the_same_batch_size_is_no_retry(broken, qtbot):
    _, spec, _ = broken
    dialog = RetryDialog(spec, [])
    qtbot.addWidget(dialog)
    dialog.batch_size.setValue(80)
    assert not dialog.accept_button.isEnabled()
    dialog.batch_size.setValue(30)
    assert dialog.accept_button.isEnabled()
    assert [found.batch_size for found in dialog.specs()] == [30]


def test_that_only_what_has_a_batch_size_offers_another(broken):
    dock, spec, _ = broken
    rows = {dock.model.index(row, 0).data(JOB).key: row for row in range(5)}
    words = "Retry with another batch size…"
    assert words in entries_of(dock, rows[spec.key])
    assert words not in entries_of(dock, rows[Maps(classifier=spec).key])


def test_that_a_finished_training_can_go_on(qtbot, broken):
    dock, _, _ = broken
    good = training(batch_size=20)
    rows = {dock.model.index(row, 0).data(JOB).key: row for row in range(5)}
    entries_of(dock, rows[good.key])["Continue with more epochs…"].trigger()
    dialog = next(child for child in dock.children() if isinstance(child, ContinueDialog))
    assert dialog.network.currentText() == good.title
    dialog.epochs.setValue(7)
    assert f"From {good.epochs} to {good.epochs + 7} epochs" in dialog.note.text()
    dialog.accept()
    more = good.continued(7)
    qtbot.waitUntil(
        lambda: (job := dock.model.job(more.key)) and job.state == "finished", timeout=WAIT_MS
    )


def test_that_progress_is_cut_behind_its_numbers_and_a_failure_before_its_reason(model, qtbot):
    table = JobTable(model)
    qtbot.addWidget(table)
    start(model, "a")
    model.take(Progress("a", 1, 4, "802 of 1,000 stand, " + 20 * "a long name of an attack "))
    model.flush()
    table.resize(700, 200)
    drawn = []

    def draw(*given):
        drawn.append(given[-1])

    option = QStyleOptionViewItem()
    option.rect = QRect(0, 0, 120, 30)
    option.fontMetrics = table.fontMetrics()
    painter = SimpleNamespace(setPen=lambda _: None, drawText=draw)
    index = model.index(0, PROGRESS)
    table.itemDelegate()._draw_text(painter, option, option.rect, index, index.data(JOB))
    assert drawn[0].startswith("25 %: 802 of")
    assert drawn[0].endswith("…")
    reason = "/a/long/path/of/a/study.isthmus/records/training/0.h5: No space left on device"
    model.take(Ended("a", "failed", 1.0, reason, ""))
    table.itemDelegate()._draw_text(painter, option, option.rect, index, index.data(JOB))
    assert drawn[1].startswith("failed")
    assert drawn[1].endswith("device")


def test_that_computations_of_networks_of_one_title_are_told_apart(qtbot, dock):
    alike = [training(), training().replace("images", Glyphs(train=200, test=50))]
    checks = [Measurement(classifier=spec, metric=AttackCheck(), test_images=9) for spec in alike]
    specs = [*alike, *checks, training(seed=1)]
    dock.workspace.runner.queued_specs = lambda: specs
    for spec in specs:
        dock.workspace.engine_event.emit(Queued(spec.key, spec.kind, spec.title))
    dock._on_tick()
    shown = titles(dock.model)
    assert len(set(shown)) == 5
    assert shown[0] == "Standard, seed 0 (Glyphs, 100 + 50)"
    assert shown[3].endswith("Standard, seed 0 (Glyphs, 200 + 50)")
    assert shown[4] == "Standard, seed 1"


def test_that_thousands_of_computations_keep_their_titles_at_once():
    specs = [training(seed=seed) for seed in range(job_titles.MOST + 1)]
    assert job_titles.titles_apart([*specs, specs[0]], [], {}) == {}
