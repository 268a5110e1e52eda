"""The part of a plot inside its axes."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu


class PlotViewBox(pg.ViewBox):  # type: ignore[misc]  # pyqtgraph is not typed
    """A view box with its own context menu, because pyqtgraph's offers an export that fails."""

    def __init__(self, menu: QMenu):
        super().__init__(enableMenu=False)  # pyqtgraph's takes longer to make than all else here
        self.state["enableMenu"] = True  # a click of the right button is for this one
        self._menu = menu

    def _applyMenuEnabled(self) -> None:
        """Make no menu of pyqtgraph's."""

    def raiseContextMenu(self, event: Any) -> None:
        """Show the plot's menu."""
        self._menu.popup(event.screenPos().toPoint())

    def getContextMenus(self, event: Any) -> list[QAction]:
        """Return no entries of pyqtgraph's own."""
        return []
