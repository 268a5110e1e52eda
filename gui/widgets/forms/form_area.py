"""A scroll area for a form: it scrolls vertically only, and is always wide enough."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

# Events after which the width of the form may have changed.
RESIZING = (QEvent.Type.LayoutRequest, QEvent.Type.Show)


class FormArea(QScrollArea):
    """Holds a form, and adjusts its minimum width when the rows of the form change.

    The form keeps its height: in a higher area, its rows would be spread.
    """

    def __init__(self, form: QWidget, parent: QWidget | None = None):
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Tab goes on to the fields, and scrolls
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(form)
        column.addStretch(1)
        self.setWidget(holder)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Update the minimum width. QScrollArea filters the form's events already."""
        if event.type() in RESIZING and isinstance(watched, QWidget) and watched is self.widget():
            bar = self.verticalScrollBar().sizeHint().width()
            self.setMinimumWidth(watched.minimumSizeHint().width() + bar)
        return super().eventFilter(watched, event)
