"""What a worker of dask does with a bundle: compute it, tell what happens, and be steered.

Only files of the user's that whoever leads the run has loaded are run here, and only if their
content is the same: an order names path and SHA-256 of each.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.devices.found import name_of
from engine.jobs.context import Cache
from engine.plan.sharing.bundles import Shard, everything
from engine.plan.sharing.relay import Packed, Relay
from engine.plan.sharing.share import Share
from engine.plan.sharing.shared_run import SharedRun
from engine.plan.slots import libraries, slots_on
from engine.plugins import PluginError, digest_of, load
from engine.specs.schema import Spec, from_dict
from engine.store.presence import LEASE, Presence
from engine.store.study import Study

TOPIC = "isthmus"
MOST_EARLY = 1000


@dataclass(frozen=True)
class Slot:
    """How a worker computes: see :func:`engine.plan.slots.slots_on`.

    ``sharers`` is how many workers share the memory of its machine.
    """

    device: str = "auto"
    jobs: int | None = None
    threads: int | None = None
    sharers: int = 1


@dataclass(frozen=True)
class Order:
    """A bundle to compute: specs whose parents have records, and which do not need each other.

    Attributes
    ----------
    name
        Unique among all that lead runs on these workers.
    folder
        The study, under the path that all see.
    forms
        The specs as JSON.
    plugins
        Path and SHA-256 of the user's files that the specs need.
    run
        Names whoever leads: orders of one run share what they read, see :func:`forget`.
    pictures
        Seconds between two pictures that are sent of a computation; 0: none.
    """

    name: str
    folder: str
    forms: Sequence[Mapping[str, Any]]
    slot: Slot
    plugins: Sequence[tuple[str, str]] = ()
    run: str = ""
    pictures: float = 0.0


@dataclass(frozen=True)
class Answer:
    """How an order ended: why computations failed, by key, and which were cancelled.

    ``refused`` is why the worker computed nothing of it, in words that go on from its name;
    ``useless``, that it is so for every order.
    """

    worker: str
    failed: dict[str, str] = field(default_factory=dict)
    cancelled: tuple[str, ...] = ()
    refused: str = ""
    useless: bool = False


@dataclass
class _Steered:
    """What was asked of an order, maybe before the worker began with it."""

    cancelled: set[str] = field(default_factory=set)
    paused: bool = False
    run: SharedRun | None = None


_STEERED: dict[str, _Steered] = {}
_KEPT: dict[tuple[str, str], Cache] = {}
"""What orders share, by the run and the study; of the newest run alone."""
_LOCK = threading.Lock()


def title_of(name: object) -> str:
    """Return what a worker is called, by the name that dask has for it; our own are numbers."""
    return f"worker {name + 1}" if isinstance(name, int) else f"worker {name}"


def about_worker(slot: Slot) -> dict[str, Any]:
    """Return a worker's device, process, machine and versions, for people."""
    device = slots_on(slot.device, slot.jobs, slot.threads).device
    name = "CPU" if device.type == "cpu" else name_of(device)
    if device.type == "cuda" and (pinned := os.environ.get("CUDA_VISIBLE_DEVICES")):
        name = f"{name} ({pinned})"
    return {
        "device": name,
        "process": os.getpid(),
        "host": platform.node()[:100],
        "libraries": libraries(),
    }


def compute_bundle(order: Order) -> Answer:
    """Compute an order on this worker."""
    from distributed import get_worker

    worker = get_worker()
    if reason := _reason_against(order.plugins):
        return Answer(worker.address, refused=reason)
    try:
        study = Study(Path(order.folder))
        own: list[Spec] = [from_dict(form) for form in order.forms]
        presence = Presence(study.path)
    except (ValueError, OSError) as error:  # not on its drive, read-only, another version
        return Answer(worker.address, refused=f"cannot compute in the study: {error}", useless=True)
    keys = {spec.key for spec in own}
    plan = everything(own)
    # What is needed has been computed, but on a network drive it may not be seen here yet.
    owners = {one.spec.key: 1 if one.spec.key in keys else 2 for one in plan}
    told = {"order": order.name, "worker": worker.address}

    def send(kind: str, packed: Packed) -> None:
        worker.log_event(TOPIC, told | {"kind": kind, "fields": packed})

    relay = Relay(send, title_of(worker.name), order.pictures)
    slot = order.slot
    run = SharedRun(
        study,
        slots_on(slot.device, slot.jobs, slot.threads),
        Share(plan, owners, Shard(1, 2)),
        relay,
        presence=presence,
        take_over=LEASE,
        cache=_cache_of(order),
    )
    asked = _begin(order.name, run)
    try:
        run.run()
    finally:
        with _LOCK:
            _STEERED.pop(order.name, None)
    if run.gone:
        return Answer(worker.address, refused=f"stopped, as {run.gone}", useless=True)
    return Answer(worker.address, relay.failed, tuple(asked.cancelled))


def _cache_of(order: Order) -> Cache:
    """Return what this order shares with others of its run: images, networks and rankings."""
    which = order.run, order.folder
    with _LOCK:
        if which not in _KEPT:
            _KEPT.clear()
            _KEPT[which] = Cache(Cache().limit // order.slot.sharers)
        return _KEPT[which]


def forget(run: str) -> None:
    """Give back the memory of what the orders of a run shared, which has ended."""
    with _LOCK:
        for which in [which for which in _KEPT if which[0] == run]:
            del _KEPT[which]


def steer(name: str, cancelled: Sequence[str], paused: bool) -> None:
    """Cancel some computations of an order, and pause or resume the others.

    It is sent to all workers: one that does not compute this order, or not yet, keeps it in mind.
    """
    with _LOCK:
        asked = _STEERED.setdefault(name, _Steered())
        asked.cancelled |= set(cancelled)
        asked.paused = paused
        if asked.run is not None:
            _apply(asked)
            return
        early = [one for one, steered in _STEERED.items() if steered.run is None]
        for one in early[:-MOST_EARLY]:
            del _STEERED[one]


def _begin(name: str, run: SharedRun) -> _Steered:
    with _LOCK:
        asked = _STEERED.setdefault(name, _Steered())
        asked.run = run
        _apply(asked)
        return asked


def _apply(asked: _Steered) -> None:
    assert asked.run is not None
    asked.run.give_up(asked.cancelled)
    (asked.run.scheduler.pause if asked.paused else asked.run.scheduler.resume)()


def _reason_against(plugins: Sequence[tuple[str, str]]) -> str:
    """Load the user's files; return why that cannot be done here, or ""."""
    for path, digest in plugins:
        place = Path(path)
        try:
            found = digest_of(place)
            if found != digest:
                return (
                    f"has another {place.name} than whoever leads the run: SHA-256 {found[:10]} "
                    f"instead of {digest[:10]}"
                )
            load(place, digest)
        except PluginError as error:
            return f"cannot load {place.name}: {error}"
    return ""
