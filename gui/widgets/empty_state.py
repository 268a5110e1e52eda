"""What a view without content shows: what it is for, what is missing, and a way to get it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gui.look import theme
from gui.look.icons import icon
from gui.widgets.label import Label

ICON = 40
WIDEST = 560  # of a text: longer lines are hard to read


class EmptyState(QWidget):
    """A centred icon, a heading, a sentence, and buttons below it.

    Signals
    -------
    asked, other_asked
        The button was pressed; the second one was.
    """

    asked = Signal()
    other_asked = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._icon = ""
        self.picture = Label()
        self.heading = Label(wordWrap=True)
        self.heading.setProperty("role", "heading")
        self.sentence = Label(wordWrap=True)
        for label in (self.picture, self.heading, self.sentence):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setMaximumWidth(WIDEST)
        self.picture.hide()
        self.heading.hide()
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
        column.addStretch(2)
        for label in (self.picture, self.heading, self.sentence):
            row = QHBoxLayout()
            row.addStretch(1)
            row.addWidget(label, WIDEST)
            row.addStretch(1)
            column.addLayout(row)
        column.addSpacing(4)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.lead)
        buttons.addWidget(self.other)
        buttons.addStretch(1)
        column.addLayout(buttons)
        column.addStretch(3)
        theme.signals.changed.connect(self._draw)

    def introduce(self, icon_name: str, heading: str) -> None:
        """Say above the sentence what the view is for."""
        self._icon = icon_name
        self.heading.setText(heading)
        self.heading.show()
        self.picture.show()
        self._draw()

    def say(self, text: str, lead: str, other: str = "") -> None:
        """Set the sentence and the buttons' texts; with "" a button is hidden."""
        self.sentence.setText(text)
        for button, words in ((self.lead, lead), (self.other, other)):
            button.setText(words or button.text())
            button.setVisible(bool(words))

    @Slot()
    def _draw(self) -> None:
        if self._icon:
            self.picture.setPixmap(icon(self._icon, "accent").pixmap(QSize(ICON, ICON)))
