"""Signals that ask a command to stop; while a plan runs, the first stops it, the second ends it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from engine.program import INTERRUPTED
from engine.texts import one_line

if TYPE_CHECKING:
    from engine.plan.scheduler import Scheduler

SIGNALLED = 128  # exit codes above it name the signal that ended the process
# `timeout`, and wrappers that pass signals on, send one to the process and again to its group.
SAME = 0.3  # seconds
SILENT_SECONDS = 3.0
MOST_SECONDS = 10.0
"""How long a command that was stopped waits for computations, silently and at most.

Most end within a second. One that asks nothing whether it is still wanted, such as a user's method
with a loop that has no end, never does.
"""


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


class Ending:
    """How long the computations of a stopped command are waited for.

    Parameters
    ----------
    scheduler
        What computes, and was told to stop.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._begun: float | None = None
        self._told = False

    def is_over(self) -> bool:
        """Return whether to wait no longer; say once what is waited for."""
        now = time.monotonic()
        self._begun = now if self._begun is None else self._begun
        spent = now - self._begun
        if spent > SILENT_SECONDS and not self._told:
            self._told = True
            names = "; ".join(one_line(spec.title) for spec in self._scheduler.pending)
            print(
                f"waiting for {names}, at most {MOST_SECONDS:.0f} s; Ctrl-C again ends at once",
                file=sys.stderr,
            )
        return spent > MOST_SECONDS
