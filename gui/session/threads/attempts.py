"""Changes of the open study: where they are made, how long that is waited for, and what is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

if TYPE_CHECKING:
    from gui.session.state import State

TELL_MS = 500
PATIENCE = 0.5  # seconds in which the drive of a study usually takes a change


class Attempts(QObject):
    """Makes changes on the thread of the window, or on a lane, and tells how they ended.

    Parameters
    ----------
    forget
        Called when a change failed that others may already rest on.

    Attributes
    ----------
    went_well
        Whether the last one did, as far as it was waited for.
    """

    def __init__(self, state: State, forget: Callable[[], object]):
        super().__init__(state)
        self._state = state
        self._forget = forget
        self.went_well = True
        self._steps = 0  # that are being done on a lane
        self._progress = (0, 0)
        self._telling = QTimer(self)
        self._telling.setInterval(TELL_MS)
        self._telling.timeout.connect(self._tell)

    @property
    def busy(self) -> bool:
        """Whether a change is being made on a lane."""
        return self._steps > 0

    def make(
        self,
        step: Callable[[], object],
        what: str,
        said: str = "",
        *,
        large: bool = False,
        apart: bool = False,
    ) -> bool:
        """Do or undo a step; return whether it went well, as far as that is known.

        A failure is reported, and :attr:`State.records_changed` emitted.

        Parameters
        ----------
        said
            What is told once it went well, and behind it the text that the step returns, if any.
        large
            It takes long: it is done on a lane, and those that follow it too, in order.
        apart
            It touches nothing of the window, only the study, whose drive may not answer: it is done
            on a lane, and waited for no longer than ``PATIENCE``.
        """
        if large or (apart and self.busy and self._state.runner.takes_changes):
            self._make_aside(step, what, said)
            return True
        if apart and self._state.runner.takes_changes:
            return self._make_soon(step, what, said)
        self.went_well = False
        try:
            self._say(said, step())
            self.went_well = True
        except ValueError as error:
            self._state.message.emit(str(error), True)
        self._state.records_changed.emit()
        return self.went_well

    def _make_soon(self, step: Callable[[], object], what: str, said: str) -> bool:
        ended, problems = threading.Event(), list[str]()

        def work() -> object:
            try:
                return step()
            except Exception as error:  # the lane prints what is no sentence
                is_sentence = isinstance(error, ValueError)
                problems.append(str(error) if is_sentence else f"{type(error).__name__}: {error}")
                raise
            finally:
                ended.set()

        told = self._make_aside(work, what, said)
        if not ended.wait(PATIENCE):
            text = "The study has not taken this yet, and goes on with it by itself: {}."
            self._state.message.emit(text.format(what), False)
            return True
        told.append(True)
        self._end_step()
        self.went_well = not problems
        if self.went_well:
            self._say(said)
        for problem in problems:
            self._state.message.emit(problem, True)
        self._state.records_changed.emit()
        return self.went_well

    def _say(self, said: str, more: object = None) -> None:
        text = " ".join(filter(None, [said, more if isinstance(more, str) else ""]))
        if text:
            self._state.message.emit(text, False)

    def _end_step(self) -> None:
        self._steps -= 1
        if not self._steps:
            self._telling.stop()

    def _make_aside(self, step: Callable[[], object], what: str, said: str) -> list[bool]:
        """Do a step on a lane; return a list that keeps it quiet once there is something in it."""
        self.went_well = True
        self._steps += 1
        self._progress = (0, 0)
        self._telling.start()
        study, told = self._state.study, list[bool]()

        def done(more: object) -> None:
            if told:
                return
            self._end_step()
            if self._state.study is study:
                self._say(said or f"Done: {what}.", more)
                self._state.records_changed.emit()

        def failed(text: str) -> None:
            if told:
                return
            self._end_step()
            self._state.message.emit(text, True)
            if self._state.study is study:
                self._forget()

        self._state.runner.change(step, done, failed)
        return told

    def note(self, done: int, total: int) -> None:
        """Keep how far a step is. Runs on a lane's thread, so it must not touch anything else."""
        self._progress = (done, total)

    @Slot()
    def _tell(self) -> None:
        done, total = self._progress
        if total:
            self._state.message.emit(f"Moved {done:,} of {total:,} records.", False)
