"""The networks of the study that pages offer for the current images, listed once for all pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.specs import ClassifierSpec
from engine.specs.distinguish import networks_apart
from engine.store.index import Entry

if TYPE_CHECKING:
    from gui.session.state import State


@dataclass(frozen=True)
class Network:
    """A trained network that can be chosen.

    Attributes
    ----------
    title
        How it was trained, or the user's name for it; networks of one title get distinguishing
        words.
    """

    entry: Entry
    spec: ClassifierSpec
    title: str

    @property
    def key(self) -> str:
        """Key of its record."""
        return self.entry.key


class Networks:
    """Lists the networks that can be used with the current images.

    A study may have thousands, and several pages ask with every change: the list is kept until the
    records or the images are others.
    """

    def __init__(self, state: State):
        self._state = state
        self._of: object = None
        self._list: list[Network] = []

    def usable(self) -> list[Network]:
        """Return networks for the current image shape; those trained on these images come first."""
        state = self._state
        shape = None if state.image_set is None else state.image_set.shape
        # Lists of the same objects are compared without a look at what is in them.
        of = state.entries(), state.classifiers(), state.images, shape
        if of != self._of:
            self._of, self._list = of, self._listed(*of)
        return self._list

    def _listed(
        self,
        entries: list[Entry],
        networks: list[tuple[Entry, ClassifierSpec]],
        images: object,
        shape: tuple[int, ...] | None,
    ) -> list[Network]:
        shapes = {entry.key: _shape(entry) for entry in entries}
        own, other = [], []
        for entry, spec in networks:
            if images is None or spec.images == images:
                own.append((entry, spec))
            elif shape is None or shapes.get(spec.images.key) in (None, shape):
                other.append((entry, spec))
        pairs = [*own, *other]
        titles = networks_apart([entry.title for entry, _ in pairs], [spec for _, spec in pairs])
        return [Network(*pair, title) for pair, title in zip(pairs, titles, strict=True)]


def _shape(entry: Entry) -> tuple[int, ...] | None:
    sides = [entry.numbers.get(name) for name in ("channels", "height", "width")]
    return None if None in sides else tuple(int(side) for side in sides if side is not None)
