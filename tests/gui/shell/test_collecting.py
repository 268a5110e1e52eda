"""Garbage is looked for on the main thread only: widgets must not end on a worker."""

import gc
import threading
import weakref

import pytest

from gui.shell import collecting
from gui.shell.collecting import Collector
from tests.gui.fakes import WAIT_MS


class Knot:
    """An object that only the search for garbage can free."""

    def __init__(self):
        self.me = self
        self.padding = []


@pytest.fixture
def collector(qapp):
    found = Collector()
    found.settle()
    yield found
    found.stop()
    gc.freeze()  # as the tests' own fixture left it


def tie(ended):
    knot = Knot()
    weakref.finalize(knot, lambda: ended.append(threading.current_thread()))


def make_many(times=2):
    return [[] for _ in range(times * collecting.YOUNG_OBJECTS)]


def test_that_a_worker_never_collects(collector):
    ended = []
    tie(ended)
    worker = threading.Thread(target=make_many)
    worker.start()
    worker.join()
    assert ended == []


def test_that_what_is_due_is_collected_on_the_main_thread(qtbot, collector):
    ended = []
    tie(ended)
    kept = make_many(times=40)  # what other tests left is freed meanwhile, and counts against it
    qtbot.waitUntil(lambda: bool(ended), timeout=WAIT_MS)
    assert ended == [threading.main_thread()]
    assert kept


def test_that_old_garbage_is_found_too(collector):
    ended = []
    tie(ended)
    gc.collect(0)
    gc.collect(1)
    for _ in range(3 * collecting.YOUNGER**2):
        kept = make_many()
        collector.look()
    assert kept
    assert ended


def test_that_nothing_is_collected_while_little_is_new(collector):
    gc.collect()
    ended = []
    tie(ended)
    collector.look()
    assert ended == []


def test_that_settling_spares_what_is_there_and_stopping_undoes_it(qapp):
    collector = Collector()
    before = gc.get_freeze_count()
    collector.settle()
    assert gc.get_freeze_count() > before
    assert not gc.isenabled()
    collector.stop()
    assert gc.get_freeze_count() == 0
    assert gc.isenabled()
    gc.freeze()


def test_that_a_busy_machine_does_not_put_the_next_search_off(collector, monkeypatch):
    """Only its own processor time counts: by the clock a search may take seconds there."""
    clock = [0.0]

    def slow(generation):
        clock[0] += 30.0
        found.append(generation)

    found = []
    monkeypatch.setattr(collecting.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(collecting.gc, "collect", slow)
    monkeypatch.setattr(collecting.gc, "get_count", lambda: (10**6, 10**6, 10**6))
    for _ in range(3):
        collector.look()
        clock[0] += 0.2
    assert found == [2, 2, 2]
