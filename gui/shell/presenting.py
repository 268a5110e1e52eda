"""Presenter mode: the whole screen, and larger texts for an audience."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtWidgets import QApplication, QMainWindow

LARGER = 1.3


class Presenting(QObject):
    """Switches presenter mode of a window on and off."""

    def __init__(self, window: QMainWindow):
        super().__init__(window)
        self._window = window
        self._state: Qt.WindowState | None = None
        self._points = 0.0

    @property
    def on(self) -> bool:
        """Whether the mode is on."""
        return self._state is not None

    @Slot(bool)
    def set_on(self, on: bool) -> None:
        """Fill the screen and enlarge texts, or go back to how the window was."""
        app = QApplication.instance()
        if on == self.on or not isinstance(app, QApplication):
            return
        font = app.font()
        if on:
            self._state, self._points = self._window.windowState(), font.pointSizeF()
            font.setPointSizeF(self._points * LARGER)
            self._window.setWindowState(self._state | Qt.WindowState.WindowFullScreen)
        else:
            font.setPointSizeF(self._points)
            self._window.setWindowState(self._state or Qt.WindowState.WindowNoState)
            self._state = None
        app.setFont(font)
