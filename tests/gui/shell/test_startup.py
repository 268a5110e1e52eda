"""Where no window can open, one sentence says why."""

import subprocess
import sys
from pathlib import Path

import pytest

from gui.shell import startup

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("pyside", "python", "refused"),
    [
        ("6.12.0", (3, 11), True),
        ("6.12.0", (3, 12), False),
        ("6.11.3", (3, 11), False),
        ("6.12.1", (3, 11), False),
    ],
)
def test_that_only_the_pair_that_aborts_is_refused(pyside, python, refused):
    assert bool(startup.unfit_pair(pyside, python)) == refused


def nothing(_):
    return []


def test_that_no_display_is_said_with_the_way_out():
    text = startup.unfit_system({}, nothing)
    assert "no display" in text
    assert "python main.py run" in text


@pytest.mark.parametrize(
    "environ",
    [{"DISPLAY": ":0"}, {"WAYLAND_DISPLAY": "wayland-0"}, {"QT_QPA_PLATFORM": "offscreen"}],
)
def test_that_a_display_or_a_chosen_platform_is_enough(environ):
    assert startup.unfit_system(environ, nothing) == ""


def lacking(*libraries):
    return lambda table: [package for name, package in table.items() if name in libraries]


def test_that_missing_libraries_are_named_by_their_packages():
    text = startup.unfit_system({"DISPLAY": ":0"}, lacking("libEGL.so.1", "libxcb-cursor.so.0"))
    assert text == "the window needs system libraries: sudo apt install libegl1 libxcb-cursor0"


def test_that_x11_libraries_may_lack_where_another_platform_is_used():
    lacks = lacking("libxcb-cursor.so.0")
    assert startup.unfit_system({"WAYLAND_DISPLAY": "w"}, lacks) == ""
    assert startup.unfit_system({"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, lacks) == ""
    assert startup.unfit_system({"QT_QPA_PLATFORM": "offscreen", "DISPLAY": ":0"}, lacks) == ""


def test_that_a_library_that_cannot_be_loaded_is_missed():
    table = {"libno-such-thing.so.9": "no-such-package"}
    assert startup.missing_packages(table) == ["no-such-package"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux lacks displays")
def test_that_a_start_without_a_display_ends_with_one_line_and_code_2():
    code = "import sys; from gui.app import open_window; sys.exit(open_window([]))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "no display" in done.stderr
