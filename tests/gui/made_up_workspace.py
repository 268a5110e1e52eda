"""A workspace around a made-up study, whose lane answers at once and whose runs are only noted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.image_set import ImageSet
from engine.specs.schema import Spec
from engine.store.study import Study
from gui.session.workspace import Workspace
from tests import made_up_study as made_up


class NeverStale:
    """Stands in for the control of a lane's work."""

    def check(self) -> None:
        """Go on."""


def image_set() -> ImageSet:
    """Return a few black images."""
    images = np.zeros((4, 1, 8, 8), np.uint8)
    labels = np.arange(4, dtype=np.int64)
    return ImageSet(
        train_images=images,
        train_labels=labels,
        test_images=images,
        test_labels=labels,
        classes=tuple("0123"),
    )


def workspace_on(study: Study | None) -> tuple[Any, list[Spec]]:
    """Return a workspace with a study open, and the list of what was asked to run."""
    workspace: Any = Workspace()
    ran: list[Spec] = []

    def ask(
        channel: str,
        work: Callable[[Any], Any],
        done: Callable[[Any], None],
        failed: Callable[[str], None],
    ) -> None:
        try:
            answer = work(NeverStale())
        except ValueError as error:
            failed(str(error))
        else:
            done(answer)

    def run(specs: Any) -> list[Spec]:
        ran.extend(specs)
        return ran

    workspace.runner.ask = ask
    workspace.runner.run = run
    if study is not None:
        workspace.study = study
        workspace.study_changed.emit()
        workspace.choose_images(made_up.IMAGES, image_set())
    return workspace, ran


def new_study(folder: Path) -> Study:
    """Return an empty study."""
    return Study(folder / "study.isthmus", create=True)


def stored(workspace: Any, entry: Any) -> None:
    """Say that a record was stored, as the runner does."""
    workspace.record_added.emit(entry)
