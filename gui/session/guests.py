"""Images that are shown beside the study's own: those that are dropped on Attack or Maps.

They are prepared as a network's images were, and belong to the session: what is computed of them
is kept like any other record, with a spec of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QImage

from engine.specs import FolderImages, ImagesSpec, StoredImages
from engine.store.study import Study
from gui.session import dropping
from gui.session.drives import Drives
from gui.session.dropping import image_files, spread
from gui.session.files import copies

if TYPE_CHECKING:
    from engine.data.image_set import ImageSet
    from engine.data.sources import Check
    from gui.session.state import State

    Answer = tuple[StoredImages, ImageSet, int, str]  # the last: why the place cannot be kept

Step = Callable[[str, Callable[[], object], Callable[[], object]], object]
MOST = 200  # images that one drop adds
_NUMBERS = itertools.count()
KEPT = "kept at {w} x {h} px"
FITS = {
    "resize": "stretched to {w} x {h} px",
    "crop": "cut to the square in the middle, then scaled to {w} x {h} px",
    "pad": "made square with black borders, then scaled to {w} x {h} px",
}


@dataclass(frozen=True, eq=False)
class Guest:
    """One or several images that were added together.

    Attributes
    ----------
    spec, images
        Their spec and pixels; all of them are test images.
    note
        How they were prepared, in a sentence.
    """

    spec: ImagesSpec
    images: ImageSet
    note: str

    def __len__(self) -> int:
        return len(self.images.test_images)

    def name(self, index: int) -> str:
        """Return the name of an image's file."""
        files = self.images.test_files
        return files[index].rsplit("/", 1)[-1] if index < len(files) else self.spec.title


@dataclass(frozen=True, eq=False)
class ShownImages:
    """The images in the list of a page: the study's test images, then those of the guests.

    It is indexed like an array of images (N, C, H, W), one image at a time, without a copy.
    """

    spec: ImagesSpec | None
    own: ImageSet | None
    guests: tuple[Guest, ...] = ()

    @property
    def count(self) -> int:
        """Number of the study's own images, which come first."""
        return 0 if self.own is None else len(self.own.test_images)

    def __len__(self) -> int:
        return self.count + sum(map(len, self.guests))

    def __getitem__(self, index: int) -> NDArray[Any]:
        guest, local = self._place(index)
        held = self.own if guest is None else guest.images
        if held is None:
            raise IndexError(index)
        return np.asarray(held.test_images[local])

    @property
    def labels(self) -> NDArray[np.int64]:
        """The labels (N,); -1 for guests, whose classes may be others than the network's."""
        own = np.zeros(0, np.int64) if self.own is None else self.own.test_labels
        return np.concatenate([own, np.full(len(self) - self.count, -1, np.int64)])

    @property
    def classes(self) -> Sequence[str]:
        """The names of the study's classes."""
        return () if self.own is None else self.own.classes

    @property
    def names(self) -> dict[int, str]:
        """The names of the guests by index."""
        return {index: self.name(index) for index in range(self.count, len(self))}

    def name(self, index: int) -> str:
        """Return the class of one of the study's images, or the name of a guest; "" of neither."""
        guest, local = self._place(index)
        if guest is not None:
            return guest.name(local)
        label = -1 if self.own is None else int(self.own.test_labels[local])
        return self.classes[label] if 0 <= label < len(self.classes) else ""

    def note(self, index: int) -> str:
        """Return how a guest was prepared; "" of the study's own images."""
        guest, _ = self._place(index)
        return "" if guest is None else guest.note

    def is_guest(self, index: int) -> bool:
        """Return whether an image is not one of the study's."""
        return index >= self.count

    def by_set(self, indices: Sequence[int]) -> list[tuple[ImagesSpec, list[int], list[int]]]:
        """Return indices by the set that they belong to.

        Returns
        -------
        For each set its spec, the indices of images in it, and their positions in ``indices``.
        """
        found: dict[str, tuple[ImagesSpec, list[int], list[int]]] = {}
        for position, index in enumerate(indices):
            guest, local = self._place(index)
            spec = self.spec if guest is None else guest.spec
            if spec is not None:
                part = found.setdefault(spec.key, (spec, [], []))
                part[1].append(local)
                part[2].append(position)
        return list(found.values())

    def place_of(self, spec: ImagesSpec | None, local: Sequence[int]) -> list[int]:
        """Return the indices in the list of images of a set; none if it is not shown."""
        if spec is None or spec == self.spec:
            return [index for index in local if index < self.count]
        before = self.count
        for guest in self.guests:
            if guest.spec == spec:
                return [before + index for index in local if index < len(guest)]
            before += len(guest)
        return []

    def _place(self, index: int) -> tuple[Guest | None, int]:
        left = index - self.count
        if left < 0:
            return None, index
        for guest in self.guests:
            if left < len(guest):
                return guest, left
            left -= len(guest)
        raise IndexError(index)


class Guests(QObject):
    """The images that were added to the open study's in this session.

    Signals
    -------
    changed
        Images were added, or went because the study's have another shape.
    arrived
        Takes the spec of images that are to be looked at now.
    """

    changed = Signal()
    arrived = Signal(object)

    def __init__(self, state: State):
        super().__init__(state)
        self._state = state
        self._drives = Drives(state)
        self._study: Study | None = None
        self._sets: tuple[Guest, ...] = ()
        self.step: Step = lambda _, do, undo: do()
        state.study_changed.connect(self._on_study)
        state.images_changed.connect(self._on_images)

    @property
    def shown(self) -> ShownImages:
        """The study's test images and the guests, as the pages list them."""
        return ShownImages(self._state.images, self._state.image_set, self._sets)

    # ------------------------------------------------------------------------------------- taking

    def take(self, paths: Sequence[Path], like: ImagesSpec) -> None:
        """Add images, prepared like those that a network was trained on.

        Parameters
        ----------
        paths
            Image files, and folders of which all images are taken.
        like
            The network's images.
        """
        study, image_set = self._state.study, self._state.image_set
        if study is None or image_set is None:
            return
        shape = image_set.shape
        if shape[1] != shape[2]:
            text = "These networks take images of {} x {} px; only square ones can be added."
            self._say(text.format(shape[2], shape[1]), error=True)
            return
        form = prepared_like(like, shape)

        def work(check: Check, moved: Callable[[], None]) -> Answer:
            place = study.path / "dropped" / (dropping.name_of(paths) or "images")
            where, spec, images, count = read(list(paths), place, form, check, moved)
            return spec, images, count, dropping.note_place(study, spec.digest, where)

        self._say(f"Reading {paths[0].name} …")
        # A channel for each: what is dropped later must not take the place of this.
        channel = f"guests {next(_NUMBERS)}"
        self._drives.read(channel, paths[0].name, work, partial(self._take, study, like))

    def bring(self, spec: ImagesSpec) -> None:
        """Add the images of an earlier session by their spec, unless they are there already."""
        study = self._state.study
        if study is None or self.has(spec):
            self.arrived.emit(spec)
            return

        def work(check: Check, moved: Callable[[], None]) -> ImageSet:
            from engine.data.images import load

            def progress(*_: object) -> None:
                moved()

            return load(spec, study.locate, check_cancelled=check, progress=progress)

        def done(images: ImageSet) -> None:
            own = self._state.image_set
            if study is self._state.study and own is not None and own.shape == images.shape:
                self._add(Guest(spec, images, how_prepared(spec, images)))

        self._drives.read(f"guests {next(_NUMBERS)}", spec.title, work, done)

    def has(self, spec: ImagesSpec | None) -> bool:
        """Return whether images are among the guests."""
        return any(guest.spec == spec for guest in self._sets)

    def take_picture(self, picture: QImage, like: ImagesSpec) -> None:
        """Add a picture of the clipboard, which is kept in the study's folder."""
        study = self._state.study
        if study is None:
            return

        def saved(check: Check, moved: Callable[[], None]) -> Path:
            return copies.saved_picture(study, picture, check).path

        channel = f"guests {next(_NUMBERS)}"
        self._drives.read(channel, "picture", saved, lambda path: self.take([path], like))

    def _take(self, study: Study, like: ImagesSpec, answer: Answer) -> None:
        spec, images, total, problem = answer
        if study is not self._state.study:
            return
        if problem:
            self._say(problem, error=True)
        note = how_prepared(like, images)
        before, add = self._sets, partial(self._add, Guest(spec, images, note))
        self.step(f"adding of “{spec.title}”", add, lambda: self._keep(before.__contains__))
        self._say(_summary(spec, images, note, total))

    def _add(self, guest: Guest) -> None:
        self._state.runner.share_images(guest.spec, guest.images)
        if not self.has(guest.spec):
            self._sets = (*self._sets, guest)
            self.changed.emit()
        self.arrived.emit(guest.spec)

    def _say(self, text: str, *, error: bool = False) -> None:
        self._state.message.emit(text, error)

    # ------------------------------------------------------------------------------------ private

    @Slot()
    def _on_study(self) -> None:
        if self._state.study is not self._study:
            self._study = self._state.study
            self._keep(lambda _: False)

    @Slot()
    def _on_images(self) -> None:
        """Let those go that the study's networks cannot take any more."""
        image_set = self._state.image_set
        if image_set is not None:
            self._keep(lambda guest: guest.images.shape == image_set.shape)

    def _keep(self, wanted: Callable[[Guest], bool]) -> None:
        kept = tuple(filter(wanted, self._sets))
        if kept != self._sets:
            self._sets = kept
            self.changed.emit()


def prepared_like(like: ImagesSpec, shape: tuple[int, int, int]) -> dict[str, Any]:
    """Return the options of :func:`engine.data.images.ingest` that prepare files like other images.

    Parameters
    ----------
    like
        A network's images; if they are no image files, only their shape is taken over.
    shape
        Their channels, height and width.
    """
    rule = dropping.RULE if isinstance(like, FolderImages) else ()
    return {
        "image_size": shape[1],
        "channels": "grey" if shape[0] == 1 else "rgb",
        "validation": 0.0,
        **{name: getattr(like, name) for name in rule},
    }


def how_prepared(like: ImagesSpec, images: ImageSet) -> str:
    """Say how images were prepared, and whether the network's own were prepared in this way."""
    from engine.data.remarks import was_resized

    shape, resized = images.shape, was_resized(images)
    fit = like.fit if isinstance(like, FolderImages) else "resize"
    words = (FITS[fit] if resized else KEPT).format(w=shape[2], h=shape[1])
    words = words[0].upper() + words[1:] + (" and grey" if shape[0] == 1 else "")
    if isinstance(like, FolderImages):
        end = f"as the images of {like.title} were" if resized else f"the shape of {like.title}"
        words += f", {end}."
    else:
        words += f", the shape of {like.title}; its brightness is its own, as those are no files."
    return " ".join([words, *dropping.told_of_values(images)])


def read(
    paths: list[Path],
    place: Path,
    form: dict[str, Any],
    check: Check,
    moved: Callable[[], None] = lambda: None,
) -> tuple[Path, StoredImages, ImageSet, int]:
    """Read image files, and those of folders, as one set without classes.

    One file, and a folder without subfolders, are read where they are. Of other folders, and of
    several files, copies are made in ``place``, because a study knows one path for each set.
    ``moved`` is called with every file.

    Returns
    -------
    Where the images are, their spec, the images, and how many files there were to choose from.
    """
    from engine.data.images import ingest

    def went_on(*_: object) -> None:
        check()
        moved()

    files = image_files(paths, went_on)
    if not files:
        raise ValueError(f"{paths[0]} holds no image file")
    where = paths[0]
    flat = where.is_dir() and all(file.parent == where for file in files) and len(files) <= MOST

    def read_at(folder: Path) -> tuple[StoredImages, ImageSet]:
        return ingest(folder, **form, progress=went_on, check_cancelled=check)

    if len(paths) == 1 and (where.is_file() or flat):
        return where, *read_at(where), len(files)
    own = copies.copied(spread(files, MOST), place, went_on)
    where, found = copies.read_own(own, read_at)
    return where, *found, len(files)


def _summary(spec: ImagesSpec, images: ImageSet, note: str, total: int) -> str:
    count = len(images.test_images)
    what = f"{spec.title}: " if count == 1 else f"{spec.title}: {count:,} images, "
    parts = [what + note[0].lower() + note[1:]]
    if total > MOST:
        parts.append(f"{total:,} files were there; drop them on Data to use them all.")
    if images.skipped:
        first = images.skipped[0]
        parts.append(f"Left out: {len(images.skipped):,}, such as {first.path} ({first.reason}).")
    return " ".join(parts)
