"""List and read the files under a folder or of a list of paths.

Hidden and system names (.DS_Store, ._*, Thumbs.db, .ipynb_checkpoints, __MACOSX) are ignored
silently; all other files that are left out are listed as skipped, and hidden folders that no
program is known to make, because they may be classes.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.data.image_set import Skipped
from engine.data.safety.names import printable, shown_names
from engine.store.files import NotAFile, open_regular

FILE_CAP = 256 * 2**20  # maximum size of one file in bytes
STEP = 1000  # files between two checks for cancellation

_SYSTEM_NAMES = (
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"),
    *("$recycle.bin", "system volume information"),
)

# Beginnings of the names of hidden folders that programs and systems make beside a user's files.
_TOOLS = (
    *("._", ".git", ".svn", ".hg", ".bzr", ".dvc", ".ipynb_checkpoints", ".idea", ".vscode"),
    *(".trash", ".thumb", ".cache", ".comments", ".xvpics", ".picasa", ".@__thumb", ".appledouble"),
    *(".fseventsd", ".spotlight", ".temporaryitems", ".documentrevisions", ".snapshot", ".zfs"),
    *(".dropbox", ".sync", ".stfolder", ".stversions", ".kaggle", ".venv", ".tmp", ".nfs"),
)

HIDDEN = "a hidden folder: its name begins with a dot"
NOT_REGULAR = "neither a file nor a folder"
NO_PERMISSION = "no permission to read it"
TOO_LARGE = f"larger than {FILE_CAP // 2**20} MB"

SourcePath = str | os.PathLike[str]
Places = SourcePath | Sequence[SourcePath]
OnProgress = Callable[[int, int], None]
Check = Callable[[], None]


class ImagesError(ValueError):
    """Images cannot be used; the message is one sentence for the user."""


class UnreadableFile(ValueError):
    """A file cannot be read; the message is a short reason."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A regular file: its relative posix path, and the handle by which its source reads it."""

    path: str
    handle: Any


@dataclass(frozen=True)
class Listing:
    """All files of a source.

    Parameters
    ----------
    name
        Name of the folder or archive, without an archive's suffix.
    entries
        Sorted by path.
    folders
        Relative paths of all folders, including empty ones.
    skipped
        Items that are not regular files, or cannot be accessed.
    """

    name: str
    entries: tuple[SourceFile, ...]
    folders: frozenset[str]
    skipped: tuple[Skipped, ...]


class Source(Protocol):
    """An opened source; only one thread reads from it."""

    listing: Listing

    def in_order(self, entries: Sequence[SourceFile]) -> list[int]:
        """Return indices in the order in which these entries are read fastest."""

    def read(self, entry: SourceFile) -> bytes:
        """Return a file's bytes; raise :class:`UnreadableFile`."""

    def close(self) -> None:
        """Close all open files."""


def never() -> None:
    """Do nothing; the default check of a caller that does not cancel."""


def silent(done: int, total: int) -> None:
    """Do nothing; the default progress callback."""


def is_hidden(name: str) -> bool:
    """Return whether a file name is hidden or belongs to the operating system."""
    return name.startswith(".") or name.lower() in _SYSTEM_NAMES


def is_unusually_hidden(name: str) -> bool:
    """Return whether a hidden folder is none that some program makes: it may be a class."""
    return name.startswith(".") and not name.lower().startswith(_TOOLS)


class FolderSource:
    """The files under a folder, or under several paths taken together.

    Links to folders are followed after all real folders, and no folder is entered twice. So a link
    cannot cause an endless loop, or hide the folder it points to.
    """

    def __init__(self, paths: Sequence[Path], check: Check, progress: OnProgress) -> None:
        self._check, self._progress = check, progress
        self._entries: list[SourceFile] = []
        self._folders: set[str] = set()
        self._skipped: list[Skipped] = []
        self._seen: set[tuple[int, int]] = set()
        self._waiting: deque[tuple[str, str, bool]] = deque()
        if len(paths) == 1 and paths[0].is_dir():
            self._waiting.append((str(paths[0]), "", False))
            name = paths[0].resolve().name
        else:
            self._take_together(paths)
            name = paths[0].stem if len(paths) == 1 else f"{len(paths)} dropped items"
        while self._waiting:
            self._enter(*self._waiting.popleft())
        self._entries.sort(key=lambda entry: entry.path)
        self.listing = Listing(
            printable(name),
            tuple(self._entries),
            frozenset(self._folders),
            tuple(sorted(self._skipped, key=lambda item: item.path)),
        )

    def in_order(self, entries: Sequence[SourceFile]) -> list[int]:
        """Return the entries' own order."""
        return list(range(len(entries)))

    def read(self, entry: SourceFile) -> bytes:
        """Return a file's bytes; raise :class:`UnreadableFile`."""
        try:
            with open_regular(entry.handle) as file:
                if os.fstat(file.fileno()).st_size > FILE_CAP:
                    raise UnreadableFile(TOO_LARGE)
                data: bytes = file.read()
                return data
        except PermissionError:
            raise UnreadableFile(NO_PERMISSION) from None
        except NotAFile:
            raise UnreadableFile(NOT_REGULAR) from None
        except OSError as error:
            raise UnreadableFile(f"cannot be read ({error.strerror})") from None

    def close(self) -> None:
        """Do nothing: every file is closed after it is read."""

    def _take_together(self, paths: Sequence[Path]) -> None:
        names: set[str] = set()
        for path in sorted(paths, key=lambda path: (path.name, str(path))):
            name = printable(path.resolve().name)
            if name in names:
                self._skip(name, "another dropped item has the same name")
            elif path.is_dir():
                self._waiting.append((str(path), name, False))
            else:
                self._entries.append(SourceFile(name, str(path)))
            names.add(name)

    def _skip(self, path: str, reason: str) -> None:
        self._skipped.append(Skipped(path, reason))

    def _enter(self, folder: str, relative: str, linked: bool) -> None:
        self._check()
        try:
            about = os.stat(folder)
            if (about.st_dev, about.st_ino) in self._seen:
                self._skip(relative, "a link to a folder that is read already")
                return
            self._seen.add((about.st_dev, about.st_ino))
            with os.scandir(folder) as found:
                items = sorted(found, key=lambda item: item.name)
        except OSError:
            self._skip(relative, NO_PERMISSION)
            return
        if relative:
            self._folders.add(relative)
        prefix = f"{relative}/" if relative else ""
        for item in items:
            if is_unusually_hidden(item.name) and item.is_dir(follow_symlinks=False):
                self._skip(prefix + printable(item.name), HIDDEN)
        items = [item for item in items if not is_hidden(item.name)]
        names = shown_names(item.name for item in items)
        for item in items:
            self._take(item, prefix + names[item.name], linked)

    def _take(self, item: os.DirEntry[str], path: str, linked: bool) -> None:
        if item.is_symlink():
            self._follow(item, path)
        elif item.is_dir(follow_symlinks=False):
            # Folders reached through a link are entered after all others.
            wait = self._waiting.append if linked else self._waiting.appendleft
            wait((item.path, path, linked))
        elif item.is_file(follow_symlinks=False):
            self._add(path, item.path)
        else:
            self._skip(path, NOT_REGULAR)

    def _follow(self, item: os.DirEntry[str], path: str) -> None:
        try:
            mode = os.stat(item.path).st_mode
        except OSError:
            self._skip(path, "a link that leads nowhere")
            return
        if stat.S_ISDIR(mode):
            self._waiting.append((item.path, path, True))
        elif stat.S_ISREG(mode):
            self._add(path, item.path)
        else:
            self._skip(path, NOT_REGULAR)

    def _add(self, path: str, place: str) -> None:
        self._entries.append(SourceFile(path, place))
        if len(self._entries) % STEP == 0:
            self._check()
            self._progress(len(self._entries), 0)
