"""The list of who computes: rows from events, what is said of losses, and the choice of workers."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from engine.jobs.events import Ended, Started, WorkerNews
from gui.look import settings
from gui.queue.job_dock import JobDock
from gui.queue.roster import Roster
from gui.queue.worker_choice import SCHEDULER, WorkerChoice
from gui.queue.worker_panel import NOBODY, WorkerPanel
from gui.session.threads.who_computes import in_window, workers_of
from gui.session.workspace import Workspace
from gui.shell.settings_dialog import SettingsDialog
from tests.gui.fakes import WAIT_MS, Clock, small

LOST = "worker 2 (process 8) was lost while it computed 'b': it is started again"


@pytest.fixture
def time():
    return Clock()


@pytest.fixture
def roster(time):
    found = Roster(time)
    for number in (1, 2):
        name = f"worker {number}"
        text = f"{name} is ready and computes on CPU"
        found.take(WorkerNews("", name, "ready", text, "CPU"))
    return found


def start(roster, key, where):
    roster.take(Started(key, "training", key, where))


def test_that_a_worker_counts_what_it_finishes_and_how_many_a_minute(roster, time):
    first, second = roster.rows["worker 1"], roster.rows["worker 2"]
    start(roster, "a", "worker 1")
    start(roster, "b", "worker 2")
    assert first.doing == "a"
    assert first.rate(time()) is None
    time.seconds = 20.0
    roster.take(Ended("a", "finished"))
    assert (first.doing, first.ended["finished"]) == ("nothing at present", 1)
    time.seconds = 60.0  # it waited: that is no time of computing
    assert first.rate(time()) == pytest.approx(3.0)
    roster.take(Ended("b", "failed"))
    assert (second.ended["finished"], second.ended["failed"]) == (0, 1)
    assert second.rate(time()) is None


def test_that_a_lost_worker_stays_listed_with_what_became_of_it(roster):
    start(roster, "b", "worker 2")
    roster.take(WorkerNews("", "worker 2", "lost", LOST))
    row = roster.rows["worker 2"]
    assert (row.state, row.doing, row.losses, row.told) == ("lost", "lost", 1, LOST)
    assert roster.news == f"W{LOST[1:]}."
    start(roster, "b", "worker 1")  # what it computed goes on elsewhere
    assert roster.rows["worker 1"].doing == "b"
    roster.take(WorkerNews("", "worker 2", "back", "worker 2 is back"))
    assert (row.state, row.doing) == ("here", "nothing at present")
    roster.take(Ended("b", "finished"))
    assert [one.ended["finished"] for one in roster.rows.values()] == [1, 0]


def test_that_workers_that_are_stopped_or_gone_compute_nothing(roster):
    start(roster, "a", "worker 1")
    roster.take(WorkerNews("", "", "gone", "the scheduler went away"))
    assert [row.doing for row in roster.rows.values()] == ["stopped", "stopped"]


def cells(panel):
    model = panel.model
    return [
        [model.index(row, column).data() for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def test_that_the_panel_shows_every_worker_and_the_newest_sentence(qtbot, roster, time):
    panel = WorkerPanel(roster, time)
    qtbot.addWidget(panel)
    QAbstractItemModelTester(
        panel.model, QAbstractItemModelTester.FailureReportingMode.Fatal, panel.model
    )
    start(roster, "a", "worker 1")
    time.seconds = 30.0
    roster.take(Ended("a", "finished"))
    start(roster, "b", "worker 2")
    panel.refresh()
    assert cells(panel) == [
        ["worker 1", "CPU", "nothing at present", "1", "2"],
        ["worker 2", "CPU", "b", "0", ""],
    ]
    roster.take(WorkerNews("", "worker 2", "lost", LOST))
    panel.refresh()
    assert cells(panel)[1][2] == "lost"
    tip = panel.model.index(1, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert LOST.replace("'", "&#x27;") in tip or LOST in tip
    assert panel.news.text() == f"W{LOST[1:]}."
    roster.clear()
    panel.refresh()
    assert cells(panel) == []
    assert panel.news.text() == NOBODY


@pytest.fixture
def workspace(tmp_path):
    found = Workspace()
    yield found
    found.runner.shutdown()


def test_that_the_slots_of_this_window_are_listed_with_what_they_computed(
    qtbot, tmp_path, workspace
):
    dock = JobDock(workspace)
    qtbot.addWidget(dock)
    dock.show()
    assert workspace.open_study(tmp_path / "s", create=True)
    dock.workers.setChecked(True)
    assert dock.expanded
    assert dock.crew.isVisible()
    assert not dock.table.isVisible()
    assert cells(dock.crew)[0][0] == "slot 1"
    workspace.run([small()])
    qtbot.waitUntil(
        lambda: sum(row.ended["finished"] for row in dock.roster.rows.values()) == 1,
        timeout=WAIT_MS,
    )
    dock.workers.setChecked(False)
    assert dock.table.isVisible()


def test_that_a_loss_is_told_outside_the_list_too(qtbot, workspace):
    dock = JobDock(workspace)
    qtbot.addWidget(dock)
    told = []
    workspace.message.connect(lambda *said: told.append(said))
    dock._on_event(WorkerNews("", "worker 1", "ready", "worker 1 is ready"))
    dock._on_event(WorkerNews("", "worker 2", "lost", LOST))
    gone = "--scheduler is 'tcp://localhost:1', which cannot be used: nobody answers"
    dock._on_event(WorkerNews("", "", "gone", gone))
    assert told == [
        (f"W{LOST[1:]}.", False),
        ("The scheduler is 'tcp://localhost:1', which cannot be used: nobody answers.", True),
    ]


# ------------------------------------------------------------------------------------- the settings


@pytest.fixture
def choice(qtbot):
    found = WorkerChoice()
    qtbot.addWidget(found)
    found.told = []
    found.said.connect(found.told.append)
    return found


def choose(choice, value):
    choice.who.setCurrentIndex(choice.who.findData(value))
    choice.who.activated.emit(choice.who.currentIndex())


def test_that_the_window_computes_itself_unless_workers_are_chosen(choice):
    assert settings.workers() == ""
    assert choice.who.currentData() == ""
    assert choice.address.isHidden()
    assert workers_of(settings.workers()) is None


def test_that_a_number_of_processes_is_kept(choice, qtbot):
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    choose(choice, "4")
    assert settings.workers() == "4"
    assert workers_of(settings.workers()).count == 4
    assert choice.told == ["Studies that are opened from now on are computed so."]
    dialog = SettingsDialog()
    qtbot.addWidget(dialog)
    assert dialog.workers.who.currentData() == "4"
    dialog.reset.click()
    assert settings.workers() == ""
    assert dialog.workers.who.currentData() == ""


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("tcp://127.0.0.1:8786", True),
        ("tls://node7:8786", True),
        ("tcp://10.0.0.1:8786", False),
        ("node7", False),
    ],
)
def test_that_only_an_address_of_this_machine_or_an_encrypted_one_is_kept(choice, address, kept):
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    choose(choice, SCHEDULER)
    assert not choice.address.isHidden()
    choice.address.setText(address)
    choice.address.editingFinished.emit()
    assert settings.workers() == (address if kept else "")
    assert "--" not in choice.told[-1]
    assert choice.told[-1].startswith("Studies" if kept else f"The scheduler is '{address}'")


def test_that_a_missing_library_is_said_and_the_choice_not_kept(choice, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    choose(choice, "2")
    assert settings.workers() == ""
    assert "uv sync --extra cluster" in choice.told[-1]


def test_that_a_study_that_cannot_have_its_workers_is_computed_here_and_that_is_said(
    tmp_path, workspace, monkeypatch
):
    settings.set_text("workers", "2")
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    told = []
    workspace.message.connect(lambda *said: told.append(said))
    assert workspace.open_study(tmp_path / "s", create=True)
    assert not workspace.runner.on_workers
    assert any("dask.distributed is not installed" in text and bad for text, bad in told)


def test_that_sentences_of_the_window_name_no_option_of_a_command():
    assert in_window("--workers is 0, must be") == "The number of workers is 0, must be"
