"""Undo of opening another study: the one before is opened again, with what was selected in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtGui import QUndoCommand
from shiboken6 import isValid

from engine.store.study import Study
from gui.look.plain import plain_action
from gui.session.importer import OPENING

if TYPE_CHECKING:
    from engine.specs import ImagesSpec
    from engine.specs.schema import Spec
    from gui.session.edits import Edits
    from gui.session.importer import Importer
    from gui.session.state import State

KEPT = 20  # studies to each side


@dataclass
class Left:
    """A study that another one took the place of.

    Attributes
    ----------
    path, name
        Where it lies, and what it is called.
    images
        The images that were chosen.
    kept
        What was selected, by the part of the window that told it.
    """

    path: Path
    name: str
    images: ImagesSpec | None = None
    kept: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Part:
    owner: QObject
    take: Callable[[], Any]
    show: Callable[[Any], object]
    with_images: bool


class Openings(QObject):
    """Puts a step for every opened study first on the undo stack.

    The stack has no other steps of an earlier study: they would change a study that is not open.
    """

    def __init__(self, state: State, edits: Edits, importer: Importer):
        super().__init__(state)
        self._state, self._edits, self._importer = state, edits, importer
        self._study: Study | None = None
        self._left: Left | None = None
        self._before: list[Left] = []
        self._after: list[Left] = []
        self._parts: dict[int, _Part] = {}
        self._going = 0  # -1 while the study that is being shown comes from undo, 1 from redo
        self._waiting: Left | None = None  # for its images
        self.quiet = False
        # Asks whether what runs and waits may stop: takes the name of the study that would open,
        # what would stop, and what to call then.
        self.confirm: Callable[[str, Sequence[Spec], Callable[[], None]], object] = (
            lambda _, running, open_it: open_it()
        )
        state.study_left.connect(self._on_left)
        state.study_changed.connect(self._on_study)
        state.images_changed.connect(self._on_images)

    def remember(
        self,
        owner: QObject,
        take: Callable[[], Any],
        show: Callable[[Any], object],
        *,
        with_images: bool = True,
    ) -> None:
        """Remember a selection when a study is left, and show it when undo opens it again.

        Parameters
        ----------
        owner
            The part of the window that has the selection; nothing is asked of it once it is gone.
        take, show
            Return the selection, and show one that was returned.
        with_images
            Whether it can be shown only once the study's images are read.
        """
        self._parts[len(self._parts)] = _Part(owner, take, show, with_images)

    def go(self, step: int) -> None:
        """Open the study before (-1) or after (1) the present one; say what prevents it."""
        # The stack shows where one is, whether or not the other study can be opened.
        self._quietly(self._edits.stack.undo if step > 0 else self._edits.stack.redo)
        running, places = self._state.runner.pending, self._after if step > 0 else self._before
        if not places:
            return
        target = places[-1]
        open_it = partial(self._open, step, target)
        if running:
            self.confirm(target.name, running, open_it)
        else:
            open_it()

    # ------------------------------------------------------------------------------------ private

    def _open(self, step: int, target: Left) -> None:
        places = self._after if step > 0 else self._before
        if not places or places[-1] is not target:
            return  # another study was opened while the question stood open

        def done(study: Study) -> None:
            self._going = step
            self._state.show_study(study)
            self._going = 0

        self._importer.drives.ask(OPENING, target.path.name, partial(Study, target.path), done)

    @Slot()
    def _on_left(self) -> None:
        study = self._state.study
        if study is None:
            return
        self._left = Left(study.path, _name_of(study), self._state.images)
        for number, part in list(self._parts.items()):
            if isValid(part.owner):
                self._left.kept[number] = part.take()
            else:
                del self._parts[number]

    @Slot()
    def _on_study(self) -> None:
        study, left = self._state.study, self._left
        if study is self._study:
            return
        self._study, self._left, self._waiting = study, None, None
        if study is None:
            return
        if left is None:  # in place of the line that the engine is loading
            self._state.message.emit(f"The study “{_name_of(study)}” is open.", False)
            return
        if not self._going and left.path != study.path:
            self._before, self._after = [*self._before, left][-KEPT:], []
            text = f"The study “{_name_of(study)}” is open; undo opens “{left.name}” again."
            self._state.message.emit(text, False)
        elif self._going:
            source, kept = self._before, self._after
            if self._going > 0:
                source, kept = kept, source
            again = source.pop()
            kept.append(left)
            del kept[:-KEPT]
            self._state.message.emit(f"The study “{again.name}” is open again.", False)
            # After all parts of the window have taken up the other study.
            QTimer.singleShot(0, self, partial(self._show_again, study, again))
        self._fill()

    def _fill(self) -> None:
        """Put the steps on the stack, which was cleared for the other study."""
        study, stack = self._state.study, self._edits.stack
        if study is None:
            return
        names = [*(left.name for left in self._before), _name_of(study)]
        names += [left.name for left in reversed(self._after)]
        for opened in names[1:]:
            self._quietly(partial(stack.push, _Opening(opened, self)))
        for _ in self._after:
            self._quietly(stack.undo)

    def _quietly(self, step: Callable[[], object]) -> None:
        self.quiet = True
        step()
        self.quiet = False

    def _show_again(self, study: Study, left: Left) -> None:
        if self._state.study is not study:
            return
        self._waiting = left
        images = left.images
        if images is not None and images != self._state.images:
            self._state.choose_images(images)
        self._show_parts(left, with_images=False)
        self._on_images()

    @Slot()
    def _on_images(self) -> None:
        left = self._waiting
        if left is None or left.images != self._state.images:
            return
        if self._state.image_set is not None or left.images is None:
            self._waiting = None
            # After all parts of the window have taken up the images.
            QTimer.singleShot(0, self, partial(self._show_parts, left, with_images=True))

    def _show_parts(self, left: Left, *, with_images: bool) -> None:
        for number, value in left.kept.items():
            part = self._parts.get(number)
            if (
                value
                and part is not None
                and part.with_images == with_images
                and isValid(part.owner)
            ):
                part.show(value)


def _name_of(study: Study) -> str:
    return str(study.about.get("name") or study.path.stem)


class _Opening(QUndoCommand):
    """The step from one study to another, which is taken once the stack is at rest."""

    def __init__(self, name: str, openings: Openings):
        super().__init__(plain_action(f"opening of “{name}”"))
        self._openings = openings

    def redo(self) -> None:
        """Open the study again; the first time it is open already."""
        self._go(1)

    def undo(self) -> None:
        """Open the study before it."""
        self._go(-1)

    def _go(self, step: int) -> None:
        openings = self._openings
        if not openings.quiet:
            QTimer.singleShot(0, openings, partial(openings.go, step))
