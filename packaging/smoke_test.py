"""Uses the packaged app as a person does, and checks what it leaves on the disk. For Linux.

    python packaging/smoke_test.py build/dist/Isthmus [--only NAME ...] [--out FOLDER]

The app runs with an empty home and an empty PATH, so it cannot use an installed Python. The test
drives the window only by mouse and keyboard, on a separate display server; it neither calls nor
replaces anything in the app. The checks:

window      the demo is opened, a folder of images dragged in and dropped, networks trained on
            it for two epochs with and without attacks, a picture attacked, a figure exported as
            PDF, SVG, PNG and CSV, the program quit; then the study is opened again
headless    run, list, show and export, and their answers to bad input
moved       the same app in a folder whose name has spaces and letters beyond ASCII
read-only   the same app where nothing in its own folder can be written
records     check, on the demo study that comes with the app
demo        the whole of `run demo`: about three minutes on two cores
device      training on a GPU, where there is one

Every check prints one line; the exit code is 0 if all of them passed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image
from smoke_desktop import Desktop, Failure, until

HERE = Path(__file__).resolve().parent
PLAN = HERE / "smoke_plan.toml"
# Tab presses. They depend on the number of fields; if wrong, the trainings lack their two epochs.
TABS_TO_DEMO, TABS_TO_EPOCHS = 3, 33
NETWORKS = 4
FIRST_BYTES = {"pdf": b"%PDF-", "svg": b"<?xml", "png": b"\x89PNG", "csv": b""}
FORMATS = tuple(FIRST_BYTES)
NOBODY = 65534
LIMIT = 600.0


@dataclass(frozen=True)
class App:
    """A packaged app, a home for it, and where pictures of the display are kept."""

    folder: Path
    home: Path
    pictures: Path

    @property
    def program(self) -> str:
        """The executable."""
        return str(self.folder / "Isthmus")

    def env(self, display: str = "") -> dict[str, str]:
        """Return the whole environment of the app; its PATH names an empty folder."""
        nothing = self.home / "nothing"
        nothing.mkdir(exist_ok=True)
        found = {"HOME": str(self.home), "PATH": str(nothing), "LANG": "C.UTF-8"}
        return {**found, "DISPLAY": display} if display else found

    def run(self, *arguments: str, code: int = 0, prefix: tuple[str, ...] = ()) -> Any:
        """Run a headless command, and check its exit code."""
        command = [*prefix, self.program, *arguments]
        done = subprocess.run(
            command, env=self.env(), cwd=self.home, capture_output=True, text=True, timeout=LIMIT
        )
        check(done.returncode == code, f"{arguments} ended with {done.returncode}: {done.stderr}")
        return done


def check(condition: object, what: str) -> None:
    """Fail the running check if the condition is false."""
    if not condition:
        raise Failure(what)


# ------------------------------------------------------------------------------------------ window


def check_window(app: App) -> str:
    """Drive a whole session by mouse and keyboard."""
    images = image_folder(app.home / "Bilder für später")
    study = app.home / "Documents" / "Isthmus" / "demo.isthmus"
    with Desktop(app.pictures) as desktop, started(app, desktop) as program:
        seconds = open_demo(desktop, study)
        show(desktop, "Data")  # on Attack and Maps, images join those of the study
        desktop.drag_folder(images, onto=(700, 400))
        places = until(lambda: located(study), "the dropped folder being read")
        check(places == [images], f"the study knows images in {places}")
        desktop.shoot("dropped")
        train(desktop, study)
        for title in ("Attack", "Maps"):
            show(desktop, title)
            time.sleep(6)
            desktop.shoot(title)
        files = [export(desktop, app, suffix) for suffix in FORMATS]
        quit_cleanly(desktop, program)
    reopen(app, study)
    check(not errors_logged(app), f"the log has {errors_logged(app)}")
    return f"window after {seconds:.2f} s; exported {', '.join(path.suffix[1:] for path in files)}"


def open_demo(desktop: Desktop, study: Path) -> float:
    """Wait for the window, press the button of the demo; return the seconds the window took."""
    begin = time.monotonic()
    window = desktop.window("^Isthmus$")
    seconds = time.monotonic() - begin
    desktop.place(window, 50, 50)
    time.sleep(2)
    desktop.keys(*["Tab"] * TABS_TO_DEMO, "space")
    until(lambda: desktop.windows("^demo "), "the demo study being open")
    check((study / "study.json").is_file(), f"{study} is not there")
    desktop.shoot("demo")
    return seconds


def train(desktop: Desktop, study: Path) -> None:
    """Set two epochs and start the trainings that the page proposes; wait for their records."""
    before = set((study / "records" / "training").iterdir())
    show(desktop, "Train")
    desktop.keys(*["Tab"] * TABS_TO_EPOCHS)
    desktop.write("2")
    desktop.keys("Tab")
    desktop.shoot("before training")
    desktop.keys("ctrl+Return")

    def fresh() -> list[Path]:
        found = set((study / "records" / "training").glob("*.h5")) - before
        return sorted(found) if len(found) == NETWORKS else []

    specs = [document(path, "spec") for path in until(fresh, f"{NETWORKS} trainings", LIMIT)]
    time.sleep(1)
    desktop.shoot("after training")
    epochs = [spec["epochs"] for spec in specs]
    check(epochs == [2] * NETWORKS, f"the trainings have {epochs} epochs")
    kinds = [spec.get("scheme", {}).get("kind", "standard") for spec in specs]
    check(kinds.count("adversarial") == NETWORKS - 1, f"the trainings are {kinds}")


def export(desktop: Desktop, app: App, suffix: str) -> Path:
    """Export the trade-off in a format, through the menu and both dialogs."""
    path = app.home / f"Abbildung {suffix}.{suffix}"
    show(desktop, "Trade-off")
    time.sleep(1)
    desktop.keys("alt+f", "e", "Return")
    desktop.window("^Export$")
    time.sleep(0.5)
    desktop.keys("Home", *["Down"] * FORMATS.index(suffix))
    time.sleep(1.5)
    desktop.shoot(f"export {suffix}")
    desktop.keys("Return")
    desktop.window("^Save the figure$")
    time.sleep(0.5)
    desktop.keys("ctrl+a")
    desktop.write(str(path))
    desktop.keys("Return")
    until(lambda: path.is_file() and not desktop.windows("^Export$"), f"{path.name} being written")
    check(path.read_bytes().startswith(FIRST_BYTES[suffix]), f"{path.name} is no {suffix}")
    check(path.stat().st_size > 100, f"{path.name} is empty")
    return path


def reopen(app: App, study: Path) -> None:
    """Start the app with the study, as a file manager would, and quit."""
    with Desktop(app.pictures / "again") as desktop, started(app, desktop, str(study)) as program:
        until(lambda: desktop.windows("^demo "), "the study being open again")
        time.sleep(2)
        desktop.place(desktop.window("^demo "), 50, 50)
        show(desktop, "Train")
        time.sleep(3)
        desktop.shoot("reopened")
        quit_cleanly(desktop, program)


@contextmanager
def started(app: App, desktop: Desktop, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start the app on a display, and make sure that it has ended when the check ends."""
    process = subprocess.Popen(
        [app.program, *arguments],
        env=app.env(desktop.display),
        cwd=app.home,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    except Exception:
        desktop.shoot("failure")
        raise
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def quit_cleanly(desktop: Desktop, program: subprocess.Popen[str]) -> None:
    """Quit by keyboard; require exit code 0 and nothing on standard error."""
    desktop.keys("ctrl+q")
    _, said = program.communicate(timeout=60)
    check(program.returncode == 0, f"the window ended with {program.returncode}: {said}")
    check(not said, f"standard error has: {said}")


def show(desktop: Desktop, title: str) -> None:
    """Go to a page by its keyboard shortcut."""
    sys.path.append(str(HERE.parent))
    from gui.pages import PAGES

    number = [place.title for place in PAGES].index(title) + 1
    desktop.keys(f"ctrl+{number}")
    time.sleep(1)


def located(study: Path) -> list[Path]:
    """Return the image folders that a study knows."""
    path = study / "locations.json"
    places = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return [Path(place["absolute"]) for place in places.values()]


def document(path: Path, name: str) -> Any:
    """Return a JSON document of a record."""
    with h5py.File(path) as file:
        return json.loads(file[f"documents/{name}"][()])


def errors_logged(app: App) -> str:
    """Return the errors in the log files of a home."""
    logs = [*app.home.rglob("isthmus.log"), *app.home.rglob("crash.log")]
    lines = [line for path in logs for line in path.read_text(encoding="utf-8").splitlines()]
    return "\n".join(line for line in lines if " INFO " not in line)


def image_folder(path: Path, classes: int = 3, each: int = 20) -> Path:
    """Write a small image folder, each class of its own brightness."""
    random = np.random.default_rng(0)
    for label in range(classes):
        folder = path / f"class {label}"
        folder.mkdir(parents=True)
        for index in range(each):
            pixels = random.integers(60 * label, 60 * label + 60, (28, 28), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    return path


# ---------------------------------------------------------------------------------------- headless


def check_headless(app: App) -> str:
    """Run every headless command, and one with bad input."""
    study = str(app.home / "study.isthmus")
    begin = time.monotonic()
    app.run("run", str(PLAN), "--study", study, "--device", "cpu")
    seconds = time.monotonic() - begin
    entries = json.loads(app.run("list", "--study", study, "--json").stdout)
    kinds = sorted(entry["kind"] for entry in entries)
    wanted = ["adversarial_examples", "glyphs", "interpretability", "maps"]
    check(set(wanted) <= set(kinds), f"the study holds {kinds}")
    points = json.loads(app.run("show", "--study", study, "--json").stdout)["tradeoff"]
    check([point["scheme"] for point in points] == ["standard", "adversarial"], str(points))
    for suffix in FORMATS[:3]:
        out = app.home / f"maps.{suffix}"
        app.run("export", "--study", study, "maps", "--out", str(out))
        check(out.read_bytes().startswith(FIRST_BYTES[suffix]), f"{out.name} is no {suffix}")
    refused = app.run("run", "no such plan", "--study", study, code=2)
    check(refused.stderr.count("\n") == 1, f"bad input is answered with {refused.stderr}")
    return f"{len(entries)} records in {seconds:.0f} s"


def check_records(app: App) -> str:
    """Verify every record of the demo study that comes with the app."""
    study = app.home / "demo.isthmus"
    shutil.copytree(app.folder / "_internal" / "resources" / "demo.isthmus", study)
    return str(app.run("check", "--study", str(study)).stderr.strip())


def check_demo(app: App) -> str:
    """Compute the demo that comes with the app, and compare it with the bundled study."""
    study = str(app.home / "demo again.isthmus")
    begin = time.monotonic()
    app.run("run", "demo", "--study", study)
    seconds = time.monotonic() - begin
    points = json.loads(app.run("show", "--study", study, "--json").stdout)["tradeoff"]
    check(len(points) == 7, f"the demo has {len(points)} networks")
    worst = min(point["clean_accuracy"] for point in points)
    check(worst > 0.5, f"a network of the demo has a clean accuracy of {worst:.2f}")
    return f"{len(points)} networks in {seconds:.0f} s, clean accuracy at least {worst:.3f}"


def check_moved(app: App) -> str:
    """Train in an app that was moved to a folder with spaces and non-ASCII letters."""
    place = app.folder.parent / "Geräte & Größen – 研究" / "Isthmus app"
    place.parent.mkdir()
    app.folder.rename(place)
    try:
        moved = App(place, app.home, app.pictures)
        study = str(app.home / "Versuch – 研究.isthmus")
        moved.run("run", str(PLAN), "--study", study, "--device", "cpu")
        up_and_down(moved)
    finally:
        place.rename(app.folder)
        place.parent.rmdir()
    return str(place.relative_to(app.folder.parent))


def check_read_only(app: App) -> str:
    """Train as a user who owns nothing in the app's folder and cannot write to it."""
    app.env()
    home = app.home / "own.isthmus"
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:  # root can write to read-only files
        shutil.chown(app.home, NOBODY, NOBODY)
        prefix = (_tool("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    folders = [app.folder, *(path for path in app.folder.rglob("*") if path.is_dir())]
    modes = {path: path.stat().st_mode for path in folders}
    try:
        for path in folders:
            path.chmod(modes[path] & ~0o222)
        plan = str(shutil.copy(PLAN, app.home / "plan.toml"))
        app.run("run", plan, "--study", str(home), "--device", "cpu", prefix=prefix)
        out = app.home / "maps.pdf"
        app.run("export", "--study", str(home), "maps", "--out", str(out), prefix=prefix)
    finally:
        for path in folders:
            path.chmod(modes[path])
    return f"as user {NOBODY}" if prefix else "as the present user"


def _tool(name: str) -> str:
    """Return the path of a program, which the app's empty PATH does not have."""
    found = shutil.which(name)
    if found is None:
        raise Failure(f"the smoke test needs {name}")
    return found


def up_and_down(app: App) -> None:
    """Open the window and quit it."""
    with Desktop(app.pictures / "moved") as desktop, started(app, desktop) as program:
        desktop.place(desktop.window("^Isthmus$"), 50, 50)
        time.sleep(3)
        desktop.shoot("moved")
        quit_cleanly(desktop, program)


def check_device(app: App) -> str:
    """Train on a GPU, where there is one."""
    if shutil.which("nvidia-smi") is None:
        return "SKIPPED, there is no GPU here"
    study = str(app.home / "gpu.isthmus")
    app.run("run", str(PLAN), "--study", study, "--device", "cuda")
    return "trained on CUDA"


CHECKS: dict[str, Callable[[App], str]] = {
    "headless": check_headless,
    "window": check_window,
    "moved": check_moved,
    "read-only": check_read_only,
    "records": check_records,
    "demo": check_demo,
    "device": check_device,
}


def main() -> int:
    """Run the checks, each with a home of its own; return 0 if all passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("app", type=Path, help="the folder that the build made")
    parser.add_argument("--only", nargs="*", choices=tuple(CHECKS), help="all without")
    parser.add_argument("--out", type=Path, help="where pictures of the display are kept")
    options = parser.parse_args()
    failed = 0
    for name in options.only or CHECKS:
        with tempfile.TemporaryDirectory(prefix="isthmus smoke ") as home:
            pictures = (options.out or Path(home)) / name
            app = App(options.app.resolve(), Path(home), pictures)
            begin = time.monotonic()
            try:
                result = f"passed: {CHECKS[name](app)}"
            except (Failure, OSError, subprocess.SubprocessError, ValueError) as error:
                result, failed = f"FAILED: {error}", failed + 1
            print(f"{name:10} {time.monotonic() - begin:6.1f} s  {result}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
