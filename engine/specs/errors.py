"""The error for invalid specs, and helpers that build its one-sentence message."""

from __future__ import annotations

import difflib

SHOWN_LENGTH = 200  # maximum number of characters of a value that a message quotes


class SpecError(ValueError):
    """A value is not allowed in a spec; the message is one sentence for the user."""

    def within(self, where: str) -> SpecError:
        """Return the same error with ``where`` put before the field's dotted name."""
        return SpecError(f"{where}.{self}")


def shown(value: object) -> str:
    """Return the repr of a value, shortened if it is too long or too deep to quote."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, a deep list
        return f"a {type(value).__name__} too long to show"
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."


def suggestion(name: object, known: list[str]) -> str:
    """Return " (did you mean ...?)" with the most similar known name, or "" if none is similar."""
    near = difflib.get_close_matches(name, known, n=1) if isinstance(name, str) else []
    return f" (did you mean {near[0]!r}?)" if near else ""


def one_of(names: list[str]) -> str:
    """Return the allowed names in words."""
    return names[0] if len(names) == 1 else "one of " + ", ".join(names)
