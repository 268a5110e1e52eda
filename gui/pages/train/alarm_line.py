"""Notices and failures of trainings: one line each, newest first, shown until dismissed."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QWidget

from engine.jobs.events import RESUMED, Notice
from gui.look import theme
from gui.look.icons import icon
from gui.look.plain import plain_tip
from gui.pages.train.runs import TrainingRun
from gui.widgets.label import Label

MOST_LINES = 3


class AlarmLine(QFrame):
    """Shows the newest notices; hidden while there are none."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._lines: list[tuple[str, tuple[str, str]]] = []
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
        return self._label.text() if self._lines else ""

    def add(self, text: str, about: tuple[str, str] = ("", "")) -> None:
        """Show a notice at the top, in place of an equal one and of one about the same.

        Parameters
        ----------
        about
            Key of the network and name of the alarm that it is about; its name is "" for others.
        """
        others = [line for line in self._lines if line[0] != text]
        self._lines = [(text, about), *(line for line in others if not _same(line[1], about))]
        self._show_lines()

    def take(self, run: TrainingRun, notice: Notice) -> None:
        """Show a notice of a training, or remove the one that it says is over.

        That it was resumed is no cause for alarm: the window's status bar says so.
        """
        if notice.about == RESUMED:
            return
        about = run.key, notice.about
        if notice.over:
            self.withdraw(about)
        else:
            self.add(f"{run.title}: {notice.text}", about)

    def withdraw(self, about: tuple[str, str]) -> None:
        """Remove the notice about an alarm that is over."""
        self._lines = [line for line in self._lines if not _same(line[1], about)]
        self._show_lines()

    @Slot()
    def clear(self) -> None:
        """Remove all notices and hide."""
        self._lines.clear()
        self._show_lines()

    def _show_lines(self) -> None:
        texts = [text for text, _ in self._lines]
        shown = texts[:MOST_LINES]
        more = len(texts) - len(shown)
        lines = [*shown, f"and {more} more"] if more else shown
        self._label.setText("\n".join(lines))
        self.setToolTip(plain_tip("\n".join(texts)))
        self.setVisible(bool(texts))

    @Slot()
    def _recolour(self) -> None:
        self._sign.setPixmap(icon("warning", "warning").pixmap(16, 16))
        self.dismiss.setIcon(icon("cancel"))


def _same(one: tuple[str, str], other: tuple[str, str]) -> bool:
    return bool(one[1]) and one == other
