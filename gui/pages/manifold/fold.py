"""A heading that hides or shows the content below it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QToolButton, QVBoxLayout, QWidget


class Fold(QWidget):
    """A collapsible part of a form; once the user clicks it, the program leaves it alone."""

    def __init__(self, title: str, content: QWidget, parent: QWidget | None = None):
        super().__init__(parent)
        self._content = content
        self._touched = False
        self.header = QToolButton()
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setText(title)
        self.header.setAccessibleName(title)
        font = self.header.font()
        font.setBold(True)
        font.setPointSize(11)
        self.header.setFont(font)
        self.header.clicked.connect(self._on_header)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.header)
        column.addWidget(content)
        self._set_open(True)

    @property
    def is_open(self) -> bool:
        """Whether the content is shown."""
        return not self._content.isHidden()

    def suggest(self, opened: bool) -> None:
        """Open or close the content, unless the user has already clicked the heading."""
        if not self._touched:
            self._set_open(opened)

    @Slot()
    def _on_header(self) -> None:
        self._touched = True
        self._set_open(not self.is_open)

    def _set_open(self, opened: bool) -> None:
        self._content.setVisible(opened)
        self.header.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
