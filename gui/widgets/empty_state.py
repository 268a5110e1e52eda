"""What a view shows while it has no content: a sentence, and a button to get content."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui.widgets.label import Label


class EmptyState(QWidget):
    """A centred sentence with a button below it.

    Signals
    -------
    asked, other_asked
        The button was pressed; the second one was.
    """

    asked = Signal()
    other_asked = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.sentence = Label()
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setWordWrap(True)
        # Screen readers go through hidden buttons too, so none is without a text.
        self.lead = QPushButton("Go on")
        self.lead.setProperty("role", "primary")
        self.lead.clicked.connect(self.asked)
        self.lead.hide()
        self.other = QPushButton("Go another way")
        self.other.clicked.connect(self.other_asked)
        self.other.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addStretch(1)
        column.addWidget(self.sentence)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.lead)
        buttons.addWidget(self.other)
        buttons.addStretch(1)
        column.addLayout(buttons)
        column.addStretch(2)

    def say(self, text: str, lead: str, other: str = "") -> None:
        """Set the sentence and the buttons' texts; with "" a button is hidden."""
        self.sentence.setText(text)
        for button, words in ((self.lead, lead), (self.other, other)):
            button.setText(words or button.text())
            button.setVisible(bool(words))
