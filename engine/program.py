"""The program's version, folder and exit codes; loads no library."""

from importlib import import_module
from pathlib import Path
from typing import Any

VERSION = "0.1.0"
ROOT = Path(__file__).resolve().parent.parent  # holds main.py and resources/, packaged or not

OK = 0
FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130


def named(path: str) -> Any:
    """Return what "package.module:name" names, importing its module."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
