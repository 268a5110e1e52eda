"""A container without a size hint of its own."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget


class FillingArea(QWidget):
    """Gives a widget all the space that its neighbours leave, regardless of its size hint."""

    def __init__(self, content: QWidget, parent: QWidget | None = None):
        super().__init__(parent)
        self._content = content
        content.setParent(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Resize the content to fill the area."""
        super().resizeEvent(event)
        self._content.setGeometry(self.rect())
