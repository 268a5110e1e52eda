"""The tabs of the Attack page that are about one image, and the choice of image above them."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QBoxLayout, QTabWidget, QVBoxLayout, QWidget

from gui.pages.attack.live_tab import Parts
from gui.pages.attack.painting_tab import PaintingTab
from gui.pages.attack.surface_tab import SurfaceTab


class ImageTabs(QObject):
    """Adds the tabs, and moves the choice of image and radius to the one that is shown.

    Parameters
    ----------
    tabs
        Has the tab ``first`` already.
    first
        The tab that holds the choice at first.
    """

    def __init__(self, tabs: QTabWidget, first: QWidget, parts: Parts, parent: QWidget):
        super().__init__(parent)
        self.head = QWidget()
        layout = QVBoxLayout(self.head)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in (parts.strip, parts.images.origin, parts.form.eps):
            layout.addWidget(widget)
        self.surface = SurfaceTab(parts, parent)
        self.painting = PaintingTab(parts, parent)
        self._tabs = tabs
        self._own = (first, self.surface, self.painting)
        self._eps = parts.form.eps
        tabs.addTab(self.surface, "Around it")
        tabs.addTab(self.painting, "Paint a class")
        tabs.currentChanged.connect(self._on_tab)
        self._on_tab()

    @Slot()
    def _on_tab(self) -> None:
        tab = self._tabs.currentWidget()
        layout = tab.layout() if tab in self._own else None
        if isinstance(layout, QBoxLayout):
            layout.insertWidget(0, self.head)
            # The radius of a painting is another one, beside its norm.
            self._eps.setVisible(tab is not self.painting)
