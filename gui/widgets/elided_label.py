"""Labels for short texts that change often, without causing a new layout."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.look import theme
from gui.look.plain import plain_tip
from gui.widgets.label import Label


@dataclass(frozen=True)
class ElidedLine:
    """One line: its text, the name of its colour in the theme, and whether it is bold."""

    text: str
    colour: str = "text"
    bold: bool = False


class ElidedLabel(QWidget):
    """Shows lines of text, each elided to the width.

    A QLabel triggers a layout of its window whenever its text changes, and the whole tab is then
    repainted: too slow for texts that follow a slider.

    Parameters
    ----------
    lines
        The number of lines to reserve space for.
    elide
        Where to shorten a line; use the middle for names that may differ at their ends.
    """

    def __init__(
        self,
        text: str = "",
        parent: QWidget | None = None,
        *,
        lines: int = 1,
        alignment: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
        colour: str = "text",
        bold: bool = False,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ):
        super().__init__(parent)
        self._alignment = alignment | Qt.AlignmentFlag.AlignVCenter
        self._room = lines
        self._elide = elide
        self._plain = ElidedLine("", colour, bold)
        self._lines: tuple[ElidedLine, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        theme.signals.changed.connect(self.update)
        self.set_text(text)

    @property
    def text(self) -> str:
        """The whole text."""
        return "\n".join(line.text for line in self._lines)

    def set_text(self, text: str) -> None:
        """Show a text in the label's own colour."""
        parts = text.split("\n")
        self.set_lines(*(ElidedLine(part, self._plain.colour, self._plain.bold) for part in parts))

    def set_lines(self, *lines: ElidedLine) -> None:
        """Show these lines."""
        if lines != self._lines:
            self._lines = lines
            self.setAccessibleName(self.text)
            self.update()

    def set_room(self, lines: int) -> None:
        """Reserve space for this number of lines."""
        if lines != self._room:
            self._room = lines
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return the height of all lines; any width will do."""
        return QSize(100, self._room * self._step + 2)

    def minimumSizeHint(self) -> QSize:
        """Return that any width will do."""
        return QSize(0, self.sizeHint().height())

    @property
    def _step(self) -> int:
        return self.fontMetrics().lineSpacing()

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the lines, shortened where they do not fit."""
        painter = QPainter(self)
        for place, line in enumerate(self._lines[: self._room]):
            font = self.font()
            font.setBold(line.bold)
            painter.setFont(font)
            painter.setPen(theme.colour(line.colour))
            text = painter.fontMetrics().elidedText(line.text, self._elide, self.width())
            row = QRect(0, 1 + place * self._step, self.width(), self._step)
            painter.drawText(row, int(self._alignment), text)
        painter.end()


class Elided(Label):
    """A label that any width will do for; if its text is elided, the tooltip shows all of it."""

    def __init__(self, text: str = "", parent: QWidget | None = None):
        self._tip = ""
        super().__init__(text, parent)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)

    @property
    def shown(self) -> str:
        """The text as it is drawn, elided to the width."""
        width = self.contentsRect().width()
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, width)

    def minimumSizeHint(self) -> QSize:
        """Return that any width will do."""
        return QSize(0, super().minimumSizeHint().height())

    def setText(self, text: str) -> None:
        """Show a text."""
        super().setText(text)
        self._explain()

    def setToolTip(self, tip: str) -> None:
        """Set what the tooltip says besides the text that did not fit."""
        self._tip = tip
        self._explain()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the text in the tooltip if it no longer fits, or remove it there."""
        super().resizeEvent(event)
        self._explain()

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the text, elided to the width."""
        painter = QPainter(self)
        painter.drawText(self.contentsRect(), int(Qt.AlignmentFlag.AlignVCenter), self.shown)
        painter.end()

    def _explain(self) -> None:
        whole = self.text() if self.shown != self.text() else ""
        super().setToolTip(plain_tip("\n".join(part for part in (whole, self._tip) if part)))


class Heading(Elided):
    """A heading that takes the width it is given."""

    def __init__(self, text: str = "", parent: QWidget | None = None):
        super().__init__(text, parent)
        self.setProperty("role", "heading")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
