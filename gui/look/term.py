"""What an entry of the glossary holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """One entry of the glossary.

    Attributes
    ----------
    name
        What it is called.
    meaning
        Two sentences.
    equation
        Rich text, "" where there is none.
    source
        The paper, and the place in it where that is known.
    fields
        Names of the spec fields that it explains.
    words
        Other words for it in headers and axes, in lower case.
    """

    name: str
    meaning: str
    equation: str
    source: str
    fields: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def term(
    name: str, meaning: str, equation: str, source: str, *fields: str, words: str = ""
) -> Term:
    """Return a term; ``words`` are separated by "|"."""
    return Term(name, meaning, equation, source, fields, tuple(words.split("|")) if words else ())
