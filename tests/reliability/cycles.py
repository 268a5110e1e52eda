"""Repeat one kind of use of the window many times, and report what each repetition leaves behind.

    nice python -m tests.reliability.cycles [--cycles 200] [--only KIND ...]

The soak mixes all kinds of use, so that what grows in it cannot be told apart. Here each kind is a
process of its own: the same thing is done over and over. Ten times on the way memory that the C
library has handed out, Python's blocks, objects by type, Qt's objects, handles and threads are
counted, after a collection of garbage. Slopes are fitted over the later two thirds. Kinds of object
are listed that have become more by at least half an object in a cycle.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.reliability.census import census
from tests.reliability.soak import fitted_slope, handed_out, let_run, resources

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
NOTES = 15
PATIENCE_MS = 120_000


class Use:
    """A window with one trained network, and the kinds of use that are repeated in it."""

    def __init__(self, home: Path):
        from gui import app as gui_app

        self.home = home
        self.app = gui_app.make_application()
        self.window = gui_app.make_window(self.app, [])
        self.workspace = self.window.workspace
        self.until(lambda: self.workspace.runner.loaded)
        self.workspace.queueing.confirm = None
        settled = []
        self.window.settled.connect(lambda: settled.append(True))
        self.workspace.open_study(home / "one.isthmus", create=True)
        self.take(self.glyphs())
        self.train(0)
        self.until(lambda: bool(settled))

    def until(self, reached: Callable[[], bool]) -> None:
        """Let the window work until something is so."""
        for _ in range(PATIENCE_MS // 5):
            if reached():
                return
            let_run(5)
        raise SystemExit("what was waited for did not come")

    def glyphs(self):
        """Return the images of every study."""
        from engine.specs import Glyphs

        return Glyphs(train=200, test=100)

    def take(self, spec) -> None:
        """Choose images and wait until they are there."""
        self.workspace.choose_images(spec)
        self.until(lambda: self.workspace.image_set is not None)

    def training(self, seed: int, epochs: int = 1):
        """Return the spec of a tiny network."""
        from engine import specs

        images = self.workspace.images
        network = specs.SmallCNN(width=4, hidden=8)
        return specs.Training(
            images=images, network=network, epochs=epochs, batch_size=50, seed=seed
        )

    def train(self, seed: int) -> None:
        """Train it to its end."""
        self.workspace.run([self.training(seed)])
        self.until(lambda: self.workspace.study.has(self.training(seed)))
        self.until(lambda: not self.workspace.runner.busy)

    def show(self, place) -> None:
        """Show a page."""
        self.window.pages.show_place(place)

    def page(self, place):
        """Return a page that was built."""
        self.show(place)
        return self.window.pages.page()

    # ---------------------------------------------------------------------------- kinds of use

    def nothing(self) -> Iterator[None]:
        """Wait."""
        while True:
            let_run(30)
            yield

    def pages(self) -> Iterator[None]:
        """Look at every page in turn."""
        while True:
            for place in self.window.pages.places:
                self.show(place)
                let_run(40)
            yield

    def reopen(self) -> Iterator[None]:
        """Open the same study again."""
        while True:
            self.workspace.open_study(self.home / "one.isthmus")
            self.until(lambda: self.workspace.image_set is not None)
            let_run(60)
            yield

    def fresh(self) -> Iterator[None]:
        """Make a study and choose images."""
        number = 0
        while True:
            number += 1
            self.workspace.open_study(self.home / f"new{number}.isthmus", create=True)
            self.take(self.glyphs())
            let_run(60)
            yield

    def trained(self) -> Iterator[None]:
        """Make a study, choose images and train a tiny network, with the Train page in sight."""
        from gui.pages import TRAIN

        self.show(TRAIN)
        for _ in self.fresh():
            self.train(0)
            let_run(60)
            yield

    def deleted(self) -> Iterator[None]:
        """Train a tiny network and delete it."""
        seed = 0
        while True:
            seed += 1
            self.train(seed)
            self.workspace.edits.delete([self.training(seed).key])
            self.until(lambda: not self.workspace.edits.busy)
            let_run(40)
            yield

    def attack(self) -> Iterator[None]:
        """Move eps and choose another image on the Attack page."""
        from gui.pages import ATTACK
        from gui.widgets.forms.eps_slider import EpsSlider

        page, number = self.page(ATTACK), 0
        while True:
            number += 1
            for slider in page.findChildren(EpsSlider):
                if slider.isVisible():
                    slider.set_value(0.01 + 0.001 * (number % 100))
            page.strip.choose([number % 100])
            let_run(120)
            yield

    def maps(self) -> Iterator[None]:
        """Choose other images on the Maps page."""
        from gui.pages import MAPS

        page, number = self.page(MAPS), 0
        while True:
            number += 1
            page.strip.choose([number % 100, (number + 7) % 100])
            let_run(200)
            yield

    def images(self) -> Iterator[None]:
        """Give the window one and the other of two folders of images."""
        from PIL import Image

        for name in ("a", "b"):
            for k in range(20):
                folder = self.home / name / f"class{k % 2}"
                folder.mkdir(parents=True, exist_ok=True)
                pixels = np.full((32, 32, 3), 10 * k + (name == "b"), np.uint8)
                Image.fromarray(pixels).save(folder / f"{k}.png")
        while True:
            for name in ("a", "b"):
                self.workspace.image_set = None
                self.workspace.importer.take([self.home / name])
                self.until(lambda: self.workspace.image_set is not None)
                let_run(60)
            yield

    def export(self) -> Iterator[None]:
        """Export the chart of the Train page through the dialog."""
        from gui.pages import TRAIN
        from gui.widgets.export.buttons import ExportButton
        from gui.widgets.export.dialog import ExportDialog

        button = self.page(TRAIN).findChildren(ExportButton)[0]
        path = self.home / "figure.png"
        while True:
            path.unlink(missing_ok=True)
            button.click()
            (dialog,) = self.window.findChildren(ExportDialog)
            let_run(150)
            dialog.save_to(path)
            self.until(path.exists)
            self.until(lambda: not self.window.findChildren(ExportDialog))
            yield

    def undo(self) -> Iterator[None]:
        """Rename a network, undo it, and redo and undo it again."""
        (entry,) = self.workspace.entries("training")
        stack, number = self.workspace.edits.stack, 0
        while True:
            number += 1
            self.workspace.edits.rename(entry.key, f"name {number % 7}")
            for step in (stack.undo, stack.redo, stack.undo):
                step()
                self.until(lambda: not self.workspace.edits.busy)
            let_run(30)
            yield

    def cancel(self) -> Iterator[None]:
        """Queue six trainings in one study and cancel them."""
        seed = 1000
        while True:
            self._cancel_six(seed)
            seed += 6
            yield

    def left(self) -> Iterator[None]:
        """Queue six trainings, cancel them and open the study again."""
        seed = 1000
        for _ in self.reopen():
            self._cancel_six(seed)
            seed += 6
            yield

    def _cancel_six(self, seed: int) -> None:
        self.workspace.run([self.training(seed + k, epochs=50) for k in range(6)])
        let_run(100)
        self.workspace.runner.cancel()
        self.until(lambda: not self.workspace.runner.busy)
        let_run(60)


KINDS = (
    Use.nothing,
    Use.pages,
    Use.reopen,
    Use.fresh,
    Use.trained,
    Use.deleted,
    Use.attack,
    Use.maps,
    Use.images,
    Use.export,
    Use.undo,
    Use.cancel,
    Use.left,
)


def repeat(kind: Callable[[Use], Iterator[None]], cycles: int) -> None:
    """Repeat one kind of use in this process and print what grew."""
    import h5py

    with tempfile.TemporaryDirectory() as home:
        os.environ["ISTHMUS_CONFIG"] = home
        use = Use(Path(home))
        turns = kind(use)
        census()  # what it looks at gets objects of Python for the first time
        notes: list[tuple[float, ...]] = []
        first: Counter[str] = Counter()
        every = max(1, cycles // NOTES)
        begin = every * (NOTES // 3)
        for done in range(1, every * NOTES + 1):
            next(turns)
            if done % every == 0 and done >= begin:
                let_run(600)
                found = census()
                first = first or found
                ids = h5py.h5f.get_obj_count(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_ALL)
                blocks = float(found["python blocks"])
                notes.append((done, 1000 * handed_out(), blocks, ids, *resources()))
        table = np.array(notes)
        told = []
        for name, column in (("kB handed out", 1), ("blocks", 2)):
            slope, error = fitted_slope(table[:, 0], table[:, column])
            told.append(f"{name} {slope:+.2f} +- {error:.2f}")
        for name, column in (("h5 ids", 3), ("handles", 5), ("threads", 6)):
            told.append(f"{name} {table[0, column]:.0f} to {table[-1, column]:.0f}")
        print(f"{kind.__name__:8} n = {every * NOTES}, a cycle: {', '.join(told)}")
        span = table[-1, 0] - table[0, 0]
        change = {name: (found[name] - first[name]) / span for name in found}
        kinds = [name for name in change if change[name] >= 0.5 and "blocks" not in name]
        for name in sorted(kinds, key=lambda name: -change[name])[:12]:
            print(f"    {name} {change[name]:+.1f}")
        sys.stdout.flush()
        use.window.stop()
        os._exit(0)


def main() -> None:
    """Repeat every kind of use, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = {kind.__name__: kind for kind in KINDS}
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--only", nargs="*", choices=names, default=list(names))
    parser.add_argument("--kind", choices=names, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.kind:
        repeat(names[options.kind], options.cycles)
    for name in options.only:
        command = [sys.executable, "-m", "tests.reliability.cycles", "--kind", name]
        subprocess.run([*command, "--cycles", str(options.cycles)], check=False)


if __name__ == "__main__":
    main()
