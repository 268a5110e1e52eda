"""Output of the commands: no text of a file acts on the terminal that shows it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.texts import harmless


class Terminal:
    """A stream that writes control characters as escapes, and letters it cannot write too.

    Everything but :meth:`write` is the stream's own.
    """

    def __init__(self, stream: Any):
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text; return its length."""
        self._stream.write(_writable(harmless(text), self._stream))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def control(self, text: str) -> None:
        """Write control characters of our own."""
        self._stream.write(text)


@contextmanager
def harmless_output() -> Iterator[None]:
    """Put a :class:`Terminal` before the process's standard output and error."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (
        stream if stream is None or isinstance(stream, Terminal) else Terminal(stream)
        for stream in before
    )
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _writable(text: str, stream: Any) -> str:
    """Return a text of which every letter has a place in the stream's encoding."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return text.encode("ascii", "backslashreplace").decode("ascii")
    return text
