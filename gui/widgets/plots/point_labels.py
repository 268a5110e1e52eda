"""Short names beside the points of a plot; a name that would lie on another one is hidden.

:mod:`engine.figures.paper.label_places` decides where they lie, as in figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QObject, QRectF, QTimer, Slot
from PySide6.QtGui import QFont, QFontMetricsF

from engine.figures.paper.label_places import Box, LabelPlace, Numbers, places
from engine.texts import harmless
from gui.look import theme

GAP = 8  # pixels from the point
SMALLER = 0.9
AGAIN_MS = 60
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
    avoided
        Returns the marks, (m, 2), and pieces of lines, (k, 4), that labels keep off, in the scene.
    """

    def __init__(
        self,
        view: pg.PlotWidget,
        wanted: Callable[[], Wanted],
        avoided: Callable[[], tuple[Numbers, Numbers]],
        parent: QObject,
    ):
        super().__init__(parent)
        self._view, self._wanted, self._avoided = view, wanted, avoided
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
        return [item.toPlainText() for item in self._items]

    @property
    def boxes(self) -> list[QRectF]:
        """What the labels that have room cover of the scene."""
        return [item.mapRectToScene(item.boundingRect()) for item in self._items]

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
        labels = [
            (text, place)
            for texts, *numbers in self._wanted()
            for text, *place in zip(texts, *numbers, strict=True)
            if text and np.isfinite(place).all()
        ]
        if not labels:
            return
        font = QFont(self._view.font())
        font.setPointSizeF(font.pointSizeF() * SMALLER)
        metrics = QFontMetricsF(font)
        box = self._view.getViewBox()
        room = box.mapRectToScene(box.boundingRect())
        marks, lines = self._avoided()
        found = places(
            np.array([place[2:] for _, place in labels]),
            [(metrics.horizontalAdvance(harmless(text)), metrics.height()) for text, _ in labels],
            Box(room.left(), room.top(), room.right(), room.bottom()),
            GAP,
            marks,
            lines,
        )
        for (text, place), lies in zip(labels, found, strict=True):
            if lies is not None:
                self._draw(harmless(text), font, place, lies)

    def _draw(self, text: str, font: QFont, place: Sequence[float], lies: LabelPlace) -> None:
        """Draw a label that moves with its point until it is placed anew."""
        ground = theme.colour("surface") if lies.on_line else None
        item = pg.TextItem(text, color=theme.colour("text"), fill=ground)
        item.setFont(font)
        x, y, scene_x, scene_y = place
        size = item.boundingRect()
        middle = (lies.box.left + lies.box.right) / 2, (lies.box.low + lies.box.high) / 2
        item.setAnchor(
            (
                0.5 - (middle[0] - scene_x) / size.width(),
                0.5 - (middle[1] - scene_y) / size.height(),
            )
        )
        item.setPos(x, y)
        self._view.getPlotItem().addItem(item, ignoreBounds=True)
        self._items.append(item)
