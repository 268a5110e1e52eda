"""A sentence about what is beside it, in the colour of what it means."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLabel, QWidget

SUMMARY_LINES = 2  # what a summary below a form may grow to without moving what is below it


class Sentence(QLabel):
    """Says something that changes while others use what is around it.

    Parameters
    ----------
    lines
        How many lines it always has room for: a sentence that grows up to them moves nothing, and
        what somebody is about to click stays where it is.
    """

    def __init__(self, parent: QWidget | None = None, *, lines: int = 1):
        super().__init__(parent)
        self._lines = lines
        self.setWordWrap(True)
        self.setProperty("role", "muted")

    def say(self, text: str, role: str = "muted") -> None:
        """Show a text in the colour of a role of the style sheet."""
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
        """Return the least size of the text, at least as high as its lines."""
        return super().minimumSizeHint().expandedTo(QSize(0, self._room))

    @property
    def _room(self) -> int:
        return self._lines * self.fontMetrics().lineSpacing()
