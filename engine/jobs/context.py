"""What a computation is given: device, randomness, parents, and ways to speak and to stop."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

import torch

from engine.jobs.events import Event, Notice, Progress
from engine.specs.schema import Spec
from engine.store.hdf5 import Content
from engine.store.study import Record, Study, StudyError

T = TypeVar("T")
PROGRESS_INTERVAL = 0.05


class Cancelled(Exception):
    """The computation was asked to stop."""


class Control:
    """Cancel and pause flags that a computation honours once per batch or attack step."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._going = threading.Event()
        self._going.set()

    def cancel(self) -> None:
        """Ask the computation to stop, also when it is paused."""
        self._cancelled.set()
        self._going.set()

    def pause(self) -> None:
        """Hold the computation at its next check."""
        if not self._cancelled.is_set():
            self._going.clear()

    def resume(self) -> None:
        """Let it go on."""
        self._going.set()

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self._cancelled.is_set()

    @property
    def paused(self) -> bool:
        """Whether it is held."""
        return not self._going.is_set()

    def check(self) -> None:
        """Wait while paused; raise :class:`Cancelled` once cancelled."""
        self._going.wait()
        if self._cancelled.is_set():
            raise Cancelled


class _Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


class Cache:
    """Values that several computations share, the least recently used dropped first.

    A value that two threads ask for at once is made once; the other thread waits for it.
    """

    def __init__(self, limit: int = 4 << 30):
        self.limit = limit
        self._values: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: str, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """Return the value under a key, made now if it is not there."""
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
        """Keep a value that is there already; never waits, also while it is being made."""
        with self._lock:
            self._values[key] = (value, size)
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._values) > 1 and sum(n for _, n in self._values.values()) > self.limit:
            key, _ = self._values.popitem(last=False)
            self._making.pop(key, None)


@dataclass
class Context:
    """The surroundings of one computation.

    Attributes
    ----------
    spec
        What is computed.
    study
        Where its parents' records are, and its checkpoint.
    device
        Where tensors live.
    emit
        Takes events; may be called from any thread.
    control
        Its cancel and pause flags.
    cache
        Values shared with the computations beside it.
    """

    spec: Spec
    study: Study
    device: torch.device
    emit: Callable[[Event], None]
    control: Control = field(default_factory=Control)
    cache: Cache = field(default_factory=Cache)
    _last_progress: float = 0.0
    _said_unsaved: bool = False

    def check_cancelled(self) -> None:
        """Wait while paused; raise :class:`Cancelled` once the user cancelled."""
        self.control.check()

    def progress(self, done: float, total: float, what: str = "") -> None:
        """Say how far the computation is; more often than 20 times a second is dropped."""
        now = time.monotonic()
        if done >= total or now - self._last_progress >= PROGRESS_INTERVAL:
            self._last_progress = now
            self.emit(Progress(self.spec.key, done, total, what))

    def notice(self, text: str) -> None:
        """Tell the user one sentence."""
        self.emit(Notice(self.spec.key, text))

    def generator(
        self, purpose: str, seed: int, device: str | torch.device = "cpu"
    ) -> torch.Generator:
        """Return a generator of this computation's own, which nothing beside it draws from.

        Parameters
        ----------
        purpose
            What is drawn: two purposes draw independently from one seed.
        seed
            The spec's seed.
        device
            Where the draws are made.
        """
        digest = hashlib.sha256(f"{purpose}/{seed}".encode()).digest()
        return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    def record(self, spec: Spec) -> Record:
        """Return a parent's record; it is read from the disk once."""
        return self.shared(f"record/{spec.key}", lambda: self.study.read(spec), _record_bytes)

    def shared(self, key: str, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """Return a value shared with other computations, made now if need be."""

        def complete() -> T:
            value = make()
            if self.device.type == "cuda":  # another thread has a stream of its own
                torch.cuda.current_stream(self.device).synchronize()
            return value

        return self.cache.get(key, complete, size)

    def checkpoint(self) -> Content | None:
        """Return what the last run of this computation saved, or None."""
        return self.study.checkpoint(self.spec)

    def save_checkpoint(self, documents: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
        """Save how far this computation is; where that fails, say so once and go on.

        A full disk may have room again by the end: what was computed is not thrown away for it.
        """
        try:
            self.study.save_checkpoint(self.spec, Content(documents, arrays))
        except StudyError as error:
            if not self._said_unsaved:
                self.notice(f"how far this is could not be saved: {error}")
            self._said_unsaved = True


def _record_bytes(record: Record) -> int:
    return sum(int(array.nbytes) for array in record.arrays.values())
