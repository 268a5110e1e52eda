import sys
import time

import pytest
import shiboken6
from PySide6.QtCore import QObject

from engine.jobs.events import Queued
from gui.session.threads.event_flow import Listeners

EVENT = Queued("a", "training", "a network")


class Page(QObject):
    def __init__(self):
        super().__init__()
        self.taken = []

    def take(self, event):
        self.taken.append(event)


def test_that_listeners_are_called_in_order(qtbot):
    told, taken = Listeners(), []
    told.connect(lambda event: taken.append(("first", event)))
    told.connect(lambda event: taken.append(("second", event)))
    told.emit(EVENT)
    assert taken == [("first", EVENT), ("second", EVENT)]


def test_that_nothing_is_kept_alive_and_nothing_destroyed_is_called(qtbot):
    told, kept, gone, destroyed = Listeners(), Page(), Page(), Page()
    for page in (kept, gone, destroyed):
        told.connect(page.take)
    taken_too_late = destroyed.taken
    del page, gone
    shiboken6.delete(destroyed)
    told.emit(EVENT)
    told.emit(EVENT)
    assert kept.taken == [EVENT, EVENT]
    assert taken_too_late == []
    assert len(told._slots) == 1


def test_that_an_error_of_one_listener_is_told_and_the_others_are_called(qtbot, monkeypatch):
    told, page, errors = Listeners(), Page(), []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: errors.append(error))

    def fail(event):
        raise RuntimeError("no")

    told.connect(fail)
    told.connect(page.take)
    told.emit(EVENT)
    assert [str(error) for error in errors] == ["no"]
    assert page.taken == [EVENT]


def test_that_one_may_begin_to_listen_while_an_event_is_told(qtbot):
    told, page = Listeners(), Page()
    told.connect(lambda event: told.connect(page.take))
    told.emit(EVENT)
    assert page.taken == []
    told.emit(EVENT)
    assert page.taken == [EVENT]


@pytest.mark.parametrize("listeners", [12])
def test_that_thousands_of_events_take_little_time(qtbot, listeners):
    """0.05 s of the processor; 0.5 s through a signal."""
    told, pages = Listeners(), [Page() for _ in range(listeners)]
    for page in pages:
        told.connect(page.take)
    began = time.thread_time()
    for _ in range(16_000):
        told.emit(EVENT)
    assert time.thread_time() - began < 0.4
    assert all(len(page.taken) == 16_000 for page in pages)
