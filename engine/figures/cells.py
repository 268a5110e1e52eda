"""Tables as comma- or tab-separated text that a spreadsheet opens as text and numbers only.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, which can
call other programs. Names come from files of strangers. Such a cell gets an apostrophe before it,
unless it is a number.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence

_FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"  # also in full width, which some programs accept
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s?%?", re.ASCII | re.IGNORECASE)
# Where the language of the system divides columns by ";", a cell is split there.
_INSIDE = re.compile(rf"([;\t][\s\"']*)(?=[{re.escape(_FORMULA)}])")
_INSIDE_LINE = re.compile(rf"([,;\t][\s\"']*)(?=[{re.escape(_FORMULA)}])")


def cell(value: object) -> str:
    """Return a value as the text of one cell, on one line."""
    text = str(value)
    if _NUMBER.fullmatch(text):
        return text
    line = _one_line(text)
    seen = "".join(c for c in line if unicodedata.category(c) != "Cf").lstrip(" \"'")
    if text.startswith(("\t", "\r", "\n")) or seen.startswith(tuple(_FORMULA)):
        line = f"'{line}"
    return _INSIDE.sub(r"\1'", line)


def csv_lines(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as comma-separated values."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([cell(part) for part in row] for row in rows)
    return out.getvalue()


def tab_lines(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as tab-separated values, for pasting into a spreadsheet."""
    return "\n".join("\t".join(cell(part) for part in row) for row in rows)


def remarks(text: str) -> str:
    """Return the lines of a text as lines of a CSV file that begin with "#"."""
    lines = (_INSIDE_LINE.sub(r"\1'", _one_line(line)) for line in text.splitlines())
    return "".join(f"# {line}\n" for line in lines)


def _one_line(text: str) -> str:
    """Replace line breaks, tabs, control characters and non-breaking spaces by spaces."""
    if text.isprintable():
        return text
    return "".join(map(_printable, text))


def _printable(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind == "Cs":  # half of a letter, which no file can hold
        return "\ufffd"
    return " " if kind in ("Cc", "Zs", "Zl", "Zp") else letter


def columns(rows: Sequence[Sequence[str]], left: int) -> str:
    """Return rows of texts as aligned columns, the first ``left`` of them flush left."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if index < left else text.rjust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
