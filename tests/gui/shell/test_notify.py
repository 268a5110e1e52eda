"""A user who looks elsewhere hears once that a long queue is done."""

import pytest
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from engine.jobs.events import Ended, Queued
from gui.look import settings
from gui.session.workspace import Workspace
from gui.shell.notify import LONG_SECONDS, Notifier


class World:
    """A notifier with a clock, and what it said."""

    def __init__(self, window, monkeypatch, active=False):
        self.seconds = 0.0
        self.said, self.alerts = [], []
        self.workspace = Workspace()
        monkeypatch.setattr(window, "isActiveWindow", lambda: active)
        monkeypatch.setattr(QApplication, "alert", lambda *_: self.alerts.append(1))
        monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
        monkeypatch.setattr(
            QSystemTrayIcon, "showMessage", lambda _, __, text, *more: self.said.append(text)
        )
        self.notifier = Notifier(self.workspace, window, lambda: self.seconds)

    def run(self, *outcomes, seconds=LONG_SECONDS + 1):
        for number in range(len(outcomes)):
            self.workspace.engine_event.emit(Queued(str(number), "training", f"network {number}"))
        self.seconds += seconds
        for number, outcome in enumerate(outcomes):
            self.workspace.engine_event.emit(Ended(str(number), outcome))


@pytest.fixture
def window(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CONFIG", str(tmp_path))
    found = QWidget()
    qtbot.addWidget(found)
    return found


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        (["finished"], "network 0 is finished."),
        (["failed"], "network 0 failed."),
        (["finished"] * 3, "3 computations are finished."),
        (["finished", "failed", "cancelled"], "1 computations are finished, 1 failed."),
    ],
)
def test_that_one_sentence_says_what_ended(window, monkeypatch, outcomes, sentence):
    world = World(window, monkeypatch)
    world.run(*outcomes)
    assert world.said == [sentence]
    assert len(world.alerts) == 1


def test_that_it_speaks_again_after_the_next_queue_only(window, monkeypatch):
    world = World(window, monkeypatch)
    world.run("finished", "finished")
    world.run("finished")
    assert world.said == ["2 computations are finished.", "network 0 is finished."]


def test_that_short_queues_and_cancelled_ones_are_silent(window, monkeypatch):
    world = World(window, monkeypatch)
    world.run("finished", seconds=LONG_SECONDS - 1)
    world.run("cancelled", "cancelled")
    assert (world.said, world.alerts) == ([], [])


def test_that_an_active_window_needs_no_message(window, monkeypatch):
    world = World(window, monkeypatch, active=True)
    world.run("finished")
    assert (world.said, world.alerts) == ([], [])


def test_that_the_user_can_switch_it_off(window, monkeypatch):
    world = World(window, monkeypatch)
    settings.set_flag("notify", False)
    world.run("finished")
    assert world.said == []


def test_that_without_a_tray_the_window_still_asks_for_attention(window, monkeypatch):
    world = World(window, monkeypatch)
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: False)
    world.run("finished")
    assert (world.said, len(world.alerts)) == ([], 1)
