"""Run a plan on workers of dask.distributed: one task a bundle. Needs the extra ``cluster``.

The protocol of dask carries pickles, so whoever can speak to a scheduler or worker can run code
there. Only addresses of this machine and encrypted ones (TLS with certificates) are accepted. What
is sent is the path of the study and the JSON of specs; results go through the study, as with
shards.
"""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.jobs.events import Ended, Event, Notice, Progress, Started
from engine.plan.sharing.bundles import Planned, Shard, bundles_within, everything
from engine.plan.sharing.share import Share
from engine.plan.sharing.shared_run import SharedRun
from engine.plan.slots import slots_on
from engine.specs.schema import Spec, SpecError, from_dict
from engine.store.presence import LEASE, Presence
from engine.store.study import Study

TOPIC = "isthmus"
GONE = (
    "the scheduler went away; what was finished is in the study, and the same command goes on once "
    "there is one"
)
POLL = 0.5  # seconds
PROGRESS_SECONDS = 1.0
SILENT = 10.0  # seconds without an answer of the scheduler, after which it is gone
MOST_WORKERS = 256
QUIET = 50  # level of logging, of what dask logs; what matters is said in sentences
RELAYED: dict[str, Any] = {kind.__name__: kind for kind in (Started, Progress, Notice, Ended)}
INSTALL = "is not installed; the extra cluster has it: uv sync --extra cluster"


class SchedulerGone(ValueError):
    """The scheduler does not answer any more; the message is one sentence."""


@dataclass(frozen=True)
class Slot:
    """How a worker computes: see :func:`engine.plan.slots.slots_on`."""

    device: str = "auto"
    jobs: int | None = None
    threads: int | None = None


@dataclass
class Task:
    """A bundle whose computations do not need each other, and the keys that it needs."""

    keys: list[str]
    needs: set[str]


@dataclass
class Ends:
    """How the computations of a plan ended: the failed ones with their reasons."""

    finished: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)


def distributed() -> Any:
    """Return the module, imported when it is needed; raise :class:`SpecError` without it."""
    try:
        import distributed as found
    except ImportError as error:
        raise SpecError(f"dask.distributed {INSTALL}") from error
    return found


def checked_address(text: str) -> str:
    """Return the address of a scheduler; refuse one that others could listen to or speak to.

    Raises
    ------
    SpecError
        If it is neither of this machine nor encrypted.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or port is None or parts.scheme not in ("tcp", "tls") or parts.path:
        raise SpecError(
            f"--scheduler is {text!r}, must be an address such as tcp://127.0.0.1:8786 or "
            "tls://host:8786"
        )
    if parts.scheme == "tls" or _is_loopback(host):
        return text
    raise SpecError(
        f"--scheduler is {text!r}: dask sends pickles, by which anybody on the network could run "
        f"code; must be tls://{host}:{port} with certificates, or an address of this machine"
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name, which may lead anywhere
        return False


def start_workers(count: int, devices: Sequence[str], scratch: Path) -> Any:
    """Start a scheduler and workers on this machine, which only this machine can reach.

    Parameters
    ----------
    count
        Number of workers.
    scratch
        A folder for dask's temporary files.
    devices
        Values of CUDA_VISIBLE_DEVICES, given to the workers in turn; none: it is left as it is.
    """
    dask = distributed()
    loopback = {"host": "127.0.0.1", "dashboard_address": None, "dashboard": False}
    workers = {
        number: {
            "cls": dask.Nanny,
            "options": {
                "host": "127.0.0.1",
                "nthreads": 1,
                "dashboard": False,
                "memory_limit": 0,  # the program bounds its own memory, by what is free
                "local_directory": str(scratch),
                "silence_logs": QUIET,
                # Loading torch in the first task would keep the worker from answering meanwhile.
                "preload": [__name__],
                "env": _environment(number, devices),
            },
        }
        for number in range(count)
    }
    scheduler = {"cls": dask.Scheduler, "options": {**loopback, "port": 0}}
    return dask.SpecCluster(workers=workers, scheduler=scheduler, silence_logs=QUIET)


def _environment(number: int, devices: Sequence[str]) -> dict[str, str]:
    quiet = {"DASK_LOGGING__DISTRIBUTED": "critical"}
    pin = {"CUDA_VISIBLE_DEVICES": devices[number % len(devices)]} if devices else {}
    return {**quiet, **pin}


def devices_here(device: str) -> list[str]:
    """Return the CUDA devices to give to workers, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    if device == "cpu" or not torch.cuda.is_available():
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",") if named else [str(n) for n in range(torch.cuda.device_count())]


# ------------------------------------------------------------------------------------- on a worker


def compute_bundle(folder: str, forms: Sequence[Mapping[str, Any]], slot: Slot) -> dict[str, str]:
    """Compute specs whose parents have records; return why each one failed that did, by key."""
    study = Study(Path(folder))
    own: list[Spec] = [from_dict(form) for form in forms]
    keys = {spec.key for spec in own}
    plan = everything(own)
    # What is needed has been computed, but on a network drive it may not be seen here yet.
    owners = {one.spec.key: 1 if one.spec.key in keys else 2 for one in plan}
    presence = Presence(study.path)
    relay = _Relay(distributed().get_worker())
    run = SharedRun(
        study,
        slots_on(slot.device, slot.jobs, slot.threads),
        Share(plan, owners, Shard(1, 2)),
        relay,
        presence=presence,
        take_over=LEASE,
    )
    run.run()
    return relay.failed


class _Relay:
    """Sends events of a worker to whoever leads the run."""

    def __init__(self, worker: Any) -> None:
        self.failed: dict[str, str] = {}
        self._worker = worker
        self._last = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, Ended) and event.outcome == "failed":
            self.failed[event.key] = event.message
        if isinstance(event, Progress):
            if time.monotonic() - self._last < PROGRESS_SECONDS:
                return
            self._last = time.monotonic()
        if type(event).__name__ in RELAYED:
            told = {"kind": type(event).__name__, "fields": asdict(event)}
            self._worker.log_event(TOPIC, told)


def event_from(told: Mapping[str, Any]) -> Event:
    """Return the event that a worker sent."""
    found: Event = RELAYED[told["kind"]](**told["fields"])
    return found


# ---------------------------------------------------------------------------------- who leads a run


def tasks_of(plan: Sequence[Planned], study: Study, workers: int) -> list[Task]:
    """Return the missing part of a plan as tasks.

    A bundle is divided by how many computations must come one after the other before each of its
    own. Within such a part none needs another, and no two parts need each other.
    """
    missing = {one.spec.key: one for one in plan if not study.has(one.spec)}
    depth: dict[str, int] = {}
    for key, one in missing.items():  # parents come first
        depth[key] = max(
            (depth[parent] + 1 for parent in one.parents if parent in depth), default=0
        )
    parts: dict[tuple[int, int], Task] = {}
    for number, keys in enumerate(bundles_within(plan, workers)):
        for key in keys:
            if key in missing:
                part = parts.setdefault((depth[key], number), Task([], set()))
                part.keys.append(key)
                part.needs |= {parent for parent in missing[key].parents if parent in missing}
    return [parts[place] for place in sorted(parts)]


class Leader:
    """Hands the tasks of a plan to the workers of a scheduler, and follows what becomes of them.

    Parameters
    ----------
    client
        Connected to the scheduler.
    study
        All workers must reach it under the same path.
    emit
        Takes the workers' events.
    """

    def __init__(
        self,
        client: Any,
        study: Study,
        plan: Sequence[Planned],
        slot: Slot,
        emit: Callable[[Event], None],
    ):
        self.ends = Ends()
        self._client = client
        self._study = study
        self._slot = slot
        self._emit = emit
        self._specs = {one.spec.key: one.spec for one in plan}
        self._parents = {one.spec.key: one.parents for one in plan}
        workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        self._waiting = tasks_of(plan, study, workers)
        self._going: dict[Any, Task] = {}
        self._answered = time.monotonic()
        client.subscribe_topic(TOPIC, self._take)

    @property
    def left(self) -> int:
        """How many computations have not ended."""
        return sum(len(task.keys) for task in [*self._waiting, *self._going.values()])

    def run(self, stopped: Callable[[], bool]) -> None:
        """Lead until all tasks ended or ``stopped`` says so.

        Raises
        ------
        SchedulerGone
            If the scheduler does not answer any more.
        """
        while (self._waiting or self._going) and not stopped():
            self._submit()
            time.sleep(POLL)
            self._check_scheduler()
            for future in [future for future in self._going if future.done()]:
                self._end(self._going.pop(future), future)
        for future in self._going:
            with suppress(Exception):  # the connection may be gone
                future.cancel(force=True)

    def _take(self, told: tuple[float, Mapping[str, Any]]) -> None:
        self._emit(event_from(told[1]))

    def _submit(self) -> None:
        later = []
        for task in self._waiting:
            if task.needs <= self.ends.finished | self.ends.failed.keys():
                keys = [key for key in task.keys if not self._fails(key)]
                if keys:
                    forms = [self._specs[key].as_dict() for key in keys]
                    arguments = str(self._study.path.absolute()), forms, self._slot
                    future = self._client.submit(compute_bundle, *arguments, pure=False)
                    self._going[future] = Task(keys, task.needs)
            else:
                later.append(task)
        self._waiting = later

    def _fails(self, key: str) -> bool:
        """Note a computation as failed if one that it needs has failed."""
        lost = next((parent for parent in self._parents[key] if parent in self.ends.failed), None)
        if lost is not None:
            self._fail(key, f"it needs {self._specs[lost].title!r}, which failed")
        return lost is not None

    def _fail(self, key: str, reason: str) -> None:
        self.ends.failed[key] = reason
        self._emit(Ended(key, "failed", 0.0, reason))

    def _end(self, task: Task, future: Any) -> None:
        if future.status in ("cancelled", "lost"):  # nobody but a lost connection does that
            raise SchedulerGone(GONE)
        try:
            failed = future.result()
        except Exception as error:  # of the worker: killed too often, or a study it cannot reach
            for key in task.keys:
                self._fail(key, f"{type(error).__name__}: {error}")
            return
        self.ends.failed |= failed
        self.ends.finished |= set(task.keys) - failed.keys()

    def _check_scheduler(self) -> None:
        if self._client.status == "running":
            self._answered = time.monotonic()
        elif time.monotonic() - self._answered > SILENT or self._client.status == "closed":
            raise SchedulerGone(GONE)
