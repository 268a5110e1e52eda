"""The images that the user picked in one place, for all places that speak of images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

if TYPE_CHECKING:
    from engine.specs import ImagesSpec
    from gui.session.state import State


class ImageSelection(QObject):
    """Test images of the present set. Attack and Maps list only these, By class counts them.

    Signals
    -------
    changed
        Other images are selected, or none.

    Attributes
    ----------
    indices
        Numbers of test images, ascending; empty while all images are meant.
    words
        Where they were picked, such as "taken for 7 by Standard, seed 0".
    """

    changed = Signal()

    def __init__(self, state: State):
        super().__init__(state)
        self._state = state
        self._images: ImagesSpec | None = None
        self.indices: tuple[int, ...] = ()
        self.words = ""
        state.images_changed.connect(self._on_images)

    def choose(self, indices: Iterable[int], words: str) -> None:
        """Select these test images of the present set; none select all."""
        found = tuple(sorted({int(index) for index in indices}))
        self._images = self._state.images
        if found != self.indices or (found and words != self.words):
            self.indices, self.words = found, words if found else ""
            self.changed.emit()

    def pick(self, index: int, words: str, *, more: bool) -> None:
        """Select one test image, or put it among the selected ones; a second time takes it out.

        Parameters
        ----------
        more
            Keep those that are selected.
        """
        before = set(self.indices) if more else set()
        self.choose(before ^ {index}, words)

    @Slot()
    def clear(self) -> None:
        """Mean all images again."""
        self.choose((), "")

    def kept(self) -> tuple[tuple[int, ...], str]:
        """Return what :meth:`show_kept` selects again."""
        return self.indices, self.words

    def show_kept(self, kept: tuple[tuple[int, ...], str]) -> None:
        """Select what was selected when :meth:`kept` was called."""
        self.choose(*kept)

    def count_text(self) -> str:
        """Return how many are selected, or ""."""
        count = len(self.indices)
        return "" if not count else "1 image selected" if count == 1 else f"{count:,} selected"

    @Slot()
    def _on_images(self) -> None:
        if self._images != self._state.images:
            self.clear()
