"""How an error that the user can cause is put in one sentence."""

from __future__ import annotations

import difflib

SHOWN_LENGTH = 200  # characters of a value that a sentence quotes


class SpecError(ValueError):
    """A value that a spec cannot hold; its text is one sentence for the user."""

    def within(self, where: str) -> SpecError:
        """Return the same error, its field named from one level further out."""
        return SpecError(f"{where}.{self}")


def shown(value: object) -> str:
    """Return a value as a sentence may quote it, however long or deep it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, a deep list
        return f"a {type(value).__name__} too long to show"
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."


def suggestion(name: object, known: list[str]) -> str:
    """Return a question after the name that was perhaps meant, or nothing."""
    near = difflib.get_close_matches(name, known, n=1) if isinstance(name, str) else []
    return f" (did you mean {near[0]!r}?)" if near else ""


def one_of(names: list[str]) -> str:
    """Return the names that are allowed, in words."""
    return names[0] if len(names) == 1 else "one of " + ", ".join(names)
