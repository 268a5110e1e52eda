"""The drawing area of a plot: axes, grid, and the items in the theme's colours."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QResizeEvent
from PySide6.QtWidgets import QGraphicsSceneResizeEvent, QMenu

from engine.figures.paper.label_places import Numbers, pieces
from gui.look import theme
from gui.widgets.plots.plot_items import PlotItem, label_axis
from gui.widgets.plots.point_labels import PointLabels, Wanted
from gui.widgets.plots.view_box import PlotViewBox

NEAR_PIXELS = 14.0
LEAST = (160, 120)
Ends = tuple[float, float]


class _Axis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph is not typed
    """An axis whose label has no prefix that follows the range, which is written at each change.

    ``beyond`` is how far numbers may reach over the ends of an upright axis.
    """

    def __init__(self, side: str):
        super().__init__(side)
        self.autoSIPrefix = False
        self.beyond = 0.0

    def boundingRect(self) -> QRectF:
        """Return where the axis is drawn; beside a grid, pyqtgraph leaves out what reaches over."""
        box: QRectF = super().boundingRect()
        return box.adjusted(0, -self.beyond, 0, self.beyond) if self.orientation == "left" else box

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Return the numbers with the sign that tables and legends have."""
        found: list[str] = super().tickStrings(values, scale, spacing)
        return [text.replace("-", "−") for text in found]

    def updateAutoSIPrefix(self) -> None:
        """Leave the label as it is."""

    def resizeEvent(self, event: QGraphicsSceneResizeEvent | None = None) -> None:
        """Put the whole label inside the axis: pyqtgraph cuts what hangs below the line."""
        super().resizeEvent(event)
        if self.label is None:  # the plot is gone
            return
        margin = self.label.document().documentMargin()
        if self.orientation == "bottom":
            self.label.setY(self.size().height() - self.label.boundingRect().height() + margin)
        elif self.orientation == "left":
            self.label.setX(-margin)


class Canvas(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph is not typed
    """Knows where each point is on the screen.

    Attributes
    ----------
    drawn
        The items, in the order in which they were added.
    x_log, y_log
        Whether an axis is logarithmic.
    fixed
        The ends at which an axis, "x" or "y", was fixed.
    labels
        Short names beside points.
    """

    def __init__(self, menu: QMenu):
        axes = {side: _Axis(side) for side in ("left", "bottom", "top", "right")}
        super().__init__(viewBox=PlotViewBox(menu), axisItems=axes)
        self.drawn: list[PlotItem] = []
        self.x_log = self.y_log = False
        self.fixed: dict[str, Ends] = {}
        plot = self.getPlotItem()
        plot.hideButtons()
        for side in ("top", "right"):  # pyqtgraph shows each axis that it is given
            plot.hideAxis(side)
        plot.showGrid(x=True, y=True, alpha=0.12)
        plot.getViewBox().setDefaultPadding(0.04)
        self._leave_room()
        self.setMinimumSize(*LEAST)
        self.labels = PointLabels(self, self._labelled, self._in_the_way, self)
        self._axis_texts = "", ""
        self.getViewBox().sigResized.connect(lambda: self.label_axes(*self._axis_texts))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Make the scene as large as what is seen of it: pyqtgraph counts the frame in."""
        super().resizeEvent(event)
        pg.GraphicsView.setRange(
            self, QRectF(self.viewport().rect()), padding=0, disableAutoPixel=False
        )

    def changeEvent(self, event: QEvent) -> None:
        """Leave room for numbers in the new font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._leave_room()

    def show_numbers(self) -> None:
        """Write no numbers along axes without data: they would be invented."""
        empty = not any(np.isfinite(item.x).any() for item in self.drawn)
        for name in ("left", "bottom"):
            self.getPlotItem().getAxis(name).setStyle(showValues=not empty)
        self.labels.later()

    def label_axes(self, x: str, y: str) -> None:
        """Write what the axes show, as far as there is room along them."""
        self._axis_texts = x, y
        size = self.getViewBox().boundingRect().size()
        for name, text, room in (("left", y, size.height()), ("bottom", x, size.width())):
            label_axis(self.getPlotItem().getAxis(name), text, self.font(), room)

    def recolour(self) -> None:
        """Take up the theme's present colours."""
        self.setBackground(theme.colour("surface"))
        for name in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(name)
            axis.setPen(pg.mkPen(theme.colour("border")))
            axis.setTextPen(pg.mkPen(theme.colour("muted")))
        for item in self.drawn:
            item.paint()
        self.labels.later()

    def set_logarithmic(self, *, x: bool, y: bool) -> None:
        """Make the axes logarithmic or linear, and show all."""
        self.x_log, self.y_log = x, y
        self.getPlotItem().setLogMode(x=x, y=y)
        self.show_all()

    def fix(self, axis: str, ends: Ends | None) -> None:
        """Fix the ends of an axis, "x" or "y"; None lets it follow the data."""
        view = self.getViewBox()
        if ends is None:
            self.fixed.pop(axis, None)
            view.enableAutoRange(axis=axis)
            return
        self.fixed[axis] = ends
        fix = view.setXRange if axis == "x" else view.setYRange
        fix(*ends, padding=0.02)

    def show_all(self) -> None:
        """Show all items."""
        self.getViewBox().enableAutoRange()

    def ranges(self) -> tuple[Ends | None, Ends | None]:
        """Return the ends of both axes, None where they follow the data."""
        view = self.getViewBox()
        free = view.state["autoRange"]
        x, y = view.viewRange()
        return (
            None if free[0] else _ends(x, self.x_log),
            None if free[1] else _ends(y, self.y_log),
        )

    # ------------------------------------------------------------------------------------- places

    def nearest(self, where: QPointF) -> tuple[PlotItem, int] | None:
        """Return the point nearest to a scene position, at most 14 pixels away, or None."""
        best: tuple[PlotItem, int] | None = None
        closest = NEAR_PIXELS
        for item in self.drawn:
            x, y = self.pixels(item)
            distance = np.hypot(x - where.x(), y - where.y())
            distance[~np.isfinite(distance)] = np.inf
            # Prefer scatter points to a curve that passes through them.
            reach = closest if item.keys else closest - 2.0
            if len(distance) and distance.min() <= reach:
                index = int(distance.argmin())
                best, closest = (item, index), float(distance[index])
        return best

    def pixels(self, item: PlotItem) -> tuple[Numbers, Numbers]:
        """Return the scene coordinates of an item's points."""
        return self._in_scene(*self._on_axes(item.x, item.y))

    def _leave_room(self) -> None:
        """Keep half a line above the axes for the topmost number of the upright one."""
        half = QFontMetricsF(self.font()).height() / 2
        axis = self.getPlotItem().getAxis("left")
        axis.prepareGeometryChange()
        axis.beyond = half
        self.getPlotItem().layout.setContentsMargins(1, max(1, round(half) - 1), 1, 1)

    def _in_scene(self, x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
        view = self.getViewBox()
        box = view.mapRectToScene(view.boundingRect())
        (left, right), (bottom, top) = view.viewRange()
        return (
            box.left() + (x - left) / (right - left) * box.width(),
            box.bottom() - (y - bottom) / (top - bottom) * box.height(),
        )

    def _on_axes(self, x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log10(x) if self.x_log else x, np.log10(y) if self.y_log else y

    def _labelled(self) -> Wanted:
        for item in reversed(self.drawn):  # what is drawn on top is named first
            if item.labels and item.visible:
                yield item.labels, *self._on_axes(item.x, item.y), *self.pixels(item)

    def _in_the_way(self) -> tuple[Numbers, Numbers]:
        """Return the marks and pieces of lines that labels keep off, in the scene."""
        marks, lines = [np.empty((0, 2))], [np.empty((0, 4))]
        for item in [item for item in self.drawn if item.visible]:
            x, y = self.pixels(item)
            if item.symbol:
                marks.append(np.stack([x, y], axis=1))
            if item.style != Qt.PenStyle.NoPen:
                lines.append(pieces(x, y))
            elif item.low is not None and item.high is not None:  # bars of single points
                ends = [
                    self._in_scene(*self._on_axes(item.x, end)) for end in (item.low, item.high)
                ]
                lines.append(np.stack([*ends[0], *ends[1]], axis=1))
        return np.concatenate(marks), np.concatenate(lines)


def _ends(range_: list[float], logarithmic: bool) -> Ends:
    low, high = (10.0**end if logarithmic else end for end in range_)
    return float(low), float(high)
