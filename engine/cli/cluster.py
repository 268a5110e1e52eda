"""Run a plan on workers of dask.distributed, of this machine or of a scheduler's."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from engine.cli.reporter import Reporter
from engine.cli.stopping import stopping
from engine.figures.tables import as_text
from engine.jobs.events import Notice
from engine.plan.sharing.bundles import everything
from engine.plan.sharing.cluster import SchedulerGone, Workers
from engine.plan.sharing.led import LedScheduler
from engine.plan.sharing.on_worker import Slot
from engine.plan.slots import Slots
from engine.program import FAILED, INTERRUPTED, OK
from engine.specs.schema import Spec, SpecError
from engine.store.changes import arranged, take_up_changes
from engine.store.presence import LEASE
from engine.store.study import Study

LOOK = 0.5  # seconds between two looks into the study's folder


def run_on_workers(
    title: str, specs: Sequence[Spec], study: Study, slots: Slots, slot: Slot, workers: Workers
) -> int:
    """Compute a plan on workers; print the table, and return the exit code.

    Raises
    ------
    SpecError
        If the workers cannot be reached.
    """
    reporter = Reporter()
    scheduler = LedScheduler(study, slots, reporter, workers, slot)
    try:
        with stopping() as stopped:
            try:
                count = scheduler.connect()
            except SchedulerGone as gone:
                raise SpecError(str(gone)) from gone
            prepared = scheduler.prepare(specs)
            many = f"{count} worker{'' if count == 1 else 's'}"
            reporter.begin(f"{title}, {many}", len(prepared))
            scheduler.add_prepared(prepared)
            while not scheduler.wait(0.2):
                if stopped():
                    scheduler.cancel()
            _await_records(scheduler, reporter, stopped)
    finally:
        reporter.close()
        scheduler.stop()
    if scheduler.gone:
        print(f"isthmus: {scheduler.gone}", file=sys.stderr)
        return FAILED
    if stopped():
        print("stopped; the same command goes on where this one was", file=sys.stderr)
        return INTERRUPTED
    take_up_changes(study)
    if late := scheduler.unseen():
        print(f"{_records(late)} not shown by the study's folder yet; the table is without them",
              file=sys.stderr)  # fmt: skip
    print(as_text(arranged(study, (one.spec.key for one in everything(specs))), short=True))
    failed = scheduler.outcomes["failed"]
    if failed:
        print(f"{failed} computations failed", file=sys.stderr)
    return FAILED if failed else OK


def _await_records(
    scheduler: LedScheduler, reporter: Reporter, stopped: Callable[[], object]
) -> None:
    """Wait until the study's folder shows here what workers wrote there, within bounds."""
    end, told = time.monotonic() + LEASE, False
    while (late := scheduler.unseen()) and not stopped() and time.monotonic() < end:
        if not told:
            told = True
            text = f"{_records(late)} computed but not shown by the study's folder yet; waiting"
            reporter(Notice("", text))
        time.sleep(LOOK)


def _records(late: Sequence[Spec]) -> str:
    return "1 record is" if len(late) == 1 else f"{len(late)} records are"
