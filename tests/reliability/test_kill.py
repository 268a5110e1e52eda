import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_that_fifty_kills_lose_nothing():
    command = [sys.executable, "-m", "tests.reliability.kill", "--kills", "50"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr[-2000:]
    assert "nothing lost" in ran.stdout
