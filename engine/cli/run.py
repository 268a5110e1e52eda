"""Run a plan without a window: progress goes to standard error, results to standard output."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.cli.cluster import run_on_workers
from engine.cli.reporter import Reporter
from engine.cli.share import Asked, run_share
from engine.cli.stopping import Ending, stopping
from engine.data.downloads import find_data
from engine.data.image_set import ImageSet
from engine.data.images import ingest, options_in
from engine.data.kept.known import KnownFolders
from engine.data.safety.patience import Patience, sentence
from engine.figures.tables import as_text
from engine.jobs.device_images import share_images
from engine.jobs.durations import LONG, duration
from engine.memory import scratch_in
from engine.plan.cost import rates_in, sizes_in
from engine.plan.forecast import forecast
from engine.plan.planfile import Plan, read_plan
from engine.plan.scheduler import Prepared, Scheduler
from engine.plan.sharing.bundles import Shard
from engine.plan.sharing.cluster import Workers
from engine.plan.sharing.on_worker import Slot
from engine.plan.slots import Slots, slots_on
from engine.program import FAILED, INTERRUPTED, OK
from engine.specs import ImagesSpec
from engine.specs.images import StoredImages
from engine.specs.schema import Spec
from engine.specs.variants import faithful
from engine.store.presence import Member, at_work
from engine.store.study import Study
from engine.texts import one_line

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
    jobs: int | None = None,
    threads: int | None = None,
    yes: bool = False,
    share: Asked | None = None,
    workers: Workers | None = None,
) -> int:
    """Compute the specs of a plan file into the study at ``folder``; return the exit code.

    Parameters
    ----------
    as_released
        Whether to set every switch as in the code released with the paper; see
        :mod:`engine.specs.variants`.
    download
        Whether data that is not on this machine may be downloaded.
    jobs, threads
        See :func:`engine.plan.slots.slots_on`.
    yes
        Whether to begin work of more than a day without a question. It is asked on a terminal only.
    share
        Which share of the plan to compute, if several processes divide it.
    workers
        Who computes the plan, if not this process.
        The other arguments are those of :func:`~engine.plan.planfile.read_plan`.

    Raises
    ------
    ValueError
        If the plan, study, device or images cannot be used. The message is one sentence.
    """
    slots = slots_on(device, jobs, threads)
    tell_unused(slots)
    reader = _ImageReader(download, folder)
    given = None if images is None else str(images)
    plan = read_plan(path, settings=settings, images=given, seed=seed, ingest_with=reader)
    specs = [faithful(spec) for spec in plan.specs] if as_released else plan.specs
    study = Study(folder, create=True)
    for digest, place in reader.places.items():
        study.set_location(digest, place)
    reader.known.save()
    if workers is not None:
        slot = Slot(device, jobs, threads)
        return run_on_workers(plan.title, specs, study, slots, slot, workers)
    if share is None and (others := at_work(folder)):
        share = Asked(Shard(1, 1))
        print(f"{_named(others)} in this study: what is begun there is not begun here, and its "
              "results are waited for", file=sys.stderr)  # fmt: skip
    if share is not None:

        def hand_over(scheduler: Scheduler) -> None:
            reader.share(scheduler, plan)

        return run_share(plan.title, specs, study, slots, share, hand_over)
    return _run_all(plan, specs, study, slots, reader, yes)


def _named(others: Sequence[Member]) -> str:
    more = f" and {len(others) - 1} more compute" if len(others) > 1 else " computes"
    return f"{others[0].title}{more}"


def _run_all(
    plan: Plan,
    specs: Sequence[Spec],
    study: Study,
    slots: Slots,
    reader: _ImageReader,
    yes: bool,
) -> int:
    """Compute a plan in this process alone; return the exit code."""
    reporter = Reporter()
    scheduler = Scheduler(study, slots, reporter)
    prepared = scheduler.prepare(specs)
    seconds = _seconds(prepared, study, slots, reader)
    reporter.begin(plan.title, len(prepared), seconds)
    if seconds is not None and seconds > LONG and not yes and not _go_on(seconds):
        scheduler.stop()
        return INTERRUPTED
    if prepared:
        reader.share(scheduler, plan)
    queued = scheduler.add_prepared(prepared)
    interrupted = wait(scheduler)
    reporter.close()
    scheduler.stop()
    if interrupted:
        print("stopped; the same command goes on where this one was", file=sys.stderr)
        return INTERRUPTED
    if scheduler.gone:  # which was said
        return FAILED
    print(as_text(study, short=True))
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
        self.sizes: dict[str, tuple[int, int]] = {}
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
            self.sizes[spec.digest] = len(found.train_images), len(found.test_images)
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
            print(f"skipped {one_line(item.path)}: {one_line(item.reason)}", file=sys.stderr)
        if len(found.skipped) > SHOWN_SKIPPED:
            print(f"... and {len(found.skipped) - SHOWN_SKIPPED} more skipped", file=sys.stderr)
        for note in dict.fromkeys((*found.scale, *found.notes)):
            print(one_line(note), file=sys.stderr)


def tell_unused(slots: Slots) -> None:
    """Say why a GPU that is there is not computed on."""
    if slots.unused_gpu:
        print(f"computing on the processor: {slots.unused_gpu}", file=sys.stderr)


def _seconds(
    prepared: list[Prepared], study: Study, slots: Slots, reader: _ImageReader
) -> float | None:
    """Return about how long a plan takes, from the study's records and timed batches."""
    entries = study.entries
    known = sizes_in(entries)

    def size(images: ImagesSpec) -> tuple[int, int] | None:
        return known.get(images.key) or reader.sizes.get(getattr(images, "digest", ""))

    specs = [one.spec for one in prepared]
    return forecast(specs, slots, rates_in(entries), size).seconds


def _go_on(seconds: float) -> bool:
    """Ask on a terminal whether to begin long work; elsewhere nobody could answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    question = f"This takes about {duration(seconds)} on this machine. Begin? [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def wait(scheduler: Scheduler) -> bool:
    """Wait for the plan; the first Ctrl-C cancels it, the second ends the process at once.

    What does not end then is waited for as :class:`Ending` says.
    """
    ending = Ending(scheduler)
    with stopping() as stopped:
        while not scheduler.wait(0.2):
            if stopped():
                scheduler.cancel()
                if ending.is_over():
                    break
    return stopped()
