"""Signals that ask a command to stop; while a plan runs, the first stops it, the second ends it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from engine.program import INTERRUPTED

SIGNALLED = 128  # exit codes above it name the signal that ended the process
# `timeout`, and wrappers that pass signals on, send one to the process and again to its group.
SAME = 0.3  # seconds


def heard_signals() -> tuple[int, ...]:
    """Return the signals that stop a command: those of this system, without what is ignored.

    Under nohup the end of the terminal is.
    """
    numbers = (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP"))
    return tuple(
        number
        for number in numbers  # Windows has no SIGHUP
        if number is not None
        and (number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN)
    )


def code_of(number: int | None) -> int:
    """Return the exit code of a command that a signal stopped; 130 if none did."""
    return INTERRUPTED if number is None else SIGNALLED + number


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Yield a function that tells whether a signal asked to stop; the second ends the process."""
    stopped = threading.Event()
    first = 0.0

    def on_signal(number: int, _: FrameType | None) -> None:
        nonlocal first
        if not stopped.is_set():
            first = time.monotonic()
        elif time.monotonic() - first > SAME:
            os._exit(code_of(number))
        stopped.set()

    main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, on_signal) for number in heard_signals() if main}
    try:
        yield stopped.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
