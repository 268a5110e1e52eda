"""A disk cache of decoded image sets, the shelf.

Reading, hashing and decoding 60,000 files takes seconds; mapping the decoded pixels takes a
fraction of a second. The cache stores the pixels under a hash of the files' metadata: paths, sizes,
inode numbers, and times of modification and change. If any of these differ, the files are read
again. A set that was stored is used from there, so that its pixels take no memory of the process.

The cache belongs to the user, not to a study, so another person's study cannot put images into it.
Only the window uses a cache; a command-line run writes nothing outside its study.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.data.image_set import PARTS, ImageSet, Skipped
from engine.data.kept import shelf
from engine.data.sources import Check, FolderSource, Places, silent
from engine.memory import blocks, scratch_in
from engine.program import VERSION
from engine.specs.images import StoredImages
from engine.specs.schema import SpecError, from_dict
from engine.store.atomic import remove_left_over

SUFFIX = ".images"
# Sets that are read faster than this are not cached.
WORTH_SECONDS = 0.5
# Files that changed more recently are not cached: within one tick of the file system's clock they
# may change again without a new time.
SETTLED_SECONDS = 3.0
# A set larger than the limit is kept all the same if it leaves this share of the disk free.
FREE_SHARE = 0.1
HASHED_AT_ONCE = 2000  # files; a millisecond
ARRAYS = tuple(f"{part}_{what}" for part in PARTS for what in ("images", "labels"))
TEXTS = ("classes", *(f"{part}_files" for part in PARTS), "notes", "scale", "alarms")

FileState = tuple[str, int, int, int, int]
FileStates = list[FileState]
Answer = tuple[StoredImages, ImageSet]


@dataclass(frozen=True)
class ImageCache:
    """A folder of image sets; when it is full, the least recently used set is deleted first.

    The set that was stored last stays, however large it is: reading it anew at every opening is
    what the cache is there to save. It is not stored at all if it would fill the disk.

    Parameters
    ----------
    folder
        Created when the first set is stored.
    limit
        Maximum size of all sets together, in bytes.
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
        """Return the result of ``read``, from the cache if it is there.

        Parameters
        ----------
        places
            A folder, an archive or a file; or several.
        wish
            JSON data with everything else that determines the result.
        read
            Reads the images; called if the cache does not have them or files changed.
        check_cancelled
            Called regularly while the files are listed; may raise to stop.
        """
        begun = time.time()
        self.tidy()
        state = file_states(places, check_cancelled)
        if state is None:
            return read()
        path = self._path(state, wish)
        found = _taken(path)
        if found is not None:
            return found
        reading = time.monotonic()
        with scratch_in(self.folder):
            answer = read()
        newest = max((changed for *_, changed in state), default=0)
        settled = begun - newest / 1e9 > SETTLED_SECONDS
        if settled and time.monotonic() - reading > WORTH_SECONDS:
            other = self._path(state, wish_of(answer[0]))
            if self._keep(path, other, answer, check_cancelled):
                return _taken(path) or answer
        return answer

    def tidy(self) -> None:
        """Remove what processes left that ended while they wrote a set."""
        remove_left_over(self.folder)

    def _path(self, state: FileStates, wish: Mapping[str, Any]) -> Path:
        return self.folder / f"{name_of(state, wish)}{SUFFIX}"

    def clear(self) -> None:
        """Delete all cached sets."""
        self._drop_beyond(0)

    @property
    def nbytes(self) -> int:
        """Size of all cached sets in bytes, and of those that are being written."""
        return sum(size for _, size, _ in self._kept())

    def _keep(self, path: Path, other: Path, answer: Answer, check: Check) -> bool:
        """Store a set under two names; return whether it is there.

        Nothing is stored if the disk is not writable or would be full.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            disk = shutil.disk_usage(self.folder)
            if disk.free - answer[1].nbytes < FREE_SHARE * disk.total:
                return False
            shelf.write(path, *_content(*answer), check)
        except OSError:
            return False
        with suppress(OSError):  # a file system without links keeps the first name
            if other != path:
                other.unlink(missing_ok=True)
                os.link(path, other)
        self._drop_beyond(self.limit, newest=path)
        return True

    def _drop_beyond(self, limit: int, newest: Path | None = None) -> None:
        total = 0
        for _, size, paths in sorted(self._kept(), reverse=True):
            total += size
            for path in paths if total > limit and newest not in paths else ():
                # Windows does not remove a file that is mapped; it goes when it is not in use.
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def _kept(self) -> list[tuple[float, int, list[Path]]]:
        """Return time of last use, size and names of every set."""
        found: dict[int, tuple[float, int, list[Path]]] = {}
        for path in (*self.folder.glob(f"*{SUFFIX}"), *self.folder.glob(f".*{SUFFIX}.tmp-*")):
            try:
                about = path.stat()
            except FileNotFoundError:  # another window has deleted it
                continue
            one = found.setdefault(about.st_ino, (about.st_mtime, about.st_size, []))
            one[2].append(path)
        return list(found.values())


def name_of(states: FileStates, wish: Mapping[str, Any]) -> str:
    """Return a hash of files and of everything else that determines what reading them gives."""
    # The hash of json.dumps([VERSION, wish, states], sort_keys=True), made in parts: in one piece
    # it would hold Python's lock, and with it the window, for a tenth of a second.
    found = hashlib.sha256()
    head = json.dumps([VERSION, wish], sort_keys=True)
    found.update(f"{head[:-1]}, [".encode("utf-8", "surrogatepass"))
    for part in blocks(len(states), 1, limit=HASHED_AT_ONCE):
        text = json.dumps(states[part])[1:-1]
        before = ", " if part.start else ""
        found.update(f"{before}{text}".encode("utf-8", "surrogatepass"))
    found.update(b"]]")
    return found.hexdigest()[:40]


def file_states(places: Places, check: Check) -> FileStates | None:
    """Return path, size, inode and times of every file; None if one cannot be accessed."""
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
    # st_ctime, unlike st_mtime, cannot be set by a program; on Windows it is the creation time.
    changed = max(about.st_mtime_ns, about.st_ctime_ns)
    return name, about.st_size, about.st_ino, about.st_mtime_ns, changed


def wish_of(spec: StoredImages) -> dict[str, Any]:
    """Return the ``wish`` of :meth:`ImageCache.recall` for the images of a spec with a digest."""
    return {"spec": spec.as_dict()}


def _content(spec: StoredImages, images: ImageSet) -> tuple[dict[str, Any], shelf.Arrays]:
    about = {
        "spec": spec.as_dict(),
        "skipped": [asdict(item) for item in images.skipped],
        **{name: getattr(images, name) for name in TEXTS},
    }
    return about, {name: getattr(images, name) for name in ARRAYS}


def _taken(path: Path) -> Answer | None:
    """Return the content of a cache file, or None if it is missing or damaged."""
    try:
        about, arrays = shelf.read(path)
        os.utime(path)
        names = {name: tuple(about[name]) for name in TEXTS}
        skipped = tuple(Skipped(**item) for item in about["skipped"])
        parts: dict[str, Any] = {name: arrays[name] for name in ARRAYS} | names
        images = ImageSet(**parts, skipped=skipped)
        return from_dict(about["spec"], StoredImages), images
    except (OSError, SpecError, KeyError, TypeError, ValueError, IndexError):
        return None
