"""A queue of 16,018 computations: how long it takes to fill, cancel, reorder, retry and end.

    QT_QPA_PLATFORM=offscreen nice -n 15 python -m tests.benchmarks.long_queue [--rounds 3]

The plan is ``paper-tradeoff-cifar10`` with made-up images, its computations wait until they are
cancelled. In the window, ``hold`` is how long the event loop stands still, ``until`` how long it
takes until the dock shows the end, and ``own`` the processor time of the window's thread. The
command is stopped with Ctrl-C once everything is queued.
Goals: each within 1 s; the window's event loop never late by more than 100 ms.
"""

from __future__ import annotations

import argparse
import ast
import gc
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

PLAN = "paper-tradeoff-cifar10"
LIMIT_S = 120.0
# The command runs with computations that wait, so that it can be stopped at a known place.
COMMAND = """
import sys, time
from pathlib import Path
from tests.benchmarks.long_queue import plan_specs, waiting_computations
from engine.plan.computations import COMPUTATIONS
import engine.cli.run as run
from engine.cli.interrupts import end, interruptible
from engine.plan.planfile import Plan
COMPUTATIONS.update(waiting_computations())
run.read_plan = lambda *_, **__: Plan("Long", plan_specs(), {})
sys.exit(end(interruptible(lambda: run.run_plan(Path("long.toml"), Path(sys.argv[1])))))
"""


def plan_specs():
    """Return the specs that the plan asks for, with made-up images."""
    from engine.plan.planfile import find_plan, read_plan
    from engine.specs import FolderImages

    images = FolderImages(name="made up", digest="0" * 64).as_dict()
    return read_plan(find_plan(PLAN), ingest=lambda path: images).specs


def waiting_computations():
    """Return computations that wait until they are cancelled, by kind."""
    from engine.plan.computations import COMPUTATIONS

    def wait(spec, context):
        while True:
            context.check_cancelled()
            time.sleep(0.005)

    return dict.fromkeys(COMPUTATIONS, wait)


def scheduler_times(home: Path) -> dict[str, float]:
    """Return the seconds of the scheduler's own work."""
    import torch

    from engine.plan.scheduler import Scheduler, Slots, missing
    from engine.store.study import Study

    specs = plan_specs()
    study = Study(home / "scheduler.isthmus", create=True)
    found = {}
    clock = Clock(found)
    count = len(missing(specs, study))
    clock.lap("name all, first time")
    missing(specs, study)
    clock.lap("name all again")
    events = []
    slots = Slots(torch.device("cpu"), 2, 1)
    scheduler = Scheduler(study, slots, events.append, waiting_computations())
    clock.start()
    queued = scheduler.add(specs)
    clock.lap("queue")
    assert len(queued) == count
    keys = [spec.key for spec in queued]
    clock.start()
    scheduler.reorder(keys[-1000:], "top")
    clock.lap("reorder")
    scheduler.cancel()
    assert scheduler.wait(LIMIT_S)
    clock.lap("cancel")
    scheduler.add(specs)
    clock.start()
    assert scheduler.stop(LIMIT_S)
    clock.lap("stop")
    return found


class Clock:
    """Writes seconds under names."""

    def __init__(self, found: dict[str, float]):
        self.found = found
        self.start()

    def start(self) -> None:
        """Begin a lap."""
        self._since = time.perf_counter(), time.process_time()

    def lap(self, name: str) -> None:
        """End the lap that is running and begin the next."""
        self.found[name] = time.perf_counter() - self._since[0]
        self.found[f"{name}, processor"] = time.process_time() - self._since[1]
        self.start()


class Watch:
    """Measures the longest time that the event loop takes between two turns."""

    def __init__(self) -> None:
        from PySide6.QtCore import QTimer

        self.longest = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setInterval(5)  # often enough, and the lanes get Python's lock
        self._timer.timeout.connect(self._turn)
        self._timer.start()

    def _turn(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._last)
        self._last = now

    def reset(self) -> None:
        """Forget the past."""
        self.longest, self._last = 0.0, time.perf_counter()


def window_times(home: Path) -> dict[str, float]:
    """Return how long the window stands still, and how long until it shows the result."""
    from engine.plan.computations import COMPUTATIONS
    from tests.benchmarks.window import opened
    from tests.reliability.soak import let_run

    COMPUTATIONS.update(waiting_computations())
    specs = plan_specs()
    _, window = opened(home / "window.isthmus")
    dock, runner = window.dock, window.workspace.runner
    window.workspace.queueing.confirm = None
    dock.set_expanded(True)
    let_run(500)
    found: dict[str, float] = {}
    watch = Watch()

    def timed(name, act, over) -> None:
        gc.collect()
        let_run(100)
        watch.reset()
        begun, own, whole = time.perf_counter(), time.thread_time(), time.process_time()
        act()
        while True:
            let_run(20)
            if over() or time.perf_counter() - begun > LIMIT_S:
                break
        found[f"{name}, until"] = time.perf_counter() - begun
        found[f"{name}, hold"] = watch.longest
        found[f"{name}, own"] = time.thread_time() - own
        found[f"{name}, processor"] = time.process_time() - whole

    def ended():
        return not runner.busy and not dock.model.active

    queued = []
    timed("queue", lambda: queued.extend(window.workspace.run(specs) or ()),
          lambda: dock.model.active > 16_000 and dock.model.rowCount() > 16_000)  # fmt: skip
    timed("select all", dock.table.selectAll, lambda: True)
    timed("move to the bottom", lambda: dock._move_chosen("bottom"), lambda: True)
    timed("cancel chosen", dock._cancel_chosen, ended)
    dock.table.selectAll()
    timed("retry all", dock._retry_chosen, lambda: dock.model.active > 16_000)
    timed("cancel all", dock._cancel_all, ended)
    timed("clear", dock._clear, lambda: not dock.model.rowCount())
    window.workspace.run(specs)
    while dock.model.active < 16_000:
        let_run(100)
    timed("stop", window.stop, lambda: True)
    return found


def command_times(home: Path) -> dict[str, float]:
    """Return the seconds that the command takes to end after Ctrl-C, with everything queued."""
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    arguments = [sys.executable, "-c", COMMAND, str(home / "command.isthmus")]
    process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True, env=environ)
    assert process.stderr is not None
    for line in process.stderr:
        if "to compute" in line:
            break
    time.sleep(5.0)  # by then all are queued
    begun = time.perf_counter()
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    code = process.wait(LIMIT_S)
    assert code == 130, (code, rest)
    assert "Traceback" not in rest, rest
    return {"Ctrl-C": time.perf_counter() - begun}


PARTS = {"scheduler": scheduler_times, "window": window_times, "command": command_times}


def main() -> None:
    """Print the median and the range of every time."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", nargs="*", default=list(PARTS), choices=PARTS)
    options.add_argument("--part", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ISTHMUS_CONFIG"] = folder
        if chosen.part:
            print(repr(PARTS[chosen.part](Path(folder))))
            sys.stdout.flush()
            os._exit(0)
    for part in chosen.only:
        rounds = []
        for _ in range(chosen.rounds):
            command = [sys.executable, "-m", "tests.benchmarks.long_queue", "--part", part]
            answer = subprocess.run(command, capture_output=True, text=True, check=False)
            if answer.returncode:
                sys.exit(f"{part}: {answer.stderr}")
            rounds.append(ast.literal_eval(answer.stdout.splitlines()[-1]))
        for name in rounds[0]:
            taken = [found[name] for found in rounds]
            spread = f"({min(taken):.2f} to {max(taken):.2f}, n = {len(taken)})"
            print(f"{part:10} {name:28} {statistics.median(taken):7.2f} s  {spread}", flush=True)


if __name__ == "__main__":
    main()
