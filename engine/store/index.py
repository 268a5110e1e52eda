"""The index of a study's records: a cache of the record files' headers.

The index has one JSON line per record, appended when the record is written, so a sweep of thousands
of records costs thousands of short appends. A damaged or outdated line is replaced by reading the
record file.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, cast

from engine.specs.schema import ORIGINS, Spec, SpecError, from_dict
from engine.specs.variants import absent_words
from engine.store.atomic import new_file
from engine.store.files import read_text

NAME = "index.jsonl"  # in the study's folder
INDEX_CAP = 1 << 30  # bytes; 20,000 records take 20 MB
Number = float | int | str


@dataclass(frozen=True)
class Entry:
    """The data about a record that is available without opening its file.

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
        Size of its file in bytes. If the file has another size, the index line is out of date.
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

    @property
    def known_spec(self) -> Spec | None:
        """The spec as an object, or None if this version, or no loaded plugin, knows this spec."""
        plugins, spec = self.__dict__.get("_known", (None, None))
        loaded = tuple(ORIGINS)
        if plugins != loaded:
            try:
                spec = from_dict(self.spec)
            except SpecError:
                spec = None
            self.__dict__["_known"] = loaded, spec
        return cast(Spec | None, spec)

    @property
    def lacks(self) -> str:
        """Which plugins the spec needs that are not loaded, in words; "" if none."""
        return absent_words(self.spec) if self.known_spec is None else ""


def lacking(entries: Iterable[Entry]) -> str:
    """Return which records need plugins that are not loaded, in words; "" if none."""
    found = [entry.spec for entry in entries if entry.lacks]
    if not found:
        return ""
    are = "1 record needs" if len(found) == 1 else f"{len(found):,} records need"
    return f"{are} {absent_words(found)}"


def entry_from(data: object) -> Entry:
    """Build an entry from untrusted JSON data, checking every field.

    Raises
    ------
    ValueError
        If a field is missing, unknown, or has the wrong type.
    """
    if not isinstance(data, dict) or set(data) != _FIELDS:
        raise ValueError(f"a header has the fields {', '.join(sorted(_FIELDS))}")
    for name in ("key", "kind", "title", "created"):
        if not isinstance(data[name], str):
            raise ValueError(f"{name} is no text")
    parents, numbers, spec = data["parents"], data["numbers"], data["spec"]
    if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
        raise ValueError("parents is no list of keys")
    if not isinstance(spec, dict) or not isinstance(numbers, dict):
        raise ValueError("spec and numbers are no tables")
    for name, value in [*numbers.items(), ("seconds", data["seconds"]), ("size", data["size"])]:
        if not isinstance(value, str) and not _is_finite(value):
            raise ValueError(f"{name} is no finite number")
    if isinstance(data["seconds"], str) or isinstance(data["size"], str):
        raise ValueError("seconds and size are no numbers")
    return Entry(**{**data, "parents": tuple(parents)})


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max


_FIELDS = {item.name for item in fields(Entry)}


def load(index: Path, records: Path, read: Callable[[Path], Entry]) -> tuple[dict[str, Entry], int]:
    """Return an entry for every record file, and how many files had to be read for it.

    Parameters
    ----------
    index
        The index file; it may be missing or damaged.
    records
        The folder ``records/<kind>/<key>.h5``.
    read
        Reads the entry from one record file. If it raises ``OSError`` or ``ValueError``, the record
        is left out; :meth:`engine.store.study.Study.check` reports it.
    """
    lines = known(index)
    found: dict[str, Entry] = {}
    stale = 0
    for path, size in record_files(records):
        key = path.stem
        entry = lines.get(key)
        if entry is None or not is_of(entry, path, size):
            stale += 1
            try:
                entry = read(path)
            except (OSError, ValueError):
                continue
        found[key] = entry
    return found, stale


def known(index: Path) -> dict[str, Entry]:
    """Return the entries in an index, by key; their records may have gone or changed."""
    return {entry.key: entry for entry in _lines(index)}


def is_of(entry: Entry, path: Path, size: int) -> bool:
    """Return whether an entry can be that of a record file of so many bytes."""
    return (entry.key, entry.kind, entry.size) == (path.stem, path.parent.name, size)


def append(index: Path, entry: Entry) -> None:
    """Add one line; the write is a single append, so two writers cannot mix their lines.

    If the line cannot be written, it is left out; the next :func:`load` reads the record file
    instead. If the index is a symbolic link, it is not followed, as it may lead out of the study.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with suppress(OSError):
        descriptor = os.open(index, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
        with open(descriptor, "ab", buffering=0) as file:
            file.write(_line(entry).encode())


def rewrite(index: Path, entries: Iterable[Entry]) -> None:
    """Replace the whole index; if that fails, keep the old one."""
    with suppress(OSError), new_file(index) as temporary:
        temporary.write_text("".join(_line(entry) for entry in entries), encoding="utf-8")


def _line(entry: Entry) -> str:
    return json.dumps(asdict(entry), separators=(",", ":"), allow_nan=False) + "\n"


def _lines(index: Path) -> Iterable[Entry]:
    if index.is_symlink() or not index.is_file():
        return
    try:
        text = read_text(index, INDEX_CAP, errors="replace")
    except OSError:
        return
    for line in text.split("\n"):
        try:
            yield entry_from(json.loads(line))
        except (ValueError, RecursionError):
            continue  # an incomplete line of a killed process; the record file is read instead


def is_record_name(name: str) -> bool:
    """Whether a file of this name is a record, or was meant to be one.

    macOS writes a file ``._NAME`` beside every file on a drive that is not its own.
    """
    return name.endswith(".h5") and not name.startswith(".")


def record_files(records: Path) -> Iterable[tuple[Path, int]]:
    """Yield the path and the size in bytes of every record file.

    What another process removes meanwhile is left out.
    """
    if not records.is_dir():
        return
    for folder in sorted(os.scandir(records), key=lambda item: item.name):
        if not folder.is_dir(follow_symlinks=False):
            continue
        with suppress(FileNotFoundError):
            for item in sorted(os.scandir(folder.path), key=lambda item: item.name):
                if is_record_name(item.name) and (size := _size(item)) is not None:
                    yield Path(item.path), size


def _size(item: os.DirEntry[str]) -> int | None:
    try:
        if item.is_file(follow_symlinks=False):
            return item.stat(follow_symlinks=False).st_size
    except FileNotFoundError:
        return None
    return None
