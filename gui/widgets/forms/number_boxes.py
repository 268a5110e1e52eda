"""Spin boxes for numbers: a decimal point is shown, a point or a comma is taken, in every country.

A tip beside the box says where a comma could be meant otherwise, and what is not taken.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from PySide6.QtCore import QLocale
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QSpinBox, QToolTip

from gui.look.plain import plain_tip

THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
"""A number with a comma, which stands before decimals in some countries, else after thousands."""

SIGNS = str.maketrans({"٫": ".", "،": ",", "、": ",", "؛": ";", "−": "-", "⁄": "/", "÷": "/"})
"""Signs of numbers as keyboards of other scripts and our own tables write them -> plain ones."""
WIDE = {0xFEE0 + code: code for code in range(0x21, 0x7F)} | {0x3000: " ", 0xA0: " "}
"""Letters as wide as Chinese ones, and other spaces, -> those of ASCII."""

Verdict = tuple[QValidator.State, str, int]


class DecimalBox(QDoubleSpinBox):
    """A spin box for numbers with decimals."""

    def __init__(self, *arguments: Any, **properties: Any):
        super().__init__(*arguments, **properties)
        self.setLocale(QLocale.c())

    def validate(self, text: str, position: int) -> Verdict:
        """Take a comma for a point, unless it may stand after thousands."""
        text = in_ascii(text)
        if self.decimals() == 0 and re.search("[.,]", _bare(self, text)):
            return QValidator.State.Intermediate, text, position
        if THOUSANDS.fullmatch(_bare(self, text)):
            return QValidator.State.Intermediate, text, position
        return _verdict(super().validate(text.replace(",", "."), position))

    def valueFromText(self, text: str) -> float:
        """Return the value of a text that was accepted."""
        return super().valueFromText(text.replace(",", "."))

    def fixup(self, text: str) -> str:
        """Say why a text is not taken as it stands; the last one that was comes back."""
        _explain(self, _bare(self, text), whole=self.decimals() == 0)
        return text


class CountBox(QSpinBox):
    """A spin box for whole numbers."""

    def __init__(self, *arguments: Any, **properties: Any):
        super().__init__(*arguments, **properties)
        self.setLocale(QLocale.c())

    def validate(self, text: str, position: int) -> Verdict:
        """Keep a comma or point that was typed: left out, 1,5 would become 15."""
        text = in_ascii(text)
        if re.search("[.,]", _bare(self, text)):
            return QValidator.State.Intermediate, text, position
        return _verdict(super().validate(text, position))

    def fixup(self, text: str) -> str:
        """Say why a text is not taken as it stands; the last one that was comes back."""
        _explain(self, _bare(self, text), whole=True)
        return text


def in_ascii(text: str) -> str:
    """Return a text with the digits and signs of other scripts as those of English numbers.

    Its length stays, so that a cursor stays where it is.
    """
    if text.isascii():
        return text
    return "".join(map(_digit, text.translate(WIDE).translate(SIGNS)))


def _digit(letter: str) -> str:
    value = unicodedata.decimal(letter, None)
    return letter if value is None else str(value)


def two_meanings(text: str) -> str:
    """Return a sentence on a number that may mean two, such as 1,500; "" for any other."""
    if not THOUSANDS.fullmatch(text):
        return ""
    decimal, whole = float(text.replace(",", ".")), text.replace(",", "")
    return f"{text!r} may be {decimal:g} or {whole}: write {text.replace(',', '.')} or {whole}"


def _explain(box: QAbstractSpinBox, text: str, *, whole: bool) -> None:
    words = two_meanings(text)
    if whole and re.search("[.,]", text):
        words = f"{text!r} is not taken: a whole number is written without point and comma"
    if words:
        place = box.mapToGlobal(box.rect().bottomLeft())
        QToolTip.showText(place, plain_tip(words), box)


def _bare(box: QDoubleSpinBox | QSpinBox, text: str) -> str:
    """Return a text without the prefix and suffix of its box."""
    return text.removeprefix(box.prefix()).removesuffix(box.suffix()).strip()


def _verdict(found: Any) -> Verdict:
    """Return what Qt's own validation says; its stubs call it a plain object."""
    state, text, position = found
    return state, text, position
