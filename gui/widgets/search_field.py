"""A line to search in, with a button that empties it; both have names for screen readers."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QToolButton, QWidget

from gui.widgets.forms.remembered import transient


class SearchField(QLineEdit):
    """A search line.

    Parameters
    ----------
    words
        Shown while it is empty.
    name
        Its name for screen readers; the words by default.
    """

    def __init__(self, words: str, name: str = "", parent: QWidget | None = None):
        super().__init__(parent)
        self.setPlaceholderText(words)
        self.setAccessibleName(name or words)
        self.setClearButtonEnabled(True)
        transient(self)  # a list that begins filtered looks as if it had lost something
        for button in self.findChildren(QToolButton):
            button.setAccessibleName("Clear")
