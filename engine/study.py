"""A study: a folder of records, each written once under the key of its spec.

``records/<kind>/<key>.h5``   one result each, never changed
``checkpoints/<key>.h5``      how far an unfinished computation is
``index.jsonl``               a cache of the records' headers, rebuilt where it is wrong
``study.json``                name, notes, schema version
``locations.json``            where the image folders and weights files lie, by content hash

Records are the truth: everything else can be lost without losing a result.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine import hdf5, index
from engine.hdf5 import Array, Content, FileError
from engine.index import Entry, Number
from engine.schema import Spec, SpecError, from_dict

SCHEMA = 1
SUFFIX = ".isthmus"


class StudyError(ValueError):
    """A study that cannot be opened, read or written; one sentence for the user."""


@dataclass(frozen=True)
class Result:
    """What a computation returns: scalars, arrays, and JSON documents, each by name.

    Raises
    ------
    ValueError
        If a number is not finite: a NaN must never reach a plot.
    """

    numbers: Mapping[str, Number]
    arrays: Mapping[str, Array] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in self.numbers.items():
            if isinstance(value, float) and not -float("inf") < value < float("inf"):
                raise ValueError(f"the result {name} is {value}, not a finite number")


@dataclass(frozen=True)
class Record:
    """A stored result with everything that is known of how it came about."""

    entry: Entry
    arrays: Mapping[str, Array]
    documents: Mapping[str, Any]

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Versions, device and threads of the run that made it."""
        found: Mapping[str, Any] = self.documents["provenance"]
        return found

    @property
    def numbers(self) -> Mapping[str, Number]:
        """Scalar results by name."""
        return self.entry.numbers

    @property
    def spec(self) -> Spec:
        """The spec that was computed."""
        return from_dict(self.entry.spec)


class Study:
    """An open study. Its methods may be called from any thread.

    Raises
    ------
    StudyError
        On opening, if the folder is no study, or was written by a newer version.
    """

    def __init__(self, path: Path, *, create: bool = False):
        self.path = path
        self._lock = threading.RLock()
        if create and not (path / "study.json").exists():
            self._create()
        self.about = self._read_about()
        self.writable = os.access(path, os.W_OK)
        self._entries, stale = index.load(self._index, path / "records", self._read_entry)
        if stale and self.writable:
            index.rewrite(self._index, self._entries.values())

    # ------------------------------------------------------------------------------------ records

    @property
    def entries(self) -> list[Entry]:
        """Every record's header, oldest first."""
        with self._lock:
            return sorted(self._entries.values(), key=lambda entry: entry.created)

    def has(self, spec: Spec) -> bool:
        """Whether the spec has been computed."""
        with self._lock:
            return spec.key in self._entries

    def entry(self, key: str) -> Entry:
        """Return the header of a record, found by its key or the beginning of it."""
        with self._lock:
            if key in self._entries:
                return self._entries[key]
            near = [entry for entry in self._entries.values() if key and entry.key.startswith(key)]
        if len(near) != 1:
            found = "several records begin" if near else "no record begins"
            raise StudyError(f"key is {key!r}: {found} with it in {self.path.name}")
        return near[0]

    def read(self, key: str | Spec) -> Record:
        """Read a record; raise :class:`StudyError` if it is missing or damaged."""
        entry = self.entry(key.key if isinstance(key, Spec) else key)
        try:
            content = hdf5.read(self._record_path(entry.kind, entry.key))
        except (OSError, FileError) as error:
            raise StudyError(f"record {entry.key} cannot be read: {error}") from error
        return Record(entry, content.arrays, content.documents)

    def write(
        self, spec: Spec, result: Result, *, seconds: float, provenance: Mapping[str, Any]
    ) -> Entry:
        """Store a result under its spec's key; a record that exists is left as it is.

        Raises
        ------
        StudyError
            If it cannot be written (a full disk, a read-only folder); nothing half-written remains.
        """
        with self._lock:
            if spec.key in self._entries:
                return self._entries[spec.key]
        entry = Entry(
            key=spec.key,
            kind=spec.kind,
            title=spec.title,
            created=datetime.now(UTC).isoformat(timespec="milliseconds"),
            seconds=round(seconds, 3),
            parents=tuple(parent.key for parent in spec.requires()),
            spec=spec.as_dict(),
            numbers=dict(result.numbers),
        )
        documents = {
            **result.documents,
            "header": _header(entry),
            "spec": entry.spec,
            "numbers": entry.numbers,
            "provenance": dict(provenance),
        }
        path = self._record_path(entry.kind, entry.key)
        size = self._guard(path, Content(documents, result.arrays))
        entry = replace(entry, size=size)
        with self._lock:
            index.append(self._index, entry)
            self._entries[entry.key] = entry
        self.drop_checkpoint(spec)
        return entry

    def check(self) -> Iterator[tuple[str, str]]:
        """Verify every record file; yield (file, what is wrong with it)."""
        for path in sorted((self.path / "records").glob("*/*.h5")):
            try:
                entry = self._read_entry(path)
                spec: Spec = from_dict(entry.spec)
                hdf5.read(path)
            except (OSError, ValueError) as error:
                yield path.relative_to(self.path).as_posix(), str(error)
                continue
            if spec.key != path.stem or spec.kind != path.parent.name:
                yield (
                    path.relative_to(self.path).as_posix(),
                    f"its spec has the key {spec.key} and the kind {spec.kind}",
                )

    # -------------------------------------------------------------------------------- checkpoints

    def checkpoint(self, spec: Spec) -> Content | None:
        """Return what :meth:`save_checkpoint` stored last, or None if there is none or it broke."""
        path = self._checkpoint_path(spec)
        try:
            return hdf5.read(path) if path.exists() else None
        except FileError:
            return None

    def save_checkpoint(self, spec: Spec, content: Content) -> None:
        """Store how far a computation is, in place of what was stored before."""
        self._guard(self._checkpoint_path(spec), content)

    def drop_checkpoint(self, spec: Spec) -> None:
        """Forget how far a computation was."""
        self._checkpoint_path(spec).unlink(missing_ok=True)

    # ---------------------------------------------------------------------------------- locations

    def locate(self, digest: str) -> Path:
        """Return where the files with this content hash lie.

        Raises
        ------
        StudyError
            If they were never located, or are not where they were.
        """
        places = self._read_json("locations.json").get(digest, {})
        for place in (places.get("relative"), places.get("absolute")):
            found: Path = (self.path / (place or "")).resolve()
            if place and found.exists():
                return found
        known = f"; they were at {places['absolute']}" if places else ""
        raise StudyError(f"the files with content hash {digest[:12]} are not found{known}")

    def set_location(self, digest: str, path: Path) -> None:
        """Remember where files lie, relative to the study and absolutely."""
        absolute = path.resolve()
        try:
            relative = os.path.relpath(absolute, self.path.resolve())
        except ValueError:  # another drive on Windows
            relative = ""
        with self._lock:
            places = self._read_json("locations.json")
            places[digest] = {"absolute": str(absolute), "relative": relative}
            self._write_json("locations.json", places)

    def describe(self, *, name: str | None = None, notes: str | None = None) -> None:
        """Change the study's name or notes."""
        given = {"name": name, "notes": notes}
        with self._lock:
            self.about.update({field: text for field, text in given.items() if text is not None})
            self._write_json("study.json", self.about)

    # ------------------------------------------------------------------------------------ private

    @property
    def _index(self) -> Path:
        return self.path / "index.jsonl"

    def _record_path(self, kind: str, key: str) -> Path:
        return self.path / "records" / kind / f"{key}.h5"

    def _checkpoint_path(self, spec: Spec) -> Path:
        return self.path / "checkpoints" / f"{spec.key}.h5"

    def _create(self) -> None:
        if self.path.is_file():
            raise StudyError(f"study is {self.path}, a file; it must be a folder")
        if self.path.is_dir() and any(self.path.iterdir()):
            raise StudyError(f"study is {self.path}, a folder with other files; it must be empty")
        try:
            (self.path / "records").mkdir(parents=True, exist_ok=True)
            name = self.path.name.removesuffix(SUFFIX)
            self._write_json("study.json", {"schema": SCHEMA, "name": name, "notes": ""})
        except OSError as error:
            raise StudyError(f"study {self.path} cannot be created: {error.strerror}") from error

    def _read_about(self) -> dict[str, Any]:
        if not (self.path / "study.json").is_file():
            problem = "which is not a study" if self.path.exists() else "which does not exist"
            raise StudyError(f"study is {self.path}, {problem}; a study is a folder of records")
        about = self._read_json("study.json")
        schema = about.get("schema")
        if not isinstance(schema, int) or schema > SCHEMA:
            raise StudyError(
                f"study {self.path.name} has schema {schema!r}; this version reads up to {SCHEMA}"
            )
        return about

    def _read_entry(self, path: Path) -> Entry:
        documents = hdf5.read(path, only_documents=True).documents
        try:
            header = documents["header"]
            if header["schema"] > SCHEMA:
                raise FileError(f"{path.name} has schema {header['schema']}, newer than {SCHEMA}")
            fields = {name: header[name] for name in ("key", "kind", "title", "created", "seconds")}
            entry = Entry(
                **fields,
                parents=tuple(header["parents"]),
                spec=documents["spec"],
                numbers=documents["numbers"],
                size=path.stat().st_size,
            )
        except (KeyError, TypeError) as error:
            raise FileError(f"{path.name} lacks {error} in its header") from error
        if entry.key != path.stem:
            raise FileError(f"{path.name} holds the record {entry.key}")
        return entry

    def _guard(self, path: Path, content: Content) -> int:
        try:
            return hdf5.write(path, content)
        except OSError as error:
            raise StudyError(f"{path} cannot be written: {error.strerror or error}") from error

    def _read_json(self, name: str) -> dict[str, Any]:
        try:
            data = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise StudyError(f"{self.path / name} cannot be read: {error}") from error
        return data if isinstance(data, dict) else {}

    def _write_json(self, name: str, data: dict[str, Any]) -> None:
        path = self.path / name
        temporary = path.with_name(f".{name}.tmp-{os.getpid()}")
        try:
            temporary.write_text(json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8")
            os.replace(temporary, path)
        except OSError as error:
            raise StudyError(f"{path} cannot be written: {error.strerror}") from error


def _header(entry: Entry) -> dict[str, Any]:
    names = ("key", "kind", "title", "created", "seconds")
    header = {name: getattr(entry, name) for name in names}
    return {"schema": SCHEMA, **header, "parents": list(entry.parents)}


def spec_of(entry: Entry) -> Spec | None:
    """Return the entry's spec, or None where this version does not know such a spec."""
    try:
        return from_dict(entry.spec)
    except SpecError:
        return None
