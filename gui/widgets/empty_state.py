"""What stands where there is nothing to show yet: a sentence, and the way to change that."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget


class EmptyState(QWidget):
    """A sentence in the middle, and below it a button.

    Signals
    -------
    asked
        The button was pressed.
    """

    asked = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.sentence = QLabel()
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setWordWrap(True)
        self.lead = QPushButton()
        self.lead.setProperty("role", "primary")
        self.lead.clicked.connect(self.asked)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addStretch(1)
        column.addWidget(self.sentence)
        column.addWidget(self.lead, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)

    def say(self, text: str, lead: str) -> None:
        """Show a sentence, and what the button does; "" hides the button."""
        self.sentence.setText(text)
        self.lead.setText(lead)
        self.lead.setVisible(bool(lead))
