"""Previews that follow a slider."""

import pytest
from PySide6.QtCore import QTimer

from engine.specs import PGD
from gui.session.previews import LivePreviews
from gui.session.runner import Runner


class Runs:
    """Stands in for the runner: keeps the requests, answers when told."""

    def __init__(self):
        self.requests = []

    def preview(self, channel, specs, done, failed):
        self.requests.append((channel, list(specs), done, failed))

    def answer(self, place=-1):
        _, specs, done, _ = self.requests[place]
        done([spec.eps for spec in specs])


@pytest.fixture
def runs():
    return Runs()


@pytest.fixture
def previews(qtbot, runs):
    return LivePreviews(runs, "attack")


def specs(*eps):
    return [PGD(eps=value) for value in eps]


def test_that_every_spec_is_asked_on_a_channel_of_its_own(previews, runs):
    previews.ask(specs(0.1, 0.2))
    assert [channel for channel, *_ in runs.requests] == ["attack/0", "attack/1"]


def test_that_answers_come_with_their_spec(qtbot, previews, runs):
    previews.ask(specs(0.1, 0.2))
    with qtbot.waitSignal(previews.answered, timeout=1000) as said:
        runs.answer(1)
    assert said.args == [PGD(eps=0.2), 0.2]


def test_that_a_failure_is_passed_on(qtbot, previews, runs):
    previews.ask(specs(0.1))
    with qtbot.waitSignal(previews.failed, timeout=1000) as said:
        runs.requests[0][3]("images are too large")
    assert said.args == [PGD(eps=0.1), "images are too large"]
    assert not previews.busy


def test_that_of_many_wishes_during_a_round_only_the_newest_is_asked_after_it(previews, runs):
    previews.ask(specs(0.1))
    for eps in (0.2, 0.3, 0.4):
        previews.ask(specs(eps))
    assert len(runs.requests) == 1
    runs.answer(0)
    assert [request[1][0].eps for request in runs.requests] == [0.1, 0.4]
    runs.answer(1)
    assert not previews.busy


def test_that_a_round_that_takes_long_is_given_up(qtbot, previews, runs):
    previews.ask(specs(0.1))
    previews.ask(specs(0.2))
    qtbot.waitUntil(lambda: len(runs.requests) == 2, timeout=2000)
    answered = []
    previews.answered.connect(lambda spec, _: answered.append(spec.eps))
    runs.answer(0)
    runs.answer(1)
    assert answered == [0.2]


def test_that_a_slider_that_never_rests_does_not_starve(qtbot, previews, runs):
    # Every answer takes 100 ms here: longer than a round is left alone in, shorter than for ever.
    finished = []
    previews.answered.connect(lambda spec, _: finished.append(spec.eps))

    def preview(channel, specs, done, failed):
        runs.requests.append(specs[0].eps)
        QTimer.singleShot(100, lambda: done([specs[0].eps]))

    runs.preview = preview
    wishes = iter(range(1, 1000))
    ticks = QTimer()
    ticks.setInterval(10)
    ticks.timeout.connect(lambda: previews.ask(specs(next(wishes) / 1000)))
    ticks.start()
    qtbot.waitUntil(lambda: len(finished) >= 2, timeout=5000)
    ticks.stop()
    assert len(runs.requests) > len(finished)
    qtbot.waitUntil(lambda: not previews.busy, timeout=5000)
    assert finished[-1] == (next(wishes) - 1) / 1000


def test_that_lateness_is_said_once_a_picture_is_overdue(qtbot, previews, runs):
    with qtbot.waitSignal(previews.late, timeout=2000):
        previews.ask(specs(0.1))


def test_that_nothing_is_late_once_it_is_answered(qtbot, previews, runs):
    previews.ask(specs(0.1))
    runs.answer(0)
    with qtbot.assertNotEmitted(previews.late, wait=400):
        pass


def test_that_nothing_is_answered_after_stopping(qtbot, previews, runs):
    previews.ask(specs(0.1))
    previews.stop()
    with qtbot.assertNotEmitted(previews.answered):
        runs.answer(0)


def test_that_no_wish_is_no_request(previews, runs):
    previews.ask([])
    assert not runs.requests
    assert not previews.busy


def test_that_the_runner_looks_for_answers_only_while_one_is_due(qtbot):
    runner = Runner()
    answers = []
    runner.ask("reading", lambda control: 7, answers.append, answers.append)
    assert runner._answer_timer.isActive()
    qtbot.waitUntil(lambda: answers == [7], timeout=20_000)
    qtbot.waitUntil(lambda: not runner._answer_timer.isActive(), timeout=2000)
    assert runner.shutdown()
