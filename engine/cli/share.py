"""Run one share of a plan, beside other processes that run the others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.cli.reporter import Reporter
from engine.cli.stopping import Ending, stopping
from engine.devices.maker import libraries
from engine.figures.tables import as_text
from engine.plan.scheduler import Scheduler
from engine.plan.sharing.bundles import Shard, divided, everything, plan_hash
from engine.plan.sharing.share import Share
from engine.plan.sharing.shared_run import SharedRun
from engine.plan.slots import Slots
from engine.plugins import loaded
from engine.program import FAILED, INTERRUPTED, OK
from engine.specs.schema import Spec, SpecError
from engine.store.changes import arranged, take_up_changes
from engine.store.presence import Presence
from engine.store.study import Study

TAKE_OVER = 10.0  # minutes
MOST_MINUTES = 100_000.0


@dataclass(frozen=True)
class Asked:
    """Which share a command computes.

    Attributes
    ----------
    shard
        Its number, of how many.
    minutes
        After which it computes what it needs of a shard that is not at work.
    """

    shard: Shard
    minutes: float = TAKE_OVER

    def __post_init__(self) -> None:
        if not 0 <= self.minutes <= MOST_MINUTES:
            raise SpecError(
                f"--take-over is {self.minutes:g}, must be from 0 to {MOST_MINUTES:,.0f} minutes"
            )


def run_share(
    title: str,
    specs: Sequence[Spec],
    study: Study,
    slots: Slots,
    asked: Asked,
    hand_over: Callable[[Scheduler], None],
) -> int:
    """Compute a share of a plan; print the table as far as it is, and return the exit code.

    Parameters
    ----------
    hand_over
        Gives the images that were read to the scheduler that computes.
    """
    plan = everything(specs)
    share = Share(plan, divided(plan, asked.shard.count), asked.shard)
    reporter = Reporter()
    shard = asked.shard
    files = ", ".join(f"{one.path.name} {one.origin.digest[:10]}" for one in loaded())
    presence = Presence(
        study.path,
        shard.index,
        shard.count,
        plan_hash(plan),
        files=files,
        libraries=libraries(),
    )
    run = SharedRun(
        study, slots, share, reporter, presence=presence, take_over=60.0 * asked.minutes
    )
    if run.left:
        hand_over(run.scheduler)
    reporter.begin(f"{title}, shard {asked.shard}", run.left)
    with stopping() as stopped:
        run.run(stopped, Ending(run.scheduler).is_over)
    reporter.close()
    if stopped():
        print("stopped; the same command goes on where this one was", file=sys.stderr)
        return INTERRUPTED
    if run.gone:  # which was said
        return FAILED
    take_up_changes(study)
    print(as_text(arranged(study, (one.spec.key for one in plan)), short=True))
    left = sum(not study.has(one.spec) for one in plan)
    failed = run.outcomes["failed"]
    if failed:
        print(f"{failed} computations of shard {asked.shard} failed", file=sys.stderr)
    elif left:
        print(
            f"shard {asked.shard} is done; {left} of {len(plan)} computations of the plan are "
            "others' and have no result yet",
            file=sys.stderr,
        )
    return FAILED if failed else OK
