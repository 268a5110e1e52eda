import os
import sys
import threading

import pytest
import torch

from engine import specs
from engine.plan.priority import NICE, give_way
from engine.plan.scheduler import Scheduler, Slots
from engine.store.study import Result, Study

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads are nice under Linux only")


def niceness() -> int:
    """Return the calling thread's: under Linux every thread has its own."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_that_a_thread_that_gives_way_leaves_the_others_as_they_were():
    found = []

    def background():
        give_way()
        found.append(niceness())

    before = niceness()
    thread = threading.Thread(target=background)
    thread.start()
    thread.join()
    assert found == [max(NICE, before)]
    assert niceness() == before


@pytest.mark.parametrize("behind_window", [False, True])
def test_that_workers_give_way_to_a_window_and_to_nothing_else(tmp_path, behind_window):
    before, found = niceness(), []

    def compute(spec, context):
        found.append(niceness())
        return Result({})

    scheduler = Scheduler(
        Study(tmp_path / "s.isthmus", create=True),
        Slots(torch.device("cpu"), 1, 1),
        lambda event: None,
        {"glyphs": compute},
        behind_window=behind_window,
    )
    scheduler.add([specs.Glyphs(train=10, test=10)])
    assert scheduler.wait(30)
    assert scheduler.stop()
    assert found == [max(NICE, before) if behind_window else before]
