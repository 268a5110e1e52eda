"""What dividing a plan costs: planning 16,706 computations, and tiny trainings by 1 and 2 shards.

    nice -n 15 python -m tests.benchmarks.shards [--sizes 10 100 1000] [--rounds 3]

A training here takes about a tenth of a second, so that what is measured is the program around it.
Wall time is from the first computation to the end of the last process; CPU time is that of all
processes with their start. Rounds alternate, because the machine may be shared: read the ratios.
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
from pathlib import Path

PLAN = """
title = "Tiny trainings"
[specs.images]
kind = "glyphs"
train = 20
test = 20
[specs.networks]
kind = "training"
images = "@images"
network = {{ kind = "small_cnn", width = 2, hidden = 4 }}
evaluation = {{ kind = "pgd", eps = 0.1, step_size = 0.1, steps = 1 }}
evaluation_images = 10
epochs = 1
batch_size = 20
seed = {{ each = {seeds} }}
"""


def plan_specs(networks: int = 81, repeats: int = 10) -> list:
    """Return networks and their ROAR and KAR scores, 16,706 computations by default."""
    from engine import specs

    images, net = specs.Glyphs(train=500), specs.SmallCNN()
    base = specs.Training(images=images, network=net, epochs=2)
    robust = [
        specs.Training(
            images=images,
            network=net,
            epochs=2,
            scheme=specs.Adversarial(attack=specs.PGD(eps=step / 1000, step_size=step / 4000)),
        )
        for step in range(1, networks)
    ]
    return [
        specs.Interpretability(
            classifier=network, attribution=kind, mode=mode, baseline=base, repeats=repeats
        )
        for network in [base, *robust]
        for kind in (specs.Gradient(), specs.GradientXInput())
        for mode in ("roar", "kar")
    ]


def planning() -> None:
    """Print what naming and queueing the plan takes, and dividing it in 8."""
    from engine.plan.scheduler import Scheduler
    from engine.plan.sharing.bundles import divided, everything
    from engine.plan.slots import slots_on
    from engine.store.study import Study

    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder) / "s", create=True)
        scheduler = Scheduler(study, slots_on("cpu", 1, 1), lambda event: None)
        scheduler.pause()
        before, memory = time.process_time(), _memory()
        queued = scheduler.add_prepared(scheduler.prepare(plan_specs()))
        took, grown = time.process_time() - before, _memory() - memory
        print(f"planning {len(queued)}: {took:.2f} s of CPU, {grown:.0f} MB", flush=True)
        scheduler.stop()
    before = time.process_time()
    owners = divided(everything(plan_specs()), 8)
    print(f"dividing {len(owners)} in 8: {time.process_time() - before:.2f} s of CPU", flush=True)


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(folder: Path, size: int, shards: int) -> tuple[float, float]:
    """Return wall and CPU seconds of a plan of so many trainings."""
    folder.mkdir()
    (folder / "plan.toml").write_text(PLAN.format(seeds=list(range(size))))
    command = [sys.executable, "main.py", "run", folder / "plan.toml", "--study", folder / "s"]
    cpu = resource.getrusage(resource.RUSAGE_CHILDREN)
    running = [
        subprocess.Popen(
            [*command, "--device", "cpu", "--jobs", "1", "--threads", "1"]
            + (["--shard", f"{number}/{shards}"] if shards > 1 else []),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(1, shards + 1)
    ]
    for one in running:
        assert one.stderr is not None
        line = one.stderr.readline()
        while not re.search(r"to compute", line):
            assert line, "the process ended before it began"
            line = one.stderr.readline()
    start = time.monotonic()
    assert all(one.communicate()[1] is not None and one.returncode == 0 for one in running)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - cpu.ru_utime - cpu.ru_stime


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    for _ in range(options.rounds):
        planning()
    for size in options.sizes:
        ratios, costs = [], []
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                one = run(Path(folder) / "1", size, 1)
                two = run(Path(folder) / "2", size, 2)
            ratios.append(one[0] / (2 * two[0]))
            costs.append(two[1] / one[1])
            print(
                f"{size} trainings: {one[0]:.1f} s and {one[1]:.1f} s of CPU by one process, "
                f"{two[0]:.1f} s and {two[1]:.1f} s by two shards; load {os.getloadavg()[0]:.1f}",
                flush=True,
            )
        print(
            f"{size} trainings: efficiency of 2 shards {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}), CPU of 2 shards over 1 "
            f"{statistics.median(costs):.2f} ({min(costs):.2f} to {max(costs):.2f}), "
            f"n = {len(ratios)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
