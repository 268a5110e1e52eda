"""Deleting records, and putting them back.

A deleted record is moved from ``records/`` to ``trash/`` in the study, with everything that was
computed from it; one rename a file, so that a record is always in one of the two. What depends on
another record goes first and comes back last: whatever a killed process left, every record that is
in ``records/`` finds the ones it was computed from there.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.store.atomic import sync_folder
from engine.store.hdf5 import FileError
from engine.store.index import Entry
from engine.store.study import Study, StudyError

FOLDER = "trash"


@dataclass(frozen=True)
class Deleted:
    """Records in the trash, in the order in which they come back: parents first."""

    entries: tuple[Entry, ...]

    @property
    def keys(self) -> frozenset[str]:
        """Their keys."""
        return frozenset(entry.key for entry in self.entries)


def dependants(entries: Iterable[Entry], keys: Collection[str]) -> list[Entry]:
    """Return the records with these keys and all that was computed from them, parents first.

    ``entries`` is the whole study, in any order.
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


def delete(study: Study, keys: Collection[str]) -> Deleted:
    """Move records, and what was computed from them, into the trash of their study.

    Raises
    ------
    StudyError
        If a file cannot be moved; those that were moved before are put back.
    """
    found = dependants(study.entries, keys)
    _refuse_links(study.path, found)
    moved: list[Entry] = []
    for entry in reversed(found):
        try:
            _move(*_places(study.path, entry))
        except OSError as error:
            _move_back(study.path, moved)
            raise StudyError(f"{entry.title} cannot be deleted: {error.strerror}") from error
        moved.append(entry)
    headers = study.forget(entry.key for entry in found)
    _sync(study.path, found)
    return Deleted(tuple(headers))


def restore(study: Study, deleted: Deleted) -> list[Entry]:
    """Put records back where they were; return them as the study has them now.

    A record that was computed anew meanwhile stays as it is.

    Raises
    ------
    StudyError
        If a file is not in the trash any more, or cannot be moved; what was put back before stays.
    """
    for entry in deleted.entries:
        place, aside = _places(study.path, entry)
        try:
            if place.exists():
                study.adopt(place)
                continue
            _move(aside, place)
        except FileNotFoundError:
            raise StudyError(f"{entry.title} is not in the trash any more") from None
        except (OSError, FileError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StudyError(f"{entry.title} cannot be put back: {reason}") from error
        study.remember([entry])
    _sync(study.path, deleted.entries)
    return [study.entry(entry.key) for entry in deleted.entries]


def content(study: Study) -> list[Path]:
    """Return the files in the trash."""
    folder = study.path / FOLDER
    if folder.is_symlink():
        return []
    return sorted(
        path for path in folder.glob("*/*.h5") if path.is_file() and not path.is_symlink()
    )


def is_empty(study: Study) -> bool:
    """Return whether nothing is in the trash."""
    return not content(study)


def restore_all(study: Study) -> int:
    """Put everything that is in the trash back, whoever deleted it; return how many records.

    Raises
    ------
    StudyError
        If a file cannot be moved.
    """
    files = content(study)
    for path in files:
        place = study.path / "records" / path.parent.name / path.name
        try:
            if not place.exists():
                _move(path, place)
            with suppress(ValueError):  # a damaged record is back, and check names it
                study.adopt(place)
        except OSError as error:
            raise StudyError(f"{path.name} cannot be put back: {error.strerror}") from error
    return len(files)


def empty(study: Study) -> int:
    """Delete what is in the trash for good; return how many records.

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
    """Return records in an order in which none stands before one that it was computed from."""
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
            elif parent not in entered:  # a stranger's records may name each other
                entered.add(parent)
                waiting.append((found[parent], iter(found[parent].parents)))
    return list(order.values())


def _places(folder: Path, entry: Entry) -> tuple[Path, Path]:
    """Return where a record's file is, and where it is while it is deleted."""
    name = Path(entry.kind) / f"{entry.key}.h5"
    return folder / "records" / name, folder / FOLDER / name


def _refuse_links(folder: Path, entries: Iterable[Entry]) -> None:
    """Raise where the trash of a stranger's study would lead out of it."""
    aside = folder / FOLDER
    for place in (aside, *(aside / kind for kind in {entry.kind for entry in entries})):
        if place.is_symlink():
            raise StudyError(f"{place} is a link, must be a folder of the study")


def _move_back(folder: Path, moved: list[Entry]) -> None:
    for entry in reversed(moved):
        place, aside = _places(folder, entry)
        with suppress(OSError):  # it stays in the trash, from where it can be put back
            _move(aside, place)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)


def _sync(folder: Path, entries: Iterable[Entry]) -> None:
    for kind in {entry.kind for entry in entries}:
        for name in ("records", FOLDER):
            with suppress(OSError):  # no folder of that kind, or one of another system
                sync_folder(folder / name / kind)
