"""Says once which letters of names and titles no font on this computer has."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Slot

from gui.session.state import State


class Letters(QObject):
    """Looks at the names of an opened study and of its images; every sentence is said once."""

    def __init__(self, state: State):
        super().__init__(state)
        self._state = state
        self._said: set[str] = set()
        state.study_changed.connect(self._look)
        state.images_changed.connect(self._look)

    @Slot()
    def _look(self) -> None:
        state = self._state
        if state.study is None:
            return
        texts = [state.study.path.stem, *(entry.title for entry in state.study.entries)]
        texts += [] if state.image_set is None else state.image_set.classes
        if all(map(str.isascii, texts)):
            return

        def work(_: Any) -> str:
            from engine.fonts import without_font

            return without_font(texts)

        state.runner.ask("letters", work, self._say, lambda _: None)

    def _say(self, sentence: str) -> None:
        if sentence and sentence not in self._said:
            self._said.add(sentence)
            self._state.message.emit(sentence[0].upper() + sentence[1:] + ".", False)
