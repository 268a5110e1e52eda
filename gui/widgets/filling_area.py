"""A place that asks for no room of its own."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget


class FillingArea(QWidget):
    """Gives a widget all the room that its neighbours leave, however much it would like to have."""

    def __init__(self, content: QWidget, parent: QWidget | None = None):
        super().__init__(parent)
        self._content = content
        content.setParent(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the content fill the place."""
        super().resizeEvent(event)
        self._content.setGeometry(self.rect())
