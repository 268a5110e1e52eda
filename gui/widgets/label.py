"""Labels that show every text as it is. No other module makes a QLabel; a test checks that."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QLabel, QMessageBox, QWidget

from engine.texts import harmless, one_line, shortened

WIDEST = 640  # pixels that a label may ask for at least
QWIDGETSIZE_MAX = (1 << 24) - 1


class Label(QLabel):
    """A label of plain text.

    QLabel guesses whether a text is markup, and reads the files that markup names.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None, **options: Any):
        super().__init__(parent, **options)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show a text; control characters in it are shown as escapes."""
        super().setText(harmless(text))

    def minimumSizeHint(self) -> QSize:
        """Return the minimum size of the text, but no width that no screen has room for."""
        return super().minimumSizeHint().boundedTo(QSize(WIDEST, QWIDGETSIZE_MAX))


class Links(QLabel):
    """A list of links, one a line.

    Signals
    -------
    followed
        Carries what the link stands for.
    """

    followed = Signal(str)

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent, wordWrap=True)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self.linkActivated.connect(self.followed)

    def set_lines(self, lines: Iterable[tuple[str, str]]) -> None:
        """Show lines: what the link stands for, "" for a line that is none, and the text."""
        self.setText("<br>".join(_link(target, text) for target, text in lines))


class Question(QMessageBox):
    """A question about what the user is about to do; all its texts are plain."""

    def __init__(self, title: str, text: str, detail: str, parent: QWidget | None = None):
        super().__init__(parent)
        self.setIcon(QMessageBox.Icon.Question)
        self.setWindowTitle(title)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(harmless(text))
        self.setInformativeText(harmless(detail))
        for label in self.findChildren(QLabel):
            label.setTextFormat(Qt.TextFormat.PlainText)


def _link(target: str, text: str) -> str:
    shown = escape(shortened(one_line(text)))
    return f'<a href="{escape(target)}">{shown}</a>' if target else shown
