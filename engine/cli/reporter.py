"""The lines that a headless run writes while it works."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from engine.cli.terminal import Terminal
from engine.jobs.durations import duration
from engine.jobs.events import Ended, Event, Notice, Progress, Queued, Started, WorkerNews
from engine.texts import one_line

BAR_WIDTH = 24
BAR_SECONDS = 0.1
# Between the lines of a log: a minute at first, and later a share of the time that has passed, so
# that a run of a week writes some hundred lines and not ten thousand.
LOG_SECONDS = 60.0
LOG_SHARE = 1 / 60
TOLD = (  # of what is said of workers
    "waiting",
    "lost",
    "back",
    "refused",
    "differs",
)  # that they are ready is in the title


@dataclass
class _Running:
    """A running computation: how many of its steps are done, and when it began."""

    title: str
    start: float
    done: float = 0.0
    total: float = 0.0
    what: str = ""

    @property
    def share(self) -> float:
        return min(1.0, self.done / self.total) if self.total > 0 else 0.0

    def words(self, now: float) -> str:
        if self.total <= 0:
            return f"{self.title}: {duration(now - self.start)} so far"
        done = f"{self.done:,.0f}" if self.total >= 100 else f"{self.done:.1f}"
        steps = f"{done} of {self.total:,.10g} {self.what}".rstrip()
        return f"{self.title}: {steps}, {duration(now - self.start)} so far"


class Reporter:
    """Shows events as a progress bar on a terminal, else as lines. May be called on any thread."""

    def __init__(self, stream: Any = None, clock: Callable[[], float] = time.monotonic):
        given = stream or sys.stderr
        self._stream = given if isinstance(given, Terminal) else Terminal(given)
        self._bar = self._stream.isatty()
        self._lock = threading.Lock()
        self._clock = clock
        self._total = 0
        self._done = 0
        self._start = self._last = clock()
        self._running: dict[str, _Running] = {}
        self._titles: dict[str, str] = {}  # of what was queued and has not ended

    def begin(self, title: str, total: int, seconds: float | None = None) -> None:
        """Print the plan's title, the number of computations, and how long they take if known."""
        about = "" if not total or seconds is None else f", about {duration(seconds)}"
        with self._lock:
            self._total = total
            what = f"{total} to compute{about}" if total else "nothing to compute"
            self._line(f"{title}: {what}")

    def __call__(self, event: Event) -> None:
        """Show one event."""
        with self._lock:
            self._take(event)

    def close(self) -> None:
        """Erase the progress bar."""
        with self._lock:
            self._erase()

    def _take(self, event: Event) -> None:
        match event:
            case Queued():
                self._titles[event.key] = event.title
            case Started():
                self._titles[event.key] = event.title
                self._running[event.key] = _Running(event.title, self._clock())
            case Progress() if event.key in self._running:
                job = self._running[event.key]
                job.done, job.total, job.what = event.done, event.total, event.what
                self._show()
            case Notice():
                self._line(event.text)
            case WorkerNews() if event.state in TOLD:
                self._line(event.text)
            case Ended():
                self._running.pop(event.key, None)
                self._done += 1
                self._ended(event, self._titles.pop(event.key, event.key))

    def _ended(self, event: Ended, title: str) -> None:
        count = f"[{self._done}/{max(self._total, self._done)}]"
        if event.outcome == "finished":
            self._line(f"{count} {title} ({duration(event.seconds)})")
        elif event.outcome == "failed":
            self._line(f"{count} {title} FAILED: {event.message}")

    def _show(self) -> None:
        """Draw the bar, or add a line to the log, if the last one is long enough ago."""
        now = self._clock()
        between = BAR_SECONDS if self._bar else max(LOG_SECONDS, LOG_SHARE * (now - self._start))
        if now - self._last < between:
            return
        self._last = now
        if self._bar:
            self._redraw(now)
        else:
            for job in self._running.values():
                self._line(f"[{self._done}/{self._total}] {job.words(now)}")

    def _redraw(self, now: float) -> None:
        share = (self._done + sum(j.share for j in self._running.values())) / max(self._total, 1)
        filled = int(share * BAR_WIDTH)
        left = (now - self._start) * (1 - share) / share if share > 0.02 else None
        rest = f", about {duration(left)} left" if left is not None else ""
        bar = "#" * filled + "." * (BAR_WIDTH - filled)
        titles = "; ".join(job.title for job in self._running.values())
        text = f"{bar} {self._done}/{self._total}{rest}  {titles}"
        self._erase()
        self._write(one_line(text)[:118])

    def _line(self, text: str) -> None:
        self._erase()
        self._write(f"{one_line(text)}\n")

    def _erase(self) -> None:
        """Take the bar away, if there is one; only this writes control characters."""
        if self._bar:
            with suppress(OSError, ValueError):
                self._stream.control("\r\x1b[K")

    def _write(self, text: str) -> None:
        # Continue the run without output if the pipe or the terminal was closed.
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()
