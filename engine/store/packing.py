"""Pack a whole study into one file that any HDF5 viewer opens, and unpack it.

In the file, ``/study/about`` holds the study's name and notes and the labels of its records.
``/<kind>/<key>`` holds the content of ``records/<kind>/<key>.h5``. The file has a checksum like
every record. It contains neither the locations of images, which are paths of one machine, nor the
trash.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.specs.schema import KEY_LENGTH
from engine.store import hdf5
from engine.store.checking import unlisted
from engine.store.hdf5 import Content, FileError
from engine.store.headers import entry_of
from engine.store.labels import Label, labels_from
from engine.store.outputs import (
    PACKED_STUDY,
    REPLACE,
    OutputError,
    check,
    check_outside_studies,
    holds_only_parts,
    is_agreed,
    settle,
)
from engine.store.study import Study, StudyError

ABOUT = "study/about"
_NAME_LENGTH = 255  # bytes; the longest name of a file on most systems
_SHORTENED = 40  # characters, of at most 4 bytes
_NAME = re.compile(rf"[a-z][a-z0-9_]{{0,63}}/[0-9a-f]{{{KEY_LENGTH}}}")


def pack(
    study: Study, path: Path, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> int:
    """Write a copy of a study as one file; return its size in bytes.

    Raises
    ------
    StudyError
        If a record is damaged, or the file cannot be written (see :mod:`engine.store.outputs`) or
        has records that the study lacks; an existing file is not changed.
    """
    _refuse_bad(path, study)
    study = Study(study.path)  # another process may have added records since it was opened
    entries = study.entries
    known = {entry.key for entry in entries}
    for file in unlisted(study.path, known):
        raise StudyError(
            f"{file.name} is damaged or of a later version, and would be missing; check says which"
        )

    def contents() -> Iterator[tuple[str, Content]]:
        yield ABOUT, Content({"about": study.about, "labels": study.labels.as_document()}, {})
        for done, entry in enumerate(entries, 1):
            record = study.read(entry.key)
            yield f"{entry.kind}/{entry.key}", Content(record.documents, record.arrays)
            progress(done, len(entries))

    try:
        size = hdf5.write_packed(path, contents(), lambda: progress(len(entries), len(entries)))
    except OSError as error:
        raise StudyError(f"{path} cannot be written: {error.strerror or error}") from error

    settle(path)
    return size


def unpack(
    path: Path, folder: Path, *, progress: Callable[[int], None] = lambda done: None
) -> Study:
    """Unpack a packed study into a new or empty folder.

    A file cannot make this write outside the folder: names that are not a record's are refused.

    Raises
    ------
    StudyError
        If the file is damaged, not a packed study or one of a newer version, or the folder is not
        empty.
    """
    folder = Path(os.path.realpath(folder))  # of a link, what it leads to
    try:
        if folder.exists():
            _refuse_place(folder)
        check_outside_studies(folder)
    except OutputError as error:
        raise StudyError(str(error)) from error
    except OSError as error:
        raise StudyError(f"{path} cannot be unpacked: {error.strerror or error}") from error
    partial = folder.with_name(_partial_name(folder.name))
    if os.path.lexists(partial) and not holds_only_parts(partial):
        raise StudyError(f"{partial} is in the way: it is no study that was unpacked in part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        about, labels = _unpack_into(partial, path, progress)
        study = Study(partial, create=True)
        study.describe(name=str(about.get("name", "")), notes=str(about.get("notes", "")))
        if labels:
            study.labels.set_many(labels)
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except OSError as error:
        raise StudyError(f"{path} cannot be unpacked: {error.strerror or error}") from error
    except FileError as error:
        raise StudyError(str(error)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Study(folder)


def _partial_name(name: str) -> str:
    """Return the name under which a folder is unpacked before it is whole.

    The same folder has the same one, so that what was cut short is removed by the next attempt.
    """
    usual = f".{name}.partial"
    if len(os.fsencode(usual)) <= _NAME_LENGTH:
        return usual
    return f".{name[:_SHORTENED]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}.partial"


def lacking(path: Path, folder: Path) -> int:
    """Return how many records of a packed study a study's folder has neither kept nor in its trash.

    Raises
    ------
    FileError, OSError
        If the file is damaged or cannot be read.
    """
    names = (name for name in hdf5.packed_names(path, depth=2) if _NAME.fullmatch(name))
    places = [folder / "records", folder / "trash"]
    return sum(not any((place / f"{name}.h5").is_file() for place in places) for name in names)


def _refuse_place(folder: Path) -> None:
    """Raise ``StudyError`` if a study must not be unpacked to what is there."""
    if not folder.is_dir():
        raise StudyError(f"study is {folder}, a file; it must be a new or empty folder")
    if any(folder.iterdir()):
        raise StudyError(f"study is {folder}, a folder with other files; it must be empty")
    if folder == Path.cwd():  # another folder takes its place, and the shell would stay in the old
        raise StudyError(f"study is {folder}, the present folder; it must be another one")


def _refuse_bad(path: Path, study: Study) -> None:
    """Raise ``StudyError`` if a packed study must not be written to this path."""
    try:
        check(path, PACKED_STUDY)
        if is_agreed(path) or not path.exists() or not path.stat().st_size:
            return
        if count := lacking(path, study.path):
            which = "a record" if count == 1 else f"{count} records"
            raise StudyError(f"{path} holds {which} that {study.path} lacks: {REPLACE}")
    except OutputError as error:
        raise StudyError(str(error)) from error
    except FileError as error:
        raise StudyError(f"{error}, and {REPLACE}") from error
    except OSError as error:
        raise StudyError(f"{path} cannot be written: {error.strerror or error}") from error


def _unpack_into(
    folder: Path, path: Path, progress: Callable[[int], None]
) -> tuple[Mapping[str, Any], dict[str, Label]]:
    """Write every record's file; return the study's name and notes, and its records' labels."""
    Study(folder, create=True)
    about: Mapping[str, Any] | None = None
    labels: dict[str, Label] = {}
    for done, (name, content) in enumerate(hdf5.read_packed(path, 2, lambda: progress(0)), 1):
        if name == ABOUT:
            found = content.documents.get("about")
            about = found if isinstance(found, dict) else {}
            labels = labels_from(content.documents.get("labels"))
        elif _NAME.fullmatch(name):
            place = folder / "records" / f"{name}.h5"
            hdf5.write(place, content)
            try:
                entry_of(content.documents, place)
            except FileError as error:
                raise FileError(f"{path.name} cannot be unpacked: {error}") from error
        else:
            raise FileError(f"{path.name} holds {name!r}, which no packed study has")
        progress(done)
    if about is None:
        raise FileError(f"{path.name} is no packed study: it holds no {ABOUT}")
    return about, labels
