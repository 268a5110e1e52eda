"""Verify the files of a study's records, and tell damage from a file that cannot be read now."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from engine.specs.schema import SpecError
from engine.store import hdf5
from engine.store.files import kind_of
from engine.store.hdf5 import FileError, NotRead
from engine.store.headers import entry_of, identity
from engine.store.index import is_record_name

Problem = tuple[str, str]


def problems(study: Path, unread: list[Problem] | None = None) -> Iterator[Problem]:
    """Verify every record file of a study; yield (file, problem) for each damaged one.

    Parameters
    ----------
    study
        The folder.
    unread
        Takes the files that the system or the memory did not let us read, which may be whole: open
        files at their limit, a failing drive, missing permission; and those that a later version of
        the program wrote. None: they are yielded as well.
    """
    for path in _record_paths(study):
        name = path.relative_to(study).as_posix()
        if path.is_symlink() or (path.exists() and not path.is_file()):
            yield name, "it is no plain file"
            continue
        try:
            entry = entry_of(hdf5.read(path, only_documents=True).documents, path)
            hdf5.read(path)
            key, kind = identity(entry)
        except (OSError, ValueError, MemoryError) as error:
            if not path.exists():  # another process has deleted it meanwhile
                continue
            if unread is not None and not is_damage(error):
                unread.append((name, _said(error)))
            else:
                yield name, _said(error)
            continue
        if key != path.stem or kind != path.parent.name:
            yield name, f"its spec has the key {key} and the kind {kind}"


def unlisted(study: Path, keys: Container[str]) -> list[Path]:
    """Return the record files that are none of these records: damaged, or of a later version."""
    return [path for path in _record_paths(study) if path.stem not in keys]


def _record_paths(study: Path) -> list[Path]:
    found = (study / "records").glob("*/*.h5")
    return sorted(path for path in found if is_record_name(path.name))


def is_damaged(path: Path) -> bool:
    """Whether a record's file is there and damaged; not if it cannot be read now."""
    try:
        entry_of(hdf5.read(path, only_documents=True).documents, path)
    except FileError as error:
        return is_damage(error)
    except OSError:
        return False
    return False


def why_taken(study: Path, kind: str, key: str) -> str:
    """Return why no record can be written in its place, in a sentence; "" if one can.

    A file that a later version wrote, or that cannot be read now, is there and is not replaced.
    """
    path = study / "records" / kind / f"{key}.h5"
    try:
        if os.path.lexists(path) and (what := kind_of(os.stat(path))):
            return f"record {key} cannot be written: {what} is in its place"
    except OSError:
        if path.is_symlink():
            return f"record {key} cannot be written: a link that leads nowhere is in its place"
    if not _can_hold_files(path.parent):
        folder = _nearest(path.parent)
        return f"record {key} cannot be written: {folder} is no folder or read-only"
    try:
        if path.is_file():
            entry_of(hdf5.read(path, only_documents=True).documents, path)
    except FileNotFoundError:  # another process has deleted it meanwhile
        return ""
    except (OSError, FileError) as error:
        return "" if is_damage(error) else f"record {key} cannot be read: {_reason(error)}"
    return ""


def all_taken(study: Path, wanted: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return :func:`why_taken` of those (kind, key) whose place is taken, by key.

    Only what has something in its place is looked at closely, as this is asked for thousands.
    """
    found, folders = {}, {}
    for kind, key in wanted:
        try:
            if kind not in folders:
                folder = study / "records" / kind
                folders[kind] = str(folder), _can_hold_files(folder)
            folder_name, is_usable = folders[kind]
            if not is_usable or os.path.lexists(f"{folder_name}/{key}.h5"):
                found[key] = why_taken(study, kind, key)
        except (OSError, MemoryError) as error:
            found[key] = f"record {key} cannot be written: {_reason(error)}"
    return {key: why for key, why in found.items() if why}


def _nearest(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def _can_hold_files(folder: Path) -> bool:
    """Whether files can be written into a folder, which is made if it is not there."""
    there = _nearest(folder)
    return there.is_dir() and os.access(there, os.W_OK)


def is_damage(error: Exception) -> bool:
    """Whether an error of reading a file says that its content is wrong."""
    # Behind a seal that fits, a spec that is not known here was written so: by a later version.
    return not isinstance(error, OSError | MemoryError | NotRead | SpecError)


def _said(error: Exception) -> str:
    if isinstance(error, SpecError):
        return f"this version does not know what it is of: {error}"
    if isinstance(error, OSError):
        return f"it cannot be read: {_reason(error)}"
    return _reason(error)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or "it does not fit into the memory"
