"""Uses the window for a long time, and reports whether anything grows: memory, handles, threads.

    QT_QPA_PLATFORM=offscreen python -m tests.reliability.soak --minutes 30 [--seed 0] [--census 5]

Trainings with live maps run all the time; between them the script changes pages, moves the eps of
the Attack page, cancels, pauses and resumes, and opens the study anew, at random from a seed. A
study that has grown to 60 records is left for an empty one, so that memory has no cause to grow.
Every ten seconds it notes resident memory, what of it the C library has handed out, open handles,
threads and the longest delay of the event loop since the last note. Slopes are fitted over the
second half: caches fill in the first. Memory that is handed out and grows is leaked or kept; if
only resident memory grows, freed blocks lie between used ones. With `--census N` the kinds of
objects that have become more since the census before are printed every N minutes.
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from tests.reliability.census import census, grown

NOTE_SECONDS = 10.0
TICK_MS = 10
RECORDS = 60


class LoopDelay:
    """How late a timer of 10 ms comes: what a click would wait."""

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self.late: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late.append(1000 * (now - self._last) - TICK_MS)
        self._last = now

    def take(self) -> tuple[float, float]:
        """Return the 99th percentile and the maximum in ms since the last call."""
        late, self.late = np.array(self.late or [0.0]), []
        return float(np.percentile(late, 99)), float(late.max())


def let_run(milliseconds: int) -> None:
    """Let the window work for a while, as the application's own loop does.

    QTest.qWait holds Python's lock while it waits, and the trainings with it.
    """
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


class User:
    """Does at random what people do, a few times a second."""

    def __init__(self, window, home: Path, seed: int):
        self.window = window
        self.workspace = window.workspace
        self.home = home
        self.random = random.Random(seed)
        self.trained = 0
        self.studies = 0
        self.taken: dict[str, list[float]] = {}
        self._acts = [
            (8, self._change_page),
            (8, self._move_eps),
            (4, self._train),
            (2, self._cancel),
            (2, self._pause),
            (1, self._reopen),
        ]

    def act(self) -> None:
        """Do one thing, and note how long the window was busy with it."""
        weights, acts = zip(*self._acts, strict=True)
        (act,) = self.random.choices(acts, weights)
        begun = time.perf_counter()
        act()
        taken = 1000 * (time.perf_counter() - begun)
        self.taken.setdefault(act.__name__.strip("_"), []).append(taken)

    def _change_page(self) -> None:
        self.window.pages.show_place(self.random.choice(self.window.pages.places))

    def _move_eps(self) -> None:
        from gui.widgets.forms.eps_slider import EpsSlider

        for slider in self.window.findChildren(EpsSlider):
            if slider.isVisible():
                slider.set_value(self.random.uniform(0.0, 0.2))

    def _train(self) -> None:
        from engine import specs

        if self.workspace.runner.busy or self.workspace.study is None:
            return
        attack = specs.PGD(eps=0.1, step_size=0.03, steps=3)
        self.trained += 1
        self.workspace.run(
            [
                specs.Training(
                    images=images(),
                    network=specs.SmallCNN(width=8),
                    scheme=scheme,
                    epochs=3,
                    batch_size=50,
                    seed=self.trained,
                    evaluation=attack,
                )
                for scheme in (specs.Standard(), specs.Adversarial(attack=attack))
            ]
        )

    def _cancel(self) -> None:
        self.workspace.runner.cancel()

    def _pause(self) -> None:
        self.workspace.runner.set_paused(True)
        self.workspace.runner.set_paused(False)

    def _reopen(self) -> None:
        if self.workspace.runner.busy:
            return
        if len(self.workspace.entries()) > RECORDS:
            self.studies += 1
        path = self.home / f"soak-{self.studies}.isthmus"
        self.workspace.open_study(path, create=not path.exists())
        if self.workspace.images is None:
            self.workspace.choose_images(images())


def images():
    """Return the images of every study."""
    from engine.specs import Glyphs

    return Glyphs(train=1000, test=200)


def resources() -> tuple[float, int, int]:
    """Return resident memory in MB, open handles, and threads of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    handles = len(os.listdir("/proc/self/fd"))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, handles, threading.active_count()


class Mallinfo2(ctypes.Structure):
    """The structure of that name in glibc's malloc.h."""

    _fields_ = [
        ("arena", ctypes.c_size_t),
        ("blocks", ctypes.c_size_t * 3),
        ("mapped", ctypes.c_size_t),
        ("unused", ctypes.c_size_t * 2),
        ("used", ctypes.c_size_t),
        ("free", ctypes.c_size_t * 2),
    ]


def handed_out() -> float:
    """Return the MB that the C library has handed out; nan where it cannot tell.

    Without what Qt's cache of pictures holds: it grows for hours, up to its limit of 10 MB.
    """
    from PySide6.QtGui import QPixmapCache

    QPixmapCache.clear()
    ask = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if ask is None:
        return float("nan")
    ask.restype = Mallinfo2
    found = ask()
    return (found.used + found.mapped) / 1e6


def soak(
    minutes: float, seed: int, home: Path, every: float, counted: float = math.inf
) -> list[tuple[float, ...]]:
    """Return notes: minutes, MB, handles, threads, p99 ms, longest ms, MB handed out."""
    from gui import app as gui_app

    app = gui_app.make_application()
    window = gui_app.make_window(app, [])
    while not window.workspace.runner.loaded:
        let_run(50)
    window.workspace.open_study(home / "soak-0.isthmus", create=True)
    window.workspace.choose_images(images())
    user, delay = User(window, home, seed), LoopDelay()
    start = time.monotonic()
    noted, notes = start, []
    count, count_at = None, start + 60 * counted
    while (now := time.monotonic()) - start < 60 * minutes:
        user.act()
        let_run(user.random.randrange(50, 600))
        if now - noted >= every:
            noted = now
            notes.append(((now - start) / 60, *resources(), *delay.take(), handed_out()))
            when, memory, handles, threads, p99, longest, used = notes[-1]
            print(
                f"{when:6.1f} min {memory:7.1f} MB ({used:6.1f} in use) {handles:4d} handles "
                f"{threads:3d} threads p99 {p99:5.1f} ms max {longest:6.1f} ms"
            )
            sys.stdout.flush()
        if now >= count_at:
            count_at, before, count = now + 60 * counted, count, census()
            print("\n".join(grown(before or count, count)), flush=True)
    for name, taken in sorted(user.taken.items()):
        print(f"{name}: {len(taken)} times, ms median {np.median(taken):.1f}, max {max(taken):.1f}")
    window.stop()
    return notes


def fitted_slope(minutes: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Return the least-squares slope and its standard error, residuals taken as independent."""
    spread = minutes - minutes.mean()
    slope = (spread * values).sum() / (spread**2).sum()
    residuals = values - values.mean() - slope * spread
    freedom = max(len(minutes) - 2, 1)
    return float(slope), float(np.sqrt((residuals**2).sum() / freedom / (spread**2).sum()))


def main() -> None:
    """Print the notes, and what they come to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=float, default=NOTE_SECONDS, help="seconds between notes")
    parser.add_argument("--census", type=float, default=math.inf, help="minutes between censuses")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["ISTHMUS_CONFIG"] = home
        notes = np.array(
            soak(options.minutes, options.seed, Path(home), options.every, options.census)
        )
    later = notes[len(notes) // 2 :]
    for name, column in (("resident", 1), ("handed out", 6)):
        slope, error = fitted_slope(later[:, 0], later[:, column])
        print(f"memory, {name}: {slope:+.2f} +- {error:.2f} MB a minute over the second half")
    for name, column in (("handles", 2), ("threads", 3)):
        print(f"{name} {later[:, column].min():.0f} to {later[:, column].max():.0f}")
    median, longest = np.median(later[:, 4]), later[:, 5].max()
    print(f"event loop p99 {median:.1f} ms (median of notes), longest {longest:.0f} ms")


if __name__ == "__main__":
    main()
