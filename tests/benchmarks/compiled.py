"""The environment of a benchmark's processes: one in which Python keeps compiled modules.

Where ``PYTHONDONTWRITEBYTECODE`` is set, each process would compile torch and scipy again. That
takes seconds, and holds Python's lock for 20 to 50 ms at a large file, in which the window stands
still. Who starts the program a second time does not meet this.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def environment(place: Path, **more: str) -> dict[str, str]:
    """Return this process's environment and more, with compiled modules under ``place``."""
    env = {**os.environ, **more}
    if sys.dont_write_bytecode:
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        env.setdefault("PYTHONPYCACHEPREFIX", str(place / "compiled"))
    return env
