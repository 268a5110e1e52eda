"""The class names of a network, taken from the images it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from engine.specs import ClassifierSpec, ImagesSpec
from engine.store.study import Study
from engine.texts import placed
from gui.session.state import State


class ClassNames(QObject):
    """Gives the class names of the current images, and reads those of others from the study.

    Signals
    -------
    changed
        More names are known than before.
    """

    changed = Signal()

    def __init__(self, state: State, parent: QObject | None = None):
        super().__init__(parent)
        self._state = state
        self._known: dict[str, Sequence[str]] = {}
        state.study_changed.connect(self._forget)

    def of(self, images: ImagesSpec) -> Sequence[str]:
        """Return the class names, or () until they are known."""
        state = self._state
        if images == state.images and state.image_set is not None:
            return _in_sentences(tuple(state.image_set.classes))
        if images.key not in self._known:
            self._known[images.key] = ()
            self._read(images)
        return self._known[images.key]

    def of_outputs(self, network: ClassifierSpec) -> Sequence[str]:
        """Return the names of a network's outputs, or () until its images' classes are known."""
        return network.output_names(self.of(network.images))

    def listed(self, network: ClassifierSpec, count: int) -> list[str]:
        """Return ``count`` names of outputs, with the number of one that has no name."""
        names = self.of_outputs(network)
        return [names[label] if label < len(names) else str(label) for label in range(count)]

    def _read(self, images: ImagesSpec) -> None:
        study = self._state.study
        if study is None or not study.has(images):
            return
        done = partial(self._take, images.key)
        work = partial(_classes_in, study, images)
        # Errors are ignored: class numbers are shown instead, and damaged records are reported
        # elsewhere.
        self._state.runner.ask(f"classes/{images.key}", work, done, lambda _: None)

    def _take(self, key: str, names: Sequence[str]) -> None:
        self._known[key] = _in_sentences(tuple(names))
        self.changed.emit()

    @Slot()
    def _forget(self) -> None:
        self._known.clear()


@lru_cache(maxsize=8)
def _in_sentences(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(placed, names))


def _classes_in(study: Study, images: ImagesSpec, _: Any) -> Sequence[str]:
    return tuple(str(name) for name in study.read(images).documents.get("classes", ()))
