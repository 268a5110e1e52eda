"""A disk that fails at fsync, rename, link, write or close: one sentence, and nothing is lost."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reliability.disk_errors import CALLS, COUNTS, ERRORS, RECORDS

HERE = Path(__file__).resolve().parent
COMPILER = shutil.which("cc") or shutil.which("gcc")
PLAN = """
title = "Images"
run = ["many"]

[specs.many]
kind = "glyphs"
train = 20
test = 10
seed = { each = [0, 1, 2] }
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs the preloading of Linux")
@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
def test_that_a_failing_disk_is_one_sentence_and_loses_nothing(tmp_path):
    shim = tmp_path / "disk_errors.so"
    build = [COMPILER, "-shared", "-fPIC", "-O1", "-o", shim, HERE / "disk_errors.c", "-ldl"]
    subprocess.run(build, check=True, capture_output=True)
    (tmp_path / "plan.toml").write_text(PLAN)
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.disk_errors", shim, tmp_path],
        cwd=HERE.parent.parent,
        env={**os.environ, "LD_PRELOAD": str(shim)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    trials = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(trials) == len(CALLS) * len(COUNTS)
    assert {trial["call"] for trial in trials if trial["struck"]} == set(CALLS)
    struck = {trial["error"] for trial in trials if trial["struck"]}
    assert struck == {errno.errorcode[error] for error in ERRORS}
    for trial in trials:
        assert "Traceback" not in trial["errors"] + trial["more"], trial
        assert trial["code"] in ((0, 1, 2) if trial["struck"] else (0,)), trial
        assert (trial["again"], trial["checked"], trial["records"]) == (0, 0, RECORDS), trial
        assert not trial["lost"], trial
        assert not trial["left"], trial
