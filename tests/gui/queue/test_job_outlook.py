"""The time left is promised from work and rates, and never stands still at nothing."""

import itertools

import pytest

from engine.jobs.events import Ended, Progress, Queued, Started
from engine.plan.cost import Rates, work_of
from engine.specs import PGD, Adversarial, Glyphs, SmallCNN, Training
from gui.queue import job_outlook
from gui.queue.job import Stopwatch
from gui.queue.job_model import LEFT, JobModel
from gui.queue.job_outlook import LATE, MANY, PRIOR_SECONDS, Outlook


def training(**changes):
    values = {"images": Glyphs(), "network": SmallCNN(), "epochs": 6, **changes}
    return Training(**values)


STANDARD = training()
ROBUST = training(scheme=Adversarial(attack=PGD(steps=7)))
RATE = 1e-4


class World:
    """A list of trainings in a time of its own."""

    def __init__(self, *specs, slots=1, needs=None, earlier=None):
        self.seconds = 1000.0
        self.specs = {spec.key: spec for spec in specs}
        self.needs = needs or {}
        self.outlook = Outlook(
            self.specs.get,
            waiting=lambda: [(key, self.needs.get(key, frozenset())) for key in self.specs],
            slots=lambda: slots,
            earlier=lambda: earlier,
        )
        self.model = JobModel(stopwatch=Stopwatch(lambda: self.seconds), outlook=self.outlook)
        for spec in specs:
            self.model.take(Queued(spec.key, spec.kind, spec.title))
        self.model.flush()

    def start(self, spec):
        self.model.take(Started(spec.key, spec.kind, spec.title))
        self.progress(spec, 0.0)

    def progress(self, spec, epochs):
        self.model.take(Progress(spec.key, epochs, spec.epochs, "epochs"))

    def work(self, spec, until, rate=RATE):
        """Let a training go on to a fractional epoch at a rate."""
        job, work = self.model.job(spec.key), work_of(spec)
        self.seconds += (work.done_at(until) - work.done_at(job.done)) * rate
        self.progress(spec, until)

    def finish(self, spec, rate=RATE):
        job, work = self.model.job(spec.key), work_of(spec)
        self.seconds += (work.passes - work.done_at(job.done)) * rate
        self.model.take(Ended(spec.key, "finished", 1.0))

    def whole(self, spec, rate=RATE):
        self.start(spec)
        self.finish(spec, rate)

    @property
    def left(self):
        return self.model.summary().left


def seconds(spec, rate=RATE):
    return work_of(spec).passes * rate


def test_that_an_adversarial_training_is_not_promised_the_time_of_a_standard_one():
    world = World(STANDARD, ROBUST)
    world.whole(STANDARD)
    assert world.left == pytest.approx(seconds(ROBUST))
    assert seconds(ROBUST) > 2 * seconds(STANDARD)


def test_that_the_promise_follows_the_true_time_through_a_whole_training():
    world = World(ROBUST)
    world.start(ROBUST)
    work = work_of(ROBUST)
    for tenth in range(10, 60):
        world.work(ROBUST, tenth / 10)
        true = (work.passes - work.done_at(tenth / 10)) * RATE
        assert world.left == pytest.approx(true, rel=1e-6)


def test_that_the_evaluation_at_the_end_is_promised_too():
    world = World(ROBUST)
    world.start(ROBUST)
    world.work(ROBUST, ROBUST.epochs)
    work = work_of(ROBUST)
    assert world.left == pytest.approx((work.between + work.after) * RATE)
    world.seconds += 0.5
    assert world.left == pytest.approx((work.between + work.after) * RATE - 0.5)


def test_that_what_is_late_is_promised_more_the_later_it_is():
    world = World(ROBUST)
    world.start(ROBUST)
    world.work(ROBUST, ROBUST.epochs)
    promised = []
    for _ in range(3):
        world.seconds += 100
        promised.append(world.left)
    assert promised == pytest.approx([100 * LATE, 200 * LATE, 300 * LATE])


def test_that_late_ones_without_progress_are_promised_more_too():
    world = World(STANDARD, training(seed=1))
    world.whole(STANDARD)
    world.model.take(Started(training(seed=1).key, "training", "b"))
    world.seconds += 50 * seconds(STANDARD)
    assert world.left == pytest.approx(50 * seconds(STANDARD) * LATE)


def test_that_waiting_ones_take_the_rate_of_the_one_that_runs():
    world = World(STANDARD, ROBUST)
    world.start(STANDARD)
    world.work(STANDARD, 3.0)
    work = work_of(STANDARD)
    own = (work.passes - work.done_at(3.0)) * RATE
    assert world.left == pytest.approx(own + seconds(ROBUST))


def test_that_a_few_measured_seconds_outweigh_what_older_records_say():
    earlier = Rates()
    earlier.learn(work_of(ROBUST), seconds(ROBUST) / 10)
    world = World(ROBUST, earlier=earlier)
    world.start(ROBUST)
    assert world.left == pytest.approx(seconds(ROBUST) / 10)
    world.work(ROBUST, 2.0)
    true = (work_of(ROBUST).passes - work_of(ROBUST).done_at(2.0)) * RATE
    spent = work_of(ROBUST).done_at(2.0) * RATE
    assert 0.3 * true < world.left < true
    assert spent > PRIOR_SECONDS


def test_that_two_at_once_and_what_waits_for_another_are_told_apart():
    first, second = training(seed=1), training(seed=2)
    third = first.continued(6)
    world = World(
        STANDARD, first, second, third, slots=2, needs={third.key: frozenset([first.key])}
    )
    world.whole(STANDARD)
    one = seconds(STANDARD)
    assert world.left == pytest.approx(2 * one)
    world.needs[second.key] = frozenset([third.key])
    assert world.left == pytest.approx(3 * one)


def test_that_a_resumed_training_teaches_its_true_rate():
    world = World(STANDARD, training(seed=1))
    world.model.take(Started(STANDARD.key, "training", "a"))
    world.progress(STANDARD, 5.0)
    world.finish(STANDARD)
    assert world.left == pytest.approx(seconds(STANDARD), rel=0.01)


def test_that_a_row_says_the_same_as_the_model():
    world = World(ROBUST)
    world.start(ROBUST)
    world.work(ROBUST, 3.0)
    world.model.flush()
    left = world.outlook.left_of(world.model.job(ROBUST.key), world.seconds)
    assert left == pytest.approx(world.left)
    assert world.model.index(0, LEFT).data() != ""


def test_that_a_queue_of_hundreds_is_played_through_once_a_second():
    asked = []
    many = [training(seed=seed) for seed in range(MANY + 5)]
    world = World(*many)
    world.outlook._waiting = lambda: asked.append(1) or []
    world.whole(many[0])
    one, rest = seconds(STANDARD), MANY + 4
    assert world.left == pytest.approx(rest * one)
    world.seconds += 0.4
    assert world.left == pytest.approx(rest * one - 0.4)
    assert len(asked) == 1
    world.seconds += 0.7
    assert world.left == pytest.approx(rest * one)
    assert len(asked) == 2


def test_that_a_queue_after_a_cancelled_long_one_is_not_promised_to_be_over(monkeypatch):
    ticks = itertools.count(step=3.0)  # each simulation takes 3 s, so the next one is due in 60
    monkeypatch.setattr(job_outlook.time, "monotonic", lambda: next(ticks))
    many = [training(seed=seed) for seed in range(MANY + 5)]
    world = World(*many)
    world.outlook._aside = lambda work, told: told(work())
    world.whole(many[0])
    assert world.left > 0
    for spec in many[1:]:
        world.model.take(Ended(spec.key, "cancelled", 0.0))
    world.seconds += 2.0
    assert world.left == 0
    for spec in many:
        world.model.take(Queued(spec.key, spec.kind, spec.title))
    assert world.left == pytest.approx(len(many) * seconds(STANDARD))


def test_that_another_study_knows_nothing_of_the_last():
    world = World(STANDARD, ROBUST)
    world.whole(STANDARD)
    world.outlook.forget()
    assert world.left is None
