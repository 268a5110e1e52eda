"""The events of computations on their way to the window, a few at a time, and to who listens.

Cancelling thousands of computations ends each with an event, and every page looks at every event.
So a turn of the event loop takes no more of them than a short time allows.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from types import MethodType
from typing import Any
from weakref import ref

from shiboken6 import isValid

from engine.jobs.events import Event, ProbeMaps, Progress, Snapshot

# Events that supersede older ones of the same computation: only the newest is passed on.
Passing = Progress | ProbeMaps | Snapshot
TURN_SECONDS = 0.02


class EventFlow:
    """A queue that threads fill and the window empties in parts."""

    def __init__(self) -> None:
        self._arriving: SimpleQueue[Event] = SimpleQueue()
        self._waiting: deque[Event] = deque()
        self.put = self._arriving.put

    def turn(self) -> Iterator[Event]:
        """Yield what is to be passed on in this turn of the event loop, at least one event."""
        if not self._waiting:
            self._waiting.extend(coalesced(all_of(self._arriving)))
        end = time.monotonic() + TURN_SECONDS
        while self._waiting:
            yield self._waiting.popleft()
            if time.monotonic() > end:
                return

    @property
    def more(self) -> bool:
        """Whether the last turn left events for the next one."""
        return bool(self._waiting)


class Listeners:
    """What is called with every event; a signal of Qt takes nearly twice as long for thousands.

    As with a signal, methods do not keep their object alive, those of a destroyed object are not
    called, and what one raises does not keep an event from the others.
    """

    def __init__(self) -> None:
        # Thousands of events pass here, so what an event needs is looked up when it is connected.
        self._slots: tuple[tuple[Callable[[], Any] | None, Callable[..., object]], ...] = ()

    def connect(self, slot: Callable[[Any], object]) -> None:
        """Call ``slot`` with every event from now on."""
        if isinstance(slot, MethodType):
            self._slots += ((ref(slot.__self__), slot.__func__),)
        else:
            self._slots += ((None, slot),)

    def emit(self, event: Event) -> None:
        """Call all that listen, in the order in which they were connected."""
        for owner, function in self._slots:
            try:
                if owner is None:
                    function(event)
                elif (found := owner()) is not None and isValid(found):
                    function(found, event)
                else:
                    self._slots = tuple(one for one in self._slots if one[0] is not owner)
            except Exception:
                sys.excepthook(*sys.exc_info())


def all_of(queue: SimpleQueue[Any]) -> list[Any]:
    """Take everything out of a queue."""
    found = []
    while True:
        try:
            found.append(queue.get_nowait())
        except Empty:
            return found


def coalesced(events: list[Event]) -> list[Event]:
    """Drop superseded progress, probe maps and snapshots of each computation; keep the rest."""
    newest = {(type(e), e.key): e for e in events if isinstance(e, Passing)}
    return [e for e in events if not isinstance(e, Passing) or newest[(type(e), e.key)] is e]
