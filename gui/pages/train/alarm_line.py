"""Notices and failures of trainings: one line each, newest first, shown until dismissed."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from gui.look import theme
from gui.look.icons import icon
from gui.look.plain import plain_tip
from gui.widgets.label import Label

MOST_LINES = 3


class AlarmLine(QFrame):
    """Shows the newest notices; hidden while there are none."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._texts: list[str] = []
        self.setProperty("role", "card")
        self._sign = Label()
        self._label = Label()
        self._label.setProperty("role", "warning")
        self._label.setWordWrap(True)
        self.dismiss = QToolButton()
        self.dismiss.setToolTip("Dismiss")
        self.dismiss.setAccessibleName("Dismiss")
        self.dismiss.clicked.connect(self.clear)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 4, 4)
        layout.setSpacing(8)
        layout.addWidget(self._sign)
        layout.addWidget(self._label, 1)
        layout.addWidget(self.dismiss)
        theme.signals.changed.connect(self._recolour)
        self._recolour()
        self.hide()

    @property
    def text(self) -> str:
        """The shown lines, or ""."""
        return self._label.text() if self._texts else ""

    def add(self, text: str) -> None:
        """Show a notice at the top; move it there if it is already listed."""
        self._texts = [text, *(known for known in self._texts if known != text)]
        shown = self._texts[:MOST_LINES]
        more = len(self._texts) - len(shown)
        lines = [*shown, f"and {more} more"] if more else shown
        self._label.setText("\n".join(lines))
        self.setToolTip(plain_tip("\n".join(self._texts)))
        self.show()

    @Slot()
    def clear(self) -> None:
        """Remove all notices and hide."""
        self._texts.clear()
        self._label.clear()
        self.hide()

    @Slot()
    def _recolour(self) -> None:
        self._sign.setPixmap(icon("warning", "warning").pixmap(16, 16))
        self.dismiss.setIcon(icon("cancel"))
