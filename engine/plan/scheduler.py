"""Run a plan: compute its missing records in order, several at once.

A plan is a list of specs. The specs that a spec requires are computed first, and records that the
study already holds are not computed again. So running a plan twice computes nothing the second
time, and a stopped run continues where it stopped. Every computation has its own random generators
and a fixed number of threads, so computations that run at the same time do not change its result.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from engine.devices.precision import TURNS, multiplication_of
from engine.jobs.context import Cache, Context
from engine.jobs.events import Ended, Event, Notice
from engine.networks.memory import give_back_memory, keep_freed_memory
from engine.plan.bundles import BUNDLED, most_together
from engine.plan.computations import COMPUTATIONS
from engine.plan.missing import missing, needed
from engine.plan.moving import QueueMove, moved
from engine.plan.outcomes import became
from engine.plan.priority import give_way
from engine.plan.queued import Job, Prepared, prepared_for
from engine.plan.room import Needs, Room, free_memory
from engine.plan.running import Runner
from engine.plan.slots import Slots, slots_on, stream_on
from engine.specs.schema import Spec
from engine.store.asked import Asked
from engine.store.checking import all_taken
from engine.store.study import Result, Study
from engine.store.unfinished import tidy_soon

__all__ = [
    "Job",
    "Prepared",
    "QueueMove",
    "Scheduler",
    "Slots",
    "compute",
    "missing",
    "moved",
    "slots_on",
]

TURN_SECONDS = 0.5
NEEDLESS = "only what cannot be written needs it"
LOST = "what is finished is in the study; start the program again, and the rest goes on"


def compute(spec: Spec, context: Context) -> Result:
    """Compute one spec without storing the result; the records of its parents must exist."""
    TURNS.settle()
    return COMPUTATIONS[spec.kind](spec, context)


class Scheduler:
    """Computes specs on worker threads and stores their records.

    Parameters
    ----------
    study
        The study from which parents are read and to which results are written.
    slots
        The device, and how many computations run on it at once.
    emit
        Called with every event, from any thread.
    computations
        Kind of spec -> function; replaced in tests.
    behind_window
        Whether a window is drawn meanwhile; the workers then run at a lower priority.
    cache
        Values shared with other schedulers; None: it has its own.

    Attributes
    ----------
    gone
        Why nothing more can be computed, as the device was lost; else "". What was asked for since
        tries again.
    """

    def __init__(
        self,
        study: Study,
        slots: Slots,
        emit: Callable[[Event], None],
        computations: Mapping[str, Callable[[Any, Context], Result]] = COMPUTATIONS,
        *,
        behind_window: bool = False,
        cache: Cache | None = None,
    ):
        self.study = study
        self.slots = slots
        self.cache = cache or Cache()
        self.memory_of: Callable[[Spec], int] = Needs(study).of
        self.asked = Asked(study.path)
        self.outcomes: Counter[str] = Counter()
        self.gone = ""
        self._emit = emit
        self._computations = computations
        self._behind_window = behind_window
        self._jobs: dict[str, Job] = {}
        self._new: list[Job] = []
        self._dependants: dict[str, list[str]] = {}
        self._running: dict[str, Job] = {}
        self._room = Room(None)
        self._runner = Runner(study, slots, emit, self.cache, computations, self._lose)
        self._changed = threading.Condition()
        self._stopping = False
        self._paused = False
        keep_freed_memory()
        self._workers = [
            threading.Thread(target=self._work, name=f"isthmus-{slot}", daemon=True)
            for slot in range(slots.count)
        ]
        for worker in self._workers:
            worker.start()

    # ------------------------------------------------------------------------------ from outside

    def add(self, specs: Iterable[Spec]) -> list[Spec]:
        """Queue the missing specs for these and return the queued ones, in order."""
        return self.add_prepared(self.prepare(specs))

    def prepare(
        self, specs: Iterable[Spec], check: Callable[[], None] = lambda: None
    ) -> list[Prepared]:
        """Do what takes long of :meth:`add`, on any thread: name what is missing, with parents."""
        return prepared_for(specs, self.study, check)

    def add_prepared(self, prepared: Iterable[Prepared]) -> list[Spec]:
        """Queue what :meth:`prepare` returned as far as it is still missing, and return that."""
        queued: list[Spec] = []
        self.gone = ""
        # Before the lock, which the window may wait for. Listing one that is queued does no harm.
        lacking = [one for one in prepared if not self.study.has(one.spec)]
        self.asked.add(one.line for one in lacking if one.spec.key not in self._jobs)
        with self._changed:
            for spec, parents, event, control, _, asked in lacking:
                if (job := self._jobs.get(spec.key)) is not None:
                    job.asked |= asked
                    continue
                needs = {key for key in parents if key in self._jobs}
                self._jobs[spec.key] = job = Job(spec, needs, control, asked)
                self._new.append(job)
                for key in needs:
                    self._dependants.setdefault(key, []).append(spec.key)
                self._emit(event)
                queued.append(spec)
            self._changed.notify_all()
        return queued

    def cancel(self, keys: str | Iterable[str] | None = None) -> None:
        """Cancel computations and their dependants; without keys, cancel all of them."""
        with self._changed:
            chosen = [keys] if isinstance(keys, str) else list(self._jobs if keys is None else keys)
            for key in chosen:
                job = self._jobs.get(key)
                if job is None:
                    continue
                job.control.cancel()
                if not job.running:
                    self._end(job, Ended(key, "cancelled"))
            self._changed.notify_all()

    def pause(self) -> None:
        """Suspend every running computation at its next batch and start no further ones."""
        with self._changed:
            self._paused = True
            for job in self._jobs.values():
                job.control.pause()

    def resume(self) -> None:
        """Continue the suspended computations and start waiting ones again."""
        with self._changed:
            self._paused = False
            for job in self._jobs.values():
                job.control.resume()
            self._changed.notify_all()

    def reorder(self, keys: Iterable[str], where: QueueMove) -> None:
        """Move waiting computations within the queue.

        "top" and "bottom" move them to that end, "up" and "down" by one place. With "top" and "up",
        the waiting computations that they need move along.
        """
        with self._changed:
            waiting = [key for key, job in self._jobs.items() if not job.running]
            chosen = set(keys) & set(waiting)
            if where in ("top", "up"):
                chosen |= self._needed_by(chosen)
            order = moved(waiting, chosen, where)
            running = {key: job for key, job in self._jobs.items() if job.running}
            self._jobs = running | {key: self._jobs[key] for key in order}

    def _needed_by(self, keys: set[str]) -> set[str]:
        found: set[str] = set()
        open_keys = list(keys)
        while open_keys:
            for key in self._jobs[open_keys.pop()].needs - found:
                if key in self._jobs and not self._jobs[key].running:
                    found.add(key)
                    open_keys.append(key)
        return found

    def waiting(self) -> list[tuple[str, frozenset[str]]]:
        """Return the waiting keys in order, each with the keys of the jobs that must end first."""
        with self._changed:
            jobs = self._jobs.items()
            return [(key, frozenset(job.needs)) for key, job in jobs if not job.running]

    @property
    def paused(self) -> bool:
        """Whether the scheduler is paused."""
        return self._paused

    @property
    def pending(self) -> list[Spec]:
        """The specs of all running and waiting computations."""
        with self._changed:
            return [job.spec for job in self._jobs.values()]

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits."""
        with self._changed:
            return bool(self._jobs)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no computation runs or waits; return False if the timeout passed first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._jobs, timeout)

    def begin_stop(self) -> None:
        """Cancel everything, and wait for nothing; :meth:`stop` is to follow."""
        with self._changed:
            self._stopping = True
        self.cancel()
        self.asked.close()

    def stop(self, timeout: float = 10.0) -> bool:
        """Cancel everything, wait for the workers, and return whether all ended in time."""
        self.begin_stop()
        deadline = time.monotonic() + timeout
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        tidy_soon(self.study, self.asked, max(0.0, deadline - time.monotonic()))
        return not any(worker.is_alive() for worker in self._workers)

    def _work(self) -> None:
        if self._behind_window:
            give_way()
        torch.set_num_threads(self.slots.threads)
        with stream_on(self.slots.device):
            while (jobs := self._next()) is not None:
                self._compute(jobs)
                if not self.busy:
                    give_back_memory()

    def _compute(self, jobs: list[Job]) -> None:
        """Compute what was started, and end it; on a worker's thread."""
        self._runner.run([(job.spec, job.control) for job in jobs], self._ended)

    def _lose(self, why: str) -> None:
        """Give up all that is queued, as every computation would fail; on a worker's thread."""
        if not self.gone:
            self.gone = why
            self._emit(Notice("", f"{why}: {LOST}"))
        self.cancel()

    def _ended(self, ended: Ended) -> None:
        """Take out a computation that was running."""
        with self._changed:
            job = self._jobs.get(ended.key)
            if job is not None:
                self._end(job, ended)
            self._changed.notify_all()

    def _next(self) -> list[Job] | None:
        """Wait for a computation that may start, and mark it as running; None: stop working.

        Those that are computed together with it are started too.
        """
        while True:
            with self._changed:
                job = self._first()
                while not self._stopping and (job is None or not self._starts(job)):
                    if self._new or (job is not None and job.memory is None):
                        break
                    # Whose turn it is may change in another scheduler, which does not notify this.
                    self._changed.wait(None if self._running or job is None else TURN_SECONDS)
                    job = self._first()
                if self._stopping:
                    return None
                if job is not None and job.running:
                    return [job, *self._companions(job)]
                new, self._new = self._new, []
            # Without the lock: a drive is asked, and the first time, a network is built.
            if new:
                self._look_at_places(new)
            elif job is not None:
                job.memory = self.memory_of(job.spec)

    def _look_at_places(self, new: list[Job]) -> None:
        """Refuse what could not be written, before anything is computed that only it needs."""
        refused = all_taken(self.study.path, ((job.spec.kind, job.spec.key) for job in new))
        with self._changed:
            for job in new:
                job.looked = True
                if job.spec.key in refused:
                    self._end(job, Ended(job.spec.key, "failed", 0.0, refused[job.spec.key]))
            if refused:
                wanted = (key for key, job in self._jobs.items() if job.asked or job.running)
                useful = needed({key: job.needs for key, job in self._jobs.items()}, wanted)
                for job in [job for key, job in self._jobs.items() if key not in useful]:
                    self._end(job, Ended(job.spec.key, "cancelled", 0.0, NEEDLESS))
            self._changed.notify_all()

    def _first(self) -> Job | None:
        """Return the first waiting computation that needs no other one. Needs the lock."""
        if self._paused:
            return None
        return next((job for job in self._jobs.values() if job.ready), None)

    def _companions(self, job: Job) -> list[Job]:
        """Start what is computed together with a computation that starts. Needs the lock."""
        room = most_together(job.spec, self.slots.width) - 1
        found: list[Job] = []
        if room < 1 or self._computations is not COMPUTATIONS:
            return found
        alike = BUNDLED[job.spec.kind].alike
        for other in self._jobs.values():
            if len(found) == room:
                break
            if not other.ready or other.spec.kind != job.spec.kind:
                continue
            if alike(job.spec, other.spec):
                other.memory = job.memory
                if not self._starts(other):
                    break
                found.append(other)
        return found

    def _starts(self, job: Job) -> bool:
        """Start a computation beside the others if memory and precision allow. Needs the lock.

        One that may not start is waited for, so that smaller ones cannot keep it back for ever.
        """
        if job.memory is None:
            return False
        if not self._running:
            self._room = Room(free_memory(self.slots.device))
        if not self._room.fits(job.memory) or not TURNS.begin(multiplication_of(job.spec)):
            return False
        self._room.take(job.spec.key, job.memory)
        self._running[job.spec.key] = job
        job.running = True
        return True

    def _end(self, job: Job, ended: Ended) -> None:
        """Remove a job, emit its end, and release or end its dependants. Needs the lock."""
        ending = [(job, ended)]
        while ending:
            job, ended = ending.pop()
            key = job.spec.key
            if self._jobs.get(key) is not job:
                continue
            del self._jobs[key]
            if self._running.pop(key, None) is not None:
                TURNS.end()
            self._room.give_back(key)
            self.outcomes[ended.outcome] += 1
            self._emit(ended)
            waiting = [
                self._jobs[name] for name in self._dependants.pop(key, ()) if name in self._jobs
            ]
            if ended.outcome == "finished":
                for other in waiting:
                    other.needs.discard(key)
                continue
            reason = f"it needs {job.spec.title!r}, which {became(ended)}"
            ending += [
                (other, Ended(other.spec.key, ended.outcome, 0.0, reason))
                for other in reversed(waiting)
            ]
