"""A dot in the colour of a series."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui.look import theme

SIDE = 11


class Chip(QWidget):
    """Shows the colour that an item has in plots; invisible without a series."""

    def __init__(self, parent: QWidget):  # without one it would be shown as a window
        super().__init__(parent)
        self._series: int | None = None
        self.setFixedSize(QSize(SIDE, SIDE))
        self.set_series(None)
        theme.signals.changed.connect(self.update)

    def set_series(self, series: int | None) -> None:
        """Show the colour of :func:`gui.look.theme.series`, or nothing."""
        self._series = series
        self.setHidden(series is None)
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        """Draw the dot."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.series(self._series or 0))
        painter.drawEllipse(QRectF(0.5, 0.5, SIDE - 1, SIDE - 1))
        painter.end()
