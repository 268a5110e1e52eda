"""What the window reads or writes for the user just now, and how that is cancelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from gui.session.runner import Runner
from gui.widgets.timer import timer

SHOWN_MS = 500  # what ends sooner needs no button


@dataclass
class _Errand:
    words: str
    stopped: Callable[[], object]
    due: QTimer
    shown: bool = False


class Underway(QObject):
    """Lists errands that take a while: copies, reports, openings, what was dropped.

    Signals
    -------
    changed
        What is to be shown has changed.
    """

    changed = Signal()

    def __init__(self, runner: Runner, say: Callable[[str, bool], object], parent: QObject):
        super().__init__(parent)
        self._runner, self._say = runner, say
        self._errands: dict[str, _Errand] = {}

    @property
    def is_busy(self) -> bool:
        """Whether anything goes on, also what is not shown yet."""
        return bool(self._errands)

    @property
    def shown(self) -> list[tuple[str, str]]:
        """Channel and words of what has taken a while, the newest last."""
        return [(channel, one.words) for channel, one in self._errands.items() if one.shown]

    def ask(
        self,
        channel: str,
        words: str,
        work: Callable[[Any], Any],
        done: Callable[[Any], object],
    ) -> None:
        """Do work on a lane as :meth:`Runner.ask` does; an error becomes a message.

        Parameters
        ----------
        words
            What is done, such as "Copying the study to a.h5".
        """

        def answered(found: Any) -> None:
            self.end(channel)
            done(found)

        def failed(text: str) -> None:
            self.end(channel)
            self._say(text, True)

        self.begin(channel, words)
        self._runner.ask(channel, work, answered, failed, long=True)

    def begin(self, channel: str, words: str, stopped: Callable[[], object] = lambda: None) -> None:
        """List what is asked on a channel; ``stopped`` is called if the user cancels it."""
        self.end(channel)
        due = timer(self, SHOWN_MS, once=True)

        def show() -> None:
            errand.shown = True
            self.changed.emit()

        self._errands[channel] = errand = _Errand(words, stopped, due)
        due.timeout.connect(show)
        due.start()

    def end(self, channel: str) -> None:
        """Take off the list what has ended."""
        errand = self._errands.pop(channel, None)
        if errand is not None:
            errand.due.stop()
            errand.due.deleteLater()
            if errand.shown:
                self.changed.emit()

    def cancel(self, channel: str) -> None:
        """End what is listed, and say so."""
        errand = self._errands.get(channel)
        if errand is None:
            return
        self._runner.forget(channel)
        errand.stopped()
        self.end(channel)
        self._say(f"{errand.words} was cancelled.", False)
