"""What a run writes to a log: a line now and then while a long computation works."""

import io

from engine.cli.reporter import Reporter
from engine.jobs.events import Ended, Progress, Queued, Started, WorkerNews


def test_that_a_long_computation_writes_a_line_a_minute_and_fewer_later():
    now = [0.0]
    stream = io.StringIO()
    reporter = Reporter(stream, clock=lambda: now[0])
    reporter.begin("Plan", 1, 400 * 86400.0)
    reporter(Started("a", "training", "Network"))
    lines = []
    for second in range(0, 7 * 86400, 20):
        now[0] = float(second)
        reporter(Progress("a", second / 86400, 7, "epochs"))
        if second == 3600:
            lines.append(stream.getvalue().count("\n"))
    reporter(Ended("a", "finished", 7 * 86400.0))
    text = stream.getvalue().splitlines()
    assert text[0] == "Plan: 1 to compute, about 1.1 years"
    assert text[1] == "[0/1] Network: 0.0 of 7 epochs, 1 min so far"
    assert 55 <= lines[0] <= 62
    assert 200 < len(text) < 500
    assert text[-1] == "[1/1] Network (7 days)"


def test_that_what_failed_before_it_began_is_told_by_its_title():
    stream = io.StringIO()
    reporter = Reporter(stream)
    reporter.begin("Plan", 3)
    reporter(Queued("a", "training", "Standard, seed 0"))
    reporter(Ended("a", "failed", 0.0, "no worker has the study"))
    reporter(Started("b", "training", "Standard, seed 1"))  # of a worker: it queues nothing here
    reporter(Ended("b", "failed", 0.0, "no"))
    reporter(Ended("c", "failed", 0.0, "nothing is known of it"))
    assert stream.getvalue().splitlines()[1:] == [
        "[1/3] Standard, seed 0 FAILED: no worker has the study",
        "[2/3] Standard, seed 1 FAILED: no",
        "[3/3] c FAILED: nothing is known of it",
    ]


def test_that_waiting_for_workers_is_said_and_that_they_are_ready_is_not():
    stream = io.StringIO()
    reporter = Reporter(stream)
    for state, text in (("waiting", "waiting for the workers of tls://a:1"), ("ready", "ready")):
        reporter(WorkerNews("", "", state, text, ""))
    assert stream.getvalue() == "waiting for the workers of tls://a:1\n"
