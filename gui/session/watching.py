"""Showing what another window or a command does to the open study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Slot

from engine.store.changes import Changes, Signature, signature, take_up_changes
from gui.session.state import State

if TYPE_CHECKING:
    from engine.store.study import Study

EVERY_MS = 2000
ONE_BY_ONE = 50  # more new records than this are shown at once


class Watching(QObject):
    """Looks every two seconds, on a lane, what changed in the study without this window.

    The times of the folders are compared, because a network drive sends no notifications.
    """

    def __init__(self, state: State):
        super().__init__(state)
        self._state = state
        self._seen: tuple[Study | None, Signature] = (None, ())
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.look)
        state.study_changed.connect(self._timer.start)

    @Slot()
    def look(self) -> None:
        """Look now."""
        study = self._state.study
        if study is None:
            return
        seen = self._seen

        def work(_: Any) -> tuple[Signature, Changes] | None:
            now = signature(study)
            return None if seen == (study, now) else (now, take_up_changes(study))

        def done(found: tuple[Signature, Changes] | None) -> None:
            if found is not None and self._state.study is study:
                self._seen = study, found[0]
                self._tell(found[1])

        # What cannot be read now is looked at again in two seconds.
        self._state.runner.ask("watch", work, done, lambda _: None)

    def _tell(self, changes: Changes) -> None:
        own = {spec.key for spec in self._state.runner.pending}  # their ends are told by events
        added = [entry for entry in changes.added if entry.key not in own]
        if changes.removed or changes.texts or len(added) > ONE_BY_ONE:
            self._state.records_changed.emit()
            return
        for entry in added:
            self._state.record_added.emit(entry)
