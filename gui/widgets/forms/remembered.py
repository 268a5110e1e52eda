"""Splitters that stand the next time where the user left them."""

from __future__ import annotations

from PySide6.QtWidgets import QSplitter

from gui.look import settings


def remember(splitter: QSplitter, name: str) -> None:
    """Put a splitter where it was left under this name, and keep where it is moved to."""
    state = settings.window_state(name)
    if not state.isEmpty():
        splitter.restoreState(state)
    splitter.splitterMoved.connect(lambda *_: settings.set_window_state(name, splitter.saveState()))
