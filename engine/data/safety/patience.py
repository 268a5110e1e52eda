"""How long to wait for a drive until the user is told that it may not answer."""

from __future__ import annotations

import math
import time

SLOW_SECONDS = 10.0


class Patience:
    """Notices, once, that reading made no progress for a while.

    Parameters
    ----------
    seconds
        How long that is; None: SLOW_SECONDS.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = SLOW_SECONDS if seconds is None else seconds
        self._since = time.monotonic()
        self._last: object = None

    def is_lost(self, progress: object) -> bool:
        """Return whether to tell the user now; ``progress`` is anything that changes with it."""
        now = time.monotonic()
        if progress != self._last:
            self._last, self._since = progress, now
        elif now - self._since > self._seconds:
            self._since = math.inf
            return True
        return False


def silence(name: object) -> str:
    """Return what to tell the user about a path that the drive says nothing of."""
    return (
        f"The drive of {name} has not answered for {SLOW_SECONDS:g} s; Isthmus goes on with it "
        "when it does."
    )


def sentence(name: object) -> str:
    """Return what to tell the user about images that are being read."""
    return (
        f"No file of {name} was read for {SLOW_SECONDS:g} s: the drive may not answer. "
        "Wait, or cancel."
    )
