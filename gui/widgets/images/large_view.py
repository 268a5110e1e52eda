"""One picture over the whole window, until it is closed."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from gui.widgets.elided_label import ElidedLabel
from gui.widgets.images.image_view import ImageView


class LargeView(QWidget):
    """Covers a window with a picture that follows another view; a double click or Escape ends it.

    Signals
    -------
    closed
        It was closed.
    """

    closed = Signal()

    def __init__(self, source: ImageView, window: QWidget):
        super().__init__(window)
        self._source, self._window = source, window
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAutoFillBackground(True)
        self.setAccessibleName("Enlarged picture")
        self.heading = ElidedLabel(bold=True)
        self.view = ImageView(source.accessibleName())
        self.view.describe = source.describe
        self.view.enlarges = True
        self.view.enlarge_asked.connect(self.close)
        self.close_button = QToolButton()
        self.close_button.setText("✕")
        self.close_button.setAutoRaise(True)
        self.close_button.setToolTip("Back to the page (Escape, or a double click)")
        self.close_button.setAccessibleName("Close the enlarged picture")
        self.close_button.clicked.connect(self.close)
        bar = QHBoxLayout()
        bar.addWidget(self.heading, 1)
        bar.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 16, 16)
        layout.addLayout(bar)
        layout.addWidget(self.view, 1)
        source.shown.connect(self.refresh)
        window.installEventFilter(self)
        self.setGeometry(window.rect())
        self.refresh()
        self.show()
        self.raise_()
        self.view.setFocus()

    def say(self, heading: str) -> None:
        """Show a heading above the picture."""
        self.heading.set_text(heading)

    def refresh(self) -> None:
        """Show what the other view shows now."""
        self.view.set_picture(self._source.image)

    def event(self, event: QEvent) -> bool:
        """Keep Escape for this view: the window's own shortcut for it would come first."""
        kept = event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
        if kept and event.key() == Qt.Key.Key_Escape:  # type: ignore[attr-defined]
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close with Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the window's size."""
        if event.type() == QEvent.Type.Resize:
            self.setGeometry(self._window.rect())
        return super().eventFilter(watched, event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Say that it was closed."""
        super().hideEvent(event)
        self.closed.emit()
