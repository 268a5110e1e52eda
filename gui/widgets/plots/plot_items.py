"""The items of a plot: curves with an optional band, and scatters of points."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF

from engine.figures.charts import Series, Style, Symbol
from engine.texts import harmless
from gui.look import terms, theme
from gui.look.colours import Colour, on_paper, on_screen

STYLES: dict[Qt.PenStyle, Style] = {
    Qt.PenStyle.SolidLine: "solid",
    Qt.PenStyle.DashLine: "dash",
    Qt.PenStyle.DotLine: "dot",
    Qt.PenStyle.DashDotLine: "dash_dot",
    Qt.PenStyle.NoPen: "none",
}
SYMBOLS: dict[Symbol, str | None] = {
    "": None,
    "circle": "o",
    "square": "s",
    "triangle": "t1",
    "diamond": "d",
    "cross": "x",
    "plus": "+",
    "star": "star",
}
CURVE_SYMBOL_SIZE = 7
LINE_WIDTH = 2
POINT_SIZE = 11
RING_SIZE = 19
STRONG_WIDTH = 4
LEAST_ROOM = 40.0  # pixels of a label along an axis


def named(colour: Colour) -> Colour:
    """Return a colour's name or index in the theme, if it has one, so that it follows the theme."""
    if not isinstance(colour, QColor):
        return colour
    name = colour.name()
    for series in (theme.SERIES_LIGHT, theme.SERIES_DARK):
        if name in series:
            return series.index(name)
    for colours in (theme.LIGHT, theme.DARK):
        for key, value in colours.items():
            if value == name:
                return key
    return colour


def _array(values: ArrayLike) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64).reshape(-1)


def _optional(values: ArrayLike | None) -> NDArray[np.float64] | None:
    return None if values is None else _array(values)


class PlotItem(QObject):
    """A curve or a scatter; created only by :class:`gui.widgets.plots.plot.Plot`.

    Signals
    -------
    hovered
        Takes the key of the point under the mouse, or "" when it is left.
    clicked
        Takes the key of the point that was clicked.
    removed
        Takes the item itself, after it was removed from the plot.
    redrawn
        Its data were replaced.
    restyled
        It is drawn otherwise: thick, with a ring, or not at all.

    Attributes
    ----------
    x, y, low, high
        The present data, (n,) each.
    key
        What the item as a whole stands for; "" for a scatter.
    keys, names, labels
        The key, the name, and the short name beside each point; empty for a curve.
    colours
        Colour of each point where they differ.
    visible
        Whether it is shown.
    """

    hovered = Signal(str)
    clicked = Signal(str)
    removed = Signal(object)
    renamed = Signal()
    redrawn = Signal()
    restyled = Signal()

    def __init__(self, plot: pg.PlotItem, name: str, colour: Colour, symbol: Symbol, hover: str):
        super().__init__()
        if symbol not in SYMBOLS:
            raise ValueError(
                f"symbol is {symbol!r}, must be one of {', '.join(map(repr, SYMBOLS))}"
            )
        self.name, self.key = name, ""
        self.colour = named(colour)
        self.symbol: Symbol = symbol
        self.style = Qt.PenStyle.NoPen
        self.hover = hover
        self.x = self.y = np.empty(0)
        self.low: NDArray[np.float64] | None = None
        self.high: NDArray[np.float64] | None = None
        self.keys: tuple[str, ...] = ()
        self.names: tuple[str, ...] = ()
        self.labels: tuple[str, ...] = ()
        self.colours: tuple[Colour, ...] = ()
        self.visible = True
        self._plot = plot
        self._parts: list[Any] = []

    def rename(self, name: str, hover: str) -> None:
        """Give the item another name in the legend, and another template of texts."""
        if (name, hover) != (self.name, self.hover):
            self.name, self.hover = name, hover
            self.renamed.emit()

    def remove(self) -> None:
        """Remove the item from the plot."""
        for part in self._parts:
            self._plot.removeItem(part)
        self._parts.clear()
        self.removed.emit(self)

    def set_visible(self, visible: bool) -> None:
        """Show or hide the item."""
        self.visible = visible
        self.restyled.emit()
        for part in self._parts:
            part.setVisible(visible)

    def paint(self) -> None:
        """Take up the theme's present colours."""
        raise NotImplementedError

    def series(self) -> Series:
        """Return the item as plain data, in the colours for white paper."""
        return Series(
            self.name,
            self.x,
            self.y,
            self.low,
            self.high,
            colour=on_paper(self.colour),
            style=STYLES.get(self.style, "solid"),
            symbol=self.symbol,
            keys=self.keys,
            labels=self.labels,
            colours=tuple(map(on_paper, self.colours)),
        )

    def _add(self, part: Any) -> Any:
        self._parts.append(part)
        self._plot.addItem(part)
        return part


class PlotCurve(PlotItem):
    """Points connected in order, with an optional band between two limits.

    Attributes
    ----------
    key
        Identifies the curve in the plot's signals; may be "".
    """

    def __init__(
        self,
        plot: pg.PlotItem,
        name: str,
        colour: Colour,
        symbol: Symbol,
        hover: str,
        style: Qt.PenStyle,
        band: bool,
        key: str = "",
    ):
        super().__init__(plot, name, colour, symbol, hover)
        self.style = style
        self.key = key
        self._width = LINE_WIDTH
        self._edges: list[pg.PlotDataItem] = []
        self._band: pg.FillBetweenItem | None = None
        if band:
            # Use an invisible pen: with pen=None the edges have no path, and nothing is filled.
            unseen = pg.mkPen(style=Qt.PenStyle.NoPen)
            self._edges = [self._add(pg.PlotDataItem(pen=unseen)) for _ in range(2)]
            self._band = self._add(pg.FillBetweenItem(*self._edges))
        self._line = self._add(pg.PlotDataItem(connect="finite"))
        self.paint()

    def set_data(
        self,
        x: ArrayLike,
        y: ArrayLike,
        low: ArrayLike | None = None,
        high: ArrayLike | None = None,
    ) -> None:
        """Replace the points, (n,) each; the band spans ``low`` to ``high``."""
        data = Series(self.name, _array(x), _array(y), _optional(low), _optional(high))
        if self._shows(data):
            return  # setting equal data would repaint the whole chart
        self.x, self.y, self.low, self.high = data.x, data.y, data.low, data.high
        self._line.setData(self.x, self.y)
        self._line.setSymbol(self._mark())
        self.redrawn.emit()
        if self._band is None:
            return
        shown = self.low is not None and self.high is not None and len(self.x) > 1
        for edge, values in zip(self._edges, (self.low, self.high), strict=True):
            edge.setData(self.x, values) if shown else edge.setData([], [])
        self._band.setVisible(shown)

    def _mark(self) -> str | None:
        """Return the mark of the points: a single one has no line by which it would be seen."""
        alone = np.count_nonzero(np.isfinite(self.x) & np.isfinite(self.y)) == 1
        return SYMBOLS["circle"] if alone and not self.symbol else SYMBOLS[self.symbol]

    def _shows(self, data: Series) -> bool:
        pairs = [(getattr(self, name), getattr(data, name)) for name in ("x", "y", "low", "high")]
        return all(
            mine is theirs
            if mine is None or theirs is None
            else np.array_equal(mine, theirs, equal_nan=True)
            for mine, theirs in pairs
        )

    def set_strong(self, strong: bool) -> None:
        """Draw the line thick, or in its usual width."""
        width = STRONG_WIDTH if strong else LINE_WIDTH
        if width != self._width:
            self._width = width
            self.paint()
            self.restyled.emit()

    @property
    def strong(self) -> bool:
        """Whether the line is drawn thick."""
        return self._width == STRONG_WIDTH

    @property
    def banded(self) -> bool:
        """Whether the curve can have a band."""
        return self._band is not None

    def paint(self) -> None:
        """Take up the theme's present colours."""
        colour = on_screen(self.colour)
        drawn = self.style != Qt.PenStyle.NoPen
        self._line.setPen(pg.mkPen(colour, width=self._width, style=self.style) if drawn else None)
        self._line.setSymbol(self._mark())
        self._line.setSymbolSize(CURVE_SYMBOL_SIZE)
        self._line.setSymbolPen(None)
        self._line.setSymbolBrush(colour)
        if self._band is not None:
            faint = QColor(colour)
            faint.setAlpha(45)
            self._band.setBrush(faint)


class Scatter(PlotItem):
    """Points with a key each, which is emitted when a point is hovered or clicked."""

    def __init__(self, plot: pg.PlotItem, name: str, colour: Colour, symbol: Symbol, hover: str):
        super().__init__(plot, name, colour, symbol, hover)
        # Draw error bars as pairs of points: pyqtgraph's own ignore logarithmic axes.
        self._bars = self._add(pg.PlotDataItem(connect="pairs"))
        self._points = self._add(pg.PlotDataItem(pen=None, symbol=SYMBOLS[symbol]))
        self._ring = self._add(pg.PlotDataItem(pen=None, symbol="o", symbolBrush=None))
        self._marked = ""
        self.paint()

    def set_points(
        self,
        x: ArrayLike,
        y: ArrayLike,
        keys: Sequence[str] = (),
        *,
        low: ArrayLike | None = None,
        high: ArrayLike | None = None,
        names: Sequence[str] = (),
        labels: Sequence[str] = (),
        colours: Sequence[Colour] = (),
    ) -> None:
        """Replace the points, (n,) each, with an error bar from ``low`` to ``high`` at each.

        Parameters
        ----------
        keys
            Emitted by ``hovered`` and ``clicked`` for each point; without keys, points cannot be
            clicked.
        names
            Replace {point} in the ``hover`` template.
        labels
            Drawn beside the points, where there is room.
        colours
            Of each point, in place of the one colour.
        """
        data = Series(
            self.name, _array(x), _array(y), _optional(low), _optional(high), keys=tuple(keys)
        )
        self.x, self.y, self.low, self.high, self.keys = (
            data.x, data.y, data.low, data.high, data.keys,
        )  # fmt: skip
        self.names, self.labels = tuple(names), tuple(labels)
        self.colours = tuple(map(named, colours))
        self.paint()
        self._draw_bars()
        self.mark(self._marked)
        self.redrawn.emit()

    def mark(self, key: str) -> None:
        """Draw a ring around the point with this key; "" removes the ring."""
        if key != self._marked:
            self._marked = key
            self.restyled.emit()
        found = np.array([known == key for known in self.keys], dtype=bool)
        inside = found if key and found.any() else np.zeros(len(self.x), dtype=bool)
        self._ring.setData(self.x[inside], self.y[inside])

    @property
    def marked(self) -> str:
        """Key of the point with a ring, or ""."""
        return self._marked

    def paint(self) -> None:
        """Take up the theme's present colours."""
        colour = on_screen(self.colour)
        self._points.setSymbolSize(POINT_SIZE)
        each = [pg.mkBrush(on_screen(one)) for one in self.colours]
        self._points.setData(self.x, self.y, symbolBrush=each or colour)
        self._points.setSymbolPen(pg.mkPen(theme.colour("surface"), width=1))
        self._ring.setSymbolSize(RING_SIZE)
        self._ring.setSymbolPen(pg.mkPen(theme.colour("text"), width=2))
        faint = QColor(colour)
        faint.setAlpha(130)
        self._bars.setPen(pg.mkPen(faint, width=1))

    def _draw_bars(self) -> None:
        if self.low is None or self.high is None:
            self._bars.setData([], [])
            return
        finite = np.isfinite(self.x + self.low + self.high)
        ends = np.stack([self.low[finite], self.high[finite]], axis=1).reshape(-1)
        self._bars.setData(np.repeat(self.x[finite], 2), ends)


def label_axis(axis: pg.AxisItem, text: str, font: QFont, room: float) -> None:
    """Set the label of an axis, and a tooltip that explains the technical terms in it.

    Parameters
    ----------
    room
        Pixels along the axis; a longer label ends with dots, and its tooltip says all of it.
    """
    said = harmless(text)
    shown = QFontMetricsF(font).elidedText(said, Qt.TextElideMode.ElideRight, max(room, LEAST_ROOM))
    axis.label.setFont(QFont(font))  # before the text, by whose size it is placed
    axis.setLabel(escape(shown), color=theme.colour("text").name())
    axis.setToolTip(terms.with_words(text, "" if shown == said else said))
