"""How much room texts take, by rules of thumb that need no font."""

from __future__ import annotations

from engine.texts import columns_of, wrapped

POINT_MM = 25.4 / 72
# Approximate width of a letter and height of a line, relative to the font size.
LETTER, LINE = 0.53, 1.35


def letters(width_mm: float, size: float, least: int = 8) -> int:
    """Return about how many letters of a font size in points fit into the width."""
    return max(least, int(width_mm / (size * POINT_MM * LETTER)))


def line_mm(size: float) -> float:
    """Return the height in mm of a line of text."""
    return size * POINT_MM * LINE


def width_of(text: str, size: float) -> float:
    """Return about how wide the widest line of a text is, in mm."""
    return max(map(columns_of, text.split("\n")), default=0) * size * POINT_MM * LETTER


def in_lines(text: str, most: int, lines: int) -> str:
    """Return a text broken into at most so many lines of ``most`` letters; what is left is "…"."""
    found = [part for line in text.split("\n") for part in wrapped(line, most)]
    if len(found) <= lines:
        return "\n".join(found)
    kept = found[:lines]
    while columns_of(kept[-1]) >= most:
        kept[-1] = kept[-1][:-1]
    return "\n".join([*kept[:-1], f"{kept[-1].rstrip()}…"])


def breaks_words(text: str, most: int, lines: int) -> bool:
    """Return whether a text needs more lines, or a line that ends within a word."""
    words = text.split()
    return len(wrapped(text, most)) > lines or any(columns_of(word) > most for word in words)
