"""The throughput of the running computations, in images per second."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from engine.jobs.events import Ended, Event, Progress

WINDOW_SECONDS = 5.0
LEAST_SECONDS = 0.5
IMAGES = ("images", "attacked images")


class Throughput:
    """Images per second, over the last seconds, summed over all running computations.

    For trainings, an image counts once per epoch, regardless of the number of attack steps. For
    computations whose progress is counted in images, that count is used. Others count as 0.

    Parameters
    ----------
    images_of
        Takes a key; returns the training images per epoch of that computation, 0 if unknown.
    """

    def __init__(
        self, images_of: Callable[[str], int], clock: Callable[[], float] = time.monotonic
    ):
        self._images_of, self._clock = images_of, clock
        self._last: dict[str, tuple[str, float]] = {}
        self._seen: deque[tuple[float, float]] = deque()

    def clear(self) -> None:
        """Discard all counts."""
        self._last.clear()
        self._seen.clear()

    def take(self, event: Event) -> None:
        """Count the images of a progress event."""
        if isinstance(event, Ended):
            self._last.pop(event.key, None)
        if not isinstance(event, Progress):
            return
        what, before = self._last.get(event.key, ("", 0.0))
        self._last[event.key] = event.what, event.done
        if what != event.what or event.done < before:
            before = event.done
        each = self._images_of(event.key) if event.what == "epochs" else event.what in IMAGES
        # Store the first event of a computation too, with count 0: it marks the start of the time.
        self._seen.append((self._clock(), (event.done - before) * each))

    def rate(self) -> float:
        """Return images per second; 0 if nothing was counted or the time is too short."""
        now = self._clock()
        while self._seen and self._seen[0][0] < now - WINDOW_SECONDS:
            self._seen.popleft()
        if not self._seen:
            return 0.0
        spent = now - self._seen[0][0]
        count = sum(count for _, count in list(self._seen)[1:])
        return count / spent if spent >= LEAST_SECONDS else 0.0
