"""How a chart is pinned: an entry of its menu, which asks the part of the window it lies in."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

PIN = "Pin this chart"


@runtime_checkable
class PinHost(Protocol):
    """A widget, such as a page, whose charts can be pinned."""

    def is_pinned(self, chart: QWidget) -> bool:
        """Return whether a chart is pinned."""

    def pin(self, chart: QWidget, pinned: bool) -> None:
        """Pin a chart, or unpin it."""


def pin_action(chart: QWidget, menu: QMenu) -> QAction:
    """Add the entry that pins a chart to its menu, hidden where nothing can be pinned."""
    action = menu.addAction(PIN)
    action.setCheckable(True)

    def show() -> None:
        host = host_of(chart)
        action.setVisible(host is not None)
        action.setChecked(host is not None and host.is_pinned(chart))

    def pin(pinned: bool) -> None:
        host = host_of(chart)
        if host is not None:
            host.pin(chart, pinned)

    menu.aboutToShow.connect(show)
    action.triggered.connect(pin)
    return action


def host_of(chart: QWidget) -> PinHost | None:
    """Return the part of the window that pins a chart, or None."""
    part = chart.parentWidget()
    while part is not None and not isinstance(part, PinHost):
        part = part.parentWidget()
    return part
