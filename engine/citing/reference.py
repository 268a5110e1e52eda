"""One work, and its entry in a bibliography."""

from __future__ import annotations

import re
from dataclasses import dataclass

_JOURNALS = (
    "IEEE Transactions on Image Processing",
    "IEEE Transactions on Information Theory",
    "Information Fusion",
    "Nature Machine Intelligence",
)


@dataclass(frozen=True)
class Reference:
    """One work.

    Attributes
    ----------
    authors
        Surname, given names; " and " between authors, as BibTeX wants it.
    title, venue
        Of the work, and where it appeared: a conference, a journal, or "arXiv:" and its number.
    year
        When it appeared there.
    """

    authors: str
    title: str
    venue: str
    year: int

    @property
    def key(self) -> str:
        """The key in a bibliography: the first author's surname, year and first long word."""
        surname = re.sub(r"[^a-z]", "", _ascii(self.authors.partition(",")[0]).lower())
        words = re.findall(r"[a-z]{4,}", _ascii(self.title).lower())
        return f"{surname}{self.year}{words[0] if words else ''}"

    @property
    def short(self) -> str:
        """The authors' surnames and the year, as texts without LaTeX cite."""
        names = [author.partition(",")[0] for author in self.authors.split(" and ")]
        who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
        return f"{who} {self.year}"

    def bibtex(self) -> str:
        """Return the entry of a bibliography."""
        kind, place = "inproceedings", "booktitle"
        if self.venue.startswith("arXiv:"):
            kind, place = "misc", "howpublished"
        elif self.venue in _JOURNALS:
            kind, place = "article", "journal"
        fields = {
            "author": self.authors,
            "title": "{" + self.title + "}",
            place: self.venue,
            "year": str(self.year),
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
        return "\n".join([f"@{kind}{{{self.key},", *lines, "}"])


def _ascii(text: str) -> str:
    return text.translate(str.maketrans("äöüåéèôíóáñ", "aouaeeoioan"))
