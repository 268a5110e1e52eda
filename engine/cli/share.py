"""Run a plan or one share of it, also beside other processes that work in the study."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.cli.reporter import Reporter
from engine.cli.stopping import Ending, stopping
from engine.devices.maker import libraries
from engine.figures.tables import as_text
from engine.jobs.durations import LONG, duration
from engine.plan.scheduler import Scheduler
from engine.plan.sharing.bundles import Planned, Shard, divided, everything, plan_hash
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

    shard: Shard = Shard(1, 1)
    minutes: float = TAKE_OVER

    @property
    def whole(self) -> bool:
        """Whether it is the whole plan."""
        return self.shard.count == 1

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
    seconds: Callable[[Sequence[Spec]], float | None],
    hand_over: Callable[[Scheduler], None],
    yes: bool,
) -> int:
    """Compute a share of a plan; print the table as far as it is, and return the exit code.

    Parameters
    ----------
    seconds
        Returns about how long some computations take, or None.
    hand_over
        Gives the images that were read to the scheduler that computes.
    yes
        Whether to begin work of more than a day without a question.
    """
    plan, shard = everything(specs), asked.shard
    owners = divided(plan, shard.count)
    share = Share(plan, owners, shard, frozenset(spec.key for spec in specs))
    left = [share.specs[key] for key in share.open_in(study) if share.is_mine(key)]
    expected = seconds(left)
    reporter = Reporter()
    reporter.begin(title if asked.whole else f"{title}, shard {shard}", len(left), expected)
    if expected is not None and expected > LONG and not yes and not _go_on(expected):
        return INTERRUPTED
    failed = 0
    if left:
        run = SharedRun(
            study,
            slots,
            share,
            reporter,
            presence=_presence(study, plan, shard),
            take_over=60.0 * asked.minutes,
        )
        hand_over(run.scheduler)
        with stopping() as stopped:
            run.run(stopped, Ending(run.scheduler).is_over)
        reporter.close()
        if stopped():
            print("stopped; the same command goes on where this one was", file=sys.stderr)
            return INTERRUPTED
        if run.gone:  # which was said
            return FAILED
        take_up_changes(study)
        failed = run.outcomes["failed"]
    print(as_text(arranged(study, (one.spec.key for one in plan)), short=True))
    if failed:
        which = (
            f" of {len(left)} computations" if asked.whole else f" computations of shard {shard}"
        )
        print(f"{failed}{which} failed", file=sys.stderr)
    elif others := len(share.missing_in(study)):
        print(
            f"shard {shard} is done; {others} of {len(plan)} computations of the plan are "
            "others' and have no result yet",
            file=sys.stderr,
        )
    return FAILED if failed else OK


def _presence(study: Study, plan: Sequence[Planned], shard: Shard) -> Presence:
    return Presence(
        study.path,
        shard.index,
        shard.count,
        plan_hash(plan),
        files=", ".join(f"{one.path.name} {one.origin.digest[:10]}" for one in loaded()),
        libraries=libraries(),
    )


def _go_on(seconds: float) -> bool:
    """Ask on a terminal whether to begin long work; elsewhere nobody could answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    question = f"This takes about {duration(seconds)} on this machine. Begin? [y/N] "
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
