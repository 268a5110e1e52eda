"""The short form of the soak: what grows with every use grows within a minute too."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="reads Linux's /proc")

ROOT = Path(__file__).resolve().parent.parent.parent
NOTE = re.compile(r"min +[0-9.]+ MB \( *([0-9.]+|nan) in use\) +([0-9]+) handles +([0-9]+) threads")
# A training's own memory comes and goes between two notes.
SWING_MB = 60.0


def test_that_random_use_of_the_window_leaves_no_handles_threads_and_memory_behind():
    ran = subprocess.run(
        [sys.executable, "-m", "tests.reliability.soak", "--minutes", "0.8", "--every", "2"],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    notes = [tuple(map(float, found)) for found in NOTE.findall(ran.stdout)]
    assert len(notes) >= 6
    memory, handles, threads = zip(*notes[len(notes) // 2 :], strict=True)
    assert max(handles) - min(handles) <= 3
    assert max(threads) - min(threads) <= 2
    assert not max(memory) - min(memory) > SWING_MB  # nan where the C library does not tell
    assert "reopen: " in ran.stdout
    assert "train: " in ran.stdout
