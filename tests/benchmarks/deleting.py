"""Deleting 10,000 records and putting them back: by the engine, and in the window.

    QT_QPA_PLATFORM=offscreen nice python -m tests.benchmarks.deleting [--records N] [--rounds 3]

The records are maps of one network, all chosen on the Records page. "until" is the time until the
page shows what is left, "hold" the longest time between two turns of the event loop, "own" the
processor time of the window's thread, "processor" that of the process.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.compiled import environment

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
LIMIT_S = 120.0


def make(path: Path, count: int) -> None:
    """Write a study with a network and so many records computed from it."""
    from engine.specs import AdversarialExamples, Glyphs, SmallCNN, Training
    from engine.store.study import Result, Study

    # Flushing each is what takes the time, and nothing here is to outlive a power cut.
    os.fsync = lambda descriptor: None
    study = Study(path, create=True)
    network = Training(images=Glyphs(), network=SmallCNN(), epochs=1)
    result = Result({"test_accuracy": 0.9, "robust_accuracy": 0.1})
    study.write(network, result, seconds=1.0, provenance={})
    for seed in range(count):
        spec = AdversarialExamples(classifier=network, indices=(0,), seed=seed)
        study.write(spec, Result({}), seconds=1.0, provenance={})


def engine_times(path: Path) -> dict[str, float]:
    """Return the seconds of moving all but the network to the trash and back."""
    from engine.store import trash
    from engine.store.study import Study
    from tests.benchmarks.long_queue import Clock

    study = Study(path)
    found: dict[str, float] = {}
    keys = [entry.key for entry in study.entries if entry.kind != "training"]
    clock = Clock(found)
    deleted = trash.delete(study, keys)
    clock.lap("engine, delete")
    assert len(study.entries) == 1
    clock.start()
    trash.restore(study, deleted)
    clock.lap("engine, put back")
    assert len(study.entries) == 1 + len(keys)
    return found


def window_times(path: Path) -> dict[str, float]:
    """Return the same of the window, with the page of records shown."""
    from gui.pages import RECORDS
    from tests.benchmarks.long_queue import Watch
    from tests.benchmarks.window import opened
    from tests.reliability.soak import let_run

    _, window = opened(path)
    workspace = window.workspace
    window.pages.show_place(RECORDS)
    let_run(2000)
    keys = [entry.key for entry in workspace.entries() if entry.kind != "training"]
    found: dict[str, float] = {}
    watch = Watch()

    def timed(name: str, act: Callable[[], object], left: int) -> None:
        let_run(500)
        watch.reset()
        begun, own, whole = time.perf_counter(), time.thread_time(), time.process_time()
        act()
        while workspace.edits.busy or len(workspace.study.entries) != left:
            assert time.perf_counter() - begun < LIMIT_S
            let_run(20)
        let_run(20)
        found[f"{name}, until"] = time.perf_counter() - begun
        let_run(500)
        found[f"{name}, hold"] = watch.longest
        found[f"{name}, own"] = time.thread_time() - own
        found[f"{name}, processor"] = time.process_time() - whole

    timed("delete", lambda: workspace.edits.delete(keys), 1)
    timed("undo", workspace.edits.stack.undo, 1 + len(keys))
    timed("redo", workspace.edits.stack.redo, 1)
    timed("put back all", workspace.edits.put_back_all, 1 + len(keys))
    window.stop()
    return found


PARTS = {"engine": engine_times, "window": window_times}


def main() -> None:
    """Print the median and the range of every time."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--records", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--only", nargs="*", default=list(PARTS), choices=PARTS)
    options.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.part:
        print(repr(PARTS[chosen.part[0]](Path(chosen.part[1]))))
        sys.stdout.flush()
        os._exit(0)
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        make(home / "made.isthmus", chosen.records)
        rounds: dict[str, list[float]] = {}
        for number in range(chosen.rounds):
            for part in chosen.only:
                study = home / f"{part}{number}.isthmus"
                shutil.copytree(home / "made.isthmus", study)
                answer = subprocess.run(
                    [sys.executable, "-m", "tests.benchmarks.deleting", "--part", part, str(study)],
                    capture_output=True,
                    text=True,
                    check=False,
                    env=environment(home, ISTHMUS_CONFIG=str(home / f"settings{number}")),
                )
                if answer.returncode:
                    sys.exit(f"{part}: {answer.stderr}")
                for name, value in ast.literal_eval(answer.stdout.splitlines()[-1]).items():
                    rounds.setdefault(name, []).append(value)
                shutil.rmtree(study)
    for name, taken in rounds.items():
        spread = f"({min(taken):.2f} to {max(taken):.2f}, n = {len(taken)})"
        print(f"{name:28} {statistics.median(taken):7.2f} s  {spread}")
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
