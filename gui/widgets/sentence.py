"""A label for one sentence, coloured by the role of its message."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget

from gui.widgets.label import Label

SUMMARY_LINES = 2  # lines reserved for a summary, so that its growth moves nothing below it


class Sentence(Label):
    """A label whose text changes while the user works with the widgets around it.

    Parameters
    ----------
    lines
        Number of lines to reserve. A text of at most this length does not move other widgets, such
        as a button that the user is about to click.
    """

    def __init__(self, parent: QWidget | None = None, *, lines: int = 1):
        super().__init__(parent=parent)
        self._lines = lines
        self.setWordWrap(True)
        self.setProperty("role", "muted")

    def say(self, text: str, role: str = "muted") -> None:
        """Show a text in the colour that the style sheet gives to a role."""
        if self.property("role") != role:
            self.setProperty("role", role)
            self.style().unpolish(self)
            self.style().polish(self)
        self.setText(text)

    def heightForWidth(self, width: int) -> int:
        """Return the height of the text at a width in pixels, at least that of its lines."""
        return max(super().heightForWidth(width), self._room)

    def sizeHint(self) -> QSize:
        """Return the size of the text, at least as high as its lines."""
        return super().sizeHint().expandedTo(QSize(0, self._room))

    def minimumSizeHint(self) -> QSize:
        """Return the minimum size of the text, at least as high as its lines."""
        return super().minimumSizeHint().expandedTo(QSize(0, self._room))

    @property
    def _room(self) -> int:
        return self._lines * self.fontMetrics().lineSpacing()
