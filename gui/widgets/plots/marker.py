"""Upright lines that mark places on the horizontal axis of a plot."""

from __future__ import annotations

from collections.abc import Iterable

import pyqtgraph as pg
from PySide6.QtCore import QObject, Qt, Slot

from gui.look import theme
from gui.widgets.plots.plot import Plot


class Marker(QObject):
    """Draws a line at each place, in the plot's own coordinates; they are in no export.

    It ends with its plot, so that a change of colours never reaches lines that are gone.
    """

    def __init__(self, plot: Plot):
        super().__init__(plot)
        self._plot = plot
        self._lines: list[pg.InfiniteLine] = []
        theme.signals.changed.connect(self._recolour)

    @property
    def places(self) -> tuple[float, ...]:
        """Where the lines are."""
        return tuple(float(line.value()) for line in self._lines)

    def show_at(self, places: Iterable[float]) -> None:
        """Move the lines to these places; none without places."""
        wanted = sorted(set(places))
        while len(self._lines) > len(wanted):
            self._plot.plot_item.removeItem(self._lines.pop())
        while len(self._lines) < len(wanted):
            line = pg.InfiniteLine(angle=90, movable=False)
            self._lines.append(line)
            self._plot.plot_item.addItem(line, ignoreBounds=True)
            self._recolour()
        for line, place in zip(self._lines, wanted, strict=True):
            line.setValue(place)
        self._plot.mark_places(self.places)

    @Slot()
    def _recolour(self) -> None:
        for line in self._lines:
            line.setPen(pg.mkPen(theme.colour("text"), width=1, style=Qt.PenStyle.DotLine))
