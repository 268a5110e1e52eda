"""Questions about the user's paths, whose drives may not answer.

None of them is asked on the thread of the window, or on one that something else waits for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from engine.data.safety import patience
from gui.widgets.timer import timer

if TYPE_CHECKING:
    from engine.data.sources import Check
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
        self._ask(channel, name, lambda check: work(), done, lambda: None)

    def read(
        self,
        channel: str,
        name: str,
        work: Callable[[Check, Callable[[], None]], Any],
        done: Callable[[Any], object],
    ) -> None:
        """Call ``work`` as :meth:`ask` does, where it may take long although the drive answers.

        Parameters
        ----------
        work
            Takes a check to call regularly, which raises once nobody waits any more, and a function
            to call whenever something was read: only a pause between two calls counts as silence.
        """
        moves: list[None] = []
        moved = partial(moves.append, None)
        self._ask(channel, name, lambda check: work(check, moved), done, lambda: len(moves))

    def _ask(
        self,
        channel: str,
        name: str,
        work: Callable[[Check], Any],
        done: Callable[[Any], object],
        progress: Callable[[], object],
    ) -> None:
        self._end(channel)
        self._state.runner.forget(channel)
        self._state.underway.begin(channel, f"Reading {name}", partial(self._end, channel))
        waited = patience.Patience()
        ticks = timer(self, max(1, int(patience.SLOW_SECONDS * 100)))

        def look() -> None:
            if waited.is_lost(progress()):
                self._state.message.emit(patience.silence(name), False)

        ticks.timeout.connect(look)
        ticks.start()
        self._waiting[channel] = ticks

        def answered(found: Any) -> None:
            self._end(channel)
            self._state.underway.end(channel)
            done(found)

        def failed(text: str) -> None:
            self._end(channel)
            self._state.underway.end(channel)
            self._state.message.emit(text, True)

        self._state.runner.ask_apart(channel, work, answered, failed)

    def _end(self, channel: str) -> None:
        ticks = self._waiting.pop(channel, None)
        if ticks is not None:
            ticks.stop()
            ticks.deleteLater()
