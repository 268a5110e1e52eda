"""What only the packaged app does before it starts."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

import pytest


@pytest.fixture
def start(scripts, monkeypatch, tmp_path):
    """Run the hook with settings in a folder of its own."""
    monkeypatch.setattr(os, "environ", {"ISTHMUS_CONFIG": str(tmp_path)})
    return lambda: runpy.run_path(str(scripts / "frozen.py"))


def test_that_programs_started_from_the_app_load_their_own_libraries(start, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    os.environ.update(LD_LIBRARY_PATH="/app/_internal", LD_LIBRARY_PATH_ORIG="/home/lib")
    start()
    assert os.environ["LD_LIBRARY_PATH"] == "/home/lib"
    os.environ["LD_LIBRARY_PATH"] = "/app/_internal"
    start()
    assert "LD_LIBRARY_PATH" not in os.environ


def test_that_the_list_of_fonts_is_kept(start, tmp_path):
    start()
    assert Path(os.environ["MPLCONFIGDIR"]) == tmp_path / "cache" / "matplotlib"


def test_that_without_a_console_prints_go_to_a_file(start, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    start()
    print("said", file=sys.stderr)
    assert (tmp_path / "log" / "console.log").read_text() == "said\n"


def test_that_streams_stay_where_there_is_a_console(start, tmp_path):
    before = sys.stdout, sys.stderr
    start()
    assert (sys.stdout, sys.stderr) == before
    assert not (tmp_path / "log").exists()
