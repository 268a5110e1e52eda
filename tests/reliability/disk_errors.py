"""A disk that fails at one call: `python -m tests.reliability.disk_errors LIB FOLDER`.

For every function and several counts, a plan is run while the n-th call of that function fails for
files of the study. Then the same command is given again on a disk that works, and the study is
checked. One process does all of it, because loading the libraries takes longer than the runs.
"""

from __future__ import annotations

import ctypes
import errno
import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from engine.cli.main import main
from engine.store.study import Study

CALLS = ("fsync", "rename", "link", "write", "close")
COUNTS = (1, 2, 3, 5, 8)
# A failing disk, one that is full, a quota, a network drive whose file is gone, and a disk that the
# system made read-only after an error.
ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.EROFS)
RECORDS = 3


def command(*arguments: str) -> tuple[int, str]:
    """Run one command; return its exit code and what it wrote to standard error."""
    errors = io.StringIO()
    with redirect_stderr(errors), redirect_stdout(io.StringIO()):
        code = main(arguments)
    return code, errors.getvalue()


def trial(
    shim: ctypes.CDLL, plan: Path, folder: Path, call: str, nth: int, error: int
) -> dict[str, object]:
    """Run the plan once on a failing disk and once on one that works."""
    study = folder / f"{call}-{nth}.isthmus"
    run = ("run", str(plan), "--study", str(study), "--device", "cpu", "--jobs", "1")
    shim.arm(call.encode(), os.fsencode(study), nth, error)
    code, errors = command(*run)
    struck = bool(shim.was_struck())
    shim.arm(b"", b"", 0, 0)
    kept = {path: path.read_bytes() for path in study.glob("records/*/*.h5")}
    again, more = command(*run)
    checked, _ = command("check", "--study", str(study))
    lost = [str(path) for path, content in kept.items() if path.read_bytes() != content]
    left = [path.name for path in study.rglob("*.tmp-*")]
    records = len(Study(study).entries)
    return {
        "call": call, "nth": nth, "error": errno.errorcode[error], "struck": struck,
        "code": code, "errors": errors,
        "again": again, "more": more, "checked": checked, "lost": lost, "left": left,
        "records": records,
    }  # fmt: skip


def main_here() -> None:
    """Print what happened, one JSON object a trial."""
    shim, folder = ctypes.CDLL(sys.argv[1]), Path(sys.argv[2])
    plan = folder / "plan.toml"
    for number, call in enumerate(CALLS):
        for place, nth in enumerate(COUNTS):
            error = ERRORS[(number + place) % len(ERRORS)]
            print(json.dumps(trial(shim, plan, folder, call, nth, error)), flush=True)


if __name__ == "__main__":
    main_here()
