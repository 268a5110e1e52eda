"""Short names beside the points of a plot; a name that would lie on another one is hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QRectF, QTimer, Slot
from PySide6.QtGui import QFont, QFontMetricsF

from engine.texts import harmless
from gui.look import theme

RIGHT = 8  # pixels from the point
SMALLER = 0.9
AGAIN_MS = 60
APART = "\u00a0\u00a0"  # hard spaces between a point and its label
Numbers = NDArray[Any]
Wanted = Iterator[tuple[Sequence[str], Numbers, Numbers, Numbers, Numbers]]


class PointLabels(QObject):
    """Draws the labels of a plot's scatters, and decides which have room.

    Parameters
    ----------
    view
        The plot that the labels belong to.
    wanted
        Returns, for each scatter, the labels of its points, their coordinates on the axes as drawn
        (logarithms on a logarithmic one), and those in the scene.
    """

    def __init__(
        self,
        view: pg.PlotWidget,
        wanted: Callable[[], Wanted],
        parent: QObject,
    ):
        super().__init__(parent)
        self._view, self._wanted = view, wanted
        self._items: list[pg.TextItem] = []
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.setInterval(AGAIN_MS)
        self._due.timeout.connect(self.place)
        view.getViewBox().sigRangeChanged.connect(self.later)
        view.getViewBox().sigResized.connect(self.later)

    @property
    def shown(self) -> list[str]:
        """The labels that have room."""
        return [item.toPlainText().strip() for item in self._items]

    @Slot()
    def later(self) -> None:
        """Place the labels soon, once for many changes."""
        self._due.start()

    @Slot()
    def place(self) -> None:
        """Draw the labels that have room, those of earlier points first."""
        plot = self._view.getPlotItem()
        for item in self._items:
            plot.removeItem(item)
        self._items = []
        font = QFont(self._view.font())
        font.setPointSizeF(font.pointSizeF() * SMALLER)
        metrics = QFontMetricsF(font)
        box = self._view.getViewBox()
        room = box.mapRectToScene(box.boundingRect())
        taken: list[QRectF] = []
        for labels, x, y, left, top in self._wanted():
            for text, at_x, at_y, scene_x, scene_y in zip(labels, x, y, left, top, strict=True):
                if not text:
                    continue
                width, height = metrics.horizontalAdvance(text) + 4, metrics.height()
                right = scene_x + RIGHT + width <= room.right()
                start = scene_x + RIGHT if right else scene_x - RIGHT - width
                place = QRectF(start, scene_y - height / 2, width, height)
                if not room.contains(place) or any(place.intersects(one) for one in taken):
                    continue
                taken.append(place)
                said = f"{APART}{harmless(text)}" if right else f"{harmless(text)}{APART}"
                item = pg.TextItem(
                    said, color=theme.colour("text"), anchor=(0 if right else 1, 0.5)
                )
                item.setFont(font)
                item.setPos(at_x, at_y)
                plot.addItem(item, ignoreBounds=True)
                self._items.append(item)
