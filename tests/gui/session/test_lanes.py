import gc
import time
import weakref
from queue import SimpleQueue

from gui.session.threads.lanes import Lane, Request


class Result:
    pass


def test_that_a_waiting_lane_keeps_no_result():
    answers = SimpleQueue()
    lane = Lane("test", answers)
    lane.ask(Request("a", lambda control: Result(), print, print))
    kept = weakref.ref(answers.get(timeout=10).value)
    deadline = time.monotonic() + 10
    while kept() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    assert kept() is None
    assert lane.stop(10)
