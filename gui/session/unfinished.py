"""What the open study was asked for and has no result of: shown, resumed and discarded here."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from engine.jobs.events import Ended, Queued
from engine.store import unfinished as store
from engine.store.unfinished import Unfinished
from gui.session.queueing import NAMED_AT_ONCE, Queueing
from gui.widgets.timer import timer

if TYPE_CHECKING:
    from engine.store.asked import Asked
    from gui.session.state import State

PAUSE_MS = 400


class UnfinishedWork(QObject):
    """Finds what is unfinished: on opening a study, and whenever a computation ends or begins.

    Signals
    -------
    changed
        ``found`` changed.
    """

    changed = Signal()

    def __init__(self, state: State, queueing: Queueing):
        super().__init__(state)
        self._state, self._queueing = state, queueing
        self.found: list[Unfinished] = []
        self._timer = timer(self, PAUSE_MS, once=True)
        self._timer.timeout.connect(self._on_pause)
        self._stir = 0.0
        state.study_changed.connect(self._on_study)
        state.engine_event.connect(self._on_event)

    @Slot()
    def look(self) -> None:
        """Look now, on a lane."""
        study, runner = self._state.study, self._state.runner
        if study is None:
            return
        own = runner.asked

        def work(_: Any) -> list[Unfinished]:
            return store.unfinished(study, own, known=runner.spec)

        def done(found: list[Unfinished]) -> None:
            if self._state.study is study:
                going = {spec.key for spec in runner.pending}  # some was queued since
                gone = going | {entry.key for entry in study.entries}
                self._show([one for one in found if one.key not in gone])

        runner.ask("unfinished", work, done, self._failed)

    @Slot()
    def resume(self, keys: Collection[str] | None = None) -> None:
        """Queue these again, or everything; they go on from their checkpoints."""
        specs = [one.spec for one in self._chosen(keys) if one.spec is not None]
        if len(specs) > NAMED_AT_ONCE:
            self._queueing.run_many(lambda: specs)
        elif specs:
            self._state.run(specs)

    def discard(self, keys: Collection[str] | None = None) -> None:
        """Delete the checkpoints of these, or of everything, and forget what was asked for."""
        study, chosen = self._state.study, [one.key for one in self._chosen(keys)]
        if study is None or not chosen:
            return
        own: Asked | None = self._state.runner.asked

        def done(_: object) -> None:
            self.look()

        def failed(text: str) -> None:
            self._failed(f"it cannot be discarded: {text}")
            self.look()

        # On a lane: the drive may not answer.
        self._state.runner.change(lambda: store.discard(study, chosen, own), done, failed)

    def _chosen(self, keys: Collection[str] | None) -> Iterable[Unfinished]:
        return [one for one in self.found if keys is None or one.key in keys]

    def _show(self, found: list[Unfinished]) -> None:
        # Not whole: comparing the specs of thousands takes seconds.
        before = [(one.key, one.done, one.saved) for one in self.found]
        if [(one.key, one.done, one.saved) for one in found] != before:
            self.found = found
            self.changed.emit()

    def _failed(self, text: str) -> None:
        self._state.message.emit(text, True)

    @Slot()
    def _on_study(self) -> None:
        self._show([])
        self.look()

    @Slot(object)
    def _on_event(self, event: object) -> None:
        begun = isinstance(event, Queued) and bool(self.found)
        left = isinstance(event, Ended) and event.outcome != "finished"
        if begun or left:
            self._stir = time.monotonic()
            if not self._timer.isActive():
                self._timer.start()

    @Slot()
    def _on_pause(self) -> None:
        """Look once thousands have ended, not again and again meanwhile."""
        if time.monotonic() - self._stir < PAUSE_MS / 2000:
            self._timer.start()
        else:
            self.look()
