"""Questions about the user's paths, whose drives may not answer.

None of them is asked on the thread of the window, or on one that something else waits for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from engine.data.safety import patience

if TYPE_CHECKING:
    from gui.session.state import State


class Drives(QObject):
    """Asks about paths, each on a thread of its own, and tells of a drive that is silent."""

    def __init__(self, state: State):
        super().__init__(state)
        self._state = state
        self._waiting: dict[str, QTimer] = {}

    def ask(
        self, channel: str, name: str, work: Callable[[], Any], done: Callable[[Any], object]
    ) -> None:
        """Call ``work`` apart, then ``done`` with its result on the thread of the window.

        Parameters
        ----------
        channel
            An older question on it is forgotten.
        name
            What is asked about, for the sentence that tells of a silent drive.
        work
            May raise ValueError with one sentence for the user.
        """
        self._end(channel)
        self._state.runner.forget(channel)
        timer = QTimer(self, singleShot=True, interval=int(patience.SLOW_SECONDS * 1000))
        timer.timeout.connect(lambda: self._state.message.emit(patience.silence(name), False))
        timer.start()
        self._waiting[channel] = timer

        def answered(found: Any) -> None:
            self._end(channel)
            done(found)

        def failed(text: str) -> None:
            self._end(channel)
            self._state.message.emit(text, True)

        self._state.runner.ask_apart(channel, work, answered, failed)

    def _end(self, channel: str) -> None:
        timer = self._waiting.pop(channel, None)
        if timer is not None:
            timer.stop()
            timer.deleteLater()
