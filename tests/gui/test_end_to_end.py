"""The program as a person uses it: a real window on a real display, a real drag, a real close."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ("Xvfb", "openbox", "xdotool")
PATIENCE = 90.0

DRAG_SOURCE = """
import sys
from PySide6.QtCore import QMimeData, QUrl, Qt
from PySide6.QtGui import QDrag
from PySide6.QtWidgets import QApplication, QLabel

class Source(QLabel):
    def mousePressEvent(self, event):
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(path) for path in sys.argv[1:]])
        drag = QDrag(self)
        drag.setMimeData(mime)
        drag.exec(Qt.DropAction.CopyAction)

app = QApplication([])
source = Source("drag me")
source.setWindowTitle("drag-source")
source.setGeometry(1500, 100, 200, 200)
source.show()
app.exec()
"""


def until(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> object:
    """Wait until a condition holds, and return its value."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {patience:.0f} s")


class Desktop:
    """A display server with a window manager, and the programs on it."""

    def __init__(self, home: Path):
        self.home = home
        reader, writer = os.pipe()
        self.processes = [
            subprocess.Popen(
                ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1920x1080x24"],
                pass_fds=[writer],
                stderr=subprocess.DEVNULL,
            )
        ]
        os.close(writer)
        with os.fdopen(reader) as pipe:
            display = f":{pipe.readline().strip()}"
        self.env = {
            **os.environ,
            "DISPLAY": display,
            "QT_QPA_PLATFORM": "xcb",
            "HOME": str(home),
            "XDG_DOCUMENTS_DIR": str(home / "Documents"),
            "ISTHMUS_CONFIG": str(home / "config"),
        }
        until(self._managed, "a window manager")

    def _managed(self) -> bool:
        """Start the window manager; on a busy machine the display may not take it at once."""
        manager = self.start("openbox")
        time.sleep(1)
        return manager.poll() is None

    def start(self, *command: str, **options: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command, env=self.env, cwd=ROOT, text=True, stderr=subprocess.PIPE, **options
        )
        self.processes.append(process)
        return process

    def xdotool(self, *arguments: object) -> str:
        command = ["xdotool", *map(str, arguments)]
        return subprocess.run(command, env=self.env, capture_output=True, text=True).stdout.strip()

    def window(self, name: str) -> str:
        def found() -> str:
            return self.xdotool("search", "--onlyvisible", "--name", name)

        return str(until(found, f"a window named {name!r}")).splitlines()[0]

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        self.xdotool("mousemove", *start)
        self.xdotool("mousedown", 1)
        for step in range(1, 21):
            x, y = (a + (b - a) * step // 20 for a, b in zip(start, end, strict=True))
            self.xdotool("mousemove", x, y)
            time.sleep(0.05)
        time.sleep(0.3)
        self.xdotool("mouseup", 1)

    def close(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
            process.wait(10)


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"needs {', '.join(missing)}")
    made = Desktop(tmp_path)
    yield made
    made.close()


def image_folder(path: Path, classes: int = 3, each: int = 8) -> Path:
    """Write a small image folder, each class of its own brightness."""
    random = np.random.default_rng(0)
    for label in range(classes):
        folder = path / f"class {label}"
        folder.mkdir(parents=True)
        for index in range(each):
            pixels = random.integers(60 * label, 60 * label + 60, (28, 28, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    return path


def test_that_a_folder_dragged_onto_the_window_is_read_and_the_program_ends_cleanly(desktop):
    folder = image_folder(desktop.home / "my images")
    program = desktop.start(sys.executable, "main.py")
    window = desktop.window("Isthmus")
    desktop.start(sys.executable, "-c", DRAG_SOURCE, str(folder))
    source = desktop.window("drag-source")
    desktop.xdotool("windowmove", "--sync", window, 50, 50)
    desktop.xdotool("windowmove", "--sync", source, 1500, 100)
    time.sleep(1)
    desktop.drag((1600, 200), (700, 400))
    located = until(
        lambda: list(desktop.home.rglob("locations.json")), "a study with the dropped folder"
    )
    places = json.loads(located[0].read_text())
    assert [Path(place["absolute"]) for place in places.values()] == [folder]
    desktop.xdotool("windowactivate", "--sync", window)
    desktop.xdotool("key", "--window", window, "ctrl+q")
    assert program.wait(PATIENCE) == 0
    assert program.stderr.read() == ""
