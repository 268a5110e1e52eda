"""Image sets that were read before, ready to be read again at once.

Reading 60,000 files, hashing and decoding them, takes seconds; the pixels they come to take a
fraction of one. A cache keeps those pixels under what the file system says of the files: their
paths, sizes, times of change and numbers. Where any of that differs, the files are read again.

A cache belongs to the user, not to a study: what another person's study brings along is never
taken for images. Only the window keeps one; a run writes nothing outside its study.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.data.image_set import ImageSet, Skipped
from engine.data.sources import Check, FolderSource, Places, silent
from engine.program import VERSION
from engine.specs.images import StoredImages
from engine.specs.schema import SpecError, from_dict
from engine.store import hdf5
from engine.store.hdf5 import Content, FileError

SUFFIX = ".images"
# What is read faster than this is not worth its space.
WORTH_SECONDS = 0.5
# Files that changed so shortly before they were read may change again within one tick of a clock.
SETTLED_SECONDS = 3.0
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
TEXTS = ("classes", "train_files", "test_files", "notes")

FileState = tuple[str, int, int, int, int]
FileStates = list[FileState]
Answer = tuple[StoredImages, ImageSet]


@dataclass(frozen=True)
class ImageCache:
    """A folder of image sets, the longest unused thrown out first.

    Parameters
    ----------
    folder
        Made when the first set is kept.
    limit
        Bytes that all sets together may have.
    """

    folder: Path
    limit: int = 4 << 30

    def recall(
        self,
        places: Places,
        wish: Mapping[str, Any],
        read: Callable[[], Answer],
        check_cancelled: Check,
    ) -> Answer:
        """Return what ``read`` would return, from the cache if it was read before.

        Parameters
        ----------
        places
            A folder, an archive or a file; or several.
        wish
            Plain data: everything else that the result follows from.
        read
            Reads the images; called where the cache has none, or files changed.
        check_cancelled
            Called now and then; what it raises ends the look at the files.
        """
        begun = time.time()
        state = _state(places, check_cancelled)
        if state is None:
            return read()
        path = self._path(state, wish)
        found = _taken(path)
        if found is not None:
            return found
        reading = time.monotonic()
        answer = read()
        newest = max((changed for *_, changed in state), default=0)
        settled = begun - newest / 1e9 > SETTLED_SECONDS
        if settled and time.monotonic() - reading > WORTH_SECONDS:
            self._keep(path, self._path(state, wish_of(answer[0])), answer)
        return answer

    def _path(self, state: FileStates, wish: Mapping[str, Any]) -> Path:
        whole = json.dumps([VERSION, wish, state], sort_keys=True)
        name = hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:40]
        return self.folder / f"{name}{SUFFIX}"

    def clear(self) -> None:
        """Throw everything out."""
        self._drop_beyond(0)

    @property
    def nbytes(self) -> int:
        """How much is kept, in bytes."""
        return sum(size for _, size, _ in self._kept())

    def _keep(self, path: Path, other: Path, answer: Answer) -> None:
        """Keep a set under two names; where there is no room or no right to, do without."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            hdf5.write(path, _content(*answer))
            os.link(path, other)
        except OSError:
            return
        finally:
            self._drop_beyond(self.limit)

    def _drop_beyond(self, limit: int) -> None:
        total = 0
        for _, size, paths in sorted(self._kept(), reverse=True):
            total += size
            for path in paths if total > limit else ():
                path.unlink(missing_ok=True)

    def _kept(self) -> list[tuple[float, int, list[Path]]]:
        """Return time of last use, size and names of every set."""
        found: dict[int, tuple[float, int, list[Path]]] = {}
        for path in self.folder.glob(f"*{SUFFIX}"):
            try:
                about = path.stat()
            except FileNotFoundError:  # another window was first
                continue
            one = found.setdefault(about.st_ino, (about.st_mtime, about.st_size, []))
            one[2].append(path)
        return list(found.values())


def _state(places: Places, check: Check) -> FileStates | None:
    """Return path, size, number and times of every file; None where one cannot be looked at."""
    paths = [Path(places)] if isinstance(places, str | os.PathLike) else [*map(Path, places)]
    try:
        if len(paths) == 1 and paths[0].is_file():
            return [_state_of(paths[0].name, paths[0])]
        listing = FolderSource(paths, check, silent).listing
        return [_state_of(entry.path, entry.handle) for entry in listing.entries]
    except OSError:
        return None


def _state_of(name: str, path: str | Path) -> FileState:
    about = os.stat(path)
    # The time of change, unlike that of modification, cannot be set; on Windows it never changes.
    changed = max(about.st_mtime_ns, about.st_ctime_ns)
    return name, about.st_size, about.st_ino, about.st_mtime_ns, changed


def wish_of(spec: StoredImages) -> dict[str, Any]:
    """Return the wish for the images of a known spec."""
    return {"spec": spec.as_dict()}


def _content(spec: StoredImages, images: ImageSet) -> Content:
    about = {
        "spec": spec.as_dict(),
        "skipped": [asdict(item) for item in images.skipped],
        **{name: getattr(images, name) for name in TEXTS},
    }
    return Content(about, {name: getattr(images, name) for name in ARRAYS})


def _taken(path: Path) -> Answer | None:
    """Return what a file of the cache holds; None if there is none, or none that is whole."""
    try:
        content = hdf5.read(path)
        os.utime(path)
        about, arrays = content.documents, content.arrays
        names = {name: tuple(about[name]) for name in TEXTS}
        skipped = tuple(Skipped(**item) for item in about["skipped"])
        parts: dict[str, Any] = {name: arrays[name] for name in ARRAYS} | names
        images = ImageSet(**parts, skipped=skipped)
        return from_dict(about["spec"], StoredImages), images
    except (OSError, FileError, SpecError, KeyError, TypeError, ValueError):
        return None
