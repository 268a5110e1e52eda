"""Delete records by moving them to the study's trash, and restore them.

Deleting moves a record and everything computed from it from ``records/`` to ``trash/``. Each file
is moved by one rename, so it is always in exactly one of the two folders. Dependent records are
moved to the trash first and restored last. So even after the process is killed, the parents of
every record in ``records/`` are also there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.store import index
from engine.store.atomic import sync_folder
from engine.store.hdf5 import FileError
from engine.store.index import Entry, is_record_name
from engine.store.study import Study, StudyError

FOLDER = "trash"
Progress = Callable[[int, int], object]


def _silent(done: int, total: int) -> None:
    """Tell nobody how far it is."""


@dataclass(frozen=True)
class Deleted:
    """Records in the trash, in the order in which to restore them: parents first."""

    entries: tuple[Entry, ...]

    @property
    def keys(self) -> frozenset[str]:
        """Their keys."""
        return frozenset(entry.key for entry in self.entries)


def dependants(entries: Iterable[Entry], keys: Collection[str]) -> list[Entry]:
    """Return the records with these keys and all records computed from them, parents first.

    ``entries`` are all records of the study, in any order.
    """
    known = {entry.key: entry for entry in entries}
    children: dict[str, list[str]] = {}
    for entry in known.values():
        for parent in entry.parents:
            children.setdefault(parent, []).append(entry.key)
    wanted: set[str] = set()
    waiting = [key for key in keys if key in known]
    while waiting:
        key = waiting.pop()
        if key not in wanted:
            wanted.add(key)
            waiting += [child for child in children.get(key, ()) if child in known]
    return _parents_first({key: known[key] for key in wanted})


def delete(study: Study, keys: Collection[str], progress: Progress = _silent) -> Deleted:
    """Move records, and all records computed from them, into the trash of their study.

    ``progress`` is called with how many files were moved, and of how many. What another process
    deleted meanwhile is left to it: restoring brings back what was moved here.

    Raises
    ------
    StudyError
        If a file cannot be moved, or the study is no longer there. Files that were already moved
        are put back.
    """
    _refuse_gone(study.path)
    found = dependants(study.entries, keys)
    _refuse_links(study.path, found)
    # Now: who watches the folder meanwhile forgets what has left it.
    headers = study.stored(entry.key for entry in found)
    moved: list[Entry] = []
    for entry in reversed(found):
        try:
            if not _move(*_places(study.path, entry)):
                headers = [header for header in headers if header.key != entry.key]
                continue
        except OSError as error:
            _move_back(study.path, moved)
            raise StudyError(f"{entry.title} cannot be deleted: {error.strerror}") from error
        moved.append(entry)
        progress(len(moved), len(found))
    study.forget(entry.key for entry in found)
    _sync(study.path, found)
    return Deleted(tuple(headers))


def restore(study: Study, deleted: Deleted, progress: Progress = _silent) -> list[Entry]:
    """Restore deleted records; return their current entries in the study.

    ``progress`` is called with how many files were moved, and of how many.

    A record that was computed again in the meantime is not replaced.

    Raises
    ------
    StudyError
        If the study is no longer there, if a file is no longer in the trash, was changed there, or
        cannot be moved, or if a record that it was computed from is in the trash itself. Files
        that were already restored stay restored.
    """
    _refuse_gone(study.path)
    trashed = {path.stem for path in content(study)}
    for number, entry in enumerate(deleted.entries):
        progress(number, len(deleted.entries))
        place, aside = _places(study.path, entry)
        try:
            if place.exists():
                study.adopt(place)
                continue
            _refuse_without_parents(study, entry, trashed)
            _refuse_changed(entry, aside)
            if not _move(aside, place):
                raise StudyError(f"{entry.title} is not in the trash any more")
        except (OSError, FileError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StudyError(f"{entry.title} cannot be put back: {reason}") from error
        trashed.discard(entry.key)
        study.remember([entry])
    _sync(study.path, deleted.entries)
    return [study.entry(entry.key) for entry in deleted.entries]


def content(study: Study) -> list[Path]:
    """Return the files in the trash."""
    folder = study.path / FOLDER
    if folder.is_symlink():
        return []
    return sorted(
        path
        for path in folder.glob("*/*.h5")
        if is_record_name(path.name) and path.is_file() and not path.is_symlink()
    )


def size(study: Study) -> tuple[int, int]:
    """Return how many files are in the trash, and their bytes."""
    sizes = []
    for path in content(study):
        with suppress(FileNotFoundError):  # another process put it back
            sizes.append(path.stat().st_size)
    return len(sizes), sum(sizes)


def is_empty(study: Study) -> bool:
    """Return whether nothing is in the trash."""
    return not content(study)


def restore_all(study: Study) -> int:
    """Restore everything in the trash, whichever process deleted it; return the number of files.

    Raises
    ------
    StudyError
        If a file cannot be moved.
    """
    _refuse_gone(study.path)
    files = content(study)
    # As on opening a study, a line of the index saves reading a file of its kind and size.
    known = index.known(study.path / "index.jsonl") if files else {}
    for path in files:
        place = study.path / "records" / path.parent.name / path.name
        try:
            if not place.exists() and not _move(path, place):
                continue  # another process put it back or deleted it
            entry = known.get(path.stem)
            if entry is not None and index.is_of(entry, place, place.stat().st_size):
                study.remember([entry])
                continue
            with suppress(ValueError):  # restore a damaged record too; check reports it
                study.adopt(place)
        except OSError as error:
            raise StudyError(f"{path.name} cannot be put back: {error.strerror}") from error
    return len(files)


def empty(study: Study) -> int:
    """Permanently delete the files in the trash; return their number.

    Raises
    ------
    StudyError
        If a file cannot be deleted.
    """
    files = content(study)
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StudyError(f"{path.name} cannot be deleted: {error.strerror}") from error
    return len(files)


def _parents_first(found: dict[str, Entry]) -> list[Entry]:
    """Return records sorted so that each one comes after the records it was computed from."""
    order: dict[str, Entry] = {}
    for start in sorted(found.values(), key=lambda entry: (entry.created, entry.key)):
        waiting = [(start, iter(start.parents))]
        entered = {start.key}
        while waiting:
            entry, parents = waiting[-1]
            parent = next((p for p in parents if p in found and p not in order), None)
            if parent is None:
                order.setdefault(entry.key, entry)
                waiting.pop()
            elif parent not in entered:  # untrusted records may form a cycle of parents
                entered.add(parent)
                waiting.append((found[parent], iter(found[parent].parents)))
    return list(order.values())


def _places(folder: Path, entry: Entry) -> tuple[Path, Path]:
    """Return the paths of a record's file in ``records/`` and in ``trash/``."""
    name = Path(entry.kind) / f"{entry.key}.h5"
    return folder / "records" / name, folder / FOLDER / name


def _refuse_links(folder: Path, entries: Iterable[Entry]) -> None:
    """Raise if a link in an untrusted study's trash would lead out of the study."""
    aside = folder / FOLDER
    for place in (aside, *(aside / kind for kind in {entry.kind for entry in entries})):
        if place.is_symlink():
            raise StudyError(f"{place} is a link, must be a folder of the study")


def _move_back(folder: Path, moved: list[Entry]) -> None:
    for entry in reversed(moved):
        place, aside = _places(folder, entry)
        with suppress(OSError):  # on failure the file stays in the trash and can be restored
            _move(aside, place)


def _refuse_gone(folder: Path) -> None:
    """Raise if the study is not there: folders that moving makes would be a part of one."""
    if not (folder / "study.json").is_file():
        raise StudyError(f"study {folder} is no longer there: moved, renamed or deleted")


def _refuse_changed(entry: Entry, aside: Path) -> None:
    """Raise if a file in the trash is not the one that was moved there, as far as it is seen."""
    try:
        found = os.lstat(aside)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode) or found.st_size != entry.size:
        raise StudyError(f"{entry.title} was changed in the trash, and stays there")


def _refuse_without_parents(study: Study, entry: Entry, trashed: set[str]) -> None:
    """Raise if a record's parent is in the trash only, where another process put it since."""
    lost = trashed.intersection(entry.parents)
    if lost and lost - {path.stem for path, _ in index.record_files(study.path / "records")}:
        raise StudyError(
            f"{entry.title} was computed from a record that is in the trash: put everything in the "
            "trash back to have both"
        )


def _move(source: Path, target: Path) -> bool:
    """Rename a file, making the target's folder; return whether the file was there."""
    # One call for each of thousands: after every call a thread waits for Python's lock again.
    try:
        os.replace(source, target)
    except FileNotFoundError:
        if not os.path.lexists(source):
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, target)
    return True


def _sync(folder: Path, entries: Iterable[Entry]) -> None:
    for kind in {entry.kind for entry in entries}:
        for name in ("records", FOLDER):
            with suppress(OSError):  # no such folder, or a file system that cannot flush folders
                sync_folder(folder / name / kind)
