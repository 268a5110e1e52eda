"""Ending what works in the background before the window closes, and telling what that waits for."""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from gui.session.runner import Runner
from gui.session.threads.leaving import CHANNEL

LOOK_MS = 20
SILENT_SECONDS = 0.7  # a window that is gone within a second needs no words
MOST_SECONDS = 8.0
LANES = {
    "ingest": "images that are being read",
    "packed study": "a packed study that is being written or unpacked",
    "report": "a report",
    "change": "a change of the study",
    CHANNEL: "computations of the study before",
}


class Closing(QObject):
    """Cancels everything, and looks until it has ended, without holding the window up.

    Signals
    -------
    waits
        Takes a sentence on what the end waits for, once.
    over
        Everything has ended, or takes too long.
    """

    waits = Signal(str)
    over = Signal()

    def __init__(self, runner: Runner, parent: QObject | None = None):
        super().__init__(parent)
        self._runner = runner
        self._begun = 0.0
        self._told = False
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    def begin(self) -> bool:
        """Cancel everything; return whether it ended at once, without :attr:`over`."""
        if self._timer.isActive():
            return False
        self._begun, self._told = time.monotonic(), False
        self._runner.cancel_all()
        if self._quiet:
            return True
        self._timer.start()
        return False

    @property
    def _noted(self) -> bool:
        """Whether the drive of the study took what was asked for."""
        return self._runner.asked is None or self._runner.asked.settle()

    @property
    def _quiet(self) -> bool:
        return self._runner.quiet and self._noted

    @Slot()
    def _look(self) -> None:
        spent = time.monotonic() - self._begun
        if self._quiet or spent > MOST_SECONDS:
            self._timer.stop()
            self.over.emit()
        elif spent > SILENT_SECONDS and not self._told:
            self._told = True
            self.waits.emit(self._sentence())

    def _sentence(self) -> str:
        names = [f"“{title}”" for title in self._runner.running_titles]
        for channel in self._runner.served:
            found = next((words for start, words in LANES.items() if channel.startswith(start)), "")
            names.append(found or "files that are being read or written")
        if not self._noted:
            names.append("the notes of what was asked for")
        return f"Closing waits for {', '.join(dict.fromkeys(names))}, for some seconds at most."
