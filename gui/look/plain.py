"""Texts of files for those parts of Qt that take a text for markup.

Qt shows a tooltip as rich text if it looks like markup, and then reads the files that it names. A
button or a menu takes "&" for the mark of a key, a window's title "[*]" for the mark of changes.
Labels are :class:`gui.widgets.label.Label`.
"""

from __future__ import annotations

import re
import textwrap
from html import escape

from PySide6.QtGui import Qt

from engine.texts import harmless, one_line, shortened

WIDEST = 1000  # letters in a line of a tooltip
LONGEST = 4000  # letters in a tooltip
_MARKUP = re.compile(r"<[\w/!?]|&[\w#]")  # more than Qt takes for markup, in any line


def plain_tip(text: str) -> str:
    """Return a tooltip that shows this text as it is."""
    shown = harmless(shortened(text, LONGEST))
    lines = [
        part
        for line in shown.split("\n")
        for part in (textwrap.wrap(line, WIDEST) if len(line) > WIDEST else [line])
    ]
    shown = "\n".join(lines)
    if not (_MARKUP.search(shown) or Qt.mightBeRichText(shown)):
        return shown
    return f"<p style='white-space:pre'>{escape(shown)}</p>"


def plain_action(text: str) -> str:
    """Return a text for a button or an entry of a menu, of which no letter becomes its key."""
    return shortened(one_line(text)).replace("&", "&&")


def plain_title(text: str) -> str:
    """Return a text for the title of a window."""
    return shortened(one_line(text)).replace("[*]", "[ * ]")
