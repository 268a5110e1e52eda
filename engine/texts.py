"""Texts of files as they are shown: nothing in them acts on what shows them.

Names, titles and notes come from files of strangers. A control character moves the cursor of a
terminal or changes its colours, and some letters turn the order of all that follows them.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata

LEFT_TO_RIGHT = "\u200e"
LONGEST = 200  # letters of a name in a title or a menu
# C0 and C1 without tab and line feed, half letters, line separators, and the letters that embed,
# override or isolate a direction of writing. The marks U+200E and U+200F turn nothing around.
_FILL = "\ue000"  # no letter; keeps the place of half a wide one
_PERCENT = re.compile("(?<=[0-9]) %")
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")


def percent(share: float, digits: int | None = 1) -> str:
    """Return a share as a percentage: 0.5 is "50.0 %".

    Parameters
    ----------
    digits
        How many stand behind the point; None writes three digits in all, and no zeros at the end.
    """
    return f"{100 * share:.3g} %" if digits is None else f"{100 * share:.{digits}f} %"


def unbroken(text: str) -> str:
    """Return a text in which no line ends between a number and its "%"."""
    return _PERCENT.sub("\u00a0%", text)


def harmless(text: str) -> str:
    r"""Return a text with control characters as visible escapes such as ``\x1b``."""
    return text if text.isprintable() else _ACTING.sub(_escape, text)


def one_line(text: str) -> str:
    r"""Return a text as :func:`harmless`, with its line breaks and tabs as escapes too."""
    return harmless(text).replace("\n", "\\n").replace("\t", "\\t")


def shortened(text: str, most: int = LONGEST) -> str:
    """Return a text with at most ``most`` letters, its middle left out."""
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[: most - 1 - half]}…{text[-half:]}"


def lowered(text: str) -> str:
    """Return a text in small letters, one for one: a Turkish \u0130 becomes an i without more.

    Systems in Turkish write the ending .gif large with that letter.
    """
    return text.replace("\u0130", "i").lower()


def folded(text: str) -> str:
    """Return a text as searches compare it.

    Large and small letters are the same, so are the Turkish letters i with and without a dot, and
    wide letters and digits are plain ones.
    """
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKC", lowered(text)).casefold()
    return plain.replace("\u0131", "i").replace("i\u0307", "i")


def placed(name: str) -> str:
    """Return a name that can stand in an English sentence, whichever way its letters run.

    Behind letters that run from right to left, a number or a sign would be drawn on their wrong
    side; an invisible mark of the English direction (U+200E) keeps it where it is read.
    """
    if name.isascii() or not any(
        unicodedata.bidirectional(letter) in ("R", "AL") for letter in name
    ):
        return name
    return f"{LEFT_TO_RIGHT}{name}{LEFT_TO_RIGHT}"


def columns_of(text: str) -> int:
    """Return how wide a text is, in letters: those of Chinese, Japanese and Korean count twice."""
    return len(text) if text.isascii() else len(text) + sum(map(_is_wide, text))


def wrapped(text: str, most: int) -> list[str]:
    """Return the lines of a text of which none is wider than ``most`` letters.

    As :func:`textwrap.wrap`, with wide letters counted twice, and never between a number and "%".
    """
    if _PERCENT.search(text):
        return [line.replace("\u00a0%", " %") for line in wrapped(unbroken(text), most)]
    if text.isascii():
        return textwrap.wrap(text, most)
    spaced = "".join(letter + _FILL if _is_wide(letter) else letter for letter in text)
    return [line.replace(_FILL, "") for line in textwrap.wrap(spaced, most)]


def _is_wide(letter: str) -> bool:
    return letter > "\u10ff" and unicodedata.east_asian_width(letter) in "WF"


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
