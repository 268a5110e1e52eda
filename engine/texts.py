"""Texts of files as they are shown: nothing in them acts on what shows them.

Names, titles and notes come from files of strangers. A control character moves the cursor of a
terminal or changes its colours, and some letters turn the order of all that follows them.
"""

from __future__ import annotations

import re

LONGEST = 200  # letters of a name in a title or a menu
# C0 and C1 without tab and line feed, half letters, line separators, and the letters that embed,
# override or isolate a direction of writing. The marks U+200E and U+200F turn nothing around.
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")


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


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
