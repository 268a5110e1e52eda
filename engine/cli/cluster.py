"""Run a plan on workers of dask.distributed, of this machine or of a scheduler's."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from engine.cli.reporter import Reporter
from engine.cli.stopping import stopping
from engine.figures.tables import as_text
from engine.plan.sharing.bundles import everything
from engine.plan.sharing.cluster import SchedulerGone, Workers
from engine.plan.sharing.led import LedScheduler
from engine.plan.sharing.on_worker import Slot
from engine.plan.slots import Slots
from engine.program import FAILED, INTERRUPTED, OK
from engine.specs.schema import Spec, SpecError
from engine.store.changes import arranged, take_up_changes
from engine.store.study import Study


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
    print(as_text(arranged(study, (one.spec.key for one in everything(specs))), short=True))
    failed = scheduler.outcomes["failed"]
    if failed:
        print(f"{failed} computations failed", file=sys.stderr)
    return FAILED if failed else OK
