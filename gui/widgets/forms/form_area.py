"""A scroll area for a form: it scrolls downwards only, and never cuts the form's right edge off."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QScrollArea, QWidget

# When the form may have another width than before.
RESIZING = (QEvent.Type.LayoutRequest, QEvent.Type.Show)


class FormArea(QScrollArea):
    """Holds a form, and is as wide as the form needs, whatever rows it has at the moment."""

    def __init__(self, form: QWidget, parent: QWidget | None = None):
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(form)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the form; QScrollArea watches it anyhow."""
        if event.type() in RESIZING and isinstance(watched, QWidget) and watched is self.widget():
            bar = self.verticalScrollBar().sizeHint().width()
            self.setMinimumWidth(watched.minimumSizeHint().width() + bar)
        return super().eventFilter(watched, event)
