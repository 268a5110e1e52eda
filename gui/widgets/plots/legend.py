"""The legend of a plot, placed above it so that it does not cover curves."""

from __future__ import annotations

from dataclasses import dataclass

from pyqtgraph.graphicsItems.ScatterPlotItem import drawSymbol
from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.look import theme
from gui.look.plain import plain_tip

SWATCH = 22
MARK = 8
GAP = 6
BETWEEN = 16
MOST = 12


@dataclass(frozen=True)
class LegendEntry:
    """One entry of the legend; ``symbol`` is a pyqtgraph symbol name, or "" for none."""

    name: str
    colour: QColor
    style: Qt.PenStyle = Qt.PenStyle.SolidLine
    symbol: str = ""


class Legend(QWidget):
    """Names, each beside a short sample of its line, wrapped to the width."""

    def __init__(self, parent: QWidget):  # without one it would be shown as a window
        super().__init__(parent)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._entries: list[LegendEntry] = []
        self._hidden = 0
        self.hide()

    @property
    def names(self) -> list[str]:
        """The names that are shown, in order."""
        return [entry.name for entry in self._entries]

    def set_entries(self, entries: list[LegendEntry]) -> None:
        """Show these entries; if there are too many, the first twelve and the number of others."""
        self._entries = entries if len(entries) <= MOST else entries[: MOST - 1]
        self._hidden = len(entries) - len(self._entries)
        self.setVisible(bool(entries))
        self.setToolTip(
            plain_tip("\n".join(entry.name for entry in entries) if self._hidden else "")
        )
        self._fit()
        self.update()

    def hasHeightForWidth(self) -> bool:
        """Return True: a narrower legend needs more rows."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height that all names need in this width."""
        return self._places(width)[1]

    def sizeHint(self) -> QSize:
        """Return a size for one row."""
        return QSize(200, self._places(max(self.width(), 200))[1])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Wrap the rows again."""
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw swatches and names."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        places, _ = self._places(self.width())
        for entry, place in zip(self._entries, places, strict=False):
            _draw_swatch(painter, entry, place)
            painter.setPen(theme.colour("text"))
            text = place.adjusted(SWATCH + GAP, 0, 0, 0)
            flags = self._wrap(entry.name, text.width()) | Qt.AlignmentFlag.AlignVCenter.value
            painter.drawText(text, flags, entry.name)
        if self._hidden:
            painter.setPen(theme.colour("muted"))
            painter.drawText(places[-1], Qt.AlignmentFlag.AlignVCenter, self._more())

    def _more(self) -> str:
        return f"and {self._hidden} more"

    def _fit(self) -> None:
        self.setFixedHeight(max(1, self._places(max(self.width(), 1))[1]))

    def _wrapped_height(self, text: str, width: int) -> int:
        """Return the height of a name that is wider than the legend, in whole."""
        room = QRect(0, 0, max(1, width), 10_000)
        metrics = QFontMetrics(self.font())
        return metrics.boundingRect(room, self._wrap(text, width), text).height() + 4

    def _wrap(self, text: str, width: int) -> int:
        """Return Qt's flag for breaking a name between words, or anywhere if one is too long."""
        metrics = QFontMetrics(self.font())
        longest = max(map(metrics.horizontalAdvance, text.split()), default=0)
        long = longest > width
        return (Qt.TextFlag.TextWrapAnywhere if long else Qt.TextFlag.TextWordWrap).value

    def _places(self, width: int) -> tuple[list[QRect], int]:
        metrics = QFontMetrics(self.font())
        row, x, y = metrics.height() + 4, 0, 0
        places = []
        texts = [entry.name for entry in self._entries] + ([self._more()] if self._hidden else [])
        for text in texts:
            needed, height = SWATCH + GAP + metrics.horizontalAdvance(text) + 2, row
            if needed > width:
                needed, height = width, self._wrapped_height(text, width - SWATCH - GAP)
            if x and x + needed > width:
                x, y = 0, y + row
            places.append(QRect(x, y, needed, height))
            y += height - row  # what follows a wrapped name stands beside its last line, or below
            x += needed + BETWEEN
        return places, (y + row if texts else 0)


def _draw_swatch(painter: QPainter, entry: LegendEntry, place: QRect) -> None:
    middle = place.y() + place.height() / 2
    if entry.style != Qt.PenStyle.NoPen:
        painter.setPen(QPen(entry.colour, 2, entry.style))
        painter.drawLine(QPointF(place.x(), middle), QPointF(place.x() + SWATCH, middle))
    if entry.symbol:
        painter.save()
        painter.translate(place.x() + SWATCH / 2, middle)
        drawSymbol(painter, entry.symbol, MARK, QPen(Qt.PenStyle.NoPen), QBrush(entry.colour))
        painter.restore()
