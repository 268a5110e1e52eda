"""Isthmus: opens the window, or runs a headless command (see engine/cli/main.py)."""

from __future__ import annotations

import multiprocessing
import os
import sys
from importlib import import_module
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Open the window where the first argument is missing or exists, else run a headless command.

    A path that bears the name of a command is opened as ./run. What is no command and no path is
    answered by the commands' parser, in one line.
    """
    multiprocessing.freeze_support()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # a windowed build has no console
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    if sys.platform == "darwin":
        # What the Finder adds when it starts an app that was downloaded.
        arguments = [argument for argument in arguments if not argument.startswith("-psn_")]
    if arguments and _is_command(arguments[0]):
        from engine.cli.main import main as headless

        return headless(arguments)
    return _window([Path(argument) for argument in arguments])


def _is_command(first: str) -> bool:
    from engine.cli.parser import COMMANDS

    return first in COMMANDS or not os.path.exists(first)


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
