"""Computing the experiments of plan files, each in a study of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from gui.session.dropping import note_place

if TYPE_CHECKING:
    from engine.jobs.context import Control
    from engine.plan.plan_images import PlanWithImages
    from engine.plan.planfile import Head
    from engine.store.study import Study
    from gui.session.importer import Importer
    from gui.session.state import State

Described = list[tuple["Head", dict[str, Path]]]
"""Plans, and where their images lie as far as they were found."""


class Plans(QObject):
    """Reads plan files and queues what they ask for.

    Signals
    -------
    begun
        The computations of a plan are queued in a new study.
    """

    begun = Signal()

    def __init__(self, state: State, importer: Importer):
        super().__init__(state)
        self._state, self._importer = state, importer

    def describe(self, path: Path | None, done: Callable[[Described], object]) -> None:
        """Call ``done`` with what a plan file says of itself, or the built-in ones for None.

        A file that is no plan is said.
        """

        def work() -> Described:
            from engine.plan.plan_images import found_images
            from engine.plan.planfile import find_plan, head_of, presets

            paths = [find_plan(name) for name in presets()] if path is None else [path]
            return [(head, found_images(head)) for head in map(head_of, paths)]

        name = "the built-in experiments" if path is None else path.name
        ask = partial(self._importer.drives.ask, f"plan {path}", name, work, done)
        self._importer.when_loaded(ask)

    def run(self, plan: str, places: Mapping[str, Path]) -> None:
        """Compute a plan in a new study.

        Parameters
        ----------
        plan
            The name of a built-in one, or the path of a file.
        places
            Where the images lie that it names.
        """
        self._importer.when_loaded(lambda: self._read(plan, dict(places)))

    def _read(self, name: str, places: Mapping[str, Path]) -> None:
        from engine.plan.planfile import find_plan

        importer, cache = self._importer, self._state.image_cache

        def work(control: Control) -> PlanWithImages:
            from engine.plan.plan_images import read_with_images

            return read_with_images(
                find_plan(name),
                places,
                progress=importer.note,
                check_cancelled=control.check,
                cache=cache,
            )

        stem = Path(name).stem
        importer.read(stem, work, partial(self._begin, stem), seen=bool(places))

    def _begin(self, name: str, found: PlanWithImages) -> None:
        """Make the study, keep in it where the images lie, then queue everything."""
        study = self._state.study if self._importer.create_study(name) else None
        if study is None:
            return

        def placed(problems: list[str]) -> None:
            for problem in problems:
                self._state.message.emit(problem, True)
            if self._state.study is study:
                self._queue(found)

        work = partial(_note_places, study, found.places)
        self._importer.drives.ask(f"places {name}", name, work, placed)

    def _queue(self, found: PlanWithImages) -> None:
        self._state.run(found.plan.specs)
        if found.plan.images is not None:
            self._state.choose_images(found.plan.images, found.shown)
        self.begun.emit()


def _note_places(study: Study, places: Mapping[str, Path]) -> list[str]:
    problems = (note_place(study, digest, path) for digest, path in places.items())
    return [problem for problem in problems if problem]
