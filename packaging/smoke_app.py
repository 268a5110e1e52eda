"""The packaged app as the smoke test runs it: with an empty home and an empty PATH."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
from smoke_desktop import Desktop, Failure

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
    """Quit by keyboard while nothing is computed."""
    desktop.keys("ctrl+q")
    ended_well(program)


def ended_well(program: subprocess.Popen[str]) -> None:
    """Require exit code 0 and nothing on standard error."""
    _, said = program.communicate(timeout=LIMIT)
    check(program.returncode == 0, f"the window ended with {program.returncode}: {said}")
    check(not said, f"standard error has: {said}")


def document(path: Path, name: str) -> Any:
    """Return a JSON document of a record."""
    with h5py.File(path) as file:
        return json.loads(file[f"documents/{name}"][()])


def errors_logged(app: App) -> str:
    """Return the errors in the log files of a home."""
    logs = [*app.home.rglob("isthmus.log"), *app.home.rglob("crash.log")]
    lines = [line for path in logs for line in path.read_text(encoding="utf-8").splitlines()]
    return "\n".join(line for line in lines if " INFO " not in line)
