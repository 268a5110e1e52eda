"""What a training costs in plans of 10, 100 and 1,000, by 1, 2 and 4 shards.

    nice -n 10 python -m tests.benchmarks.cost_against_size [--sizes 10 100] [--shards 1 2 4]

The trainings are the smallest there are (``tests.benchmarks.shards``), so that what is measured is
the program around them. Times begin with the first computation, when all shards have loaded what
they need: processor time is that of all shards from then on, wall time ends with the last shard.
Efficiency is the wall time of one process over that of n shards times n, or times the cores if
these are fewer: two cores cannot make four shards four times as fast. On a machine that others use
wall times say little; then read processor time, and the load beside it.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.shards import PLAN

TICKS = os.sysconf("SC_CLK_TCK")
PLANNED = 3  # times


@dataclass(frozen=True)
class Cost:
    """What a plan took: seconds of the wall and the processor, and the largest process in MB."""

    wall: float
    cpu: float
    memory: float
    load: float


def cpu_of(process: int) -> float:
    """Return the processor time of a running process in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def run(folder: Path, size: int, shards: int) -> Cost:
    """Compute a plan of so many trainings."""
    folder.mkdir()
    (folder / "plan.toml").write_text(PLAN.format(seeds=list(range(size))))
    command = [sys.executable, "main.py", "run", folder / "plan.toml", "--study", folder / "s"]
    errors = [(folder / f"said-{number}").open("w+") for number in range(shards)]
    running = [
        subprocess.Popen(
            [*command, "--device", "cpu", "--jobs", "1", "--threads", "1"]
            + (["--shard", f"{number}/{shards}"] if shards > 1 else []),
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        for number, said in enumerate(errors, 1)
    ]
    while not all(re.search("to compute", Path(said.name).read_text()) for said in errors):
        time.sleep(0.01)
    before, start = sum(cpu_of(one.pid) for one in running), time.monotonic()
    cpu, memory = -before, 0.0
    for one in running:
        _, status, used = os.wait4(one.pid, 0)
        assert status == 0, Path(errors[running.index(one)].name).read_text()
        cpu += used.ru_utime + used.ru_stime
        memory = max(memory, used.ru_maxrss / 1024)
    return Cost(time.monotonic() - start, cpu, memory, os.getloadavg()[0])


def planning(size: int) -> None:
    """Print seconds of the processor and MB that naming and queueing a plan takes."""
    from engine import specs
    from engine.plan.scheduler import Scheduler
    from engine.plan.slots import slots_on
    from engine.store.study import Study

    images, network = specs.Glyphs(train=20, test=20), specs.SmallCNN(width=2, hidden=4)
    asked = [
        specs.Training(images=images, network=network, epochs=1, batch_size=20, seed=seed)
        for seed in range(size)
    ]
    with tempfile.TemporaryDirectory() as folder:
        scheduler = Scheduler(
            Study(Path(folder) / "s", create=True), slots_on("cpu", 1, 1), lambda event: None
        )
        scheduler.pause()
        memory, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        queued = scheduler.add_prepared(scheduler.prepare(asked))
        took = time.process_time() - begun
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
        assert len(queued) == size + 1
        scheduler.stop()
    print(took, grown / 1024)


def spread(values: list[float], digits: str = ".2f") -> str:
    """Return the median of values and their range."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:{digits}} ({low:{digits}} to {high:{digits}})"


def plan_row(size: int) -> str:
    """Return what planning takes, each time in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.cost_against_size", "--plan", str(size)]
    found = [
        tuple(map(float, subprocess.check_output(command, text=True).split()))
        for _ in range(PLANNED)
    ]
    took, grown = ([one[place] for one in found] for place in (0, 1))
    return f"{size} trainings planned: {spread(took, '.4f')} s, {spread(grown, '.1f')} MB, n = 3"


def main() -> None:
    """Print a row for each size, and one for each number of shards."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plan", type=int, help="plan so many trainings in this process")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    if options.plan is not None:
        planning(options.plan)
        return
    cores = len(os.sched_getaffinity(0))
    for size in options.sizes:
        print(plan_row(size), flush=True)
        found: dict[int, list[Cost]] = {shards: [] for shards in options.shards}
        for turn in range(options.rounds):
            for shards in options.shards:
                with tempfile.TemporaryDirectory() as folder:
                    found[shards].append(run(Path(folder) / "run", size, shards))
                print(f"{size} trainings, {shards} shards, {turn + 1}: {found[shards][-1]}",
                      flush=True)  # fmt: skip
        for shards, costs in found.items():
            firsts = found[min(found)]
            ideal = min(shards, cores)
            parts = {
                "s of the processor a training": [cost.cpu / size for cost in costs],
                "s of the wall": [cost.wall for cost in costs],
                "efficiency": [
                    one.wall / (ideal * cost.wall) for one, cost in zip(firsts, costs, strict=True)
                ],
                "MB at most in a process": [cost.memory for cost in costs],
                "load": [cost.load for cost in costs],
            }
            said = ", ".join(f"{spread(values, '.3g')} {name}" for name, values in parts.items())
            print(f"{size} trainings, {shards} shards: {said}; n = {len(costs)}", flush=True)


if __name__ == "__main__":
    main()
