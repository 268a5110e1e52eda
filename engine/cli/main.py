"""The headless commands: results go to standard output, problems to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from engine.cli.interrupts import interruptible
from engine.cli.parser import parser
from engine.cli.terminal import harmless_output
from engine.program import BAD_INPUT, FAILED, OK
from engine.texts import one_line


def main(arguments: Sequence[str]) -> int:
    """Run one headless command and return its exit code.

    0: done. 1: a computation failed, a record is damaged, or the system refused something (memory,
    a file, the output). 2: bad input, with one line on standard error. 130, 143 or 129: stopped by
    Ctrl-C, SIGTERM or the end of the terminal; the same command resumes the run.
    """
    with harmless_output():
        return interruptible(lambda: _answered(arguments))


def _answered(arguments: Sequence[str]) -> int:
    """Run a command; say in one line what the system refused."""
    try:
        try:
            code = _run(arguments)
        except SystemExit:  # after --help, which may not be written yet
            sys.stdout.flush()
            raise
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up_output()
        sys.stderr.close()
        return OK
    except OSError as error:
        _give_up_output()
        what = f"{error.filename}: " if error.filename else "the output cannot be written: "
        return _failed(f"{what}{error.strerror or error}")
    except MemoryError:
        return _failed("there is not enough memory for this")
    # An incomplete installation, or too little memory: some libraries then fail without a reason.
    except (ImportError, SystemError) as error:
        return _failed(f"a library cannot be loaded: {error}")
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        options = parser().parse_args(arguments)
        # Imported late, so that --version, --help and mistyped names need no large library.
        from engine.cli.commands import FUNCTIONS

        if options.plugin:
            from engine.plugins import load

            for path in options.plugin:
                load(path)
        if getattr(options, "replace", False):
            from engine.store.outputs import agree

            agree(options.out)
        return FUNCTIONS[options.command](options)
    except ValueError as error:
        print(f"isthmus: {one_line(str(error))}", file=sys.stderr)
        return BAD_INPUT


def _failed(sentence: str) -> int:
    print(f"isthmus: {one_line(sentence)}", file=sys.stderr)
    return FAILED


def _give_up_output() -> None:
    """Send what is still buffered nowhere, so that Python does not try again at its end."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return  # a stream of a test, without a file
