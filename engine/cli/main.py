"""The headless commands: results go to standard output, problems to standard error."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from engine.cli.parser import parser
from engine.program import BAD_INPUT, OK


def main(arguments: Sequence[str]) -> int:
    """Run one headless command and return its exit code.

    0 done; 1 something failed or is damaged; 2 bad input, one line on standard error; 130 stopped
    by Ctrl-C, to be resumed by the same command.
    """
    try:
        options = parser().parse_args(arguments)
        # Only now: --version, --help and a mistyped name are answered without any library.
        from engine.cli.commands import FUNCTIONS

        return FUNCTIONS[options.command](options)
    except ValueError as error:
        print(f"isthmus: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        sys.stderr.close()
        return OK
