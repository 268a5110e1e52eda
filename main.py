"""Isthmus: opens the window, or runs a headless command (see engine/cli/main.py)."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from importlib import import_module
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Open the window with paths that exist, or run a headless command.

    A path that bears the name of a command is opened as ./run. What is neither a command nor there
    is answered by the commands' parser, in one line.
    """
    multiprocessing.freeze_support()
    if arguments[:1] == ["--decode-heic"]:  # engine.data.heic.decoder, of the packaged program
        from engine.data.heic.child import serve

        serve(int(arguments[1]))
        return 0
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # a windowed build has no console
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    # What the Finder of older macOS adds when it starts an app.
    arguments = [argument for argument in arguments if not argument.startswith("-psn_")]
    headless = _for_the_commands(arguments)
    if headless:
        from engine.cli.interrupts import end
        from engine.cli.main import main as run

        return end(run(headless))
    return _window([Path(argument) for argument in arguments])


def _for_the_commands(arguments: list[str]) -> list[str]:
    """Return the arguments that the commands' parser takes or refuses; none if all are paths."""
    if not arguments:
        return []
    from engine.cli.parser import COMMANDS

    if arguments[0] in COMMANDS:
        return arguments
    first = next((n for n, name in enumerate(arguments) if not os.path.lexists(name)), None)
    return [] if first is None else arguments[first:]


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
    # Until a command takes over, and once it has ended, Ctrl-C ends the process without a word.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    sys.exit(main(sys.argv[1:]))
