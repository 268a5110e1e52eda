"""How late the window's event loop gets while a large set is read and kept on the shelf.

    QT_QPA_PLATFORM=offscreen nice python -m tests.benchmarks.storing [--images 5000] [--rounds 3]

A folder of small JPEG files of 224 px is given to the window as by a drop, once to be read and
stored, and once to be found on the shelf. A timer of 5 ms notes how much later than that it is
called: "gap" is the longest time, "held" the longest when of each no more counts than the process
used the processor in it, as on a busy machine it waits for its turn. "idle" are the gaps of the
same window while it does nothing, for as long, and "trained" those while a network takes its first
steps on the images, with the Train page open. Goal: no gap above 100 ms.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.compiled import environment

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
LIMIT_S = 600.0
TRAINING_S = 30.0


class Beat:
    """Notes how late a timer of the window's event loop is."""

    def __init__(self) -> None:
        from PySide6.QtCore import QTimer

        self.gaps: list[tuple[float, float]] = []
        self._last = time.perf_counter(), time.process_time()
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._turn)
        self._timer.start()

    def _turn(self) -> None:
        now = time.perf_counter(), time.process_time()
        self.gaps.append((now[0] - self._last[0], now[1] - self._last[1]))
        self._last = now

    def longest(self) -> tuple[float, float]:
        """Return the longest gap and the longest held one in seconds, and forget them."""
        self._turn()
        gaps, self.gaps = self.gaps[:-1], []
        return max(gap for gap, _ in gaps), max(map(min, gaps))


def measured(folder: Path, home: Path) -> dict[str, float]:
    """Return seconds of reading and finding a folder, and the gaps meanwhile."""
    from engine import specs
    from gui.pages import TRAIN
    from tests.benchmarks.window import opened
    from tests.reliability.soak import let_run

    _, window = opened(home / "window.isthmus")
    workspace, found = window.workspace, {}
    let_run(3000)
    beat = Beat()
    for name in ("read", "found"):
        let_run(300)
        workspace.image_set = None
        beat.longest()
        begun = time.perf_counter()
        workspace.importer.read_folder(folder, {"image_size": 224})
        while workspace.image_set is None and time.perf_counter() - begun < LIMIT_S:
            let_run(20)
        found[name] = time.perf_counter() - begun
        let_run(500)
        found[f"{name}, gap"], found[f"{name}, held"] = beat.longest()
    let_run(int(found["read"] * 1000))
    found["idle, gap"], found["idle, held"] = beat.longest()
    window.pages.show_place(TRAIN)
    let_run(500)
    beat.longest()
    network = specs.SmallCNN(width=8)
    workspace.run([specs.Training(images=workspace.images, network=network, epochs=1)])
    let_run(int(1000 * TRAINING_S))
    found["trained, gap"], found["trained, held"] = beat.longest()
    workspace.runner.cancel()
    while workspace.runner.busy:
        let_run(20)
    let_run(1000)  # freed memory goes back to the system
    found["cancelled, gap"], found["cancelled, held"] = beat.longest()
    found["stored"] = workspace.image_cache.nbytes / 1e6
    window.stop()
    return found


def main() -> None:
    """Print what each round found; every round is a process of its own."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--images", type=int, default=5000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--part", nargs=2, type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.part:
        print(repr(measured(*chosen.part)))
        sys.stdout.flush()
        os._exit(0)
    from tests.benchmarks.memory import generate

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "images"
        generate(folder, chosen.images, 224)
        time.sleep(4)  # a cache keeps nothing that changed a moment ago
        for number in range(chosen.rounds):
            home = Path(place) / f"home{number}"
            home.mkdir()
            command = [sys.executable, "-m", "tests.benchmarks.storing"]
            answer = subprocess.run(
                [*command, "--part", str(folder), str(home)],
                capture_output=True,
                text=True,
                check=False,
                env=environment(Path(place), ISTHMUS_CONFIG=str(home)),
            )
            if answer.returncode:
                sys.exit(answer.stderr)
            found = ast.literal_eval(answer.stdout.splitlines()[-1])
            told = ", ".join(f"{name} {value:.3f}" for name, value in found.items())
            print(f"load {os.getloadavg()[0]:.1f}: {told}", flush=True)


if __name__ == "__main__":
    main()
