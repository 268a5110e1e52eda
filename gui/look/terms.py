"""Tooltips that explain technical terms in forms, table headers and axes."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from functools import lru_cache

from engine.specs.methods import Method, heading_of, methods
from engine.texts import harmless, shortened
from gui.look.abbreviations import ABBREVIATIONS
from gui.look.plain import LONGEST, plain_tip
from gui.look.term import Term
from gui.look.term_list import TERMS as OF_THE_PAPER

TERMS = (*OF_THE_PAPER, *ABBREVIATIONS)
PAPER_AND_PROGRAM = "this program; see docs/decisions.md"


def term_of_field(name: str) -> Term | None:
    """Return the term that explains a spec's field, or None."""
    return next((term for term in TERMS if name in term.fields), None)


def glossary() -> list[Term]:
    """Return the terms, and every method of the program that no term is named after, by name."""
    named = {term.name.lower() for term in TERMS}
    found = [_of_method(method) for method in methods() if method.label.lower() not in named]
    return sorted([*TERMS, *found], key=lambda term: term.name.lower())


def _of_method(method: Method) -> Term:
    family = heading_of(method.family).lower()
    fields = ", ".join(item.label for item in method.fields)
    settings = f" Settings: {fields}." if fields else ""
    meaning = f"Under {family}. {method.summary}{settings}"
    name = method.label[:1].upper() + method.label[1:]
    return Term(name, html.escape(meaning, quote=False), "", method.source or PAPER_AND_PROGRAM)


def terms_in(text: str) -> list[Term]:
    """Return the terms named in a header or an axis, left to right; longer matches win."""
    left = text.lower()
    words = [(word, term) for term in TERMS for word in {term.name.lower(), *term.words}]
    found: list[tuple[int, Term]] = []
    for word, term in sorted(words, key=lambda pair: -len(pair[0])):
        place = re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", left)
        if place is not None:
            left = left[: place.start()] + " " * len(word) + left[place.end() :]
            found.append((place.start(), term))
    return list(dict.fromkeys(term for _, term in sorted(found, key=lambda pair: pair[0])))


def explanation(term: Term) -> str:
    """Return a term as rich text: name, meaning, equation, source."""
    equation = f"<p style='margin:6px 12px'>{term.equation}</p>" if term.equation else ""
    return (
        f"<b>{term.name}</b><p style='margin:4px 0'>{term.meaning}</p>{equation}"
        f"<p style='margin:0'><small>{html.escape(term.source)}</small></p>"
    )


def with_terms(found: Sequence[Term], plain: str = "") -> str:
    """Return a tooltip: plain text, and below it the terms, if there are any."""
    if not found:
        return plain_tip(plain)
    shown = harmless(shortened(plain, LONGEST))
    lines = "<br>".join(html.escape(shown, quote=False).split("\n"))
    first = f"<p style='margin:0 0 6px 0'>{lines}</p>" if plain else ""
    return f"<div>{first}{'<hr>'.join(map(explanation, found))}</div>"


def with_field(name: str, plain: str = "") -> str:
    """Return the tooltip of a spec's field: plain text, and the term that explains the field."""
    term = term_of_field(name)
    return with_terms([] if term is None else [term], plain)


@lru_cache(maxsize=256)
def with_words(text: str, plain: str = "") -> str:
    """Return the tooltip of a header or an axis: plain text, and the terms that it names."""
    return with_terms(terms_in(text), plain)


def name_of(term: Term) -> str:
    """Return the name of a term."""
    return term.name


def plain_text(term: Term) -> str:
    """Return the whole text of a term without markup, for searching."""
    return html.unescape(re.sub(r"<[^>]+>", "", explanation(term)))
