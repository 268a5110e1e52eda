"""Which works the source in a docstring names."""

from __future__ import annotations

import re

from engine.citing.reference import Reference
from engine.citing.works import WORKS

_NAMED = re.compile(
    r"((?:[A-Z][\w'-]+)(?:(?:, (?:and )?| and )(?:[A-Z][\w'-]+)| et al\.)*) (\d{4}[a-z]?)\b"
)


def named_in(source: str) -> list[str]:
    """Return the works that a source names, as "Surname, Surname 2018"."""
    return [f"{names} {year}" for names, year in _NAMED.findall(source)]


def cited(source: str) -> list[Reference]:
    """Return the works that a source names and that are listed."""
    return [WORKS[name] for name in named_in(source) if name in WORKS]
