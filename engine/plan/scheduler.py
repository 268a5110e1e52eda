"""Run a plan: compute its missing records in order, several at once.

A plan is a list of specs. The specs that a spec requires are computed first, and records that the
study already holds are not computed again. So running a plan twice computes nothing the second
time, and a stopped run continues where it stopped. Every computation has its own random generators
and a fixed number of threads, so computations that run at the same time do not change its result.
"""

from __future__ import annotations

import platform
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from engine.cores import allotted_cores
from engine.jobs.context import Cache, Cancelled, Context, Control
from engine.jobs.events import Ended, Event, Queued, Started
from engine.memory import memory_advice
from engine.networks.memory import give_back_memory, keep_freed_memory
from engine.plan.computations import COMPUTATIONS
from engine.plan.priority import give_way
from engine.program import VERSION
from engine.specs.schema import Spec, SpecError
from engine.store.study import Result, Study

MAX_SIDE_BY_SIDE = 4

QueueMove = Literal["top", "up", "down", "bottom"]


@dataclass(frozen=True)
class Slots:
    """How many computations a device runs at once, and how many CPU threads each one gets.

    The number of threads depends only on the cores that the process may use, so that results do not
    depend on what else runs.
    """

    device: torch.device
    count: int
    threads: int


def slots_on(device: str) -> Slots:
    """Return the slots of "auto", "cpu" or "cuda"; raise :class:`SpecError` if not available."""
    if device not in ("auto", "cpu", "cuda"):
        raise SpecError(f"device is {device!r}, must be one of auto, cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise SpecError("device is 'cuda', but this machine has no CUDA device that torch can use")
    cores = allotted_cores().count
    count = min(cores, MAX_SIDE_BY_SIDE)
    kind = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    return Slots(torch.device(kind), count, max(1, cores // count))


def stream_on(device: torch.device) -> AbstractContextManager[object]:
    """Return a context manager that gives a thread a CUDA stream of its own; on a CPU, a null one.

    On the default stream, the GPU would run the work of all threads one after the other. Tensors
    that threads share are complete before a second thread gets them
    (:meth:`~engine.jobs.context.Context.shared`).
    """
    if device.type != "cuda":
        return nullcontext()
    return torch.cuda.stream(torch.cuda.Stream(device))  # type: ignore[no-untyped-call]


def missing(specs: Iterable[Spec], study: Study) -> list[Spec]:
    """Return the specs to compute for these, parents before children, without duplicates."""
    order: dict[str, Spec] = {}
    visited: set[str] = set()

    def visit(spec: Spec) -> None:
        if spec.key in visited or study.has(spec):
            return
        visited.add(spec.key)
        for parent in spec.requires():
            visit(parent)
        order[spec.key] = spec

    for spec in specs:
        visit(spec)
    return list(order.values())


def compute(spec: Spec, context: Context) -> Result:
    """Compute one spec without storing the result; the records of its parents must exist."""
    return COMPUTATIONS[spec.kind](spec, context)


def provenance(slots: Slots) -> dict[str, Any]:
    """Return with what a record is computed: versions, device, threads, and kind of processor.

    On another kind of processor, or with another number of threads, floating-point sums differ in
    their last bits.
    """
    cores = allotted_cores()
    name = torch.cuda.get_device_name() if slots.device.type == "cuda" else platform.processor()
    return {
        "isthmus": VERSION,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "platform": platform.platform(),
        "device": slots.device.type,
        "device_name": name or platform.machine(),
        "cpu": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": slots.threads,
        "cores": cores.count,
        "cores_set_by": cores.source,
    }


@dataclass
class _Job:
    spec: Spec
    needs: set[str]
    control: Control = field(default_factory=Control)
    running: bool = False


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
    """

    def __init__(
        self,
        study: Study,
        slots: Slots,
        emit: Callable[[Event], None],
        computations: Mapping[str, Callable[[Any, Context], Result]] = COMPUTATIONS,
        *,
        behind_window: bool = False,
    ):
        self.study = study
        self.slots = slots
        self.cache = Cache()
        self.outcomes: Counter[str] = Counter()
        self._emit = emit
        self._computations = computations
        self._behind_window = behind_window
        self._jobs: dict[str, _Job] = {}
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
        with self._changed:
            queued = [spec for spec in missing(specs, self.study) if spec.key not in self._jobs]
            waiting = {spec.key for spec in queued} | set(self._jobs)
            for spec in queued:
                needs = {parent.key for parent in spec.requires()} & waiting
                self._jobs[spec.key] = _Job(spec, needs)
                self._emit(Queued(spec.key, spec.kind, spec.title))
            self._changed.notify_all()
        return queued

    def cancel(self, key: str | None = None) -> None:
        """Cancel one computation and its dependants; without a key, cancel all of them."""
        with self._changed:
            for job in [job for k, job in self._jobs.items() if key is None or k == key]:
                job.control.cancel()
                if not job.running:
                    self._end(job, Ended(job.spec.key, "cancelled"))
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

    def move(self, key: str, position: int) -> None:
        """Move a waiting computation to another position in the queue."""
        with self._changed:
            keys = [k for k in self._jobs if k != key]
            if key in self._jobs:
                keys.insert(max(0, position), key)
                self._jobs = {k: self._jobs[k] for k in keys}

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

    def stop(self, timeout: float = 10.0) -> bool:
        """Cancel everything, wait for the workers, and return whether all ended in time."""
        with self._changed:
            self._stopping = True
        self.cancel()
        deadline = time.monotonic() + timeout
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        return not any(worker.is_alive() for worker in self._workers)

    # --------------------------------------------------------------------------------- on workers

    def _work(self) -> None:
        if self._behind_window:
            give_way()
        torch.set_num_threads(self.slots.threads)
        with stream_on(self.slots.device):
            while (job := self._next()) is not None:
                ended = self._run(job)
                with self._changed:
                    self._end(job, ended)
                    self._changed.notify_all()
                if not self.busy:
                    give_back_memory()

    def _next(self) -> _Job | None:
        with self._changed:
            while not self._stopping:
                ready = (job for job in self._jobs.values() if not job.running and not job.needs)
                job = None if self._paused else next(ready, None)
                if job is not None:
                    job.running = True
                    return job
                self._changed.wait()
            return None

    def _run(self, job: _Job) -> Ended:
        spec, start = job.spec, time.monotonic()
        self._emit(Started(spec.key, spec.kind, spec.title))
        context = Context(spec, self.study, self.slots.device, self._emit, job.control, self.cache)
        try:
            if self.study.take_up(spec):  # another process has written this record meanwhile
                return Ended(spec.key, "finished", time.monotonic() - start)
            result = self._computations[spec.kind](spec, context)
            seconds = time.monotonic() - start
            self.study.write(spec, result, seconds=seconds, provenance=provenance(self.slots))
        except Cancelled:
            return Ended(spec.key, "cancelled", time.monotonic() - start)
        except BaseException as error:  # if this ended the worker, its job would stay "running"
            message, details = _explain(error), traceback.format_exc()
            return Ended(spec.key, "failed", time.monotonic() - start, message, details)
        return Ended(spec.key, "finished", seconds)

    def _end(self, job: _Job, ended: Ended) -> None:
        """Remove a job, emit its end, and release or end its dependants. Needs the lock."""
        if self._jobs.pop(job.spec.key, None) is None:
            return
        self.outcomes[ended.outcome] += 1
        self._emit(ended)
        for other in list(self._jobs.values()):
            if job.spec.key not in other.needs:
                continue
            if ended.outcome == "finished":
                other.needs.discard(job.spec.key)
            else:
                reason = f"it needs {job.spec.title!r}, which {_became(ended)}"
                self._end(other, Ended(other.spec.key, ended.outcome, 0.0, reason))


def moved(order: Sequence[str], chosen: Collection[str], where: QueueMove) -> list[str]:
    """Return the order after moving the chosen keys; these keep their relative order."""
    first = [key for key in order if key in chosen]
    others = [key for key in order if key not in chosen]
    if where == "top":
        return first + others
    if where == "bottom":
        return others + first
    found = list(order) if where == "up" else list(order)[::-1]
    for place in range(1, len(found)):
        if found[place] in chosen and found[place - 1] not in chosen:
            found[place - 1], found[place] = found[place], found[place - 1]
    return found if where == "up" else found[::-1]


def _became(ended: Ended) -> str:
    return "was cancelled" if ended.outcome == "cancelled" else "failed"


def _explain(error: BaseException) -> str:
    if isinstance(error, torch.OutOfMemoryError):
        return f"the device is out of memory{memory_advice(error)}"
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return f"the computer is out of memory{memory_advice(error)}"
    if isinstance(error, ValueError):
        return str(error)
    return f"{type(error).__name__}: {error}"
