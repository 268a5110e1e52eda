"""A scheduler whose computations run on workers of dask, a bundle at a time.

Queue, pause, cancelling and the ends are those of :class:`engine.plan.scheduler.Scheduler`. Each of
its threads hands a bundle to the workers, and follows it.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Any

from engine.jobs.events import Ended, Event, Started
from engine.plan.scheduler import Job, Prepared, Scheduler
from engine.plan.sharing.bundles import Planned, bundles_within
from engine.plan.sharing.cluster import GONE, SchedulerGone, Workers
from engine.plan.sharing.crew import Box, Crew
from engine.plan.sharing.on_worker import Answer, Order, Slot
from engine.plan.slots import Slots
from engine.plugins import loaded
from engine.specs.schema import Spec
from engine.specs.variants import origins_in
from engine.store.study import Study

FOLLOW = 0.2  # seconds between two looks at what is cancelled and paused
CANCEL_SECONDS = 5.0  # for a worker to end what is cancelled


class LedScheduler(Scheduler):
    """Computes specs on workers of dask.

    Parameters
    ----------
    study
        All workers must reach it under the same path.
    slots
        How this process computes, which is for previews.
    emit
        Called with every event, from any thread.
    workers, asked
        Which workers, and how they compute.
    shown
        Whether somebody looks at pictures of what they compute.

    Attributes
    ----------
    gone
        Why the last run ended before its end, as the scheduler of dask went away; else "".
    """

    def __init__(
        self,
        study: Study,
        slots: Slots,
        emit: Callable[[Event], None],
        workers: Workers,
        asked: Slot,
        *,
        shown: bool = False,
    ):
        self.crew = Crew(workers, asked, emit, self._widen)
        self.crew.shown = shown
        self._bundles: dict[str, int] = {}
        self._members: dict[int, list[str]] = {}
        self._numbers = itertools.count()
        self._unseen: dict[str, Spec] = {}
        self._hands = max(1, workers.count)
        super().__init__(study, replace(slots, count=self._hands, width=1), emit)
        self.memory_of = lambda spec: 0  # the workers bound their own

    @property
    def devices(self) -> list[str]:
        """What each worker that is there computes on."""
        return self.crew.devices

    def connect(self) -> int:
        """Reach the workers, and return their number; raise SchedulerGone if that fails."""
        self.crew.connect()
        return len(self.crew.addresses)

    def add_prepared(self, prepared: Iterable[Prepared]) -> list[Spec]:
        """Queue what :meth:`prepare` returned, in bundles for the workers that are there."""
        found = list(prepared)
        planned = [Planned(one.spec, one.parents) for one in found]
        with self._changed:
            for keys in bundles_within(planned, self._hands):
                number = next(self._numbers)
                self._members[number] = keys
                self._bundles.update(dict.fromkeys(keys, number))
        return super().add_prepared(found)

    def begin_stop(self) -> None:
        """Cancel everything; do not wait for workers that are still starting."""
        super().begin_stop()
        self.crew.give_up()

    def stop(self, timeout: float = 10.0) -> bool:
        """Cancel everything, wait for that and for the workers' end; return whether in time."""
        end = time.monotonic() + timeout
        ended = super().stop(timeout)
        self.crew.close(max(0.0, end - time.monotonic()))
        return ended

    # ------------------------------------------------------------------------------ on the threads

    def _widen(self, count: int) -> None:
        """Have a thread for every bundle that the workers can compute at once."""
        with self._changed:
            self._hands = max(1, count)
            self.slots = replace(self.slots, count=self._hands * (self.crew.slot.jobs or 1))
            while len(self._workers) < count and not self._stopping:
                name = f"isthmus-{len(self._workers)}"
                thread = threading.Thread(target=self._work, name=name, daemon=True)
                self._workers.append(thread)
                thread.start()

    def _work(self) -> None:
        while (jobs := self._next()) is not None:
            self._compute(jobs)

    def _starts(self, job: Job) -> bool:
        """Start a computation: memory and precision are the workers' own. Needs the lock."""
        job.running = True
        return True

    def _companions(self, job: Job) -> list[Job]:
        """Start what of a bundle can begin with a computation that starts. Needs the lock."""
        found = []
        for key in self._members.get(self._bundles.get(job.spec.key, -1), ()):
            other = self._jobs.get(key)
            if other is not None and other.ready and self._starts(other):
                found.append(other)
        return found

    def unseen(self) -> list[Spec]:
        """Return what workers have computed and the study's folder does not show here yet."""
        for key, spec in list(self._unseen.items()):
            if self.study.take_up(spec):
                del self._unseen[key]
        return list(self._unseen.values())

    def _ended(self, ended: Ended) -> None:
        with self._changed:
            job = self._jobs.get(ended.key)
        if job is not None and ended.outcome == "finished" and not self.study.take_up(job.spec):
            self._unseen[ended.key] = job.spec  # a network drive shows it later
        super()._ended(ended)

    def _compute(self, jobs: list[Job]) -> None:
        bundle = _Bundle(self.crew, self.study, jobs, self._emit, self._ended)
        try:
            self.crew.connect()
            bundle.run()
        except SchedulerGone as gone:
            self.gone = str(gone)
            bundle.end_all("cancelled", str(gone))
            self.cancel()
        except BaseException as error:  # if this ended the thread, its jobs would stay "running"
            bundle.end_all("failed", f"{type(error).__name__}: {error}")


class _Bundle:
    """One bundle on its way: handed out, followed, and handed out again if need be."""

    def __init__(
        self,
        crew: Crew,
        study: Study,
        jobs: list[Job],
        emit: Callable[[Event], None],
        ended: Callable[[Ended], None],
    ):
        self._crew, self._study, self._emit, self._tell = crew, study, emit, ended
        self._open = {job.spec.key: job for job in jobs}
        self._begun: set[str] = set()
        self._steered: tuple[set[str], bool] = set(), False
        self._cancelled_at = math.inf

    def run(self) -> None:
        """Follow the bundle until all of it has ended."""
        while self._open:
            order = self._order()
            box: Box = SimpleQueue()
            future, among = self._crew.hand_out(order, box)
            try:
                self._follow(order, box, future, among)
                if future.done():
                    self._take_answer(order, future)
            finally:
                self._crew.is_over(order, future)

    def end_all(self, outcome: Any, message: str) -> None:
        """End what is left of the bundle."""
        for key in list(self._open):
            self._end(Ended(key, outcome, 0.0, message))

    def _order(self) -> Order:
        specs = [job.spec for job in self._open.values()]
        needed = {origin.digest for spec in specs for origin in origins_in(spec)}
        files = {plugin.origin.digest: str(plugin.path) for plugin in loaded()}
        return Order(
            uuid.uuid4().hex,
            str(self._study.path.absolute()),
            [spec.as_dict() for spec in specs],
            self._crew.slot,
            [(files[digest], digest) for digest in sorted(needed)],
            self._crew.run,
            self._crew.pictures,
        )

    def _follow(self, order: Order, box: Box, future: Any, among: set[str]) -> None:
        """Pass on what happens until the order has ended, or nobody can compute it any more."""
        self._steered = set(), False
        while self._open and not future.done():
            try:
                event = box.get(timeout=FOLLOW)
            except Empty:
                event = None
            if event is not None:
                self._take(event)
            self._crew.check()
            self._steer(order)
            if among and not among & self._crew.addresses:
                return  # those that had not refused it are gone
        while not box.empty():
            if (event := box.get()) is not None:
                self._take(event)

    def _take(self, event: Event) -> None:
        job = self._open.get(event.key)
        if job is None:
            return
        if isinstance(event, Started):
            if event.key in self._begun:  # another worker took it up, which was told nothing
                self._steered = set(), False
            self._begun.add(event.key)
        if not isinstance(event, Ended):
            self._emit(event)
        elif event.outcome != "cancelled" or job.control.cancelled:
            self._end(event)

    def _steer(self, order: Order) -> None:
        """Hand on what is cancelled or paused here; end what nobody ends in time."""
        asked = {key for key, job in self._open.items() if job.control.cancelled}
        rest = [job for key, job in self._open.items() if key not in asked]
        paused = any(job.control.paused for job in rest)
        now = time.monotonic()
        if not rest and math.isinf(self._cancelled_at):
            self._cancelled_at = now
        before, was_paused = self._steered
        if asked - before or paused != was_paused:
            self._steered = asked, paused
            self._crew.steer(order, sorted(asked - before), paused)
        if not rest and (not self._begun or now - self._cancelled_at > CANCEL_SECONDS):
            self.end_all("cancelled", "")

    def _take_answer(self, order: Order, future: Any) -> None:
        """End what has not been heard to end."""
        if future.status in ("cancelled", "lost"):  # nobody but a lost connection does that
            self._crew.check()
            raise SchedulerGone(GONE)
        try:
            answer: Answer = future.result()
        except Exception as error:  # of the worker: killed too often, or a study it cannot reach
            self.end_all("failed", f"{type(error).__name__}: {error}")
            return
        if answer.refused:
            sentence = self._crew.refuse(
                answer.worker, order, answer.refused, wholly=answer.useless
            )
            if not self._crew.is_left(order):
                self.end_all("failed", sentence)
            return
        for key in list(self._open):
            if key in answer.failed:
                self._end(Ended(key, "failed", 0.0, answer.failed[key]))
            elif key in answer.cancelled:
                self._end(Ended(key, "cancelled"))
            else:
                self._end(Ended(key, "finished"))

    def _end(self, ended: Ended) -> None:
        job = self._open.pop(ended.key, None)
        if job is None:
            return
        self._tell(ended)
