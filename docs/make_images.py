"""Make the screenshots in docs/images: every page of the real window, on real studies.

    xvfb-run -a -s "-screen 0 1920x1080x24" uv run docs/make_images.py --study demo.isthmus

Other sizes and scales are for looking at, not for the docs:

    ... docs/make_images.py --study demo.isthmus --out DIR --sizes 1366x768 --scale 150

The study is the demo's (``main.py run demo --study demo.isthmus``); the picture of the Train page
is taken in the middle of a run in a separate study. A picture that is nearly of one colour shows
nothing, so it ends the script with an error.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtGui import QImage

from engine.jobs.events import Scalars
from engine.plan.planfile import load_preset
from engine.specs import Training
from gui.pages import PAGES, PINNED, RECORDS, TRAIN, WELCOME, Place
from gui.session.picks.pins import Pin

SIZES = {"": (1280, 800), "-wide": (1920, 1080)}
PATIENCE_MS = 200_000
SETTLE_MS = 1500
LIVE_MS = 20_000  # after which a page that never rests is photographed
FIRST_LOOK_MS = 2000
PINS = (
    Pin("Train", "training-loss"),
    Pin("Train", "training-accuracy"),
    Pin("Trade-off", "trade-off"),
    Pin("Manifold", "manifold-distances"),
)


def main() -> int:
    """Open the window, visit the pages, and save a screenshot of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", type=Path, required=True, help="a computed demo study")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--mode", choices=("light", "dark"), default="light")
    parser.add_argument("--pages", nargs="*", help="titles; all without")
    parser.add_argument("--sizes", nargs="*", type=_size, help="such as 1366x768; two without")
    parser.add_argument("--scale", type=int, default=100, help="size of everything, in percent")
    options = parser.parse_args()
    os.environ["QT_SCALE_FACTOR"] = str(options.scale / 100)
    with tempfile.TemporaryDirectory() as home:
        os.environ["ISTHMUS_CONFIG"] = home
        return _photograph(options, Path(home))


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _photograph(options: argparse.Namespace, home: Path) -> int:
    from gui import app as gui_app
    from gui.look import theme

    app = gui_app.make_application()
    theme.apply(app, options.mode)
    window = gui_app.make_window(app, [])
    QTimer.singleShot(PATIENCE_MS * 4, lambda: os._exit(3))
    until(lambda: window.workspace.runner.loaded)
    options.out.mkdir(parents=True, exist_ok=True)
    titles = [place.title for place in PAGES]
    wanted = [place for place in PAGES if place.title in (options.pages or titles)]
    for place in wanted:
        if place is TRAIN:
            continue
        if place is WELCOME:
            window.pages.show_place(place)
        elif window.workspace.study is None:
            window.workspace.open_study(options.study)
            until(lambda: window.workspace.image_set is not None)
        _shoot(window, place, options)
    if TRAIN in wanted:
        _shoot_training(window, options, home)
    window.stop()
    return 0


def _shoot_training(window, options: argparse.Namespace, home: Path) -> None:
    """Start the demo's trainings in a fresh study and take the picture in the middle of them."""
    window.workspace.open_study(home / "training.isthmus", create=True)
    plan = load_preset("demo")
    specs = [spec for spec in plan.specs if isinstance(spec, Training)]
    window.workspace.choose_images(specs[0].images)
    until(lambda: window.workspace.image_set is not None)
    window.pages.show_place(TRAIN)
    pause(500)
    epochs: dict[str, float] = {}

    def note(event: object) -> None:
        if isinstance(event, Scalars):
            epochs[event.key] = event.step
            print(f"epoch {event.step:.2f} of {event.key}", file=sys.stderr)

    window.workspace.engine_event.connect(note)
    window.workspace.run(specs)
    until(lambda: sum(step > 2 for step in epochs.values()) >= 2)
    _shoot(window, TRAIN, options)


def _shoot(window, place: Place, options: argparse.Namespace) -> None:
    window.pages.show_place(place)
    if place is PINNED:
        for pin in PINS:
            window.workspace.pins.set_pinned(pin, True)
    if place is RECORDS:  # select the newest network, so that the picture shows no path of a study
        networks = [e for e in window.workspace.entries() if e.kind == Training.kind]
        window.pages.page().show_record(networks[-1].key)
    pause(FIRST_LOOK_MS)
    settle(window)  # on a busy machine previews and reads take longer
    sizes = SIZES
    if options.sizes:
        sizes = {f"-{width}x{height}-{options.scale}": (width, height)
                 for width, height in options.sizes}  # fmt: skip
    for suffix, size in sizes.items():
        # Sizes are of the screen, in its own pixels.
        window.resize(*(round(100 * side / options.scale) for side in size))
        settle(window)
        name = place.title.lower().replace(" ", "-")
        mode = "" if options.mode == "light" else "-dark"
        path = options.out / f"{name}{mode}{suffix}.png"
        picture = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
        if _contrast(picture) < 5:
            raise SystemExit(f"{path.name} is empty")
        picture.save(str(path))
        print(path.name)


def _contrast(picture: QImage) -> float:
    """Return the standard deviation of the grey values of the page, without rail and dock."""
    data = np.frombuffer(picture.constBits(), np.uint8)
    rows = data.reshape(picture.height(), picture.bytesPerLine())[:, : 3 * picture.width()]
    return float(rows[60:-120, 600:].std())


def pause(milliseconds: int) -> None:
    """Let the window live for a while; QTest.qWait would keep Python's lock from the trainings."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def settle(window) -> None:
    """Wait until nothing was read or previewed for a while; live previews are not waited for."""
    quiet = waited = 0
    while quiet < SETTLE_MS and waited < LIVE_MS:
        pause(100)
        waited += 100
        quiet = 0 if window.workspace.runner.served else quiet + 100


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; end the script if it takes too long."""
    waited = 0
    while not condition():
        pause(100)
        waited += 100
        if waited > PATIENCE_MS:
            raise SystemExit("the window did not get so far in time")


if __name__ == "__main__":
    sys.exit(main())
