"""What the mouse does on a plot: the text of the nearest point, and a click on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal, Slot
from PySide6.QtWidgets import QToolTip

from gui.look.plain import plain_tip
from gui.widgets.plots.canvas import Canvas
from gui.widgets.plots.plot_items import PlotCurve, PlotItem, Scatter

HOVER_HZ = 30


class Pointing(QObject):
    """Follows the mouse over a canvas.

    Parameters
    ----------
    words
        Returns the text for a point of an item.

    Signals
    -------
    pointed
        Takes the key of the curve under the mouse, or "".
    clicked
        Takes the key of the curve that was clicked.
    """

    pointed = Signal(str)
    clicked = Signal(str)

    def __init__(self, canvas: Canvas, words: Callable[[PlotItem, int], str], parent: QObject):
        super().__init__(parent)
        self._canvas, self._words = canvas, words
        self._under: tuple[Scatter, str] | None = None
        self._pointed = ""
        scene = canvas.scene()
        self._moves = pg.SignalProxy(scene.sigMouseMoved, rateLimit=HOVER_HZ, slot=self.on_move)
        scene.sigMouseClicked.connect(self._on_click)
        canvas.viewport().installEventFilter(self)

    def forget(self, item: PlotItem) -> None:
        """Note that an item was removed."""
        if self._under is not None and self._under[0] is item:
            self._under = None

    @Slot(object)
    def on_move(self, arguments: tuple[QPointF]) -> None:
        """Show the text of the point at a scene position."""
        (where,) = arguments
        canvas, found = self._canvas, self._canvas.nearest(where)
        self._point_at(found)
        if found is None:
            QToolTip.hideText()
            return
        place = canvas.viewport().mapToGlobal(canvas.mapFromScene(where))
        QToolTip.showText(place, plain_tip(self._words(*found)), canvas)

    def _point_at(self, found: tuple[PlotItem, int] | None) -> None:
        key = found[0].key if found is not None and isinstance(found[0], PlotCurve) else ""
        if key != self._pointed:
            self._pointed = key
            self.pointed.emit(key)
        under = None
        if found is not None and isinstance(found[0], Scatter) and found[0].keys:
            under = (found[0], found[0].keys[found[1]])
        if under == self._under:
            return
        before, self._under = self._under, under
        if before is not None and (under is None or before[0] is not under[0]):
            before[0].hovered.emit("")
        if under is not None:
            under[0].hovered.emit(under[1])

    @Slot(object)
    def _on_click(self, event: Any) -> None:
        found = self._canvas.nearest(event.scenePos())
        if event.button() == Qt.MouseButton.LeftButton and found is not None:
            if found[0].keys:
                event.accept()
                found[0].clicked.emit(found[0].keys[found[1]])
            elif isinstance(found[0], PlotCurve) and found[0].key:
                event.accept()
                self.clicked.emit(found[0].key)

    def eventFilter(self, watched: Any, event: QEvent) -> bool:
        """Reset the hovered point when the mouse leaves, and keep the tooltip of a point shown."""
        if event.type() == QEvent.Type.ToolTip:
            return True  # the scene would show an empty tooltip, which hides ours
        if event.type() == QEvent.Type.Leave:
            self._point_at(None)
        return super().eventFilter(watched, event)
