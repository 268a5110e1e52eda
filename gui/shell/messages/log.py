"""Everything that the window has told since it was started, to be read again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QObject, Signal

MOST = 500


@dataclass(frozen=True)
class Message:
    """One message: when it came, its sentence, its details, and whether it is an error."""

    time: datetime
    text: str
    details: str = ""
    is_error: bool = False


class MessageLog(QObject):
    """Keeps the newest messages.

    Signals
    -------
    changed
        A message came in, or all were read.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._messages: deque[Message] = deque(maxlen=MOST)
        self._unread = 0

    @property
    def messages(self) -> list[Message]:
        """The messages, newest first."""
        return list(reversed(self._messages))

    @property
    def unread(self) -> int:
        """Number of errors that came in since the list was last looked at."""
        return self._unread

    def add(self, text: str, details: str = "", *, is_error: bool = False) -> None:
        """Keep a message."""
        self._messages.append(Message(datetime.now(), text, details, is_error))
        self._unread += is_error
        self.changed.emit()

    def mark_read(self) -> None:
        """Count no error as unread."""
        self._unread = 0
        self.changed.emit()
