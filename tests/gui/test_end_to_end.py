"""The program as a person uses it: a real window on a real display, a real drag, a real close."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tests.gui.desktop import PATIENCE, until
from tests.gui.person import ROOT, own_desktop


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


def test_that_a_folder_dragged_onto_the_window_is_read_and_the_program_ends_cleanly(
    tmp_path: Path,
) -> None:
    folder = image_folder(tmp_path / "my images")
    with own_desktop(tmp_path) as desktop:
        program = desktop.start(sys.executable, "main.py", cwd=ROOT, stderr=subprocess.PIPE)
        window = desktop.window("Isthmus$")
        desktop.place(window, 50, 50)
        desktop.drag_folder(folder, onto=(700, 400))
        located = until(
            lambda: list(tmp_path.rglob("locations.json")), "a study with the dropped folder"
        )
        places = json.loads(located[0].read_text(encoding="utf-8"))
        assert [Path(place["absolute"]) for place in places.values()] == [folder]
        desktop.xdotool("windowactivate", "--sync", window)
        desktop.keys("ctrl+q")
        assert program.wait(PATIENCE) == 0
        assert program.stderr.read() == b""
