"""A card that offers something once, with a button to accept and one to decline."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from gui.widgets.label import Label


class Offer(QFrame):
    """A sentence and two buttons; pressing either hides the card.

    Signals
    -------
    accepted
        The user accepted the offer.
    gone
        The card was hidden.
    """

    accepted = Signal()
    gone = Signal()

    def __init__(self, sentence: str, accept: str, decline: str, parent: QWidget | None = None):
        super().__init__(parent)
        self.setProperty("role", "card")
        words = Label(sentence)
        words.setWordWrap(True)
        self.accept = QPushButton(accept)
        self.accept.setProperty("role", "primary")
        self.decline = QPushButton(decline)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 12, 8)
        row.setSpacing(8)
        row.addWidget(words, 1)
        row.addWidget(self.accept)
        row.addWidget(self.decline)
        self.accept.clicked.connect(self._accept)
        self.decline.clicked.connect(self._decline)

    @Slot()
    def _accept(self) -> None:
        self._decline()
        self.accepted.emit()

    @Slot()
    def _decline(self) -> None:
        self.hide()
        self.gone.emit()
