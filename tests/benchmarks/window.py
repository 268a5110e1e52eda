"""The window against its own goals: start, a large study, training beside it, 10,000 live updates.

    QT_QPA_PLATFORM=offscreen python -m tests.benchmarks.window [--rounds 3] [--only NAME ...]

start      from launching Python to the first picture of the window; goal 1 s.
gaps       how late the event loop comes, from the first picture until all pages are built
           (goal: 99th percentile 20 ms), beside the same in an idle process.
study      a study of 5,000 records: reading it, and showing it in a window; goal 1 s.
training   three Glyphs networks, without a window and with the Train page open, in turns. What the
           window costs the training (goal 5 %), and how late the event loop comes meanwhile
           (goals: 99th percentile 20 ms, longest 100 ms).
updates    memory before and after 10,000 live maps and losses; goal: flat.
Everything is a process of its own. Each part runs once before the turns that count, so that what
it imports is compiled and in the system's cache.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gui.pages import TRAIN
from tests.benchmarks.compiled import environment
from tests.reliability.soak import LoopDelay, let_run, resources

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

RECORDS = 5000
UPDATES = 10_000
# By then everything that is made once is there.
SETTLED_UPDATES = 2_000
UPDATES_AT_ONCE = 25
FIRST_SECONDS = 4
# Another process that wakes every 10 ms: what the machine itself makes the window wait.
IDLE = """
import json, sys, time
late, last = [], time.perf_counter()
end = last + float(sys.argv[1])
while last < end:
    time.sleep(0.01)
    now = time.perf_counter()
    late.append(1000 * (now - last) - 10)
    last = now
late.sort()
print(json.dumps([late[int(0.99 * len(late))], late[-1]]))
"""


def plan():
    """Return the networks that are trained."""
    from engine import specs

    def network(eps: float) -> specs.Training:
        attack = specs.PGD(eps=eps or 0.1, step_size=0.03, steps=5)
        scheme = specs.Adversarial(attack=attack) if eps else specs.Standard()
        return specs.Training(
            images=specs.Glyphs(train=3000, test=500),
            network=specs.SmallCNN(width=8),
            scheme=scheme,
            evaluation=attack,
            epochs=4,
        )

    return [network(eps) for eps in (0.0, 0.05, 0.1)]


def opened(study: Path | None = None, *, settle: bool = True):
    """Return an application and a window whose engine is loaded and whose pages are built."""
    from gui import app as gui_app

    app = gui_app.make_application()
    window = gui_app.make_window(app, [])
    settled = []
    window.settled.connect(lambda: settled.append(True))
    while not window.workspace.runner.loaded or (settle and not settled):
        let_run(20)
    if study is not None:
        window.workspace.open_study(study, create=not study.exists())
    return app, window


def start(home: Path) -> dict[str, float]:
    """Return the seconds until the window is drawn, since this process was launched."""
    from PySide6.QtCore import QEvent, QObject

    from gui import app as gui_app

    app = gui_app.make_application()

    class FirstPaint(QObject):
        def eventFilter(self, _: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                app.quit()
            return False

    window = gui_app.make_window(app, [])
    painted = FirstPaint()
    window.rail.installEventFilter(painted)
    app.exec()
    return {"seconds": time.time() - float(os.environ["LAUNCHED"])}


def gaps(home: Path) -> dict[str, float]:
    """Return how late the event loop comes after the first picture, in ms."""
    from gui import app as gui_app

    app = gui_app.make_application()
    window = gui_app.make_window(app, [])
    settled: list[float] = []
    window.settled.connect(lambda: settled.append(time.perf_counter()))
    control = subprocess.Popen(
        [sys.executable, "-c", IDLE, str(FIRST_SECONDS)], stdout=subprocess.PIPE, text=True
    )
    let_run(0)  # the first picture
    begun, delay = time.perf_counter(), LoopDelay()
    let_run(1000 * FIRST_SECONDS)
    p99, longest = delay.take()
    while not settled:
        let_run(20)
    let_run(1000)
    later_p99, later_longest = delay.take()
    idle_p99, idle_longest = json.loads(control.communicate()[0])
    window.stop()
    return {
        "p99, first 4 s": p99,
        "longest": longest,
        "p99 later": later_p99,
        "longest later": later_longest,
        "idle p99": idle_p99,
        "idle longest": idle_longest,
        "built after, s": settled[0] - begun,
    }


def study(home: Path) -> dict[str, float]:
    """Return the seconds for reading a large study, and until a window shows it."""
    from engine.store.study import Study

    path = home.parent / "large.isthmus"
    begun = time.perf_counter()
    count = len(Study(path).entries)
    read = time.perf_counter() - begun
    assert count >= RECORDS, count
    _, window = opened()
    begun = time.perf_counter()
    window.workspace.open_study(path)
    window.repaint()
    let_run(0)
    shown = time.perf_counter() - begun
    window.stop()
    return {"read": read, "shown": shown}


def make_large(path: Path) -> None:
    """Write a study of 5,000 networks that were never trained."""
    from engine.store.study import Study
    from tests import made_up_study as made_up

    large = Study(path, create=True)
    made_up.add_images(large)
    for seed in range(RECORDS):
        made_up.add_network(large, made_up.network("linf", 0.1, seed=seed))


def alone(home: Path) -> dict[str, float]:
    """Return the seconds of the plan without a window."""
    from engine.plan.scheduler import Scheduler, slots_on
    from engine.store.study import Study

    scheduler = Scheduler(Study(home / "s.isthmus", create=True), slots_on("cpu"), lambda e: None)
    begun = time.perf_counter()
    scheduler.add(plan())
    scheduler.wait()
    taken = time.perf_counter() - begun
    scheduler.stop()
    return {"seconds": taken}


def beside(home: Path) -> dict[str, float]:
    """Return the seconds of the plan with the Train page open, and the event loop's delay."""
    _, window = opened(home / "s.isthmus")
    window.pages.show_place(TRAIN)
    workspace = window.workspace
    let_run(500)
    delay = LoopDelay()
    begun = time.perf_counter()
    workspace.run(plan())
    while workspace.runner.busy:
        let_run(20)
    taken = time.perf_counter() - begun
    p99, longest = delay.take()
    window.stop()
    return {"seconds": taken, "p99": p99, "longest": longest}


def updates(home: Path) -> dict[str, float]:
    """Return memory in MB after some live updates, and after many more."""
    import numpy as np

    from engine.jobs.events import ProbeMaps, Progress, Queued, Scalars, Started

    _, window = opened(home / "s.isthmus")
    window.pages.show_place(TRAIN)
    workspace = window.workspace
    spec = plan()[0]
    workspace.choose_images(spec.images)
    for kind in (Queued, Started):
        workspace.runner.engine_event.emit(kind(spec.key, spec.kind, spec.title))
    draw = np.random.default_rng(0)
    pictures = draw.integers(0, 256, (8, 1, 28, 28), dtype=np.uint8)
    notes = {}
    for count in range(1, UPDATES + 1):
        step = count / 100
        maps = draw.normal(size=(8, 1, 28, 28)).astype(np.float32)
        for event in (
            Progress(spec.key, step, UPDATES / 100, "epochs"),
            Scalars(spec.key, step, {"loss": 1 / step}),
            ProbeMaps(spec.key, step, pictures, maps),
        ):
            workspace.runner.engine_event.emit(event)
        if count % UPDATES_AT_ONCE == 0:
            let_run(1)
        if count in (SETTLED_UPDATES, UPDATES):
            notes[f"after {count}"] = resources()[0]
    window.stop()
    return notes


PARTS = {
    "start": [start],
    "gaps": [gaps],
    "study": [study],
    "training": [alone, beside],
    "updates": [updates],
}
CHILDREN = {work.__name__: work for works in PARTS.values() for work in works}


def in_process(name: str, folder: Path, turn: int) -> dict[str, float]:
    """Run one part in a process of its own; return what it found."""
    home = folder / f"{name}-{turn}"
    home.mkdir()
    config, launched = str(home / "config"), str(time.time())
    env = environment(folder, ISTHMUS_CONFIG=config, LAUNCHED=launched)
    command = [sys.executable, "-m", "tests.benchmarks.window", "--child", name, str(home)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return json.loads(done.stdout.strip().splitlines()[-1])


def spread(values: list[float]) -> str:
    """Return median and range."""
    return f"{statistics.median(values):9.3f}  ({min(values):.3f} to {max(values):.3f})"


def report(name: str, found: list[dict[str, float]]) -> None:
    """Print what the rounds of a part came to."""
    for quantity in found[0]:
        print(f"{name:9} {quantity:13} {spread([one[quantity] for one in found])}", flush=True)


def main() -> None:
    """Run the parts in turns and print them, or be one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, home = options.child
        print(json.dumps(CHILDREN[name](Path(home))))
        # Threads of libraries that nothing waits for would hold up the end.
        sys.stdout.flush()
        os._exit(0)
    with tempfile.TemporaryDirectory() as folder:
        if "study" in options.only:
            make_large(Path(folder) / "large.isthmus")
        for part in options.only:
            found: dict[str, list[dict[str, float]]] = {}
            for turn in range(-1, options.rounds):
                for work in PARTS[part]:
                    name = work.__name__
                    notes = in_process(name, Path(folder), turn)
                    if turn >= 0:
                        found.setdefault(name, []).append(notes)
            for name, notes in found.items():
                report(name, notes)
            if part == "training":
                pairs = zip(found["beside"], found["alone"], strict=True)
                ratios = [window["seconds"] / without["seconds"] for window, without in pairs]
                print(f"training  with / without a window {spread(ratios)}")


if __name__ == "__main__":
    main()
