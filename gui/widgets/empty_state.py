"""What a view shows while it has no content: a sentence, and a button to get content."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from gui.widgets.label import Label


class EmptyState(QWidget):
    """A centred sentence with a button below it.

    Signals
    -------
    asked
        The button was pressed.
    """

    asked = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.sentence = Label()
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
        """Set the sentence and the button's text; with "" the button is hidden."""
        self.sentence.setText(text)
        self.lead.setText(lead)
        self.lead.setVisible(bool(lead))
