"""What other processes did to the records of an open study."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from copy import copy
from dataclasses import dataclass

from engine.store import index
from engine.store.index import Entry, record_files
from engine.store.study import Study, StudyError

TEXTS = ("study.json", "labels.json")
MANY = 10  # new records, for which the whole index is read
Signature = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Changes:
    """Records that appeared and disappeared, oldest first; whether titles, notes or names did."""

    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    texts: bool = False


def signature(study: Study) -> Signature:
    """Return what differs once any process changes a study: the times of its folders and texts."""
    found = []
    for name in TEXTS:
        with suppress(OSError):
            found.append((name, os.lstat(study.path / name).st_mtime_ns))
    with suppress(OSError):  # the study was moved or deleted; writing to it says so
        for folder in os.scandir(study.path / "records"):
            if folder.is_dir(follow_symlinks=False):
                found.append((folder.name, folder.stat(follow_symlinks=False).st_mtime_ns))
    return tuple(sorted(found))


def take_up_changes(study: Study) -> Changes:
    """Adopt records that other processes wrote, forget those that they deleted, read the texts."""
    known = {entry.key: entry for entry in study.entries}
    there = {path.stem: (path, size) for path, size in record_files(study.path / "records")}
    new = [key for key in there if key not in known]
    # As on opening: a line is read in a fraction of the time that a record takes.
    lines = index.known(study.path / index.NAME) if len(new) >= MANY else {}
    added = []
    for key in new:
        line = lines.get(key)
        if line is not None and index.is_of(line, *there[key]):
            study.remember([line])
            added.append(line)
            continue
        with suppress(OSError, ValueError):  # damaged, or deleted again; check reports it
            added.append(study.adopt(there[key][0]))
    gone = [
        key
        for key, entry in known.items()
        if key not in there and not study.has_file(entry)  # it may be written at this moment
    ]
    removed = study.forget(gone)
    added.sort(key=lambda entry: entry.created)
    texts = study.labels.take_up()
    with suppress(StudyError):  # the study was moved or deleted; writing to it says so
        texts = study.take_up_about() or texts
    return Changes(tuple(added), tuple(removed), texts)


def arranged(study: Study, keys: Iterable[str]) -> Study:
    """Return the study with its records in the order of these keys, all others after them.

    Where several processes compute, the order in time is not that of the plan, and tables would
    have their rows in another order each time.
    """
    places = {key: place for place, key in enumerate(keys)}
    found = copy(study)
    found._ordered = sorted(study.entries, key=lambda entry: places.get(entry.key, len(places)))
    return found
