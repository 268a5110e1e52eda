"""An area that gives its content all the room there is, and scrolls if that is too little."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

LEAST = QSize(160, 80)  # pixels, of which a part can still be read and scrolled


class ScrolledArea(QScrollArea):
    """Holds a widget whose minimum size does not become that of the window.

    QScrollArea's own ``widgetResizable`` gives a widget with wrapped texts its preferred height, so
    that a page would scroll long before it must. Here the minimum decides.

    Signals
    -------
    needs_changed
        The minimum size of the content changed.
    """

    needs_changed = Signal()

    def __init__(self, content: QWidget, parent: QWidget | None = None):
        super().__init__(parent)
        self.content = content
        self._needs = QSize()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(content)
        content.setAutoFillBackground(False)
        self.setFocusProxy(content)
        self.fit()

    def needs(self) -> QSize:
        """Return the least size of the content."""
        return self.content.minimumSizeHint().expandedTo(self.content.minimumSize())

    def fit(self) -> None:
        """Give the content the room of the area, or its least size where that is more."""
        room, needs = self.maximumViewportSize(), self.needs()
        upright, level = self.verticalScrollBar().sizeHint(), self.horizontalScrollBar().sizeHint()
        high = needs.height() > room.height()
        wide = needs.width() > room.width() - high * upright.width()
        high = needs.height() > room.height() - wide * level.height()
        room -= QSize(high * upright.width(), wide * level.height())
        self.content.resize(room.expandedTo(needs))
        if needs != self._needs:
            self._needs = needs
            self.needs_changed.emit()

    def sizeHint(self) -> QSize:
        """Return the size hint of the content."""
        return self.content.sizeHint()

    def minimumSizeHint(self) -> QSize:
        """Return a size that fits every screen."""
        return LEAST.boundedTo(self.needs())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the content to the new size."""
        super().resizeEvent(event)
        self.fit()

    def showEvent(self, event: QShowEvent) -> None:
        """Fit the content, whose needs may have changed while it was hidden."""
        super().showEvent(event)
        self.fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fit the content when its needs change. QScrollArea filters its events already."""
        if event.type() == QEvent.Type.LayoutRequest and watched is self.content:
            self.fit()
        return super().eventFilter(watched, event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Scroll to the widget that the tab key leads to, once inner areas have scrolled to it."""
        moved = super().focusNextPrevChild(forward)
        if moved:
            QTimer.singleShot(0, self, self._show_focus)
        return moved

    def _show_focus(self) -> None:
        focused = self.focusWidget()
        if focused is not None and self.content.isAncestorOf(focused):
            self.ensureWidgetVisible(focused, 8, 8)
