"""Previews that follow the user's hand: the newest wish is computed, never a queue of old ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from engine.specs.schema import Spec
from gui.session.runner import Runner

PATIENCE_MS = 60
LATE_MS = 300
LONGEST_MS = 2000


class LivePreviews(QObject):
    """Asks for the previews of several specs at once, over and over as they change.

    A round that began just now is left to finish, so that pictures come while a slider moves; one
    that takes longer is given up for a newer one. Where nothing was finished for a while, because
    the slider never rests, the next round may take its time.

    Parameters
    ----------
    patience_ms
        For how long a round that began is left alone.

    Signals
    -------
    answered
        Takes a spec, and its result.
    failed
        Takes a spec, and one sentence.
    late
        What was asked for last is not there after 300 ms.
    """

    answered = Signal(object, object)
    failed = Signal(object, str)
    late = Signal()

    def __init__(
        self,
        runner: Runner,
        channel: str,
        parent: QObject | None = None,
        *,
        patience_ms: int = PATIENCE_MS,
    ):
        super().__init__(parent)
        # Takes a spec and its context, in place of the computation of a record.
        self.compute: Callable[[Any, Any], Any] | None = None
        self._runner = runner
        self._channel = channel
        self._spared = patience_ms
        self._round = 0
        self._open: set[int] = set()
        self._started = 0.0
        self._wished = 0.0
        self._next: list[Spec] | None = None
        self._patience = QTimer(self, singleShot=True)
        self._patience.timeout.connect(self._start_next)
        self._lateness = QTimer(self, singleShot=True, interval=LATE_MS)
        self._lateness.timeout.connect(self.late)

    def ask(self, specs: Sequence[Spec]) -> None:
        """Wish for these now; what was wished for before and is not begun is forgotten."""
        if not self.busy:
            self._wished = time.monotonic()
        self._next = list(specs)
        if not self._lateness.isActive():
            self._lateness.start()
        rest = self._patience_left()
        if not self._open or rest <= 0:
            self._start_next()
        else:
            self._patience.start(int(rest) + 1)

    def stop(self) -> None:
        """Forget every wish; nothing more is answered."""
        self._round += 1
        self._open, self._next = set(), None
        self._patience.stop()
        self._lateness.stop()

    @property
    def busy(self) -> bool:
        """Whether an answer is due."""
        return bool(self._open) or self._next is not None

    def _patience_left(self) -> float:
        """Return for how many milliseconds the present round is left alone."""
        now = time.monotonic()
        starving = 1000 * (now - self._wished) >= LATE_MS
        return (LONGEST_MS if starving else self._spared) - 1000 * (now - self._started)

    @Slot()
    def _start_next(self) -> None:
        specs, self._next = self._next, None
        if specs is None:
            return
        self._patience.stop()
        self._round += 1
        self._started = time.monotonic()
        self._open = set(range(len(specs)))
        if not specs:
            self._lateness.stop()
        instead = {} if self.compute is None else {"compute": self.compute}
        for place, spec in enumerate(specs):
            self._runner.preview(
                f"{self._channel}/{place}",
                [spec],
                partial(self._done, self._round, place, spec),
                partial(self._broken, self._round, place, spec),
                **instead,
            )

    def _done(self, round_: int, place: int, spec: Spec, results: list[Any]) -> None:
        if self._close(round_, place):
            self.answered.emit(spec, results[0])
            self._go_on()

    def _broken(self, round_: int, place: int, spec: Spec, text: str) -> None:
        if self._close(round_, place):
            self.failed.emit(spec, text)
            self._go_on()

    def _close(self, round_: int, place: int) -> bool:
        """Take note of an answer; return whether it is one of this round."""
        if round_ != self._round:
            return False
        self._open.discard(place)
        if not self._open:
            self._wished = time.monotonic()
            # A picture that came is as new as can be; what is still wished for is not late yet.
            (self._lateness.stop if self._next is None else self._lateness.start)()
        return True

    def _go_on(self) -> None:
        if not self._open:
            self._start_next()
