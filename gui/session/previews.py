"""Live previews while the user drags a control: only the newest request is computed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from engine.specs.schema import Spec
from gui.session.runner import Runner
from gui.widgets.timer import timer

PATIENCE_MS = 60
LATE_MS = 300
LONGEST_MS = 2000


class LivePreviews(QObject):
    """Requests previews of several specs at once, again each time they change.

    A new request does not interrupt a round that began less than ``patience_ms`` ago, so pictures
    keep coming while a slider moves; an older round is cancelled. If no round has finished for
    ``LATE_MS`` because requests keep arriving, the round may run for ``LONGEST_MS``.

    Parameters
    ----------
    patience_ms
        How long a round may run before a newer request cancels it.

    Signals
    -------
    answered
        Takes a spec, and its result.
    failed
        Takes a spec, and one sentence.
    late
        The previews requested last have not arrived after 300 ms.
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
        # If set, called with a spec and its context instead of computing the record.
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
        self._lateness = timer(self, LATE_MS, once=True)
        self._lateness.timeout.connect(self.late)

    def ask(self, specs: Sequence[Spec]) -> None:
        """Request previews of these specs; drop earlier requests that have not begun."""
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
        """Drop all requests; no further answer is signalled."""
        self._round += 1
        self._open, self._next = set(), None
        self._patience.stop()
        self._lateness.stop()

    @property
    def busy(self) -> bool:
        """Whether a request is running or waiting."""
        return bool(self._open) or self._next is not None

    def _patience_left(self) -> float:
        """Return for how many more milliseconds the present round may not be cancelled."""
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
        """Mark a preview as answered; return whether it belongs to the current round."""
        if round_ != self._round:
            return False
        self._open.discard(place)
        if not self._open:
            self._wished = time.monotonic()
            # This round is complete, so lateness is measured anew for a waiting request.
            (self._lateness.stop if self._next is None else self._lateness.start)()
        return True

    def _go_on(self) -> None:
        if not self._open:
            self._start_next()
