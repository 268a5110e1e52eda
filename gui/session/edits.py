"""Changes of a study that can be taken back: titles, notes, and which records it has.

Records never change. A title or note is a label beside them (:mod:`engine.store.labels`), a deleted
record lies in the study's trash (:mod:`engine.store.trash`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QUndoCommand, QUndoStack

from engine.store import trash
from engine.store.index import Entry
from engine.store.labels import LONGEST_NOTE, Label, clean_title
from engine.store.study import Study, spec_of
from engine.store.trash import Deleted

if TYPE_CHECKING:
    from gui.session.state import State

STEPS_KEPT = 200


class Edits(QObject):
    """Makes the changes, and knows how to take them back; ``stack`` is what menus are made of."""

    def __init__(self, state: State):
        super().__init__(state)
        self._state = state
        self._study: Study | None = None
        self._went_well = True
        self.stack = QUndoStack(self)
        self.stack.setUndoLimit(STEPS_KEPT)
        state.study_changed.connect(self._on_study)

    # ------------------------------------------------------------------------------------- labels

    def rename(self, key: str, title: str) -> None:
        """Give a record another title; "" or its own one gives it its own again."""
        study = self._state.study
        if study is None:
            return
        wanted = clean_title(title)
        before = study.labels.of(key)
        if wanted == _own_title(study, key):
            wanted = ""
        if wanted != before.title:
            text = f"renaming of “{study.entry(key).title}”"
            self._relabel(study, key, replace(before, title=wanted), text)

    def note(self, key: str, note: str) -> None:
        """Write a note about a record; "" takes it away."""
        study = self._state.study
        if study is None:
            return
        before, wanted = study.labels.of(key), note.strip()[:LONGEST_NOTE]
        if wanted != before.note:
            text = f"note on “{study.entry(key).title}”"
            self._relabel(study, key, replace(before, note=wanted), text)

    def describe(self, *, name: str | None = None, notes: str | None = None) -> None:
        """Change the study's name or notes; a name of nothing but spaces is none."""
        study = self._state.study
        if study is None:
            return
        given = {"name": None if name is None else clean_title(name), "notes": notes}
        after = {field: text for field, text in given.items() if text is not None}
        if after.get("name") == "":
            del after["name"]
        before = {field: str(study.about.get(field, "")) for field in after}
        if after == before:
            return
        text = "name of the study" if "name" in after else "notes of the study"
        self._push(text, lambda: study.describe(**after), lambda: study.describe(**before))

    def _relabel(self, study: Study, key: str, after: Label, text: str) -> None:
        before = study.labels.of(key)
        self._push(
            text,
            lambda: study.labels.set_many({key: after}),
            lambda: study.labels.set_many({key: before}),
        )

    # ----------------------------------------------------------------------------------- deleting

    def going_with(self, keys: Collection[str]) -> list[Entry]:
        """Return these records and all that was computed from them."""
        study = self._state.study
        return [] if study is None else trash.dependants(study.entries, keys)

    def obstacle(self, keys: Collection[str]) -> str:
        """Say in a sentence why records cannot be deleted now; "" where they can."""
        doomed = {entry.key: entry for entry in self.going_with(keys)}
        for spec in self._state.runner.pending:
            if spec.key in keys:
                return f"“{spec.title}” is being computed: cancel it first."
            needed = next((doomed[p.key] for p in spec.requires() if p.key in doomed), None)
            if needed is not None:
                text = "“{}” is needed by “{}”, which runs or waits: cancel that first."
                return text.format(needed.title, spec.title)
        study = self._state.study
        if study is not None and not study.writable:
            return "This study is read-only: nothing in it can be deleted."
        return ""

    def delete(self, keys: Collection[str]) -> bool:
        """Move records and all that was computed from them into the trash; say what hinders it."""
        study = self._state.study
        problem = self.obstacle(keys)
        if study is None or problem:
            self._state.message.emit(problem, True)
            return False
        deleted: list[Deleted] = []

        def do() -> None:
            again = self.obstacle(keys)  # a computation may have begun before a redo
            if again:
                raise ValueError(again)
            deleted[:] = [trash.delete(study, keys)]

        def undo() -> None:
            trash.restore(study, deleted[0])

        count = len(self.going_with(keys))
        name = study.entry(next(iter(keys))).title
        text = f"deletion of “{name}”" if count == 1 else f"deletion of {count:,} records"
        return self._push(text, do, undo)

    def put_back_all(self) -> None:
        """Put everything that is in the trash back, also from before the study was opened."""
        study = self._state.study
        if study is None:
            return
        try:
            count = trash.restore_all(study)
        except ValueError as error:
            self._state.message.emit(str(error), True)
        else:
            self._state.message.emit(f"Put back: {count:,} records.", False)
        self._forget_steps()

    def empty_trash(self) -> None:
        """Delete what is in the trash for good; what was deleted before cannot be undone then."""
        study = self._state.study
        if study is None:
            return
        try:
            count = trash.empty(study)
        except ValueError as error:
            self._state.message.emit(str(error), True)
        else:
            text = f"The trash is empty: {count:,} records are gone for good."
            self._state.message.emit(text, False)
        self._forget_steps()

    # ------------------------------------------------------------------------------------ private

    def _push(self, text: str, do: Callable[[], object], undo: Callable[[], object]) -> bool:
        self.stack.push(_Edit(text, do, undo, self))
        return self._went_well

    def attempt(self, step: Callable[[], object]) -> bool:
        """Do or undo a step, say what failed, and let everyone look again."""
        self._went_well = False
        try:
            step()
            self._went_well = True
        except ValueError as error:
            self._state.message.emit(str(error), True)
        self._state.records_changed.emit()
        return self._went_well

    def _forget_steps(self) -> None:
        self.stack.clear()
        self._state.records_changed.emit()

    @Slot()
    def _on_study(self) -> None:
        if self._state.study is not self._study:
            self._study = self._state.study
            self.stack.clear()


class _Edit(QUndoCommand):
    """One step; where it fails, it is taken off the stack rather than half done."""

    def __init__(
        self, text: str, do: Callable[[], object], undo: Callable[[], object], edits: Edits
    ):
        super().__init__(text)
        self._do, self._undo, self._edits = do, undo, edits

    def redo(self) -> None:
        """Make the change."""
        self._run(self._do)

    def undo(self) -> None:
        """Take it back."""
        self._run(self._undo)

    def _run(self, step: Callable[[], object]) -> None:
        if not self._edits.attempt(step):
            self.setObsolete(True)


def _own_title(study: Study, key: str) -> str:
    entry = study.entry(key)
    spec = spec_of(entry)
    return entry.title if spec is None else spec.title
