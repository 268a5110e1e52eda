"""Run a plan on workers of dask.distributed, of this machine or of a scheduler's."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.cli.reporter import Reporter
from engine.cli.stopping import stopping
from engine.figures.tables import as_text
from engine.plan.sharing import cluster
from engine.plan.sharing.bundles import everything
from engine.plan.sharing.cluster import Leader, SchedulerGone, Slot
from engine.program import FAILED, INTERRUPTED, OK
from engine.specs.schema import Spec, SpecError
from engine.store.changes import arranged, take_up_changes
from engine.store.study import Study

CONNECT_SECONDS = 30
START_SECONDS = 300  # for workers to load torch, on a machine that is busy


@dataclass(frozen=True)
class Workers:
    """Which workers compute: those of a scheduler, or so many that are started here.

    Attributes
    ----------
    count
        Number of workers to start on this machine.
    scheduler
        Address of a scheduler that has workers; then ``count`` is 0.
    """

    count: int = 0
    scheduler: str = ""

    def __post_init__(self) -> None:
        if self.scheduler:
            cluster.checked_address(self.scheduler)
        elif not 1 <= self.count <= cluster.MOST_WORKERS:
            raise SpecError(
                f"--workers is {self.count}, must be a whole number from 1 to "
                f"{cluster.MOST_WORKERS}"
            )
        cluster.distributed()


def run_on_workers(
    title: str, specs: Sequence[Spec], study: Study, slot: Slot, workers: Workers
) -> int:
    """Compute a plan on workers; print the table, and return the exit code."""
    plan = everything(specs)
    reporter = Reporter()
    with stopping() as stopped, _client(workers, slot) as client:
        leader = Leader(client, study, plan, slot, reporter)
        reporter.begin(f"{title}, {workers_of(client)}", leader.left)
        try:
            leader.run(stopped)
        except SchedulerGone as gone:
            reporter.close()
            print(f"isthmus: {gone}", file=sys.stderr)
            return FAILED
        reporter.close()
        if stopped():
            print("stopped; the same command goes on where this one was", file=sys.stderr)
            return INTERRUPTED
    take_up_changes(study)
    print(as_text(arranged(study, (one.spec.key for one in plan))))
    failed = len(leader.ends.failed)
    if failed:
        print(f"{failed} computations failed", file=sys.stderr)
    return FAILED if failed else OK


def workers_of(client: Any) -> str:
    """Return how many workers there are, in words."""
    count = len(client.scheduler_info(n_workers=-1)["workers"])
    return f"{count} worker{'' if count == 1 else 's'}"


@contextmanager
def _client(workers: Workers, slot: Slot) -> Iterator[Any]:
    """Yield a client of the scheduler, which is started first if none is named.

    Raises
    ------
    SpecError
        If nobody answers at the address.
    """
    dask = cluster.distributed()
    for name in [
        name for name in logging.root.manager.loggerDict if name.startswith("distributed")
    ]:
        logging.getLogger(name).setLevel(cluster.QUIET)
    with ExitStack() as stack:
        address: Any = workers.scheduler
        if not address:
            devices = cluster.devices_here(slot.device)
            scratch = Path(stack.enter_context(TemporaryDirectory(prefix="isthmus-")))
            address = stack.enter_context(cluster.start_workers(workers.count, devices, scratch))
        try:
            client = dask.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TypeError) as error:  # TypeError: tls without certificates
            raise SpecError(
                f"--scheduler is {workers.scheduler!r}, which cannot be used: {error}"
            ) from error
        stack.callback(client.close, timeout=2)
        try:
            client.wait_for_workers(max(1, workers.count), timeout=START_SECONDS)
        except TimeoutError as error:
            raise SpecError(f"no workers came within {START_SECONDS} s") from error
        yield client
