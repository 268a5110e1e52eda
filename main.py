"""Isthmus: opens the window, or runs a headless command (see engine/cli/main.py)."""

from __future__ import annotations

import multiprocessing
import os
import sys
from importlib import import_module
from pathlib import Path

from engine.cli.commands import COMMANDS
from engine.program import BAD_INPUT


def main(arguments: list[str]) -> int:
    """Run a headless command where the first argument names one, else open the window."""
    multiprocessing.freeze_support()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # a windowed build has no console
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    # What the Finder of older macOS passes to an app that is opened there.
    arguments = [argument for argument in arguments if not argument.startswith("-psn_")]
    if arguments and (arguments[0] in COMMANDS or arguments[0].startswith("-")):
        from engine.cli.main import main as headless

        return headless(arguments)
    paths = [Path(argument) for argument in arguments]
    for path in paths:
        if not os.path.lexists(path):
            print(f"isthmus: {_unknown(str(path))}", file=sys.stderr)
            return BAD_INPUT
    return _window(paths)


def _unknown(argument: str) -> str:
    """Return the sentence about an argument that is neither a command nor a path."""
    from engine.specs.errors import suggestion

    return (
        f"{argument!r} is no command{suggestion(argument, list(COMMANDS))} and no file or folder "
        f"that exists; commands are {', '.join(COMMANDS)}"
    )


def _window(paths: list[Path]) -> int:
    if sys.platform == "win32":
        import torch  # noqa: F401  Windows cannot load torch's libraries once Qt's are loaded
    try:
        from gui.app import open_window
    except ImportError as error:
        print(f"isthmus: the window needs PySide6 and pyqtgraph: {error}", file=sys.stderr)
        return BAD_INPUT
    _close_splash()
    return open_window(paths)


def _close_splash() -> None:
    """Take away the picture that the packaged app shows on Windows while torch is loaded."""
    if "_PYI_SPLASH_IPC" in os.environ:
        import_module("pyi_splash").close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
