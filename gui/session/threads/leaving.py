"""Studies that were left: what they computed ends on threads of its own, and the window goes on.

A computation ends at its next batch, and workers of dask take seconds to be told and to stop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from engine.jobs.events import Ended, Event, Queued
from gui.session.threads.lanes import Request

if TYPE_CHECKING:
    from engine.plan.scheduler import Scheduler

CHANNEL = "study before"
SILENT_MS = 700  # what has ended by then needs no words
LEAVE_SECONDS = 30.0


class Tap:
    """Passes on the events of one scheduler until it is closed.

    The next study may compute the same keys: what is told of them later is not about it.
    """

    def __init__(self, put: Callable[[Event], None]):
        self._put: Callable[[Event], None] | None = put
        self._open: set[str] = set()
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Pass an event on; from any thread."""
        with self._lock:
            if self._put is None:
                return
            if isinstance(event, Queued):
                self._open.add(event.key)
            elif isinstance(event, Ended):
                self._open.discard(event.key)
            self._put(event)

    def close(self) -> None:
        """End for the listeners what has not ended yet, and pass nothing on any more."""
        with self._lock:
            if self._put is not None:
                for key in self._open:
                    self._put(Ended(key, "cancelled"))
            self._put = None


class Leaving(QObject):
    """Lets schedulers end, and says so if it takes longer.

    Signals
    -------
    said
        Takes a sentence for the user.
    """

    said = Signal(str)

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._going: dict[int, Scheduler] = {}
        self._count = 0

    def leave(self, scheduler: Scheduler, tap: Tap) -> Request:
        """Cancel what a scheduler computes; return the request that waits for its end."""
        scheduler.begin_stop()
        tap.close()
        self._count += 1
        number = self._count
        self._going[number] = scheduler
        titles = [f"“{spec.title}”" for spec in scheduler.pending]
        what = f"{titles[0]} of" if len(titles) == 1 else "What was computed for"

        def tell() -> None:
            if number in self._going:
                self.said.emit(
                    f"{what} the study before is still ending; this one can be used meanwhile."
                )

        def done(in_time: bool) -> None:
            self._going.pop(number, None)
            if not in_time:
                self.said.emit(
                    f"{what} the study before did not end within {LEAVE_SECONDS:.0f} s; until it "
                    "does, it takes time and memory from this one."
                )

        def failed(_: str) -> None:
            self._going.pop(number, None)

        QTimer.singleShot(SILENT_MS, self, tell)
        channel = f"{CHANNEL} {number}"
        return Request(channel, lambda _: scheduler.stop(LEAVE_SECONDS), done, failed)

    def finish(self, timeout: float) -> bool:
        """Wait for all that is still ending; return whether it ended in time, in seconds.

        Lanes that are stopped drop what they have not begun, so this does not depend on them.
        """
        end = time.monotonic() + timeout
        left = [scheduler.stop(max(0.0, end - time.monotonic()))
                for scheduler in self._going.values()]  # fmt: skip
        return all(left)
