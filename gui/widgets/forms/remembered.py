"""Splitters whose positions are kept between runs of the program."""

from __future__ import annotations

from PySide6.QtWidgets import QSplitter

from gui.look import settings


def remember(splitter: QSplitter, name: str) -> None:
    """Restore the sizes stored under this name, and store them when the splitter is moved."""
    state = settings.window_state(name)
    if not state.isEmpty():
        splitter.restoreState(state)
    splitter.splitterMoved.connect(lambda *_: settings.set_window_state(name, splitter.saveState()))
