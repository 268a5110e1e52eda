"""A study on a slow network drive: loaded into a process, it sees the records of others late.

A worker of dask loads it with ``--preload``, a command with ``python -m``, whose arguments follow.
"""

import functools
import os
import sys
import time
from pathlib import Path

from engine.plan.sharing.shared_run import SharedRun
from engine.store import changes, index
from engine.store.study import Study

LATE = "ISTHMUS_TEST_LATE"
"""Names the environment variable that says by how many seconds."""
WRITE_SECONDS = 0.3

_own: set[str] = set()


def _is_visible(path: Path) -> bool:
    late = float(os.environ[LATE])
    return path.stem in _own or time.time() - path.stat().st_mtime > late


def _slow_write(write):
    @functools.wraps(write)
    def slowly(self, spec, *arguments, **more):
        time.sleep(WRITE_SECONDS)
        _own.add(spec.key)
        return write(self, spec, *arguments, **more)

    return slowly


def _late(take_up):
    @functools.wraps(take_up)
    def lately(self, spec):
        path = self._record_path(spec.kind, spec.key)
        return take_up(self, spec) if path.is_file() and _is_visible(path) else self.has(spec)

    return lately


def _seen(listed):
    def files(*arguments):
        for found in listed(*arguments):
            if _is_visible(found[0] if isinstance(found, tuple) else found):
                yield found

    return files


def install() -> None:
    """Let this process see records of others late, and write slowly."""
    Study.write, Study.take_up = _slow_write(Study.write), _late(Study.take_up)
    SharedRun._record_files = _seen(SharedRun._record_files)
    index.record_files = changes.record_files = _seen(index.record_files)


if LATE in os.environ:
    install()

if __name__ == "__main__":
    from engine.cli.main import main

    sys.exit(main(sys.argv[1:]))
