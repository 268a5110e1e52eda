"""The list of a study's records: a cache in front of the record files, never the truth.

One JSON line per record, appended when the record is written: a sweep of thousands costs thousands
of short appends. A line that is damaged or out of date is replaced from the record itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Number = float | int | str


@dataclass(frozen=True)
class Entry:
    """What is known of a record without opening it.

    Attributes
    ----------
    key, kind, title
        Name of the record, kind of its spec, readable name.
    created
        When it was finished, ISO 8601 in UTC.
    seconds
        How long it took to compute.
    parents
        Keys of the records it was computed from.
    spec
        The complete JSON form of its spec.
    numbers
        Its scalar results, by name.
    size
        Bytes of its file: a line whose file has another size is out of date.
    """

    key: str
    kind: str
    title: str
    created: str
    seconds: float
    parents: tuple[str, ...]
    spec: dict[str, Any]
    numbers: dict[str, Number] = field(default_factory=dict)
    size: int = 0


def load(index: Path, records: Path, read: Callable[[Path], Entry]) -> tuple[dict[str, Entry], int]:
    """Return an entry for every record file, and how many had to be read from the files.

    Parameters
    ----------
    index
        The index file; it may be missing or damaged.
    records
        The folder ``records/<kind>/<key>.h5``.
    read
        Reads the entry out of one record file; a record it refuses (``OSError`` or ``ValueError``)
        is left out, :meth:`engine.study.Study.check` names it.
    """
    known = {entry.key: entry for entry in _lines(index)}
    found: dict[str, Entry] = {}
    stale = 0
    for path, size in _record_files(records):
        key = path.stem
        entry = known.get(key)
        if entry is None or entry.size != size or entry.kind != path.parent.name:
            stale += 1
            try:
                entry = read(path)
            except (OSError, ValueError):
                continue
        found[key] = entry
    return found, stale


def append(index: Path, entry: Entry) -> None:
    """Add one line; the write is a single append, so two writers cannot mix their lines."""
    line = _line(entry)
    with open(index, "a", encoding="utf-8") as file:
        file.write(line)


def rewrite(index: Path, entries: Iterable[Entry]) -> None:
    """Replace the whole index."""
    temporary = index.with_suffix(f".tmp-{os.getpid()}")
    temporary.write_text("".join(_line(entry) for entry in entries), encoding="utf-8")
    os.replace(temporary, index)


def _line(entry: Entry) -> str:
    return json.dumps(asdict(entry), separators=(",", ":"), allow_nan=False) + "\n"


def _lines(index: Path) -> Iterable[Entry]:
    try:
        text = index.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            data = json.loads(line)
            data["parents"] = tuple(data["parents"])
            yield Entry(**data)
        except (ValueError, TypeError, KeyError):
            continue  # a torn line of a killed process: its record is read instead


def _record_files(records: Path) -> Iterable[tuple[Path, int]]:
    if not records.is_dir():
        return
    for folder in sorted(os.scandir(records), key=lambda item: item.name):
        if not folder.is_dir(follow_symlinks=False):
            continue
        for item in sorted(os.scandir(folder.path), key=lambda item: item.name):
            if item.name.endswith(".h5") and item.is_file(follow_symlinks=False):
                yield Path(item.path), item.stat(follow_symlinks=False).st_size
