"""Run a plan without a window: progress goes to standard error, results to standard output."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from engine.cli.terminal import Terminal
from engine.data.downloads import find_data
from engine.data.images import ingest
from engine.data.safety.patience import Patience, sentence
from engine.figures.tables import as_text
from engine.jobs.events import Ended, Event, Notice, Progress, Started
from engine.plan.planfile import read_plan
from engine.plan.scheduler import Scheduler, slots_on
from engine.program import FAILED, INTERRUPTED, OK
from engine.specs.variants import faithful
from engine.store.study import Study
from engine.texts import one_line

BAR_WIDTH = 24
SHOWN_SKIPPED = 20


def run_plan(
    path: Path,
    folder: Path,
    *,
    images: Path | None = None,
    device: str = "auto",
    seed: int | None = None,
    settings: Sequence[str] = (),
    as_released: bool = False,
    download: bool = False,
) -> int:
    """Compute the specs of a plan file into the study at ``folder``; return the exit code.

    Parameters
    ----------
    as_released
        Whether to set every switch as in the code released with the paper; see
        :mod:`engine.specs.variants`.
    download
        Whether data that is not on this machine may be downloaded. The other arguments are those of
        :func:`~engine.plan.planfile.read_plan`.

    Raises
    ------
    ValueError
        If the plan, study, device or images cannot be used. The message is one sentence.
    """
    slots = slots_on(device)
    reader = _ImageReader(download)
    given = None if images is None else str(images)
    plan = read_plan(path, settings=settings, images=given, seed=seed, ingest=reader)
    specs = [faithful(spec) for spec in plan.specs] if as_released else plan.specs
    study = Study(folder, create=True)
    for digest, place in reader.places.items():
        study.set_location(digest, place)
    reporter = Reporter()
    scheduler = Scheduler(study, slots, reporter)
    queued = scheduler.add(specs)
    reporter.begin(plan.title, len(queued))
    interrupted = _wait(scheduler)
    reporter.close()
    scheduler.stop()
    if interrupted:
        print("stopped; the same command goes on where this one was", file=sys.stderr)
        return INTERRUPTED
    print(as_text(study))
    failed = scheduler.outcomes["failed"]
    if failed:
        print(f"{failed} of {len(queued)} computations failed", file=sys.stderr)
    return FAILED if failed else OK


class _ImageReader:
    """Reads the images that a plan names by path, and remembers their locations."""

    def __init__(self, download: bool) -> None:
        self.places: dict[str, Path] = {}
        self._download = download

    def __call__(self, path: str) -> Mapping[str, Any]:
        place = find_data(path, download=self._download)
        patience, progress = Patience(), [(0, 0)]

        def look() -> None:
            if patience.is_lost(progress[0]):
                print(sentence(place), file=sys.stderr)

        def note_progress(done: int, total: int) -> None:
            progress[0] = (done, total)

        spec, found = ingest(place, progress=note_progress, check_cancelled=look)
        self.places[spec.digest] = place
        for item in found.skipped[:SHOWN_SKIPPED]:
            print(f"skipped {one_line(item.path)}: {one_line(item.reason)}", file=sys.stderr)
        if len(found.skipped) > SHOWN_SKIPPED:
            print(f"... and {len(found.skipped) - SHOWN_SKIPPED} more skipped", file=sys.stderr)
        for note in dict.fromkeys((*found.scale, *found.notes)):
            print(one_line(note), file=sys.stderr)
        return spec.as_dict()


def _wait(scheduler: Scheduler) -> bool:
    """Wait for the plan; the first Ctrl-C cancels it, the second ends the process at once."""
    stopped = threading.Event()

    def on_interrupt(_: int, __: FrameType | None) -> None:
        if stopped.is_set():
            os._exit(INTERRUPTED)
        stopped.set()

    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, on_interrupt) if main else None
    try:
        while not scheduler.wait(0.2):
            if stopped.is_set():
                scheduler.cancel()
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
    return stopped.is_set()


class Reporter:
    """Shows events as a progress bar on a terminal, else as lines. May be called on any thread."""

    def __init__(self, stream: Any = None):
        given = stream or sys.stderr
        self._stream = given if isinstance(given, Terminal) else Terminal(given)
        self._bar = self._stream.isatty()
        self._lock = threading.Lock()
        self._total = 0
        self._done = 0
        self._start = time.monotonic()
        self._running: dict[str, tuple[str, float]] = {}
        self._last = 0.0

    def begin(self, title: str, total: int) -> None:
        """Print the title of the plan and the number of computations."""
        with self._lock:
            self._total = total
            self._line(f"{title}: {total} to compute" if total else f"{title}: nothing to compute")

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
            case Started():
                self._running[event.key] = (event.title, 0.0)
            case Progress() if event.key in self._running:
                title = self._running[event.key][0]
                self._running[event.key] = (title, event.done / max(event.total, 1e-9))
                self._redraw()
            case Notice():
                self._line(event.text)
            case Ended():
                title, _ = self._running.pop(event.key, (event.key, 0.0))
                self._done += 1
                self._ended(event, title)

    def _ended(self, event: Ended, title: str) -> None:
        count = f"[{self._done}/{max(self._total, self._done)}]"
        if event.outcome == "finished":
            self._line(f"{count} {title} ({event.seconds:.1f} s)")
        elif event.outcome == "failed":
            self._line(f"{count} {title} FAILED: {event.message}")

    def _redraw(self) -> None:
        now = time.monotonic()
        if not self._bar or now - self._last < 0.1:
            return
        self._last = now
        share = (self._done + sum(s for _, s in self._running.values())) / max(self._total, 1)
        filled = int(share * BAR_WIDTH)
        left = (now - self._start) * (1 - share) / share if share > 0.02 else None
        rest = f", about {left:.0f} s left" if left is not None else ""
        bar = "#" * filled + "." * (BAR_WIDTH - filled)
        titles = "; ".join(title for title, _ in self._running.values())
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
