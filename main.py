"""Isthmus: opens the window, or runs a headless command (see engine/cli/main.py)."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from importlib import import_module
from pathlib import Path

from engine.address_space import too_small

LIST = "--commands"  # of the window, beside paths


def main(arguments: list[str]) -> int:
    """Open the window with paths that exist, or run a headless command.

    Files of the user with methods, --plugin FILE.py, may stand beside the paths or the command;
    beside paths also --do NAME, for what the window shall do, and --commands, for what it offers.
    A path that bears the name of a command is opened as ./run. What is neither a command nor there
    is answered by the commands' parser, in one line.
    """
    multiprocessing.freeze_support()
    if arguments[:1] == ["--decode-heic"]:  # engine.data.heic.decoder, of the packaged program
        from engine.data.heic.child import serve

        serve(int(arguments[1]))
        return 0
    _open_standard_files()
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # a windowed build has no console
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    try:
        os.getcwd()
    except OSError:  # torch's libraries would end the process, with words of their own
        print("isthmus: the folder that this was started in is gone", file=sys.stderr)
        return 1
    if problem := too_small():
        print(f"isthmus: {problem}", file=sys.stderr)
        return 1
    # What the Finder of older macOS adds when it starts an app.
    arguments = [argument for argument in arguments if not argument.startswith("-psn_")]
    plugins, arguments = _taken_from(arguments, "--plugin")
    commands, arguments = _taken_from(arguments, "--do")
    headless = _for_the_commands(arguments)
    if headless:
        from engine.cli.interrupts import end
        from engine.cli.main import main as run

        named = [part for path in plugins for part in ("--plugin", path)]
        return end(run([*headless, *named]))
    paths = [Path(argument) for argument in arguments if argument != LIST]
    return _window(paths, [Path(path) for path in plugins], None if LIST in arguments else commands)


def _open_standard_files() -> None:
    """Put the null device in the place of a standard file that is closed.

    The next file to be opened would get its number, and hold what libraries print.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _taken_from(arguments: list[str], option: str) -> tuple[list[str], list[str]]:
    """Take an option, which may be repeated, and its values out of arguments for the window.

    The parser of a command takes its options itself.
    """
    from engine.cli.parser import COMMANDS

    if not arguments or arguments[0] in COMMANDS:
        return [], arguments
    values: list[str] = []
    left: list[str] = []
    given = iter(arguments)
    for argument in given:
        name, equals, value = argument.partition("=")
        if name == option and (equals or (value := next(given, ""))):
            values.append(value)
        else:
            left.append(argument)
    return values, left


def _for_the_commands(arguments: list[str]) -> list[str]:
    """Return the arguments that the commands' parser takes or refuses; none if all are paths."""
    if not arguments:
        return []
    from engine.cli.parser import COMMANDS

    if arguments[0] in COMMANDS:
        return arguments
    unknown = (n for n, name in enumerate(arguments) if name != LIST and not os.path.lexists(name))
    first = next(unknown, None)
    return [] if first is None else arguments[first:]


def _window(paths: list[Path], plugins: list[Path], commands: list[str] | None) -> int:
    if sys.platform == "win32":
        import torch  # noqa: F401  Windows cannot load torch's libraries once Qt's are loaded
    try:
        from gui.app import open_window
    except ImportError as error:
        print(f"isthmus: the window needs PySide6 and pyqtgraph: {error}", file=sys.stderr)
        return 2
    _close_splash()
    return open_window(paths, plugins, commands)


def _close_splash() -> None:
    """Take away the picture that the packaged app shows on Windows while torch is loaded."""
    if "_PYI_SPLASH_IPC" in os.environ:
        import_module("pyi_splash").close()


if __name__ == "__main__":
    # Until a command takes over, and once it has ended, Ctrl-C ends the process without a word.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    sys.exit(main(sys.argv[1:]))
