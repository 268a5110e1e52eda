"""Fonts on this computer that have the letters of a text, of whatever script.

The font that comes with matplotlib has Latin, Greek, Cyrillic, Arabic and Hebrew letters. A name in
another script needs a font that the system has; where there is none, a box stands for the letter.
"""

from __future__ import annotations

import dataclasses
import os
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

OWN = "DejaVu Sans"
"""Comes with matplotlib, and has every character that figures use of themselves."""

UNSEEN = {"Cc", "Cf", "Cs", "Cn", "Zs", "Zl", "Zp"}
"""Categories of Unicode whose characters need no glyph."""

SHOWN = 12
"""Letters that a sentence names."""

# Fonts that have a box for every letter there is.
EMPTY = ("lastresort", "adobe blank", "unifont", ".")
_LOCK = threading.RLock()


def families_for(texts: Iterable[str], first: str = OWN) -> tuple[str, ...]:
    """Return families of fonts that together have the letters of texts, the preferred one first.

    Letters that no font has are left to the box that matplotlib draws.
    """
    base = tuple(dict.fromkeys((first, OWN)))
    return (*base, *_found(_letters(texts), base)[0])


def without_font(texts: Iterable[str]) -> str:
    """Return one sentence on the letters that no font on this computer has; else ""."""
    letters = sorted(_found(_letters(texts), (OWN,))[1])
    if not letters:
        return ""
    shown = " ".join(letters[:SHOWN]) + (" ..." if len(letters) > SHOWN else "")
    # Where the sentence is shown, the letters are boxes too: the scripts have names.
    scripts = dict.fromkeys(unicodedata.name(letter, "other").split()[0] for letter in letters)
    names = ", ".join(name if name == "CJK" else name.capitalize() for name in scripts)
    return (
        f"no font on this computer has {shown} ({names}): boxes stand for such letters until one "
        "is installed, such as Noto Sans"
    )


def texts_in(value: object) -> Iterator[str]:
    """Yield every text in a picture: in its fields, and in the parts of it."""
    if isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts_in(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from texts_in(part)
    elif isinstance(value, Mapping):
        yield from texts_in(list(value.values()))


def _letters(texts: Iterable[str]) -> frozenset[str]:
    """Return the letters that need a glyph; plain ASCII is in every font."""
    found = {letter for text in texts if not text.isascii() for letter in text if letter > "\x7f"}
    return frozenset(one for one in found if unicodedata.category(one) not in UNSEEN)


@lru_cache(maxsize=256)
def _found(
    letters: frozenset[str], base: tuple[str, ...]
) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return the families that have letters which ``base`` lacks, and the letters that none has.

    The family that has the most is taken first, so that the letters of one script, which change
    their form beside each other, come from one font.
    """
    lacking = {ord(letter) for letter in letters}
    with _LOCK:
        for family in base:
            lacking -= _codes(font_manager.findfont(family))
        families: list[str] = []
        offers = {path: lacking & _codes(path) for path in _paths()} if lacking else {}
        while lacking:
            most = max((len(codes & lacking) for codes in offers.values()), default=0)
            alike = [one for one, codes in offers.items() if len(codes & lacking) == most]
            path = next(filter(_is_truetype, alike), alike[0] if alike else "")
            gained = offers.get(path, set()) & lacking
            if not gained:
                break
            families.append(_family(path))
            lacking -= gained
    return tuple(families), frozenset(map(chr, lacking))


def _paths() -> list[str]:
    """Return the files of the system's fonts, upright ones of usual weight first."""

    def rank(path: str) -> tuple[bool, bool, bool, str]:
        name = os.path.basename(path).lower()
        plain = not any(word in name for word in ("bold", "italic", "oblique", "black", "light"))
        return not plain, "sans" not in name, "mono" in name, name

    return sorted(font_manager.findSystemFonts(), key=rank)


def _codes(path: str) -> set[int]:
    """Return the characters of a font; none if it cannot be drawn with."""
    font = _font(path)
    return set() if font is None else set(font.get_charmap())


def _font(path: str) -> Any:
    try:
        font = FT2Font(path)
    except (OSError, RuntimeError, ValueError):  # damaged, or a format that FreeType does not know
        return None
    name = font.family_name.lower()
    return font if font.scalable and not name.startswith(EMPTY) else None


def _family(path: str) -> str:
    """Return the name by which matplotlib finds a font, also one that was installed since."""
    known = {entry.fname for entry in font_manager.fontManager.ttflist}
    if path not in known:
        font_manager.fontManager.addfont(path)
    return str(FT2Font(path).family_name)


@lru_cache(maxsize=256)
def _is_truetype(path: str) -> bool:
    """Whether a font file holds TrueType outlines, which matplotlib embeds best in a PDF.

    Of a collection, its first font counts.
    """
    with open(path, "rb") as file:
        head = file.read(16)
        if head[:4] == b"ttcf":
            file.seek(int.from_bytes(head[12:16], "big"))
            head = file.read(4)
    return head[:4] in (b"\x00\x01\x00\x00", b"true")


@lru_cache(maxsize=64)
def installed(family: str) -> bool:
    """Return whether a family of fonts is on this computer, or comes with matplotlib."""
    with _LOCK:
        try:
            font_manager.findfont(family, fallback_to_default=False)
        except ValueError:
            return False
    return True
