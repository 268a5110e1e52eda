"""How many images a second the running computations work through."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from engine.jobs.events import Ended, Event, Progress

WINDOW_SECONDS = 5.0
LEAST_SECONDS = 0.5
IMAGES = ("images", "attacked images")


class Throughput:
    """Training images a second, over the last seconds and over all that runs.

    An image counts once each time a batch holds it, however many attack steps that costs; where
    images themselves are what progress counts, these are taken. Other computations count nothing.

    Parameters
    ----------
    images_of
        Training images in an epoch of the computation of a key; 0 where that is not known.
    """

    def __init__(
        self, images_of: Callable[[str], int], clock: Callable[[], float] = time.monotonic
    ):
        self._images_of, self._clock = images_of, clock
        self._last: dict[str, tuple[str, float]] = {}
        self._seen: deque[tuple[float, float]] = deque()

    def clear(self) -> None:
        """Forget all."""
        self._last.clear()
        self._seen.clear()

    def take(self, event: Event) -> None:
        """Take up an event."""
        if isinstance(event, Ended):
            self._last.pop(event.key, None)
        if not isinstance(event, Progress):
            return
        what, before = self._last.get(event.key, ("", 0.0))
        self._last[event.key] = event.what, event.done
        if what != event.what or event.done < before:
            before = event.done
        each = self._images_of(event.key) if event.what == "epochs" else event.what in IMAGES
        # The first of a moment has no count, but from it on there is time to divide by.
        self._seen.append((self._clock(), (event.done - before) * each))

    def rate(self) -> float:
        """Return images a second; 0 where nothing counts or it was too short a while."""
        now = self._clock()
        while self._seen and self._seen[0][0] < now - WINDOW_SECONDS:
            self._seen.popleft()
        if not self._seen:
            return 0.0
        spent = now - self._seen[0][0]
        count = sum(count for _, count in list(self._seen)[1:])
        return count / spent if spent >= LEAST_SECONDS else 0.0
