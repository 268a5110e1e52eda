"""The window and its dialogs on small screens and at every scale, with long names."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CHILD = "tests.gui.shell.small_screen"
SCREENS = ((1366, 768), (1920, 1080))
SCALES = (1.0, 1.25, 1.5, 2.0)
FRAME = (0, 30)  # pixels of the title bar of a maximised window, before scaling
WAIT_S = 300


def measure(folder, screen, scale):
    """Return what the child found on a screen at a scale, of the least window on it."""
    described = {
        "name": "one",
        "x": 0,
        "y": 0,
        "width": screen[0],
        "height": screen[1],
        "logicalDpi": 96,
        "logicalBaseDpi": 96,
        "dpr": 1,
    }
    config = folder / "screens.json"
    config.write_text(json.dumps({"screens": [described]}))
    size = [int((side - frame) / scale) for side, frame in zip(screen, FRAME, strict=True)]
    env = dict(
        os.environ,
        QT_QPA_PLATFORM=f"offscreen:configfile={config}",
        QT_SCALE_FACTOR=str(scale),
        ISTHMUS_CONFIG=str(folder / "config"),
        OMP_NUM_THREADS="1",
    )
    pictures = os.environ.get("ISTHMUS_PICTURES")
    command = [sys.executable, "-m", CHILD, *map(str, size), str(folder)]
    if pictures:
        command.append(pictures)
    done = subprocess.run(
        command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("screen", SCREENS)
def test_that_every_page_and_dialog_fits_the_screen(tmp_path, screen, scale):
    found = measure(tmp_path, screen, scale)
    assert found["scale"] == scale
    assert found["faults"] == []


def test_that_every_page_and_dialog_fits_the_least_window(tmp_path):
    least = (1024, 640 + FRAME[1])
    assert measure(tmp_path, least, 1.0)["faults"] == []
