import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux to limit memory")
def test_that_five_hundred_mutated_inputs_are_read_or_refused():
    command = [sys.executable, "-m", "tests.reliability.fuzz", "--inputs", "500"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr[-2000:]
    assert "500 inputs, 0 wrong" in ran.stdout
