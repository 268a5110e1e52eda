"""Uses the packaged app as a person does, and checks what it leaves on the disk. For Linux.

    python packaging/smoke_test.py build/dist/Isthmus [--only NAME ...] [--out FOLDER]

The app runs with an empty home and an empty PATH, so it cannot use an installed Python. The test
drives the window only by mouse and keyboard, on a separate display server; it neither calls nor
replaces anything in the app. The checks:

window      the demo is opened, a folder of images dragged in and dropped, networks trained on
            it for two epochs with and without attacks; a picture is dropped on Attack and attacked
            at two radii of the slider; a weights file is dropped and imported; a figure is
            exported as PDF, SVG, PNG and CSV; the program is quit in the midst of a training; the
            study is opened again, and the training resumed
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
from collections.abc import Callable
from pathlib import Path

from smoke_app import App, check, quit_cleanly, started
from smoke_desktop import Desktop, Failure
from smoke_window import CORNER, FIRST_BYTES, FORMATS, check_window

HERE = Path(__file__).resolve().parent
PLAN = HERE / "smoke_plan.toml"
NOBODY = 65534


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
        desktop.place(desktop.window("^Isthmus$"), *CORNER)
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
