"""The plane of the 2-D lab: points, decision regions, attacks, and the two directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.figures.boundary import MOST_POINTS, directions, signed
from gui.look import theme
from gui.widgets.plots.legend import LegendEntry

TOP = 0.7
LEFT, BELOW = 34, 24
BARB = 0.035
BARB_ANGLE = 0.45
FAINTEST, STRONGEST = 26, 86
POINT_ALPHA = 150
ARROW_ALPHA = 170
ALONG, AWAY = "muted", "accent"
CLASSES = (0, 1)

Arrays = Mapping[str, NDArray[Any]]


def arrows(begin: NDArray[Any], end: NDArray[Any], barb: float = BARB) -> NDArray[np.float64]:
    """Return arrows from points (n, 2) to points (n, 2) as pairs of ends (6 n, 2).

    The barbs are at most half as long as their arrow.
    """
    way = (end - begin).astype(np.float64)
    length = np.linalg.norm(way, axis=1, keepdims=True)
    back = -way / np.maximum(length, 1e-12) * np.minimum(barb, length / 2)
    pieces = [begin, end]
    for turn in (BARB_ANGLE, -BARB_ANGLE):
        cos, sin = np.cos(turn), np.sin(turn)
        pieces += [end, end + back @ np.array([[cos, sin], [-sin, cos]])]
    return np.stack(pieces, axis=1).reshape(-1, 2)


class PlaneView(QWidget):
    """Draws one network's look at the plane, in the paper's [-1, 1] units.

    Both axes have the same scale, so that angles are true. The vertical range is smaller, because
    the cloud of points is flat.
    """

    def __init__(self, name: str, parent: QWidget | None = None):
        super().__init__(parent)
        self._view = pg.PlotWidget(enableMenu=False)
        self._view.setAccessibleName(name)
        self._known: NDArray[Any] = np.empty((0, 2))
        self._values: NDArray[Any] | None = None
        self._plot = self._view.getPlotItem()
        self._build_axes()
        self._build_items()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view, 0, Qt.AlignmentFlag.AlignCenter)
        self.setMinimumSize(200, 130)
        theme.signals.changed.connect(self._recolour)
        self._recolour()

    # ------------------------------------------------------------------------------------- public

    def show_points(self, points: NDArray[Any], labels: NDArray[Any]) -> None:
        """Show points (n, 2) in [0, 1], and their classes (n,)."""
        if np.array_equal(points, self._known):
            return
        self._known = points
        for label, item in zip(CLASSES, self._points, strict=True):
            own = signed(points[labels == label])
            shown = own[:: max(1, -(-len(own) // MOST_POINTS))]
            item.setData(shown[:, 0], shown[:, 1])

    def show_look(self, arrays: Arrays) -> None:
        """Show the arrays that :func:`engine.boundary.plane.look` returned."""
        self.show_points(arrays["points"], arrays["labels"])
        self._values = arrays["grid_logits"][..., 1] - arrays["grid_logits"][..., 0]
        self._draw_regions()
        line = signed(arrays["zero_line"]).reshape(-1, 2)
        self._line.setData(line[:, 0], line[:, 1])
        begin, end = signed(arrays["attacked_points"]), signed(arrays["adv_points"])
        pieces = arrows(begin, end)
        self._arrows.setData(pieces[:, 0], pieces[:, 1])
        self._ends.setData(end[:, 0], end[:, 1])
        along, away = directions(signed(arrays["points"]), arrays["labels"], arrays["normal"])
        self._along.setData(along[:, 0], along[:, 1])
        arrow = arrows(away[:1], away[1:], 2 * BARB)
        self._away.setData(arrow[:, 0], arrow[:, 1])

    def forget_look(self) -> None:
        """Show nothing but the points."""
        self._values = None
        self._regions.clear()
        for item in (self._line, self._arrows, self._ends, self._along, self._away):
            item.setData([], [])

    @property
    def filled(self) -> bool:
        """Whether there are points to show."""
        return len(self._known) > 0

    @staticmethod
    def height_for(width: int) -> int:
        """Return the height that a plane of this width needs."""
        return round(max(1, width - LEFT) * TOP) + BELOW

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the same scale on both axes."""
        super().resizeEvent(event)
        across = max(1, min(self.width() - LEFT, round((self.height() - BELOW) / TOP)))
        self._view.setFixedSize(QSize(across + LEFT, round(across * TOP) + BELOW))

    # ------------------------------------------------------------------------------------ private

    def _build_axes(self) -> None:
        self._view.setMouseEnabled(x=False, y=False)
        self._view.setFrameShape(self._view.Shape.NoFrame)
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._plot.hideButtons()
        self._plot.setRange(xRange=(-1, 1), yRange=(-TOP, TOP), padding=0.0)
        self._plot.getViewBox().setBorder(pg.mkPen(theme.colour("border")))
        for name in ("left", "bottom"):
            axis = self._plot.getAxis(name)
            axis.setTickSpacing(0.5, 0.5)
            axis.setStyle(tickLength=-4)
        self._plot.getAxis("left").setWidth(LEFT)
        self._plot.getAxis("bottom").setHeight(BELOW)
        self._plot.layout.setContentsMargins(0, 0, 0, 0)
        self._view.getPlotItem().layout.setSpacing(0)

    def _build_items(self) -> None:
        self._regions = self._add(pg.ImageItem(axisOrder="row-major"))
        self._points = [self._add(pg.ScatterPlotItem(size=3, pen=None)) for _ in CLASSES]
        self._arrows = self._add(pg.PlotCurveItem(connect="pairs"))
        self._ends = self._add(pg.ScatterPlotItem(size=5, symbol="x"))
        self._line = self._add(pg.PlotCurveItem(connect="pairs"))
        self._along = self._add(pg.PlotCurveItem())
        self._away = self._add(pg.PlotCurveItem(connect="pairs"))

    def _add(self, item: Any) -> Any:
        self._plot.addItem(item)
        return item

    @Slot()
    def _recolour(self) -> None:
        self._view.setBackground(None)
        self._plot.getViewBox().setBackgroundColor(theme.colour("surface"))
        self._plot.getViewBox().setBorder(pg.mkPen(theme.colour("border")))
        for name in ("left", "bottom"):
            self._plot.getAxis(name).setPen(pg.mkPen(theme.colour("border")))
            self._plot.getAxis(name).setTextPen(pg.mkPen(theme.colour("muted")))
        for label, item in zip(CLASSES, self._points, strict=True):
            item.setBrush(_faint(theme.series(label), POINT_ALPHA))
        text = theme.colour("text")
        self._arrows.setPen(pg.mkPen(_faint(text, ARROW_ALPHA), width=1))
        self._ends.setPen(pg.mkPen(text, width=1))
        self._line.setPen(pg.mkPen(text, width=2))
        self._along.setPen(pg.mkPen(theme.colour(ALONG), width=2, style=Qt.PenStyle.DashLine))
        self._away.setPen(pg.mkPen(theme.colour(AWAY), width=3))
        self._draw_regions()

    def _draw_regions(self) -> None:
        """Colour each side by its class; a more confident prediction is more opaque."""
        if self._values is None:
            return
        values = self._values.astype(np.float64)
        sure = np.abs(np.tanh(values / 2))
        pixels = np.empty((*values.shape, 4), np.uint8)
        for label, inside in ((0, values < 0), (1, values >= 0)):
            colour = theme.series(label)
            pixels[inside, :3] = colour.red(), colour.green(), colour.blue()
        pixels[..., 3] = FAINTEST + (STRONGEST - FAINTEST) * sure
        self._regions.setImage(pixels, autoLevels=False)
        # The outer values lie on the edges of the plane, and a pixel extends half a step around its
        # value, so the picture must reach half a step beyond the edges.
        step = 2.0 / (len(values) - 1)
        self._regions.setRect(QRectF(-1 - step / 2, -1 - step / 2, 2 + step, 2 + step))


def legend_entries(names: Mapping[str, str]) -> list[LegendEntry]:
    """Return the legend of a plane, with names in the user's language.

    Parameters
    ----------
    names
        Names by the keys "0", "1" (the classes), "line", "attack", "along" and "away".
    """
    text, none = theme.colour("text"), Qt.PenStyle.NoPen
    return [
        LegendEntry(names["0"], theme.series(0), none, "o"),
        LegendEntry(names["1"], theme.series(1), none, "o"),
        LegendEntry(names["line"], text),
        LegendEntry(names["attack"], text, none, "x"),
        LegendEntry(names["along"], theme.colour(ALONG), Qt.PenStyle.DashLine),
        LegendEntry(names["away"], theme.colour(AWAY)),
    ]


def _faint(colour: QColor, alpha: int) -> QColor:
    faint = QColor(colour)
    faint.setAlpha(alpha)
    return faint
