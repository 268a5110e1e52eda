"""The runner brings the engine's words to the GUI thread, and leaves no thread behind."""

import sys
import threading
import time

import pytest

from engine.jobs.events import Ended, ProbeMaps, Progress, Queued, Scalars, Started
from engine.store.study import Result, Study
from engine.store.unfinished import unfinished
from gui.session.runner import STOP_SECONDS, Runner
from gui.session.threads import leaving
from gui.session.threads.event_flow import coalesced
from tests.gui.fakes import WAIT_MS, small


@pytest.fixture
def runner(qtbot):
    return Runner()


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "s.isthmus", create=True)


def own_threads():
    return [t for t in threading.enumerate() if t.name.startswith("isthmus-")]


def test_that_events_come_in_order_on_the_gui_thread(qtbot, runner, study, gate):
    heard = []
    runner.engine_event.connect(lambda event: heard.append((event, threading.current_thread())))
    runner.open(study, "cpu")
    gate.open.set()
    runner.run([small()])
    qtbot.waitUntil(lambda: bool(heard) and isinstance(heard[-1][0], Ended), timeout=WAIT_MS)
    kinds = [type(event) for event, _ in heard if not isinstance(event, Progress)]
    assert kinds == [Queued, Started, Ended]
    assert {thread for _, thread in heard} == {threading.main_thread()}
    assert study.has(small())


def test_that_of_one_tick_only_the_newest_progress_is_kept_but_every_number():
    old, new = Progress("a", 1, 9), Progress("a", 2, 9)
    other = Progress("b", 1, 9)
    numbers = [Scalars("a", 0, {}), Scalars("a", 1, {})]
    maps = [ProbeMaps("a", step, None, None) for step in (0, 1)]
    events = [old, numbers[0], maps[0], other, new, numbers[1], maps[1]]
    assert coalesced(events) == [numbers[0], other, new, numbers[1], maps[1]]


def test_that_busy_lasts_until_the_last_computation_ended(qtbot, runner, study, gate):
    assert not runner.busy
    runner.open(study, "cpu")
    runner.run([small(0), small(1), small(2)])
    assert runner.busy
    gate.open.set()
    qtbot.waitUntil(lambda: not runner.busy, timeout=WAIT_MS)


def test_that_cancelling_ends_a_running_computation(qtbot, runner, study, gate):
    runner.open(study, "cpu")
    runner.run([small()])
    assert gate.started.wait(WAIT_MS / 1000)
    with qtbot.waitSignal(
        runner.engine_event, timeout=WAIT_MS, check_params_cb=lambda e: isinstance(e, Ended)
    ) as ended:
        runner.cancel(small().key)
    assert ended.args[0].outcome == "cancelled"
    assert not study.has(small())


def test_that_pausing_starts_nothing_and_resuming_goes_on(qtbot, runner, study, gate):
    gate.open.set()
    runner.open(study, "cpu")
    runner.set_paused(True)
    runner.run([small()])
    qtbot.wait(100)
    assert not gate.started.is_set()
    runner.set_paused(False)
    qtbot.waitUntil(lambda: study.has(small()), timeout=WAIT_MS)


def test_that_running_without_a_study_is_a_sentence(runner):
    with pytest.raises(ValueError, match="no study is open"):
        runner.run([small()])


def test_that_an_answer_comes_on_the_gui_thread(qtbot, runner):
    got = []
    runner.ask(
        "c",
        lambda _: threading.current_thread(),
        lambda value: got.append((value, threading.current_thread())),
        got.append,
    )
    qtbot.waitUntil(lambda: bool(got), timeout=WAIT_MS)
    worker, here = got[0]
    assert worker is not here is threading.main_thread()


def test_that_an_expected_error_comes_as_its_sentence(qtbot, runner):
    failed = []

    def work(_):
        raise ValueError("the file is empty")

    runner.ask("c", work, failed.append, failed.append)
    qtbot.waitUntil(lambda: failed == ["the file is empty"], timeout=WAIT_MS)


def test_that_an_unexpected_error_names_its_kind(qtbot, runner):
    failed = []
    runner.ask("c", lambda _: {}["x"], failed.append, failed.append)
    qtbot.waitUntil(lambda: failed == ["KeyError: 'x'"], timeout=WAIT_MS)


def test_that_only_the_newest_request_of_a_channel_is_answered(qtbot, runner):
    begun, go_on, answers = threading.Event(), threading.Event(), []

    def slow(control):
        begun.set()
        go_on.wait(WAIT_MS / 1000)
        control.check()
        return "old"

    runner.ask("c", slow, answers.append, answers.append)
    assert begun.wait(WAIT_MS / 1000)
    runner.ask("c", lambda _: "skipped", answers.append, answers.append)
    runner.ask("c", lambda _: "new", answers.append, answers.append)
    go_on.set()
    qtbot.waitUntil(lambda: bool(answers), timeout=WAIT_MS)
    qtbot.wait(100)
    assert answers == ["new"]


def test_that_what_was_forgotten_is_not_answered(qtbot, runner):
    begun, answers = threading.Event(), []

    def slow(control):
        begun.set()
        while True:
            control.check()

    runner.ask("gone", slow, answers.append, answers.append, long=True)
    assert begun.wait(WAIT_MS / 1000)
    runner.forget("gone")
    runner.ask("other", lambda _: "here", answers.append, answers.append, long=True)
    qtbot.waitUntil(lambda: bool(answers), timeout=WAIT_MS)
    assert answers == ["here"]


def test_that_a_long_request_does_not_hold_up_a_short_one(qtbot, runner):
    go_on, answers = threading.Event(), []
    runner.ask("long", lambda _: go_on.wait(60), answers.append, answers.append, long=True)
    runner.ask("short", lambda _: "short", answers.append, answers.append)
    qtbot.waitUntil(lambda: answers == ["short"], timeout=WAIT_MS)
    go_on.set()


def test_that_an_engine_that_cannot_be_loaded_is_said_so(qtbot, runner, monkeypatch):
    monkeypatch.setitem(sys.modules, "engine.plan.scheduler", None)
    with qtbot.waitSignal(runner.broken, timeout=WAIT_MS) as broken:
        runner.load_engine()
    assert "engine.plan.scheduler" in broken.args[0]
    assert not runner.loaded


def test_that_the_engine_once_loaded_is_announced(qtbot, runner):
    with qtbot.waitSignal(runner.ready, timeout=2 * WAIT_MS):
        runner.load_engine()
    assert runner.loaded


def test_that_no_thread_outlives_a_shutdown_in_mid_run(qtbot, runner, study, gate):
    runner.open(study, "cpu")
    runner.run([small(seed) for seed in range(20)])
    runner.ask("c", lambda _: 1, lambda _: None, lambda _: None)
    assert gate.started.wait(WAIT_MS / 1000)
    assert own_threads()
    assert runner.shutdown()
    assert own_threads() == []


def test_that_a_second_study_takes_the_place_of_the_first(qtbot, runner, study, tmp_path, gate):
    runner.open(study, "cpu")
    runner.run([small()])
    assert gate.started.wait(WAIT_MS / 1000)
    other = Study(tmp_path / "other.isthmus", create=True)
    runner.open(other, "cpu")
    qtbot.waitUntil(lambda: runner.quiet, timeout=WAIT_MS)
    gate.open.set()
    runner.run([small(5)])
    qtbot.waitUntil(lambda: other.has(small(5)), timeout=WAIT_MS)
    assert not study.has(small())


class Deaf:
    """A computation that hears no cancelling until it is let go."""

    def __init__(self):
        self.begun, self.going = threading.Event(), threading.Event()

    def __call__(self, spec, context):
        self.begun.set()
        self.going.wait(WAIT_MS / 1000)
        context.check_cancelled()
        return Result({"value": 1.0})


@pytest.fixture
def deaf(monkeypatch):
    from engine.plan.computations import COMPUTATIONS

    found = Deaf()
    monkeypatch.setitem(COMPUTATIONS, "glyphs", found)
    yield found
    found.going.set()


def test_that_opening_another_study_waits_for_nothing_and_says_what_still_ends(
    qtbot, runner, study, tmp_path, deaf
):
    heard, said = [], []
    runner.engine_event.connect(heard.append)
    runner.leaving.said.connect(said.append)
    runner.open(study, "cpu", 1, 1)
    runner.run([small(), small(1)])
    assert deaf.begun.wait(WAIT_MS / 1000)
    other = Study(tmp_path / "other.isthmus", create=True)
    begun = time.monotonic()
    runner.open(other, "cpu", 1, 1)
    assert time.monotonic() - begun < STOP_SECONDS / 2
    assert not runner.busy
    assert not runner.quiet  # closing the window waits for it
    qtbot.waitUntil(lambda: bool(said), timeout=WAIT_MS)
    assert said == [
        f"“{small().title}” of the study before is still ending; this one can be used meanwhile."
    ]
    runner.run([small()])  # the same key, in the other study
    deaf.going.set()
    qtbot.waitUntil(lambda: runner.quiet and other.has(small()), timeout=WAIT_MS)
    assert not study.has(small())
    qtbot.wait(200)
    told = [(type(event), event.key) for event in heard if not isinstance(event, Progress)]
    key = small().key
    ends = [event.outcome for event in heard if isinstance(event, Ended) and event.key == key]
    assert ends == ["cancelled", "finished"]
    assert told.count((Queued, key)) == 2
    assert told.index((Ended, key)) < len(told) - 1 - told[::-1].index((Queued, key))
    assert runner.shutdown()
    assert own_threads() == []


def test_that_the_end_of_the_program_waits_for_what_was_left_too(qtbot, runner, study, tmp_path,
                                                                 deaf):  # fmt: skip
    runner.open(study, "cpu", 1, 1)
    runner.run([small()])
    assert deaf.begun.wait(WAIT_MS / 1000)
    runner.open(Study(tmp_path / "other.isthmus", create=True), "cpu", 1, 1)
    threading.Timer(0.3, deaf.going.set).start()
    assert runner.shutdown()
    assert own_threads() == []


def test_that_what_was_left_unfinished_is_known_when_the_same_study_is_opened_again(
    qtbot, runner, study, deaf
):
    runner.open(study, "cpu", 1, 1)
    runner.run([small(), small(1)])
    assert deaf.begun.wait(WAIT_MS / 1000)
    again = Study(study.path)
    runner.open(again, "cpu", 1, 1)
    assert [one.key for one in unfinished(again, runner.asked)] == [small().key, small(1).key]


def test_that_a_study_that_did_not_end_in_time_is_said(qtbot, runner, study, tmp_path, deaf,
                                                       monkeypatch):  # fmt: skip
    monkeypatch.setattr(leaving, "LEAVE_SECONDS", 1.0)
    said = []
    runner.leaving.said.connect(said.append)
    runner.open(study, "cpu", 1, 1)
    runner.run([small()])
    assert deaf.begun.wait(WAIT_MS / 1000)
    runner.open(Study(tmp_path / "other.isthmus", create=True), "cpu", 1, 1)
    qtbot.waitUntil(lambda: len(said) == 2, timeout=WAIT_MS)
    assert "did not end within 1 s" in said[1]


def test_that_what_is_asked_for_while_everything_ends_is_not_waited_for(qtbot, runner):
    runner.ask("first", lambda _: None, lambda _: None, lambda _: None)
    qtbot.waitUntil(lambda: runner.quiet, timeout=WAIT_MS)
    runner.cancel_all()
    runner.ask("late", lambda _: None, lambda _: None, lambda _: None)
    assert runner.quiet
    assert runner.shutdown()
