"""Make pictures of every page in every state, on two screens, light and dark, to look at.

    xvfb-run -a -s "-screen 0 1920x1080x24" uv run docs/make_screens.py --out FOLDER

The pictures of the docs are made by ``make_images.py``; these are not kept. The states:

empty      no study is open
begun      a study with images, in which nothing was computed
full       the demo study
running    the demo study, while what the page shows is computed
names      200 classes with long Chinese names, on which a little of everything was computed

Each screen and mode is photographed by a process of its own, as Qt reads the scale only once. A
picture is called SCREEN-MODE-STATE-PAGE.png; further tabs of a page have their title behind it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np
from make_images import PINS, pause, settle, until
from PIL import Image
from PySide6.QtWidgets import QTabWidget

from engine.jobs.events import Progress, Scalars
from engine.plan.planfile import load_preset
from engine.specs import Rise, Training
from gui.pages import (
    ATTACK,
    BOUNDARY,
    MANIFOLD,
    MAPS,
    PAGES,
    PINNED,
    RETRAIN,
    TRADEOFF,
    TRAIN,
    WELCOME,
    Place,
)

SCREENS = ("1366x768@100", "1920x1080@150")
MODES = ("light", "dark")
KINDS = {
    ATTACK: "measurement",
    MAPS: "maps",
    MANIFOLD: "vae_gan",
    RETRAIN: "interpretability",
    TRADEOFF: "interpretability",
}
EPOCHS = (TRAIN, BOUNDARY, PINNED, WELCOME)  # that show several epochs of a training
MANY_EPOCHS = 200
UNDER_WAY_MS = 60_000
STATES = ("empty", "begun", "full", "running", "names")
TITLE_BAR = 30  # of a maximised window, in pixels of the screen
SETTLE_MS = 700
TAB_MS = 400
CLASSES, EACH, SIDE = 200, 5, 28
SYLLABLES = "山水風雲龍鳳松竹梅蘭菊石花鳥魚虫草木金玉"
NAME = "一個非常長的類別名稱用來檢查版面是否會被撐開"
PLAN = """
title = "A little of everything on long names"
run = ["standard", "robust", "maps", "attacks", "curves", "scores", "classes", "signs", "generator",
    "clean", "far"]

[specs.images]
path = "images"
image_size = 28
channels = "grey"

[specs.network]
kind = "small_cnn"
width = 4

[specs.standard]
kind = "training"
images = "@images"
network = "@network"
epochs = 2
batch_size = 100

[specs.robust]
kind = "training"
images = "@images"
network = "@network"
epochs = 2
batch_size = 100

[specs.robust.scheme]
kind = "adversarial"
attack = { kind = "pgd", eps = { each = [0.05, 0.1] }, step_size = 0.04, steps = 3 }

[specs.maps]
kind = "maps"
classifier = { each = ["@standard", "@robust"] }
attribution = { kind = "gradient" }

[specs.attacks]
kind = "adversarial_examples"
classifier = { each = ["@standard", "@robust"] }

[specs.curves]
kind = "measurement"
classifier = { each = ["@standard", "@robust"] }
metric = { kind = "robust_accuracy", eps = [0.0, 0.05, 0.1] }
test_images = 100

[specs.scores]
kind = "interpretability"
classifier = { each = ["@standard", "@robust"] }
attribution = { kind = "gradient" }
mode = "roar"
baseline = "@standard"
fractions = [0.5, 0.9]
repeats = 1

[specs.classes]
kind = "measurement"
classifier = { each = ["@standard", "@robust"] }
metric = { kind = "class_accuracy" }

[specs.signs]
kind = "measurement"
classifier = { each = ["@standard", "@robust"] }
metric = { kind = "alignment" }

[specs.generator]
kind = "vae_gan"
images = "@images"
width = 0.25
epochs = 2

[specs.clean]
kind = "manifold_distance"
generator = "@generator"
test_images = 50

[specs.far]
kind = "manifold_distance"
generator = "@generator"
classifier = { each = ["@standard", "@robust"] }
test_images = 50
"""


def main() -> int:
    """Make the study with long names, then photograph each screen and mode in a process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--study", type=Path, default=ROOT / "resources" / "demo.isthmus")
    parser.add_argument("--screens", nargs="*", default=SCREENS, help="such as 1366x768@125")
    parser.add_argument("--modes", nargs="*", choices=MODES, default=MODES)
    parser.add_argument("--states", nargs="*", choices=STATES, default=STATES)
    parser.add_argument("--pages", nargs="*", help="titles; all without")
    parser.add_argument("--names", type=Path, help="where the study with long names is kept")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return photograph(options)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        names = options.names or Path(folder) / "names.isthmus"
        if "names" in options.states and not names.is_dir():
            make_names(names.parent, names)  # the images are read again when it is opened
        for screen in options.screens:
            for mode in options.modes:
                _in_process(options, screen, mode, names)
    return 0


def _in_process(options: argparse.Namespace, screen: str, mode: str, names: Path) -> None:
    scale = screen.partition("@")[2]
    command = [sys.executable, __file__, "--one", "--out", str(options.out)]
    command += ["--study", str(options.study), "--names", str(names), "--screens", screen]
    command += ["--modes", mode, "--states", *options.states]
    if options.pages:
        command += ["--pages", *options.pages]
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "ISTHMUS_CONFIG": home, "QT_SCALE_FACTOR": str(int(scale) / 100)}
        subprocess.run(command, env=env, check=True)


# ------------------------------------------------------------------------------------- long names


def make_names(folder: Path, study: Path) -> None:
    """Compute a little of everything on images of 200 classes with long Chinese names."""
    random = np.random.default_rng(0)
    images = folder / "一個非常長的資料夾名稱"
    for label in range(CLASSES):
        name = f"{SYLLABLES[label // 20]}{SYLLABLES[label % 20]}{NAME}"
        place = images / name
        place.mkdir(parents=True)
        pattern = random.integers(0, 200, (7, 7)).repeat(4, 0).repeat(4, 1)
        for number in range(EACH):
            pixels = (pattern + random.integers(0, 40, (SIDE, SIDE))).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"{number}.png")
    plan = folder / "names.toml"
    plan.write_text(PLAN, encoding="utf-8")
    command = [sys.executable, "main.py", "run", str(plan), "--study", str(study)]
    subprocess.run([*command, "--images", str(images), "--yes"], cwd=ROOT, check=True)


# ------------------------------------------------------------------------------------ photographs


def photograph(options: argparse.Namespace) -> int:
    """Open the window, and photograph the states one after the other."""
    from gui import app as gui_app
    from gui.look import theme

    app = gui_app.make_application()
    theme.apply(app, options.modes[0])
    window = gui_app.make_window(app, [])
    until(lambda: window.workspace.runner.loaded)
    size, _, scale = options.screens[0].partition("@")
    width, height = map(int, size.split("x"))
    sides = (width, height - TITLE_BAR)
    window.resize(*(round(100 * side / int(scale)) for side in sides))
    for host in window.pages.hosts:
        host.build()
    titles = options.pages or [place.title for place in PAGES]
    places = [place for place in PAGES if place.title in titles]
    camera = Camera(window, options.out, f"{options.screens[0]}-{options.modes[0]}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            for state in (state for state in STATES if state in options.states):  # no study first
                _open(window, state, options, Path(folder))
                for place in places:
                    camera.shoot(state, place)
        finally:  # threads that outlive the window would crash the process
            camera.stop()
            window.stop()
    return 0


def _open(window: Any, state: str, options: argparse.Namespace, folder: Path) -> None:
    """Open the study of a state; a copy, because the window writes into it."""
    if state == "empty":
        return
    place = folder / state / {"names": "names", "begun": "begun"}.get(state, "demo")
    place = place.with_suffix(".isthmus")
    if state == "begun":
        place.parent.mkdir()
        window.workspace.open_study(place, create=True)
        plan = load_preset("demo")
        window.workspace.choose_images(next(s for s in plan.specs if s.kind == "training").images)
    else:
        shutil.copytree(options.names if state == "names" else options.study, place)
        window.workspace.open_study(place)
    until(lambda: window.workspace.image_set is not None)
    for pin in PINS if state != "begun" else ():
        window.workspace.pins.set_pinned(pin, True)


class Camera:
    """Photographs pages once they have settled, with every tab of theirs."""

    def __init__(self, window: Any, out: Path, name: str):
        self._window, self._out, self._name = window, out, name
        self._seen = 0.0
        window.workspace.engine_event.connect(self._note)

    def shoot(self, state: str, place: Place) -> None:
        """Photograph a page in a state."""
        window = self._window
        window.dock.set_expanded(state == "running")
        window.pages.show_place(place)
        if state == "running":
            self._run(place)
        settle(window)
        page = window.pages.page()
        self._save(f"{state}-{place.title}")
        for tabs in [tabs for tabs in page.findChildren(QTabWidget) if tabs.isVisible()]:
            first = tabs.currentIndex()
            for index in range(tabs.count()):
                if index != first:
                    tabs.setCurrentIndex(index)
                    pause(TAB_MS)
                    settle(window)
                    self._save(f"{state}-{place.title}-{tabs.tabText(index)}")
            tabs.setCurrentIndex(first)
        if state == "running":
            self.stop()

    def stop(self) -> None:
        """Cancel what is computed, and wait for the end."""
        runner = self._window.workspace.runner
        runner.cancel()
        until(lambda: not runner.busy)
        pause(SETTLE_MS)

    def _run(self, place: Place) -> None:
        """Begin a long computation of the kind that the page shows; wait until it is under way.

        Work that has no steps to tell of is only waited for.
        """
        workspace = self._window.workspace
        self._seen = 0.0
        if place is BOUNDARY:  # its planes show only the networks that its controls ask for
            page = self._window.pages.page()
            page.controls.set_training(7, MANY_EPOCHS)
            page.train()
        else:
            workspace.runner.run(list(long_work(place)))
        if not workspace.runner.busy:
            raise RuntimeError(f"nothing is computed for the page {place.title}")
        enough = 3.0 if place in EPOCHS else 1e-3
        waited = 0
        while self._seen < enough and waited < UNDER_WAY_MS:
            pause(TAB_MS)
            waited += TAB_MS
        pause(4 * SETTLE_MS)

    def _note(self, event: object) -> None:
        if isinstance(event, Scalars):
            self._seen = max(self._seen, float(event.step))
        elif isinstance(event, Progress) and event.done > 0:
            self._seen = max(self._seen, 1e-3)

    def _save(self, name: str) -> None:
        path = self._out / f"{self._name}-{name.lower().replace(' ', '-')}.png"
        if not self._window.grab().save(str(path)):
            raise SystemExit(f"{path} cannot be written")
        ended = "-running-" in path.name and not self._window.workspace.runner.busy
        print(path.name, "(nothing was running any more)" if ended else "", flush=True)


def long_work(place: Place) -> Iterator[Any]:
    """Yield specs like those of the demo, of the kind that a page shows, that take minutes."""
    kind = KINDS.get(place, "training")
    for spec in load_preset("demo").specs:
        if spec.kind != kind:
            continue
        if isinstance(spec, Training):
            yield replace(spec, seed=7, epochs=MANY_EPOCHS)
        elif spec.kind == "vae_gan":
            yield replace(spec, seed=7, epochs=40)
        elif spec.kind == "interpretability":
            yield replace(spec, seed=7, repeats=5)
        elif spec.kind == "maps":
            slow = Rise(masks=100_000)
            yield replace(spec, attribution=slow, indices=tuple(range(100)))
        elif spec.metric.kind == "strong_accuracy":
            yield replace(spec, metric=replace(spec.metric, eps=0.15, level="autoattack"))


if __name__ == "__main__":
    sys.exit(main())
