"""Estimates of the time that computations and the whole queue still need.

:mod:`engine.plan.cost` gives the work of a computation and its rate. A running computation is
estimated from its own rate once it has one, a waiting one from the most similar computations that
finished or are running. The time of the queue follows from simulating it with its order, slots and
dependencies. The time left of an overdue computation never reaches 0: a share of the time spent is
its lower limit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from typing import Any

from engine.plan.cost import Rates, Work, finish, work_of
from engine.specs import ImagesSpec
from engine.specs.schema import Spec
from gui.queue.job import MEASURED_SECONDS, Job

EPOCHS = "epochs"  # the phase whose progress the cost model understands
LATE = 0.1  # lower limit of the time left, as a share of the time spent
PRIOR_SECONDS = 2.0  # an expected rate weighs as much as one measured over this time
MANY = 200  # longer queues are simulated only once a second: thousands of jobs take about 40 ms
MOST_SHARE = 0.05  # of the time may be spent on simulating
# Give no estimate if more than this share of the waiting jobs has no known rate.
UNKNOWN_SHARE = 0.1

Waiting = list[tuple[str, frozenset[str]]]
Told = Callable[[float | None], None]
Aside = Callable[[Callable[[], float | None], Told], object]


class Outlook:
    """Estimates how long computations still take.

    Parameters
    ----------
    spec_of
        Returns the spec of a key, or None if unknown; only the kind is used then.
    size
        See :func:`engine.plan.cost.work_of`.
    waiting
        Returns the queue: keys in order, each with the keys it waits for. If empty, jobs are taken
        in the order in which they were queued.
    slots
        Returns how many computations run at once; 0 for as many as are running now.
    earlier
        Returns the rates found in the study's records.
    prepared
        Returns the work of a computation if it was counted before, which saves counting thousands
        here, on the thread of the window.
    aside
        Calls a function on another thread, and then another one with its result. Long queues are
        simulated so; without it here, on the thread of the window.
    """

    def __init__(
        self,
        spec_of: Callable[[str], Spec | None] = lambda key: None,
        *,
        size: Callable[[ImagesSpec], tuple[int, int] | None] = lambda images: None,
        waiting: Callable[[], Waiting] = list,
        slots: Callable[[], int] = int,
        earlier: Callable[[], Rates | None] = lambda: None,
        prepared: Callable[[str], Work | None] = lambda key: None,
        aside: Aside | None = None,
    ):
        self._spec_of, self._size = spec_of, size
        self._waiting, self._slots, self._earlier = waiting, slots, earlier
        self._prepared, self._aside = prepared, aside
        self.forget()

    def forget(self) -> None:
        """Discard all rates and estimates, because another study was opened."""
        self.rates = Rates()
        self._works: dict[str, Work] = {}
        self._told: tuple[float, float | None] = (-math.inf, None)
        self._playing = 0  # requests made so far; an answer to an older one is ignored
        self._due = -math.inf

    def begin(self) -> None:
        """Forget the queue before, and update the rates from the study's records."""
        self._told, self._due = (-math.inf, None), -math.inf
        self._playing += 1
        self.rates.earlier = self._earlier()

    def work(self, job: Job) -> Work:
        """Return the work of a computation."""
        if job.key not in self._works and (prepared := self._prepared(job.key)) is not None:
            self._works[job.key] = prepared
        if job.key not in self._works:
            spec = self._spec_of(job.key)
            known = work_of(spec, self._size) if spec is not None else Work(((job.kind,),))
            self._works[job.key] = known
        return self._works[job.key]

    def learn(self, job: Job) -> None:
        """Add the rate of a computation that has just finished."""
        work, since = self.work(job), job.started
        passes = work.passes
        if work.epochs and job.what == EPOCHS:
            # Count the epochs only: not the reading of images, nor what was done before a resume.
            since, passes = job.phase_started, passes - work.done_at(job.phase_done)
        self.rates.learn(work, job.ended - since, passes)

    def left_of(self, job: Job, now: float) -> float | None:
        """Return how many more seconds a running computation takes, or None."""
        if job.state != "running":
            return None
        work = self.work(job)
        if work.epochs and job.what == EPOCHS:
            return self._left_of_epochs(job, work, now)
        phase, expected = job.left(now), self.rates.seconds(work)
        if expected is None:
            return phase
        spent = now - job.started
        return max(expected - spent, phase or 0.0, LATE * spent)

    def left(self, batch: Collection[Job], now: float) -> float | None:
        """Return in how many seconds a queue will be empty, or None."""
        many = len(batch) > MANY
        if not many or now >= self._due:  # thousands are not even looked at in between
            jobs = {job.key: job for job in batch if job.active}
            if many:
                self._play_aside(jobs, now)
            else:
                self._told = now, self._played(jobs, now)
        at, left = self._told
        return None if left is None else max(left - (now - at), 0.0)

    def _play_aside(self, jobs: dict[str, Job], now: float) -> None:
        """Simulate a long queue on another thread, one at a time and for a small share of it."""
        self._playing, self._due = self._playing + 1, math.inf
        number, begun = self._playing, time.monotonic()

        def told(left: float | None) -> None:
            if number == self._playing:
                self._told = now, left
                self._due = now + max(1.0, (time.monotonic() - begun) / MOST_SHARE)

        if self._aside is None:
            told(self._played(jobs, now))
        else:
            self._aside(lambda: self._played(jobs, now), told)

    # ------------------------------------------------------------------------------------ private

    def _played(self, jobs: dict[str, Job], now: float) -> float | None:
        """Simulate the queue and return how many seconds it takes, or None."""
        running = {key: job for key, job in jobs.items() if job.state == "running"}
        lefts = {key: self.left_of(job, now) for key, job in running.items()}
        ahead = self._ahead([job for job in jobs.values() if job.key not in running], running)
        if ahead is None:
            return None
        known = {key: left for key, left in lefts.items() if left is not None}
        if len(known) < len(running):
            return None
        return finish(known, ahead, self._slots() or max(1, len(running)))

    def _measured(self, job: Job, work: Work) -> tuple[float, float] | None:
        """Return seconds and passes of the epochs so far; None while there are too few."""
        spent = job.progressed - job.phase_started
        passes = work.done_at(job.done) - work.done_at(job.phase_done)
        return (spent, passes) if spent >= MEASURED_SECONDS and passes > 0 else None

    def _left_of_epochs(self, job: Job, work: Work, now: float) -> float | None:
        prior, measured = self.rates.of(work), self._measured(job, work)
        if measured is None and prior is None:
            return None
        since = now - job.progressed
        left = (work.passes - work.done_at(job.done)) * _blended(measured, prior)
        return max(left - since, LATE * since)

    def _ahead(
        self, waiting: list[Job], running: dict[str, Job]
    ) -> list[tuple[str, float, frozenset[str]]] | None:
        """Return the waiting computations in order, with seconds and dependencies, or None."""
        rates = self.rates.copy()
        for job in running.values():
            work = self.work(job)
            measured = self._measured(job, work) if work.epochs and job.what == EPOCHS else None
            if measured is not None:
                rates.learn(work, *measured)
        seconds = {job.key: rates.seconds(self.work(job)) for job in waiting}
        known = [value for value in seconds.values() if value is not None]
        if len(seconds) - len(known) > UNKNOWN_SHARE * len(seconds):
            return None
        usual = sum(known) / len(known) if known else 0.0
        needs = dict(self._waiting())
        order = [key for key in needs if key in seconds] + [k for k in seconds if k not in needs]
        found: list[tuple[str, float, frozenset[str]]] = []
        for key in order:
            value: Any = seconds[key]
            found.append((key, usual if value is None else value, needs.get(key, frozenset())))
        return found


def _blended(measured: tuple[float, float] | None, prior: float | None) -> float:
    """Return seconds per pass: the weighted geometric mean of measured and expected."""
    if measured is None:
        return prior or 0.0
    spent, passes = measured
    if prior is None:
        return spent / passes
    weight = spent / (spent + PRIOR_SECONDS)
    return math.exp(weight * math.log(spent / passes) + (1 - weight) * math.log(prior))
