"""The headless commands: results go to standard output, problems to standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from engine.cli.parser import parser
from engine.cli.terminal import harmless_output
from engine.program import BAD_INPUT, INTERRUPTED, OK
from engine.texts import one_line


def main(arguments: Sequence[str]) -> int:
    """Run one headless command and return its exit code.

    0: done. 1: a computation failed or a record is damaged. 2: bad input, with one line on standard
    error. 130: stopped by Ctrl-C, with one line; the same command begins again, or resumes the run.
    """
    with harmless_output():
        try:
            options = parser().parse_args(arguments)
            # Imported late, so that --version, --help and mistyped names need no large library.
            from engine.cli.commands import FUNCTIONS

            return FUNCTIONS[options.command](options)
        except ValueError as error:
            print(f"isthmus: {one_line(str(error))}", file=sys.stderr)
            return BAD_INPUT
        except KeyboardInterrupt:
            print("isthmus: stopped", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            sys.stderr.close()
            return OK
