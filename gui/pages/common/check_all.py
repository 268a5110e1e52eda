"""The button below a list of networks that chooses all of them."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QToolButton, QWidget

from gui.pages.common.network_picker import NetworkPicker


class CheckAll(QToolButton):
    """Chooses every network that a picker shows; disabled while there is none left to choose."""

    def __init__(self, picker: NetworkPicker, parent: QWidget | None = None):
        super().__init__(parent)
        self._picker = picker
        self.setText("Check all")
        self.setToolTip("Choose every network in the list")
        self.clicked.connect(picker.choose_all)
        picker.changed.connect(self.refresh)
        picker.filled.connect(self.refresh)
        picker.search.textChanged.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """See whether there is a network left to choose."""
        chosen = [network.key for network in self._picker.networks]
        self.setEnabled(bool(set(self._picker.shown_keys()) - set(chosen)))
