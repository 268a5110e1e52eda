"""Whether a part of the window is to be kept up to date: it, or a live copy of its charts, is seen.

Parts draw nothing while they are hidden. A chart of theirs may be seen elsewhere meanwhile, as a
copy, which lives only while they go on.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable
from weakref import WeakKeyDictionary

from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

_watched: WeakKeyDictionary[QWidget, int] = WeakKeyDictionary()
_feeders: WeakKeyDictionary[QWidget, tuple[QWidget, ...]] = WeakKeyDictionary()


@runtime_checkable
class CatchesUp(Protocol):
    """A part that draws nothing while it is out of sight."""

    def catch_up(self) -> None:
        """Draw what changed out of sight."""


def feeds(chart: QWidget, parts: Iterable[QWidget]) -> None:
    """Name parts that a chart is drawn from, beside those that it lies in."""
    _feeders[chart] = tuple(parts)


def in_sight(part: QWidget) -> bool:
    """Return whether a part is seen, or a copy of a chart that lies in it or is drawn from it."""
    if part.isVisible():
        return True
    return any(
        part.isAncestorOf(chart) or part in _feeders.get(chart, ())
        for chart in list(_watched)
        if isValid(chart)
    )


def watch(chart: QWidget) -> None:
    """Keep a chart up to date while it is hidden, until as many calls of :func:`unwatch`."""
    _watched[chart] = _watched.get(chart, 0) + 1
    for part in [*_parents(chart), *_feeders.get(chart, ())]:
        if not part.isVisible() and isinstance(part, CatchesUp):
            part.catch_up()


def unwatch(chart: QWidget) -> None:
    """Take back one call of :func:`watch`."""
    count = _watched.get(chart, 0) - 1
    if count > 0:
        _watched[chart] = count
    else:
        _watched.pop(chart, None)


def _parents(chart: QWidget) -> Iterable[QWidget]:
    part = chart.parentWidget()
    while part is not None:
        yield part
        part = part.parentWidget()
