"""A display of its own for tests: Xvfb, a window manager, a mouse and a keyboard."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image, ImageGrab

TOOLS = ("Xvfb", "openbox", "xdotool")
SCREEN = (1366, 768)  # the smallest display that the window is made for
PATIENCE = 120.0
DRAG_STEPS = 25

DRAG_SOURCE = """
import sys
from PySide6.QtCore import QMimeData, QUrl, Qt
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QApplication, QLabel

class Source(QLabel):
    def mousePressEvent(self, event):
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(path) for path in sys.argv[2:]])
        drag = QDrag(self)
        drag.setMimeData(mime)
        drag.actionChanged.connect(lambda action: print("over", flush=True))
        print("begun", flush=True)
        taken = drag.exec(Qt.DropAction.CopyAction)
        print("taken" if taken == Qt.DropAction.CopyAction else "refused", flush=True)

app = QApplication([])
source = Source("drag me")
source.setWindowTitle(sys.argv[1])
source.resize(200, 200)
source.show()
app.exec()
"""


class Failure(AssertionError):
    """What was to be seen was not seen."""


def missing_tools() -> list[str]:
    """Return the programs that a display of its own needs and this machine lacks."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Wait until a condition holds, and return its value."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise Failure(f"{what} did not happen within {patience:.0f} s")


class Desktop:
    """A display with a window manager; use it in a with statement.

    Parameters
    ----------
    pictures
        Folder for pictures of the display.
    env
        What the programs on it find in their environment besides the present one.
    """

    def __init__(self, pictures: Path, env: Mapping[str, str] | None = None):
        missing = missing_tools()
        if missing:
            raise Failure(f"a display of its own needs {', '.join(missing)}")
        self.pictures = pictures
        self._processes: list[subprocess.Popen[Any]] = []
        self._shots = self._sources = 0
        self.display = self._start_display()
        own = {"DISPLAY": self.display, "QT_QPA_PLATFORM": "xcb"}
        self.env = {**os.environ, **(env or {}), **own}

    def __enter__(self) -> Desktop:
        until(self._manage, "a window manager")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            with suppress(OSError):  # where the display itself is what failed
                self.shoot("failure")
        for process in reversed(self._processes):
            end(process)

    def start(self, *command: str, **options: Any) -> subprocess.Popen[Any]:
        """Start a program on the display; it is ended with the display."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, env=self.env, **{**quiet, **options})
        self._processes.append(process)
        return process

    # --------------------------------------------------------------------------------- windows

    def windows(self, name: str) -> list[str]:
        """Return the visible windows whose title matches a regular expression."""
        return self.xdotool("search", "--onlyvisible", "--name", name).split()

    def window(self, name: str, patience: float = PATIENCE) -> str:
        """Wait for a window and return it."""
        return str(until(lambda: self.windows(name), f"a window {name!r}", patience)[0])

    def place(self, window: str, x: int, y: int) -> None:
        """Put a window somewhere, and in front."""
        self.xdotool("windowmove", window, x, y)
        self.xdotool("windowactivate", "--sync", window)
        time.sleep(0.5)

    def look(self, place: tuple[int, int, int, int] | None = None) -> Image.Image:
        """Return what is to be seen at a place (left, top, width, height), or everywhere."""
        box = None if place is None else (*place[:2], place[0] + place[2], place[1] + place[3])
        return ImageGrab.grab(bbox=box, xdisplay=self.display).convert("RGB")

    def shoot(self, name: str) -> None:
        """Keep a picture of the whole display."""
        self._shots += 1
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.look().save(self.pictures / f"{self._shots:02d}-{name}.png", compress_level=1)

    # ---------------------------------------------------------------------- mouse and keyboard

    def keys(self, *names: str) -> None:
        """Press keys or combinations, one after the other, in the window in front."""
        for name in names:
            self.xdotool("key", "--clearmodifiers", name)
            time.sleep(0.15)

    def write(self, text: str) -> None:
        """Type a text into the field that has the focus."""
        self.xdotool("type", "--clearmodifiers", "--delay", 15, text)
        time.sleep(0.2)

    def point(self, place: tuple[int, int]) -> None:
        """Move the mouse to a place, the last bit as a hand does: some programs ignore jumps."""
        self.xdotool("mousemove", place[0] - 3, place[1] - 2)
        self.xdotool("mousemove", *place)

    def click(self, place: tuple[int, int], *, times: int = 1, button: int = 1) -> None:
        """Press and release a button of the mouse."""
        self.point(place)
        time.sleep(0.05)
        self.xdotool("click", "--repeat", times, "--delay", 60, button)

    def drag(
        self,
        start: tuple[int, int],
        end: tuple[int, int],
        *,
        begun: Callable[[], object] = lambda: None,
        arrived: Callable[[], object] = lambda: None,
    ) -> None:
        """Drag with the left button held, as a hand does: in many small steps.

        It waits for ``begun`` before the first of them, and for ``arrived`` before it lets go.
        """
        self.xdotool("mousemove", *start)
        self.xdotool("mousedown", 1)
        begun()
        for step in range(1, DRAG_STEPS + 1):
            point = (a + (b - a) * step // DRAG_STEPS for a, b in zip(start, end, strict=True))
            self.xdotool("mousemove", *point)
            time.sleep(0.05)
        arrived()
        time.sleep(0.5)
        self.xdotool("mouseup", 1)

    def drag_folder(self, *paths: Path, onto: tuple[int, int]) -> None:
        """Drag folders and files out of another program's window, and drop them at a point.

        On a busy machine both programs take their time to answer: the mouse waits for them. The
        source stays, for what was dropped is fetched from it afterwards.
        """
        self._sources += 1
        title = f"drag-source {self._sources}"
        command = (sys.executable, "-c", DRAG_SOURCE, title, *map(str, paths))
        source = self.start(*command, stdout=subprocess.PIPE, text=True)
        self.place(self.window(f"^{title}$"), SCREEN[0] - 300, 100)

        def said(word: str) -> None:
            until(lambda: source.stdout.readline().strip() == word, f"the drag being {word}")

        start = (SCREEN[0] - 200, 200)
        with source.stdout:
            self.drag(start, onto, begun=lambda: said("begun"), arrived=lambda: said("over"))
            said("taken")

    def xdotool(self, *arguments: object) -> str:
        """Run xdotool on the display, and return what it says."""
        command = ["xdotool", *map(str, arguments)]
        return subprocess.run(command, env=self.env, capture_output=True, text=True).stdout.strip()

    # -------------------------------------------------------------------------------- private

    def _start_display(self) -> str:
        reader, writer = os.pipe()
        size = "x".join(map(str, SCREEN))
        command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{size}x24", "-ac"]
        self._processes.append(
            subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
        )
        os.close(writer)
        with os.fdopen(reader) as pipe:
            return f":{pipe.readline().strip()}"

    def _manage(self) -> bool:
        """Start the window manager; on a busy machine the display may not take it at once."""
        manager = self.start("openbox")

        def answered() -> bool:  # without a window manager there are no desktops
            count = self.xdotool("get_num_desktops")
            return manager.poll() is not None or count not in ("", "0")

        until(answered, "an answer of the window manager")
        return manager.poll() is None


def end(process: subprocess.Popen[Any], patience: float = 20.0) -> None:
    """End a process, whether or not it listens."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
