"""Undoable changes to a study: titles, notes, opened networks, and deleting records.

The records themselves never change. Titles and notes are labels stored beside them
(:mod:`engine.store.labels`); deleting moves a record to the study's trash
(:mod:`engine.store.trash`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QUndoCommand, QUndoStack

from engine.store import trash
from engine.store.index import Entry
from engine.store.labels import LONGEST_NOTE, Label, clean_title
from engine.store.study import Study, spec_of
from engine.store.trash import Deleted
from engine.store.unfinished import discard
from gui.look.plain import plain_action
from gui.session.threads.attempts import Attempts

if TYPE_CHECKING:
    from engine.data.image_set import ImageSet
    from engine.specs import ImagesSpec, Imported
    from gui.session.state import State

STEPS_KEPT = 200
FEW = 50  # records that are moved at once; more are moved on a lane
_NUMBERS = itertools.count()


class Edits(QObject):
    """Makes undoable changes. Menus take their undo and redo actions from ``stack``."""

    def __init__(self, state: State):
        super().__init__(state)
        self._state = state
        self._study: Study | None = None
        self._attempts = Attempts(state, self._forget_steps)
        # Returns what shows the page again from which images are being chosen.
        self.came_from: Callable[[], Callable[[], object]] = lambda: lambda: None
        self.stack = QUndoStack(self)
        self.stack.setUndoLimit(STEPS_KEPT)
        state.study_changed.connect(self._on_study)

    @property
    def busy(self) -> bool:
        """Whether a step is being done on a lane."""
        return self._attempts.busy

    # ------------------------------------------------------------------------------------- labels

    def rename(self, key: str, title: str) -> None:
        """Set a record's title; "" or its original title restores the original."""
        study = self._state.study
        if study is None or not self._is_there(study, key):
            return
        wanted = clean_title(title)
        if wanted == _own_title(study, key):
            wanted = ""
        if wanted != study.labels.of(key).title:
            text = f"renaming of “{study.entry(key).title}”"
            self._relabel(study, key, {"title": wanted}, text)

    def note(self, key: str, note: str) -> None:
        """Set a record's note; "" removes it."""
        study = self._state.study
        if study is None or not self._is_there(study, key):
            return
        wanted = note.strip()[:LONGEST_NOTE]
        if wanted != study.labels.of(key).note:
            text = f"note on “{study.entry(key).title}”"
            self._relabel(study, key, {"note": wanted}, text)

    def describe(self, *, name: str | None = None, notes: str | None = None) -> None:
        """Change the study's name or notes; a blank name is ignored."""
        study = self._state.study
        if study is None:
            return
        given = {"name": None if name is None else clean_title(name), "notes": notes}
        after = {field: text for field, text in given.items() if text is not None}
        if after.get("name") == "":
            del after["name"]
        if all(study.about.get(field) == text for field, text in after.items()):
            return
        before: dict[str, str] = {}

        def do() -> None:
            if not before:
                study.take_up_about()
                before.update({field: str(study.about.get(field, "")) for field in after})
            _describe(study, before, after)

        text = "name of the study" if "name" in after else "notes of the study"
        self._push(text, do, lambda: _describe(study, after, before), apart=True)

    def _is_there(self, study: Study, key: str) -> bool:
        """Return whether the study has a record; say so if another process deleted it."""
        if study.stored([key]):
            return True
        self._state.message.emit("This record is gone: it was deleted elsewhere.", True)
        return False

    def choose_images(self, spec: ImagesSpec, loaded: ImageSet) -> None:
        """Make these the current images; undoing chooses those before, and reads them again."""
        state, before = self._state, self._state.images
        if before is None or before == spec:
            state.choose_images(spec, loaded)
            return
        given: list[ImageSet | None] = [loaded]
        go_back = self.came_from()

        def do() -> None:
            # The pixels are handed over once: a step that kept them would keep their memory.
            state.choose_images(spec, given.pop() if given else None)

        def undo() -> str:
            state.choose_images(before)
            go_back()
            return f"“{before.title}” is chosen again."

        self._push(f"choice of “{spec.title}”", do, undo)

    def add_network(self, spec: Imported) -> None:
        """Queue the import of a network; undoing cancels it, or deletes it and what was made of it.

        A network that is in the study already is no step.
        """
        study = self._state.study
        if study is None or study.has(spec):
            self._state.run([spec])
            return
        deleted: list[Deleted] = []

        def do() -> None:
            if deleted:
                trash.restore(study, deleted.pop(), self._attempts.note)
            else:
                self._state.run([spec])

        def undo() -> str:
            if not study.has(spec):
                self._state.runner.cancel(spec.key)
                self._forget_asked(study, [spec.key])
                return ""
            count = len(self.going_with([spec.key])) - 1
            problem = self.obstacle([spec.key])
            if not problem and count > FEW:
                text = "{:,} records were computed from “{}”: delete it on the page Records."
                problem = text.format(count, spec.title)
            if problem:
                raise ValueError(problem)
            deleted[:] = [self._delete(study, [spec.key])]
            text = "It went with what was computed from it; records: {:,}. Redo restores it."
            return text.format(count) if count else ""

        self._push(f"opening of “{spec.title}”", do, undo)

    def step(self, text: str, do: Callable[[], object], undo: Callable[[], object]) -> None:
        """Do something that undo takes back; both report by ValueError what prevents them."""
        self._push(text, do, undo)

    def _relabel(self, study: Study, key: str, after: Mapping[str, str], text: str) -> None:
        before: list[Label] = []

        def do() -> None:
            if not before:
                study.labels.take_up()  # another window may have changed it
                before.append(study.labels.of(key))
            study.labels.exchange(key, before[0], replace(before[0], **after))

        def undo() -> None:
            study.labels.exchange(key, replace(before[0], **after), before[0])

        self._push(text, do, undo, apart=True)

    # ----------------------------------------------------------------------------------- deleting

    def going_with(self, keys: Collection[str]) -> list[Entry]:
        """Return these records and every record computed from them."""
        study = self._state.study
        return [] if study is None else trash.dependants(study.entries, keys)

    def obstacle(self, keys: Collection[str]) -> str:
        """Return a sentence saying why the records cannot be deleted now, or "" if they can."""
        doomed = {entry.key: entry for entry in self.going_with(keys)}
        for spec in self._state.runner.pending:
            if spec.key in keys:
                return f"“{spec.title}” is being computed: cancel it first."
            needed = next((doomed[p.key] for p in spec.parents if p.key in doomed), None)
            if needed is not None:
                text = "“{}” is needed by “{}”, which runs or waits: cancel that first."
                return text.format(needed.title, spec.title)
        study = self._state.study
        if study is not None and not study.writable:
            return "This study is read-only: nothing in it can be deleted."
        return ""

    def delete(self, keys: Collection[str]) -> bool:
        """Move records, and those computed from them, to the trash; report what prevents it."""
        study = self._state.study
        problem = self.obstacle(keys)
        if study is None or problem:
            self._state.message.emit(problem, True)
            return False
        deleted: list[Deleted] = []

        def do() -> None:
            again = self.obstacle(keys)  # since the undo, a computation may have begun
            if again:
                raise ValueError(again)
            deleted[:] = [self._delete(study, keys)]

        def undo() -> None:
            trash.restore(study, deleted[0], self._attempts.note)

        going = self.going_with(keys)
        count = len(going)
        if not going:  # another process deleted them meanwhile
            self._state.records_changed.emit()
            return True
        name = next(entry.title for entry in going if entry.key in keys)
        text = f"deletion of “{name}”" if count == 1 else f"deletion of {count:,} records"
        return self._push(text, do, undo, large=count > FEW, apart=True)

    def _delete(self, study: Study, keys: Collection[str]) -> Deleted:
        found = trash.delete(study, keys, self._attempts.note)
        self._forget_asked(study, found.keys)
        return found

    def _forget_asked(self, study: Study, keys: Collection[str]) -> None:
        """Forget that these were asked for: what was taken away is not unfinished."""
        with suppress(OSError):  # a list that stays offers them to be resumed or discarded
            discard(study, keys, self._state.runner.asked)

    def put_back_all(self) -> None:
        """Restore everything in the trash, including deletions from earlier sessions."""
        self._with_the_trash(trash.restore_all, "Put back: {:,} records.")

    def empty_trash(self) -> None:
        """Delete the trash for good; earlier deletions can no longer be undone."""
        self._with_the_trash(trash.empty, "The trash is empty: {:,} records are gone for good.")

    def _with_the_trash(self, step: Callable[[Study], int], said: str) -> None:
        """Do something with all of the trash on a lane, because it reads each file in it."""
        study = self._state.study
        if study is None:
            return
        # Undoing a deletion meanwhile would look for files that are being moved.
        self.stack.clear()

        def done(count: int) -> None:
            self._state.message.emit(said.format(count), False)
            self._forget_steps()

        def failed(problem: str) -> None:
            self._state.message.emit(problem, True)
            self._forget_steps()

        # Never outdated by another request: what was begun is brought to its end.
        channel = f"trash {next(_NUMBERS)}"
        self._state.runner.ask(channel, lambda _: step(study), done, failed)

    # ------------------------------------------------------------------------------------ private

    def _push(
        self,
        text: str,
        do: Callable[[], object],
        undo: Callable[[], object],
        *,
        large: bool = False,
        apart: bool = False,
    ) -> bool:
        self.stack.push(
            _Edit(text, do, undo, partial(self._attempts.make, large=large, apart=apart))
        )
        return self._attempts.went_well

    def _forget_steps(self) -> None:
        self.stack.clear()
        self._state.records_changed.emit()

    @Slot()
    def _on_study(self) -> None:
        if self._state.study is not self._study:
            self._study = self._state.study
            self.stack.clear()


class _Edit(QUndoCommand):
    """One undoable step. A step that fails is marked obsolete, so the stack drops it."""

    def __init__(
        self,
        text: str,
        do: Callable[[], object],
        undo: Callable[[], object],
        make: Callable[[Callable[[], object], str, str], bool],
    ):
        super().__init__(plain_action(text))  # a menu shows it
        self._do, self._undo, self._make, self._what = do, undo, make, text
        self._undone = False

    def redo(self) -> None:
        """Make the change; say so if it was undone before."""
        self._run(self._do, self._what, f"Done again: {self._what}." if self._undone else "")

    def undo(self) -> None:
        """Undo the change, and say so."""
        self._undone = True
        self._run(self._undo, f"undo of the {self._what}", f"Undone: {self._what}.")

    def _run(self, step: Callable[[], object], what: str, said: str) -> None:
        if not self._make(step, what, said):
            self.setObsolete(True)


def _describe(study: Study, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Change name or notes, where another process did not change them meanwhile."""
    study.take_up_about()
    for field, text in before.items():
        if study.about.get(field, "") != text:
            raise ValueError(f"the {field} of the study changed elsewhere meanwhile: it stays")
    study.describe(**after)


def _own_title(study: Study, key: str) -> str:
    entry = study.entry(key)
    spec = spec_of(entry)
    return entry.title if spec is None else spec.title
