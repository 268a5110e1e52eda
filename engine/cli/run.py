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

from engine.data.downloads import find_data
from engine.data.image_set import ImageSet
from engine.data.images import ingest, options_in
from engine.data.kept.known import KnownFolders
from engine.data.safety.patience import Patience, sentence
from engine.figures.tables import as_text
from engine.jobs.device_images import share_images
from engine.jobs.events import Ended, Event, Notice, Progress, Started
from engine.memory import scratch_in
from engine.plan.planfile import Plan, read_plan
from engine.plan.scheduler import Scheduler, missing, slots_on
from engine.program import FAILED, INTERRUPTED, OK
from engine.specs.images import StoredImages
from engine.specs.variants import faithful
from engine.store.study import Study

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
    reader = _ImageReader(download, folder)
    given = None if images is None else str(images)
    plan = read_plan(path, settings=settings, images=given, seed=seed, ingest_with=reader)
    specs = [faithful(spec) for spec in plan.specs] if as_released else plan.specs
    study = Study(folder, create=True)
    for digest, place in reader.places.items():
        study.set_location(digest, place)
    reader.known.save()
    reporter = Reporter()
    scheduler = Scheduler(study, slots, reporter)
    if missing(specs, study):
        reader.share(scheduler, plan)
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
    """Reads the images that a plan names by path, once, and remembers their locations.

    Attributes
    ----------
    places
        Where the images lie, by content hash.
    known
        The folders that need not be read to name their images.
    """

    def __init__(self, download: bool, study: Path) -> None:
        self.places: dict[str, Path] = {}
        self.known = KnownFolders(study)
        self._download = download
        self._scratch = study if study.is_dir() else study.absolute().parent
        self._read: list[tuple[StoredImages, ImageSet]] = []

    def __call__(self, path: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        place = find_data(path, download=self._download)
        options = options_in(fields)
        spec = self.known.recall(place, options)
        if spec is None:
            with scratch_in(self._scratch):
                spec, found = self._ingested(place, options)
            self.known.note(spec)
            self._read.append((spec, found))
            self._say(found)
        self.places[spec.digest] = place
        return spec.as_dict()

    def _ingested(self, place: Path, options: dict[str, Any]) -> tuple[StoredImages, ImageSet]:
        """Read images; say where the drive does not answer."""
        patience, progress = Patience(), [(0, 0)]

        def look() -> None:
            if patience.is_lost(progress[0]):
                print(sentence(place), file=sys.stderr)

        def note_progress(done: int, total: int) -> None:
            progress[0] = (done, total)

        return ingest(place, **options, progress=note_progress, check_cancelled=look)

    def share(self, scheduler: Scheduler, plan: Plan) -> None:
        """Hand what was read to the computations, if the plan uses it as it was read."""
        used = {spec.key for specs in plan.named.values() for spec in specs}
        for spec, found in self._read:
            if spec.key in used:
                share_images(scheduler.cache, spec, found)
        self._read.clear()

    def _say(self, found: ImageSet) -> None:
        for item in found.skipped[:SHOWN_SKIPPED]:
            print(f"skipped {item.path}: {item.reason}", file=sys.stderr)
        if len(found.skipped) > SHOWN_SKIPPED:
            print(f"... and {len(found.skipped) - SHOWN_SKIPPED} more skipped", file=sys.stderr)
        for note in dict.fromkeys((*found.scale, *found.notes)):
            print(note, file=sys.stderr)


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
        self._stream = stream or sys.stderr
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
            if self._bar:
                self._write("\r\x1b[K")

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
        self._write(f"\r\x1b[K{text[:118]}")

    def _line(self, text: str) -> None:
        self._write(f"\r\x1b[K{text}\n" if self._bar else f"{text}\n")

    def _write(self, text: str) -> None:
        # Continue the run without output if the pipe or the terminal was closed.
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()
