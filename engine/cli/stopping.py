"""Ctrl-C while a plan runs: the first stops it, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from engine.program import INTERRUPTED


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether Ctrl-C was pressed; the second ends the process."""
    stopped = threading.Event()

    def on_interrupt(_: int, __: FrameType | None) -> None:
        if stopped.is_set():
            os._exit(INTERRUPTED)
        stopped.set()

    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, on_interrupt) if main else None
    try:
        yield stopped.is_set
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
