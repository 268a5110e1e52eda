"""A display of its own for the smoke test: Xvfb, a window manager, a mouse and a keyboard."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOOLS = ("Xvfb", "openbox", "xdotool", "import")
SCREEN = (1920, 1080)
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
        mime.setUrls([QUrl.fromLocalFile(sys.argv[1])])
        drag = QDrag(self)
        drag.setMimeData(mime)
        drag.exec(Qt.DropAction.CopyAction)

app = QApplication([])
source = Source("drag me")
source.setWindowTitle("drag-source")
source.resize(200, 200)
source.show()
app.exec()
"""


class Failure(Exception):
    """What was to be seen was not seen."""


def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Wait until a condition holds, and return its value."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise Failure(f"{what} did not happen within {patience:.0f} s")


class Desktop:
    """A display with a window manager; use it in a with statement."""

    def __init__(self, pictures: Path):
        missing = [tool for tool in TOOLS if shutil.which(tool) is None]
        if missing:
            raise Failure(f"the smoke test needs {', '.join(missing)}")
        self.pictures = pictures
        self._processes: list[subprocess.Popen[Any]] = []
        self._shots = 0
        self.display = self._start_display()
        self.env = {**os.environ, "DISPLAY": self.display, "QT_QPA_PLATFORM": "xcb"}

    def __enter__(self) -> Desktop:
        until(self._manage, "a window manager")
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait(20)

    def start(self, *command: str) -> subprocess.Popen[Any]:
        """Start a program on the display; it is ended with the display."""
        process = subprocess.Popen(
            command, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._processes.append(process)
        return process

    # --------------------------------------------------------------------------------- windows

    def windows(self, name: str) -> list[str]:
        """Return the visible windows whose title matches a regular expression."""
        return self._xdotool("search", "--onlyvisible", "--name", name).split()

    def window(self, name: str, patience: float = PATIENCE) -> str:
        """Wait for a window and return it."""
        return str(until(lambda: self.windows(name), f"a window {name!r}", patience)[0])

    def place(self, window: str, x: int, y: int) -> None:
        """Put a window somewhere, and in front."""
        self._xdotool("windowmove", window, x, y)
        self._xdotool("windowactivate", "--sync", window)
        time.sleep(0.5)

    def shoot(self, name: str) -> None:
        """Keep a picture of the whole display."""
        self._shots += 1
        self.pictures.mkdir(parents=True, exist_ok=True)
        path = self.pictures / f"{self._shots:02d}-{name}.png"
        subprocess.run(["import", "-window", "root", str(path)], env=self.env, check=False)

    # ---------------------------------------------------------------------- mouse and keyboard

    def keys(self, *names: str) -> None:
        """Press keys or combinations, one after the other, in the window in front."""
        for name in names:
            self._xdotool("key", "--clearmodifiers", name)
            time.sleep(0.15)

    def write(self, text: str) -> None:
        """Type a text into the field that has the focus."""
        self._xdotool("type", "--clearmodifiers", "--delay", 15, text)
        time.sleep(0.2)

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Drag with the left button held, as a hand does: in many small steps."""
        self._xdotool("mousemove", *start)
        self._xdotool("mousedown", 1)
        for step in range(1, DRAG_STEPS + 1):
            point = (a + (b - a) * step // DRAG_STEPS for a, b in zip(start, end, strict=True))
            self._xdotool("mousemove", *point)
            time.sleep(0.05)
        time.sleep(0.5)
        self._xdotool("mouseup", 1)

    def drag_folder(self, folder: Path, onto: tuple[int, int]) -> None:
        """Drag a folder out of another program's window and drop it at a point of the display."""
        source = self.start(sys.executable, "-c", DRAG_SOURCE, str(folder))
        window = self.window("drag-source")
        self.place(window, SCREEN[0] - 300, 100)
        self.drag((SCREEN[0] - 200, 200), onto)
        time.sleep(0.5)
        source.terminate()

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
        time.sleep(1)
        return manager.poll() is None

    def _xdotool(self, *arguments: object) -> str:
        command = ["xdotool", *map(str, arguments)]
        return subprocess.run(command, env=self.env, capture_output=True, text=True).stdout.strip()
