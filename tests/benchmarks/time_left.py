"""How good the promised time left is: run a plan, then replay its events into the list's model.

    python tests/benchmarks/time_left.py [--preset demo] [--set scores.repeats=1 ...] [--slots 2]

Prints, for moments of the run, the seconds promised, the true ones, and their ratio; then how long
the promise stood below two seconds before the last one hundredth of the run.
"""

from __future__ import annotations

import argparse
import pickle
import tempfile
import time
from pathlib import Path

import torch

from engine.jobs.events import Event, ProbeMaps, Started
from engine.plan.cost import Rates, work_of
from engine.plan.planfile import find_plan, read_plan
from engine.plan.scheduler import Scheduler, Slots
from engine.plan.timing import seconds_per_pass
from engine.specs import Training
from engine.specs.schema import Spec
from engine.store.study import Study
from gui.queue.job import Stopwatch
from gui.queue.job_model import JobModel
from gui.queue.job_outlook import Outlook

MOMENTS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9)
SAMPLE_SECONDS = 0.25
Recorded = list[tuple[float, Event]]


def record(specs: list[Spec], study: Study, slots: int) -> tuple[Recorded, list[Spec], float]:
    """Run specs; return their events with the seconds at which they came, the queue, the time."""
    events: Recorded = []
    threads = max(1, (torch.get_num_threads()) // slots)
    start = time.monotonic()
    limits = Slots(torch.device("cpu"), slots, threads)
    scheduler = Scheduler(study, limits, lambda e: events.append((time.monotonic() - start, e)))
    queued = scheduler.add(specs)
    scheduler.wait()
    seconds = time.monotonic() - start
    scheduler.stop()
    return events, queued, seconds


def time_batches(specs: list[Spec], slots: int) -> float:
    """Return the seconds per pass that the Train page measures before anything starts."""
    first = next(spec for spec in specs if isinstance(spec, Training))
    return seconds_per_pass(
        first.network,
        shape=(1, 28, 28),
        classes=10,
        batch_size=first.batch_size,
        device=torch.device("cpu"),
        threads=max(1, torch.get_num_threads() // slots),
    )


def _timed(queued: list[Spec], per_pass: float) -> Rates:
    rates = Rates()
    for spec in queued:
        if isinstance(spec, Training):
            rates.learn(work_of(spec), per_pass, passes=1.0)
    return rates


def replay(
    events: Recorded, queued: list[Spec], slots: int, total: float, per_pass: float
) -> list[float | None]:
    """Return what the model promises, at every sample."""
    now = [0.0]
    started: set[str] = set()
    known = {spec.key: spec for spec in queued}
    needs = {
        key: frozenset(parent.key for parent in spec.requires()) for key, spec in known.items()
    }

    def waiting() -> list[tuple[str, frozenset[str]]]:
        return [(key, needed) for key, needed in needs.items() if key not in started]

    outlook = Outlook(
        known.get, waiting=waiting, slots=lambda: slots, earlier=lambda: _timed(queued, per_pass)
    )
    model = JobModel(stopwatch=Stopwatch(lambda: now[0]), outlook=outlook)
    promised: list[float | None] = []
    place = 0
    while now[0] < total:
        while place < len(events) and events[place][0] <= now[0]:
            event = events[place][1]
            started |= {event.key} if isinstance(event, Started) else set()
            model.take(event)
            place += 1
        promised.append(model.summary().left)
        now[0] += SAMPLE_SECONDS
    return promised


def report(promised: list[float | None], total: float) -> None:
    """Print promised and true seconds."""
    print(f"{'done':>5} {'promised':>9} {'true':>7} {'ratio':>6}")
    for moment in MOMENTS:
        at = promised[int(moment * total / SAMPLE_SECONDS)]
        true = total * (1 - moment)
        words = f"{at:8.1f}s {true:6.1f}s {at / true:6.2f}" if at is not None else "        -"
        print(f"{moment:5.0%} {words}")
    before_end = promised[: int(0.99 * total / SAMPLE_SECONDS)]
    stuck = sum(left is not None and left < 2.0 for left in before_end) * SAMPLE_SECONDS
    none = sum(left is None for left in promised) * SAMPLE_SECONDS
    print(f"below 2 s before the end: {stuck:.1f} s; no promise: {none:.1f} s of {total:.1f} s")


def main() -> None:
    """Run the plan and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="demo")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--events", type=Path, help="keep the events here, or replay what is kept")
    options = parser.parse_args()
    plan = read_plan(find_plan(options.preset), settings=options.settings)
    if options.events is not None and options.events.is_file():
        events, queued, total, per_pass = pickle.loads(options.events.read_bytes())
    else:
        per_pass = time_batches(plan.specs, options.slots)
        with tempfile.TemporaryDirectory() as folder:
            study = Study(Path(folder) / "study", create=True)
            events, queued, total = record(plan.specs, study, options.slots)
        events = [(at, event) for at, event in events if not isinstance(event, ProbeMaps)]
    if options.events is not None:
        options.events.write_bytes(pickle.dumps((events, queued, total, per_pass)))
    print(f"{len(queued)} computations, {len(events)} events, {options.slots} at once")
    report(replay(events, queued, options.slots, total, per_pass), total)


if __name__ == "__main__":
    main()
