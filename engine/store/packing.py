"""A whole study as one file for any HDF5 viewer, and back.

In the file, ``/study/about`` holds the study's name and notes and the labels of its records, and
``/<kind>/<key>`` what ``records/<kind>/<key>.h5`` holds in the folder. It is sealed like every
record. Where images lie is left out, those are paths of one machine; so is the trash.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.specs.schema import KEY_LENGTH
from engine.store import hdf5
from engine.store.hdf5 import Content, FileError
from engine.store.labels import Label, labels_from
from engine.store.study import Study, StudyError

SUFFIX = ".h5"
ABOUT = "study/about"
_NAME = re.compile(rf"[a-z][a-z0-9_]{{0,63}}/[0-9a-f]{{{KEY_LENGTH}}}")


def pack(
    study: Study, path: Path, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> int:
    """Write a copy of a study as one file; return its size in bytes.

    Raises
    ------
    StudyError
        If a record is damaged, or the file cannot be written; an older file keeps its content.
    """
    if path.is_dir():
        raise StudyError(f"{path} is a folder, must be a file that ends in {SUFFIX}")
    entries = study.entries
    known = {entry.key for entry in entries}
    for file in sorted((study.path / "records").glob("*/*.h5")):
        if file.stem not in known:
            raise StudyError(f"{file.name} is damaged, and would be missing; check says how")

    def contents() -> Iterator[tuple[str, Content]]:
        yield ABOUT, Content({"about": study.about, "labels": study.labels.as_document()}, {})
        for done, entry in enumerate(entries, 1):
            record = study.read(entry.key)
            yield f"{entry.kind}/{entry.key}", Content(record.documents, record.arrays)
            progress(done, len(entries))

    try:
        return hdf5.write_packed(path, contents())
    except OSError as error:
        raise StudyError(f"{path} cannot be written: {error.strerror or error}") from error


def unpack(
    path: Path, folder: Path, *, progress: Callable[[int], None] = lambda done: None
) -> Study:
    """Make a study of a packed file, in a folder that is new or empty.

    Nothing in the file decides where anything is written: names that no record has are refused.

    Raises
    ------
    StudyError
        If the file is damaged or no packed study, or the folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise StudyError(f"study is {folder}, a folder with other files; it must be empty")
    partial = folder.with_name(f".{folder.name}.partial")
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


def _unpack_into(
    folder: Path, path: Path, progress: Callable[[int], None]
) -> tuple[Mapping[str, Any], dict[str, Label]]:
    """Write every record's file; return what the packed study says of itself and of its records."""
    Study(folder, create=True)
    about: Mapping[str, Any] | None = None
    labels: dict[str, Label] = {}
    for done, (name, content) in enumerate(hdf5.read_packed(path, depth=2), 1):
        if name == ABOUT:
            found = content.documents.get("about")
            about = found if isinstance(found, dict) else {}
            labels = labels_from(content.documents.get("labels"))
        elif _NAME.fullmatch(name):
            hdf5.write(folder / "records" / f"{name}.h5", content)
        else:
            raise FileError(f"{path.name} holds {name!r}, which no packed study has")
        progress(done)
    if about is None:
        raise FileError(f"{path.name} is no packed study: it holds no {ABOUT}")
    return about, labels
