"""The settings' row on who computes: this window, processes of this machine, or a scheduler's."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QLineEdit, QVBoxLayout, QWidget

from gui.look import settings

SCHEDULER = "scheduler"
COUNTS = (1, 2, 3, 4, 6, 8, 12, 16)
TIP = (
    "Processes of their own, each on a GPU of its own where there are several, or the workers of a "
    "scheduler of dask; maps are not shown live then"
)
LATER = "Studies that are opened from now on are computed so."


class WorkerChoice(QWidget):
    """Chooses who computes; a choice that cannot be used is not kept.

    Signals
    -------
    said
        Takes one sentence: from when on it counts, or why it cannot be used.
    """

    said = Signal(str)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.who = QComboBox()
        self.who.addItem("this window", "")
        for count in COUNTS:
            many = "1 worker process" if count == 1 else f"{count} worker processes"
            self.who.addItem(many, str(count))
        self.who.addItem("the workers of a scheduler", SCHEDULER)
        self.who.setToolTip(TIP)
        self.address = QLineEdit()
        self.address.setPlaceholderText("tcp://127.0.0.1:8786 or tls://host:8786")
        self.address.setAccessibleName("Address of the scheduler")
        self.address.setToolTip(
            "On this machine, or encrypted with certificates that dask's configuration names"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.who)
        layout.addWidget(self.address)
        self.setFocusProxy(self.who)
        self.show_stored()
        self.who.activated.connect(self._choose)
        self.address.editingFinished.connect(self._keep)

    def show_stored(self) -> None:
        """Show what is set."""
        stored = settings.workers()
        is_address = bool(stored) and not stored.isdecimal()
        if stored.isdecimal() and self.who.findData(stored) < 0:
            self.who.insertItem(self.who.count() - 1, f"{stored} worker processes", stored)
        self.who.setCurrentIndex(self.who.findData(SCHEDULER if is_address else stored))
        self.address.setText(stored if is_address else "")
        self.address.setVisible(is_address)

    @Slot()
    def _choose(self) -> None:
        by_address = self.who.currentData() == SCHEDULER
        self.address.setVisible(by_address)
        if by_address and not self.address.text():
            self.address.setFocus()
            self.said.emit("Give the scheduler's address.")
        else:
            self._keep()

    @Slot()
    def _keep(self) -> None:
        """Store the choice, if it can be used."""
        from engine.specs.schema import SpecError
        from gui.session.threads.who_computes import workers_of

        chosen = str(self.who.currentData())
        if chosen == SCHEDULER:
            chosen = self.address.text().strip()
            if not chosen:
                return
        try:
            workers_of(chosen)
        except SpecError as error:
            self.said.emit(str(error))
            return
        settings.set_text("workers", chosen)
        self.said.emit(LATER)
