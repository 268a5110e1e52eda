"""Computations that take as long as a test wants, in place of the engine's own."""

from __future__ import annotations

import threading
from typing import Any

from engine.jobs.context import Context
from engine.specs import Glyphs
from engine.store.study import Result

WAIT_MS = 30_000


class Gate:
    """A computation of Glyphs that waits until the gate is opened, or it is cancelled."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.started = threading.Event()
        self.error: Exception | None = None

    def __call__(self, spec: Any, context: Context) -> Result:
        self.started.set()
        while not self.open.wait(0.005):
            context.check_cancelled()
            context.progress(1, 4, "steps")
        if self.error is not None:
            raise self.error
        return Result({"value": 1.0})


def small(seed: int = 0) -> Glyphs:
    """Return a spec that is quick to compute."""
    return Glyphs(train=10, test=10, seed=seed)


class Clock:
    """A clock that stands where a test puts it."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def __call__(self):
        return self.seconds
