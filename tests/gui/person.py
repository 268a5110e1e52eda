"""Somebody at a desktop who works with the window by mouse and keyboard, and looks at it."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.gui.desktop import PATIENCE, Desktop, Failure, end, missing_tools, until

ROOT = Path(__file__).resolve().parent.parent.parent
DRIVER = Path(__file__).with_name("driver.py")
CORNER = (40, 40)
SETTLED = 0.08
DOUBLE_CLICK = 0.5
CLICKS, CLICK_SECONDS = 3, 10.0
Place = tuple[int, int, int, int]


@contextmanager
def own_desktop(home: Path) -> Iterator[Desktop]:
    """Give a desktop whose programs know nothing of the user's home; a picture of what failed.

    Without a display server the test is skipped, but on a build machine, where it fails.
    """
    missing = missing_tools()
    if missing and not os.environ.get("CI"):
        pytest.skip(f"needs {', '.join(missing)}")
    env = {"HOME": str(home), "ISTHMUS_CONFIG": str(home / "config"), "OMP_NUM_THREADS": "1"}
    with Desktop(Path(os.environ.get("ISTHMUS_PICTURES", home)) / "pictures", env) as desktop:
        yield desktop


class Person:
    """Uses the window of one run of the program; use it in a with statement.

    Names of parts are those of :mod:`tests.gui.driver`: "page.footer.train".
    """

    def __init__(self, desktop: Desktop, *arguments: object):
        self.desktop = desktop
        self._pipe = b""
        self.program = desktop.start(
            sys.executable,
            str(DRIVER),
            *map(str, arguments),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Person:
        self.desktop.place(self.desktop.window("Isthmus$"), *CORNER)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            with suppress(OSError):
                self.desktop.shoot("failure")
        if self.program.poll() is None:
            end(self.program)
        said = self.program.stderr.read().decode()
        for pipe in (self.program.stdin, self.program.stdout, self.program.stderr):
            pipe.close()
        if kind is not None:
            sys.stderr.write(said)

    # --------------------------------------------------------------------------------- looking

    def ask(self, question: str, name: str, inside: str = "") -> dict[str, Any]:
        """Ask the window about itself."""
        self.program.stdin.write(json.dumps([question, name, inside]).encode() + b"\n")
        self.program.stdin.flush()
        deadline = time.monotonic() + PATIENCE
        while b"\n" not in self._pipe:
            ready, _, _ = select.select([self.program.stdout], [], [], 1.0)
            found = os.read(self.program.stdout.fileno(), 1 << 16) if ready else b""
            if (ready and not found) or time.monotonic() > deadline:
                raise Failure(f"the window does not answer about {name}")
            self._pipe += found
        line, self._pipe = self._pipe.split(b"\n", 1)
        found_out: dict[str, Any] = json.loads(line)
        return found_out

    def look(self, name: str) -> Any:
        """Return the value of a part; None where it is not there."""
        return self.ask("look", name).get("value")

    def sees(self, name: str, value: Any) -> None:
        """Wait until a part has a value."""
        until(lambda: self.look(name) == value, f"{name} being {value!r}")

    def shown(self) -> str:
        """Return the title of the page that is shown."""
        return str(self.look("page.title"))

    def where(self, name: str, *, question: str = "part", inside: str = "") -> Place:
        """Wait until something is enabled and at rest; return its place on the display."""

        def at_rest() -> Place | None:
            answers = []
            for pause in (SETTLED, 0.0):
                answers.append(self.ask(question, name, inside))
                time.sleep(pause)
            first, last = answers
            usable = first == last and first.get("enabled") and first.get("place", [0])[-1] > 2
            return tuple(first["place"]) if usable else None

        found: Place = until(at_rest, f"{name!r} being there and enabled", PATIENCE / 2)
        return found

    def text_at(self, text: str, inside: str = "") -> Place:
        """Wait until something bears a text; return its place on the display."""
        return self.where(text, question="text", inside=inside)

    def picture(self, name: str) -> bytes:
        """Return the pixels that the display shows of a part, once they stand still."""
        place = self.where(name)

        def still() -> bytes | None:
            first = self.desktop.look(place).tobytes()
            time.sleep(0.4)
            return first if first == self.desktop.look(place).tobytes() else None

        found: bytes = until(still, f"{name} standing still")
        return found

    # ---------------------------------------------------------------------------------- acting

    def press(self, name: str) -> None:
        """Click a part, after scrolling to it where it is out of sight."""
        self._scroll_to(name)
        self.desktop.click(middle(self.where(name)))

    def press_text(self, text: str, inside: str = "") -> None:
        """Click what bears a text."""
        self.desktop.click(middle(self.text_at(text, inside)))

    def tick(self, name: str, wanted: bool) -> None:
        """Click a check box if it is not as wanted; again, if the page moved under the pointer."""
        if self.look(f"{name}.isChecked") == wanted:
            return
        for _ in range(CLICKS):
            self._scroll_to(name)
            left, top, _, height = self.where(name)
            self.desktop.click((left + 10, top + height // 2))
            with suppress(Failure):
                until(lambda: self.look(f"{name}.isChecked") == wanted, "a tick", CLICK_SECONDS)
                return
        self.sees(f"{name}.isChecked", wanted)

    def fill(self, name: str, text: str) -> None:
        """Type a text into a field, in place of what it holds."""
        until(lambda: self._click_into(name), f"{name} having the focus")
        self.desktop.keys("ctrl+a")
        self.desktop.write(text)
        self.desktop.keys("Tab")

    def _click_into(self, name: str) -> bool:
        """Click a field; return whether that gave it the focus: a form may have moved meanwhile."""
        self._scroll_to(name)
        left, top, _, height = self.where(name)
        self.desktop.click((left + 24, top + height // 2))
        return bool(self.look(f"{name}.hasFocus"))

    def choose(self, name: str, text: str) -> None:
        """Open a list and click one of its entries."""
        self.press(name)
        place = self.text_at(text, "popup")
        time.sleep(DOUBLE_CLICK)  # a list takes what comes sooner for the second half of one
        self.desktop.click(middle(place))
        self.sees("popup", None)
        self.sees(f"{name}.currentText", text)

    def go_to(self, title: str) -> None:
        """Click a page's button in the rail."""
        self.press_text(title, "window.rail")
        until(lambda: self.shown() == title, f"the page {title}")

    def name_file(self, title: str, path: Path) -> None:
        """Type a path into the file dialog of a title, and wait until it is gone."""
        self.desktop.window(f"^{title}$")
        self.where("dialog")
        self.desktop.keys("ctrl+a")
        self.desktop.write(str(path))
        self.desktop.keys("Return")
        until(lambda: not self.desktop.windows(f"^{title}$"), f"{title} being answered")

    def quit(self) -> None:
        """Quit by keyboard, and see that it ends well and has nothing to complain about."""
        strays = self.ask("strays", "")["value"]
        assert not strays, f"shown as windows of their own: {strays}"
        self.desktop.keys("ctrl+q")
        self.gone()

    def gone(self) -> None:
        """Wait until the program has ended well."""
        assert self.program.wait(PATIENCE) == 0
        said = self.program.stderr.read().decode()
        assert not said, said

    def _scroll_to(self, name: str) -> None:
        """Turn the wheel over a scrolled column until a part of it is in sight."""

        def in_sight() -> bool:
            answer = self.ask("scroll", name)
            if not answer.get("place") or not answer["by"]:
                return True
            self.desktop.point(middle(tuple(answer["place"])))
            self.desktop.xdotool("click", 5 if answer["by"] > 0 else 4)
            time.sleep(0.05)
            return False

        until(in_sight, f"{name} being in sight", 20)


def middle(place: Place) -> tuple[int, int]:
    """Return the middle of a place."""
    return place[0] + place[2] // 2, place[1] + place[3] // 2


def records(study: Path, kind: str) -> Mapping[str, Any]:
    """Return the specs of a kind that a study on the disk holds, by key."""
    from engine.store.study import Study, spec_of

    return {entry.key: spec_of(entry) for entry in Study(study).entries if entry.kind == kind}
