"""Editors for numbers (decimal, scientific, or fractions such as 8/255) and lists of them.

Pixel lengths are shown in both conventions that papers use: in [0, 1] units and in 255ths.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal, Slot
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from gui.look import theme
from gui.look.plain import plain_tip
from gui.widgets.forms.number_boxes import DecimalBox, in_ascii, two_meanings
from gui.widgets.label import Label

LARGEST_WHOLE = 2.0**53
LONGEST_RANGE = 1000
SHORT_DIGITS = 6
LONG_NUMBER = "127.5/255"
LONG_READING = "= 0.3137/255"  # four digits, as other_convention() writes them
_SEPARATOR = re.compile(r"[,;\s]+")


class NumberError(ValueError):
    """A text is not a number. The message quotes the text and states what is allowed."""


class TwoMeanings(NumberError):
    """A text may mean two things. The message says which, and how to write each."""


def parse_number(text: str) -> float:
    """Parse a number such as "0.03", "0,03", "3e-2" or "8/255".

    Raises
    ------
    TwoMeanings
        If a comma may stand before decimals or after thousands.
    NumberError
        If the text is not a number, or the number is not finite.
    """
    text = in_ascii(text)
    parts = text.strip().split("/")
    for part in parts:
        if words := two_meanings(part.strip()):
            raise TwoMeanings(words)
    if "." not in text:
        parts = [part.replace(",", ".") for part in parts]
    try:
        value = float(parts[0])
        if len(parts) == 2:
            value /= float(parts[1])
    except (ValueError, ZeroDivisionError):
        parts = []
    if not 1 <= len(parts) <= 2 or not math.isfinite(value):
        raise NumberError(f"{text.strip()!r} is no number such as 0.03, 3e-2 or 8/255")
    return value


@lru_cache(maxsize=256)  # a form asks for its numbers many times over at each of its changes
def parse_numbers(text: str) -> tuple[float, ...]:
    """Parse a list "0.1, 0.2; 8/255" or a range "first:last:count".

    Numbers are parted by a semicolon, a comma with a space, or a space. A comma without a space is
    a decimal one beside such signs; without them it parts numbers if it cannot be decimal.

    Raises
    ------
    TwoMeanings
        If a comma may be decimal or part two numbers.
    NumberError
        If a part is not a number, or the count of a range is not from 2 to 1000.
    """
    text = in_ascii(text)
    if ":" in text:
        return _range(text)
    joined = re.sub(r"\s*/\s*", "/", text.strip())
    parts = [part for part in re.split(r"\s*;\s*|,\s+|\s+", joined) if part.strip(",")]
    decimal = ";" in joined or (len(parts) > 1 and "." not in joined)
    found = [_read(part.strip(","), decimal) for part in parts]
    return tuple(value for values in found for value in values)


def parse_whole(text: str) -> tuple[float, ...]:
    """Parse a list of whole numbers, in which every comma parts two; else as parse_numbers."""
    text = in_ascii(text)
    return parse_numbers(text if ":" in text else _SEPARATOR.sub("; ", text.strip()))


def _read(part: str, decimal: bool) -> tuple[float, ...]:
    """Return the numbers of a part of a list; ``decimal``: a comma is one if it can be."""
    if "," not in part:
        return (parse_number(part),)
    single, several = _as_one(part), _as_several(part)
    if single is not None and (decimal or several is None):
        return (single,)
    pairs = part.count(",") % 2 and part.count(",") > 1 and "." not in part and "/" not in part
    if several is not None and (single is not None or pairs):
        one = part.replace(",", ".") if single is not None else _in_pairs(part)
        raise TwoMeanings(f"{part!r} may be {one} or {part.replace(',', '; ')}: write one of these")
    return several if several is not None else (parse_number(part),)


def _in_pairs(part: str) -> str:
    """Return 0,1,0,2 as 0.1; 0.2."""
    pieces = part.split(",")
    return "; ".join(".".join(pieces[at : at + 2]) for at in range(0, len(pieces), 2))


def _as_one(part: str) -> float | None:
    try:
        return parse_number(part)
    except TwoMeanings:
        raise
    except NumberError:
        return None


def _as_several(part: str) -> tuple[float, ...] | None:
    try:
        return tuple(parse_number(one) for one in part.split(",") if one)
    except NumberError:
        return None


def _range(text: str) -> tuple[float, ...]:
    parts = text.split(":")
    if len(parts) != 3:
        raise NumberError(f"{text.strip()!r} is no range first:last:count such as 0.01:0.1:10")
    first, last, count = (parse_number(part) for part in parts)
    if count != int(count) or not 2 <= count <= LONGEST_RANGE:
        raise NumberError(f"the count {count:g} of the range must be from 2 to {LONGEST_RANGE}")
    step = (last - first) / (int(count) - 1)
    return tuple(_tidy(first + index * step) for index in range(int(count)))


def _tidy(value: float) -> float:
    """Remove the rounding error of a range: 0.1 + 2 * 0.1 is 0.3, and 4/255 stays 4/255."""
    decimal, fraction = f"{value:.12g}", f"{value * 255:.12g}"
    if len(decimal) > SHORT_DIGITS and len(fraction) < len(decimal):
        return float(fraction) / 255
    return float(decimal)


def format_number(value: float, unit: str = "") -> str:
    """Return the shortest text that :func:`parse_number` parses to exactly this value.

    Pixel lengths with many decimals are written as 255ths: 0.03137254901960784 is "8/255".
    """
    short = f"{value:g}"
    if float(short) == value:
        return short
    fraction = f"{value * 255:.6g}"
    if unit == "pixel" and float(fraction) / 255 == value:
        return f"{fraction}/255"
    return repr(value)


def other_convention(text: str, value: float) -> str:
    """Return a pixel length in the convention that the typed text does not use."""
    return f"= {value:.4g}" if "/" in text else f"= {value * 255:.4g}/255"


class WheelGuard(QObject):
    """Event filter: the wheel scrolls the page unless the watched widget has the focus."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the parent handle wheel events unless the widget has the focus."""
        unfocused = isinstance(watched, QWidget) and not watched.hasFocus()
        if unfocused and isinstance(event, QWheelEvent):
            event.ignore()
            return True
        return False


def guard_wheel(widget: QAbstractSpinBox | QComboBox) -> None:
    """Let the wheel change a widget only while it has the focus, from a click or Tab."""
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(WheelGuard(widget))


def mark_invalid(widget: QWidget, invalid: bool) -> None:
    """Give a widget the border of an invalid value, or the usual one."""
    if bool(widget.property("invalid")) != invalid:
        widget.setProperty("invalid", invalid)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


class WholeEdit(DecimalBox):
    """A spin box for integers of up to 53 bits, because seeds exceed the range of QSpinBox."""

    def __init__(
        self, parent: QWidget | None = None, *, low: float | None = None, high: float | None = None
    ):
        super().__init__(parent)
        self.setDecimals(0)
        self.setGroupSeparatorShown(False)
        theme.indent_text(self)
        self.setRange(
            -LARGEST_WHOLE if low is None else low, LARGEST_WHOLE if high is None else high
        )
        guard_wheel(self)

    def number(self) -> int:
        """Return the value."""
        return int(self.value())


class _NumberLine(QLineEdit):
    """A line edit that never becomes so narrow that a usual number is cut."""

    def minimumSizeHint(self) -> QSize:
        """Return the size with room for such a number; QLineEdit's own is that of one letter."""
        metrics = self.fontMetrics()
        text = metrics.horizontalAdvance(f"{LONG_NUMBER} ")  # the space is room for the cursor
        return super().minimumSizeHint() + QSize(text - metrics.maxWidth(), 0)


class _Reading(QWidget):
    """A line edit that parses its text as numbers and shows the result beside or below it."""

    changed = Signal()

    def __init__(self, parent: QWidget | None, unit: str, *, below: bool):
        super().__init__(parent)
        self.unit = unit
        self.line = _NumberLine(self)
        self.note = Label(parent=self)
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(below)
        self.note.setVisible(unit == "pixel")
        layout = QVBoxLayout(self) if below else QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2 if below else 8)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.note)
        self.setFocusProxy(self.line)
        self.line.textChanged.connect(self._on_text)

    def text(self) -> str:
        """Return the typed text."""
        return self.line.text()

    def set_text(self, text: str) -> None:
        """Replace the text."""
        self.line.setText(text)

    def error(self) -> str:
        """Return the error message for the text, or ""."""
        try:
            self._read()
        except NumberError as error:
            return str(error)
        return ""

    def _read(self) -> tuple[float, ...]:
        raise NotImplementedError

    def _readback(self, values: tuple[float, ...]) -> str:
        raise NotImplementedError

    @Slot()
    def _on_text(self) -> None:
        mark_invalid(self.line, bool(self.error()))
        values = () if self.error() else self._read()
        if self.unit == "pixel":
            self.note.setText(self._readback(values) if values else "")
            self.line.setToolTip(plain_tip(self._in_words(values)))
        self.changed.emit()

    def _in_words(self, values: tuple[float, ...]) -> str:
        if not values:
            return ""
        lines = (
            ("In [0, 1] units:", [f"{value:.6g}" for value in values]),
            ("In 255ths:", [f"{value * 255:.4g}/255" for value in values]),
            ("In the paper's [-1, 1] units:", [f"{value * 2:.6g}" for value in values]),
        )
        return "\n".join(f"{words} {', '.join(numbers)}" for words, numbers in lines)


class NumberEdit(_Reading):
    """Edits one number.

    Parameters
    ----------
    unit
        "pixel" shows the value in the other convention beside the field.

    Signals
    -------
    changed
        The text changed, whether it is a number or not.
    """

    def __init__(self, parent: QWidget | None = None, *, unit: str = ""):
        super().__init__(parent, unit, below=False)
        # A note that grows while a slider moves would widen the form, or be cut.
        self.note.setMinimumWidth(self.note.fontMetrics().horizontalAdvance(LONG_READING))

    def value(self) -> float | None:
        """Return the number, or None if the text is invalid."""
        return None if self.error() else self._read()[0]

    def set_value(self, value: float) -> None:
        """Show a number; :meth:`value` then returns exactly this number."""
        self.set_text(format_number(value, self.unit))

    def _read(self) -> tuple[float, ...]:
        return (parse_number(self.text()),)

    def _readback(self, values: tuple[float, ...]) -> str:
        return other_convention(self.text(), values[0])


class NumbersEdit(_Reading):
    """Edits a list of numbers, typed as a list or as a range first:last:count.

    Signals
    -------
    changed
        The text changed, whether it is a list of numbers or not.
    """

    def __init__(self, parent: QWidget | None = None, *, unit: str = "", whole: bool = False):
        super().__init__(parent, unit, below=True)
        self.whole = whole
        example = "0, 1, 2" if whole else "0.05, 0.1, 8/255"
        span = "0:7:8" if whole else "0.01:0.1:10"
        self.line.setPlaceholderText("%1 or %2".replace("%1", example).replace("%2", span))

    def values(self) -> tuple[float, ...]:
        """Return the numbers, as int if ``whole``; empty if the text is invalid."""
        return () if self.error() else self._read()

    def set_values(self, values: tuple[float, ...]) -> None:
        """Show a list of numbers; :meth:`values` then returns exactly these."""
        self.set_text(", ".join(format_number(value, self.unit) for value in values))

    def _read(self) -> tuple[float, ...]:
        if not self.whole:
            return parse_numbers(self.text())
        values = parse_whole(self.text())
        for value in values:
            if value != int(value):
                raise NumberError(f"{value:g} must be a whole number")
        return tuple(int(value) for value in values)

    def _readback(self, values: tuple[float, ...]) -> str:
        decimals = ", ".join(f"{value:.4g}" for value in values)
        fractions = ", ".join(f"{value * 255:.3g}" for value in values)
        typed = re.findall(r"/\s*255\b", in_ascii(self.text()))
        if len(typed) == len(values):  # each is typed in 255ths, so that they need not be repeated
            return f"= {decimals}"
        return f"= {decimals}  ({fractions} /255)"
