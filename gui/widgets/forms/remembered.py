"""What is kept between runs: positions of splitters here, and which inputs are no settings."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QSplitter, QWidget
from shiboken6 import isValid

from gui.look import settings

_TRANSIENT = "transient"


def remember(splitter: QSplitter, name: str) -> None:
    """Restore the sizes stored under this name, and store them when the splitter is moved."""
    state = settings.window_state(name)
    if not state.isEmpty():
        splitter.restoreState(state)
    splitter.splitterMoved.connect(lambda *_: settings.set_window_state(name, splitter.saveState()))


def transient(*widgets: QWidget) -> None:
    """Mark inputs that are no settings: positions in data that grows, and filters of lists."""
    for widget in widgets:
        widget.setProperty(_TRANSIENT, True)


def is_transient(item: QObject) -> bool:
    """Return whether :func:`transient` marked an object."""
    return not isValid(item) or bool(item.property(_TRANSIENT))  # a window that closes has such
