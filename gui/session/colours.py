"""One colour for each network of the study, on every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

if TYPE_CHECKING:
    from gui.session.state import State


class NetworkColours(QObject):
    """Numbers the networks of the open study, in the order in which they were trained.

    A network that is still in training is numbered when a page first shows it. Numbers are never
    given again while the study is open, so deleting a network changes no colour.
    """

    def __init__(self, state: State):
        super().__init__(state)
        self._state = state
        self._study: object = None
        self._numbers: dict[str, int] = {}
        state.study_changed.connect(self._forget)

    def series(self, key: str) -> int:
        """Return the number of a network's colour, for :func:`gui.look.theme.series`."""
        if key not in self._numbers:
            for entry in self._state.entries("training", "imported"):
                self._numbers.setdefault(entry.key, len(self._numbers))
            self._numbers.setdefault(key, len(self._numbers))
        return self._numbers[key]

    @Slot()
    def _forget(self) -> None:
        study = self._state.study
        if study is not self._study:
            self._numbers.clear()
        self._study = study
