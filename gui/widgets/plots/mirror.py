"""A live copy of a chart: it draws what another one draws, and passes the mouse on to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QObject, Slot
from shiboken6 import isValid

from gui.widgets.plots import sight
from gui.widgets.plots.marker import Marker
from gui.widgets.plots.plot import Plot
from gui.widgets.plots.plot_items import PlotCurve, PlotItem, Scatter
from gui.widgets.timer import timer

COPY_MS = 100


class Mirror(QObject):
    """Makes a plot the copy of another one while it is visible.

    Zooming and the choice of logarithmic axes stay the copy's own, until the source changes its.

    Parameters
    ----------
    copy
        An empty plot, which becomes the copy.
    """

    def __init__(self, copy: Plot):
        super().__init__(copy)
        self.copy = copy
        self.source: Plot | None = None
        self._watching: Plot | None = None
        self._items: dict[PlotItem, PlotItem] = {}
        self._seen: dict[str, Any] = {}
        self._marker = Marker(copy)
        self._due = timer(self, COPY_MS, once=True)
        self._due.timeout.connect(self.take)
        copy.installEventFilter(self)
        copy.pointed.connect(self._point)
        copy.clicked.connect(self._click)

    def follow(self, source: Plot | None) -> None:
        """Copy another plot from now on, or none: then the copy is empty."""
        if source is self.source:
            return
        if self.source is not None and isValid(self.source):
            self.source.drawn.disconnect(self._soon)
        self._forget()
        self.source = source
        if source is not None:
            source.drawn.connect(self._soon)
        self._watch()

    @Slot()
    def take(self) -> None:
        """Draw what the source draws now."""
        source = self._live()
        if source is None:
            return
        self._take_texts(source)
        self._take_axes(source)
        self._take_items(source)
        self._marker.show_at(source.places)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the source up to date while the copy is shown."""
        if watched is self.copy and event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._watch()
        return super().eventFilter(watched, event)

    # ------------------------------------------------------------------------------------- private

    def _live(self) -> Plot | None:
        return self.source if self.source is not None and isValid(self.source) else None

    def _forget(self) -> None:
        self.copy.clear()
        self._items.clear()
        self._seen.clear()
        self._marker.show_at(())

    def _watch(self) -> None:
        wanted = self._live() if self.copy.isVisible() else None
        if wanted is self._watching:
            return
        if self._watching is not None:
            sight.unwatch(self._watching)
        self._watching = wanted
        if wanted is not None:
            self.take()
            sight.watch(wanted)

    @Slot()
    def _soon(self) -> None:
        if self.copy.isVisible() and not self._due.isActive():
            self._due.start()

    def _new(self, name: str, value: Any) -> bool:
        """Return whether the source's value is another one than was copied last."""
        other = name not in self._seen or self._seen[name] != value
        self._seen[name] = value
        return other

    def _take_texts(self, source: Plot) -> None:
        texts = {
            "title": source.title,
            "x_label": source.x_label,
            "y_label": source.y_label,
            "caption": source.caption,
        }
        self.copy.subject, self.copy.export_name = source.subject, source.export_name
        if self._new("texts", texts):
            self.copy.set_texts(**texts)

    def _take_axes(self, source: Plot) -> None:
        canvas = source.canvas
        if self._new("logarithmic", (canvas.x_log, canvas.y_log)):
            self.copy.set_logarithmic(x=canvas.x_log, y=canvas.y_log)
        if self._new("fixed", dict(canvas.fixed)):
            self.copy.set_ranges(canvas.fixed.get("x"), canvas.fixed.get("y"))

    def _take_items(self, source: Plot) -> None:
        wanted = list(source.canvas.drawn)
        for item in [item for item in self._items if item not in wanted]:
            self._items.pop(item).remove()
        for item in wanted:
            if item not in self._items:
                self._items[item] = self._copied(item)
            self._fill(item, self._items[item])

    def _copied(self, item: PlotItem) -> PlotItem:
        """Add a copy of an item, which passes the mouse on to it."""
        made: PlotItem
        if isinstance(item, PlotCurve):
            made = self.copy.curve(
                item.name,
                item.colour,
                style=item.style,
                symbol=item.symbol or None,
                band=item.banded,
                hover=item.hover,
                key=item.key,
            )
        else:
            made = self.copy.scatter(item.name, item.colour, item.symbol, hover=item.hover)
        made.hovered.connect(item.hovered)
        made.clicked.connect(item.clicked)
        return made

    def _fill(self, item: PlotItem, made: PlotItem) -> None:
        made.rename(item.name, item.hover)
        if isinstance(item, PlotCurve) and isinstance(made, PlotCurve):
            made.set_data(item.x, item.y, item.low, item.high)
            made.keys, made.names = item.keys, item.names
            made.set_strong(item.strong)
        elif isinstance(item, Scatter) and isinstance(made, Scatter):
            if not _alike(item, made):
                made.set_points(
                    item.x,
                    item.y,
                    item.keys,
                    low=item.low,
                    high=item.high,
                    names=item.names,
                    labels=item.labels,
                    colours=item.colours,
                )
            if made.marked != item.marked:
                made.mark(item.marked)
        if made.visible != item.visible:
            made.set_visible(item.visible)

    @Slot(str)
    def _point(self, key: str) -> None:
        source = self._live()
        if source is not None:
            source.pointed.emit(key)

    @Slot(str)
    def _click(self, key: str) -> None:
        source = self._live()
        if source is not None:
            source.clicked.emit(key)


def _alike(one: Scatter, other: Scatter) -> bool:
    """Return whether two scatters draw the same points."""
    mine, theirs = one.series(), other.series()
    return (
        all(
            _equal(getattr(mine, name), getattr(theirs, name)) for name in ("x", "y", "low", "high")
        )
        and (mine.keys, mine.labels, mine.colours) == (theirs.keys, theirs.labels, theirs.colours)
        and one.names == other.names
    )


def _equal(mine: Any, theirs: Any) -> bool:
    if mine is None or theirs is None:
        return mine is theirs
    return np.array_equal(mine, theirs, equal_nan=True)
