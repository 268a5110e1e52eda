"""The context of a computation: device, random generators, parents, events and cancellation."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

import torch

from engine.devices.found import wait_for
from engine.devices.maker import maker
from engine.jobs.events import Event, Notice, Progress
from engine.memory import image_memory
from engine.specs.schema import Spec
from engine.store.hdf5 import Content
from engine.store.study import Record, Study, StudyError

T = TypeVar("T")
PROGRESS_INTERVAL = 0.05
LEAST_CACHE = 4 << 30
MAKERS = "makers"  # of a checkpoint, see :func:`engine.devices.maker.maker`
LONGEST_MAKER, MOST_MAKERS = 200, 5


class Cancelled(Exception):
    """The computation was asked to stop."""


class Control:
    """Cancel and pause flags that a computation checks once per batch or attack step.

    A plan has one for each of thousands of computations, so what pauses is made with the first
    pause, and one lock serves all.
    """

    __slots__ = ("_cancelled", "_going")
    _changing = threading.Lock()

    def __init__(self) -> None:
        self._cancelled = False
        self._going: threading.Event | None = None

    def cancel(self) -> None:
        """Ask the computation to stop, even if it is paused."""
        self._cancelled = True
        self.resume()

    def pause(self) -> None:
        """Make the computation wait at its next check."""
        with self._changing:
            if not self._cancelled and self._going is None:
                self._going = threading.Event()

    def resume(self) -> None:
        """Let a paused computation continue."""
        with self._changing:
            going, self._going = self._going, None
        if going is not None:
            going.set()

    @property
    def cancelled(self) -> bool:
        """Whether the computation was asked to stop."""
        return self._cancelled

    @property
    def paused(self) -> bool:
        """Whether the computation is paused."""
        return self._going is not None

    def check(self) -> None:
        """Wait while paused; raise :class:`Cancelled` once cancelled."""
        while (going := self._going) is not None:
            going.wait()
        if self._cancelled:
            raise Cancelled


_ON_THREAD = threading.local()


@contextmanager
def on_this_thread(check_cancelled: Callable[[], None]) -> Iterator[None]:
    """Let :func:`check_this_thread` ask for one computation, which this thread does meanwhile."""
    before = getattr(_ON_THREAD, "check", None)
    _ON_THREAD.check = check_cancelled
    try:
        yield
    finally:
        _ON_THREAD.check = before


def check_this_thread() -> None:
    """Raise :class:`Cancelled` if the computation that this thread does was cancelled.

    For code that is given no context, such as a method in a file of the user's.
    """
    check = getattr(_ON_THREAD, "check", None)
    if check is not None:
        check()


class _Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


class Cache:
    """Values shared by several computations; drops the least recently used value first.

    If two threads request the same missing value, one makes it and the other waits for it.
    """

    def __init__(self, limit: int | None = None):
        # One set of images in memory always fits; one that is mapped from a file counts nothing.
        self.limit = max(LEAST_CACHE, image_memory()) if limit is None else limit
        self._values: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: str, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """Return the value under a key; make it first if it is missing."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._values:
                    self._values.move_to_end(key)
                    return cast(T, self._values[key][0])
            value = make()
            with self._lock:
                self._values[key] = (value, size(value))
                self._drop_oldest()
            return value

    def put(self, key: str, value: Any, size: int) -> None:
        """Store an existing value; does not block, even while :meth:`get` makes the same key."""
        with self._lock:
            self._values[key] = (value, size)
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._values) > 1 and sum(n for _, n in self._values.values()) > self.limit:
            key, _ = self._values.popitem(last=False)
            self._making.pop(key, None)


@dataclass
class Context:
    """The spec of one computation and the environment it runs in.

    Attributes
    ----------
    spec
        The spec to compute.
    study
        The study that holds the parents' records and the computation's checkpoint.
    device
        The device that holds the tensors.
    emit
        Takes events; may be called from any thread.
    control
        The computation's cancel and pause flags.
    cache
        Values shared with other computations.
    provenance
        Facts about how this computation went that its record shall hold, such as its ``way``.
    captures
        Whether steps may be captured where the device can, see :mod:`engine.training.capture`.
    """

    spec: Spec
    study: Study
    device: torch.device
    emit: Callable[[Event], None]
    control: Control = field(default_factory=Control)
    cache: Cache = field(default_factory=Cache)
    provenance: dict[str, Any] = field(default_factory=dict)
    captures: bool = True
    _last_progress: float = 0.0
    _said_unsaved: bool = False
    _makers: list[str] = field(default_factory=list)

    def check_cancelled(self) -> None:
        """Wait while paused; raise :class:`Cancelled` once the user cancelled."""
        self.control.check()

    def progress(self, done: float, total: float, what: str = "") -> None:
        """Emit a progress event; except for the last one, at most 20 times a second."""
        now = time.monotonic()
        if done >= total or now - self._last_progress >= PROGRESS_INTERVAL:
            self._last_progress = now
            self.emit(Progress(self.spec.key, done, total, what))

    def notice(self, text: str, *, about: str = "", over: bool = False) -> None:
        """Tell the user one sentence; see :class:`Notice`."""
        self.emit(Notice(self.spec.key, text, about, over))

    def generator(
        self, purpose: str, seed: int, device: str | torch.device = "cpu"
    ) -> torch.Generator:
        """Return a new random generator that only this computation draws from.

        Parameters
        ----------
        purpose
            What the draws are for. Different purposes give independent draws from one seed.
        seed
            The spec's seed.
        device
            The device that makes the draws.
        """
        digest = hashlib.sha256(f"{purpose}/{seed}".encode()).digest()
        return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    def record(self, spec: Spec) -> Record:
        """Return a parent's record; read it from disk only if it is not cached."""
        return self.shared(f"record/{spec.key}", lambda: self.study.read(spec), _record_bytes)

    def shared(self, key: str, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """Return a value shared with other computations; make it first if it is missing."""

        def complete() -> T:
            value = make()
            wait_for(self.device)  # other threads use the value on their own streams
            return value

        return self.cache.get(key, complete, size)

    def checkpoint(self) -> Content | None:
        """Return what the last run of this computation saved, or None.

        If other versions or another processor saved it, that is told, and is in the record: the
        result is then neither's alone.
        """
        content = self.study.checkpoint(self.spec)
        said = content.documents.get(MAKERS) if content is not None else None
        makers = [str(one)[:LONGEST_MAKER] for one in said] if isinstance(said, list) else []
        own = maker(self.device)
        others = [one for one in makers[:MOST_MAKERS] if one != own]
        if others:
            self.provenance["continued_from"] = "; ".join(others)
            self.notice(
                f"it goes on from a checkpoint of {'; '.join(others)}, and here is {own}: its "
                "numbers are neither's alone"
            )
        self._makers = [*others, own]
        return content

    def save_checkpoint(self, documents: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Save the computation's state; if that fails, tell the user once and continue.

        The computation continues because a full disk may have room again when it finishes. The spec
        is stored with the state, so that the checkpoint alone tells what can go on.
        """
        try:
            makers = self._makers or [maker(self.device)]
            told = {**documents, "spec": self.spec.as_dict(), MAKERS: makers}
            self.study.save_checkpoint(self.spec, Content(told, arrays))
        except StudyError as error:
            if not self._said_unsaved:
                self.notice(f"how far this is could not be saved: {error}")
            self._said_unsaved = True


def _record_bytes(record: Record) -> int:
    return sum(int(array.nbytes) for array in record.arrays.values())
