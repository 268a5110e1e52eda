"""The window's data about one computation, with its clock and text formats."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from engine.jobs.events import Scalars
from engine.specs.schema import kind_label
from engine.texts import percent

JobState = Literal["waiting", "running", "finished", "cancelled", "failed", "unfinished"]
RANK = {"running": 0, "failed": 1, "waiting": 2, "unfinished": 3, "finished": 4, "cancelled": 4}
SHOWN_SCALARS = 2
# A rate measured over a shorter time is too noisy to estimate the time left.
COUNTS = " of "  # in words of a phase that count something
MEASURED_SECONDS = 1.0


class Stopwatch:
    """A clock that stops while the queue is paused."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._held_since: float | None = None
        self._held = 0.0

    def now(self) -> float:
        """Return the clock's reading in seconds, without the paused time."""
        end = self._clock() if self._held_since is None else self._held_since
        return end - self._held

    def hold(self) -> None:
        """Stop the clock."""
        if self._held_since is None:
            self._held_since = self._clock()

    def release(self) -> None:
        """Let the clock run again."""
        if self._held_since is not None:
            self._held += self._clock() - self._held_since
            self._held_since = None


@dataclass
class Job:
    """The state of one computation.

    Times are readings of the model's stopwatch; ``seconds`` is the final duration.
    """

    key: str
    kind: str
    title: str
    number: int
    state: JobState = "waiting"
    started: float = 0.0
    ended: float = 0.0
    seconds: float = 0.0
    done: float = 0.0
    total: float = 0.0
    what: str = ""
    phase_started: float = 0.0
    phase_done: float = 0.0
    progressed: float = 0.0
    message: str = ""
    details: str = ""
    scalars: str = ""
    notices: list[str] = field(default_factory=list)

    @property
    def active(self) -> bool:
        """Whether it runs or waits."""
        return self.state in ("waiting", "running")

    @property
    def dropped(self) -> bool:
        """Whether it never began because a computation it depends on did not finish."""
        ended = self.state in ("failed", "cancelled")
        return ended and bool(self.message) and not self.details

    @property
    def fraction(self) -> float:
        """The finished share of the present phase, in [0, 1]."""
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    @property
    def kind_label(self) -> str:
        """The readable name of its kind."""
        label = kind_label(self.kind)
        return label[:1].upper() + label[1:]

    def elapsed(self, now: float) -> float | None:
        """Return how many seconds it has run; None while it waits."""
        if self.state == "running":
            return max(0.0, now - self.started)
        return self.seconds if not self.active else None

    def left(self, now: float) -> float | None:
        """Return the seconds left in its phase at the rate so far, or None if unknown."""
        spent, moved = now - self.phase_started, self.done - self.phase_done
        if self.state != "running" or moved <= 0 or spent < MEASURED_SECONDS:
            return None
        return max(0.0, self.total - self.done) * spent / moved

    def order(self) -> tuple[float, float]:
        """Return the sort key: running, failed, waiting, unfinished, then others, newest first."""
        within = {"running": self.started, "waiting": self.number}.get(self.state, -self.ended)
        return RANK[self.state], within


def progress_text(job: Job) -> str:
    """Return how far a computation is, such as "3.2 of 20 epochs" or "900 of 60,000 images"."""
    if COUNTS in job.what:  # it counts itself, in units that are worth more to the reader
        return f"{percent(job.fraction, 0)}: {job.what}"
    done = f"{job.done:,.0f}" if job.total >= 100 else f"{job.done:.1f}"
    # A total may be a fraction, where shares of work are counted.
    total = f"{job.total:,.0f}" if job.total >= 100 else f"{job.total:.3g}"
    return f"{done} of {total} {job.what}".rstrip()


def scalars_text(event: Scalars) -> str:
    """Return the first values of an event as a short text."""
    shown = list(event.values.items())[:SHOWN_SCALARS]
    return ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in shown)
