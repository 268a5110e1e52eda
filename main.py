"""Isthmus: opens the window, or runs a headless command (see engine/cli/main.py)."""

from __future__ import annotations

import multiprocessing
import os
import sys
from importlib import import_module
from pathlib import Path

COMMANDS = ("run", "list", "show", "export", "check", "pack", "unpack")


def main(arguments: list[str]) -> int:
    """Run a headless command where the first argument names one, else open the window."""
    multiprocessing.freeze_support()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # a windowed build has no console
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    if arguments and (arguments[0] in COMMANDS or arguments[0].startswith("-")):
        from engine.cli.main import main as headless

        return headless(arguments)
    return _window([Path(argument) for argument in arguments])


def _window(paths: list[Path]) -> int:
    if sys.platform == "win32":
        import torch  # noqa: F401  Windows cannot load torch's libraries once Qt's are loaded
    try:
        from gui.app import open_window
    except ImportError as error:
        print(f"isthmus: the window needs PySide6 and pyqtgraph: {error}", file=sys.stderr)
        return 2
    _close_splash()
    return open_window(paths)


def _close_splash() -> None:
    """Take away the picture that the packaged app shows on Windows while torch is loaded."""
    if "_PYI_SPLASH_IPC" in os.environ:
        import_module("pyi_splash").close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
