"""A study: a folder of records, each written once under the key of its spec.

``records/<kind>/<key>.h5``   one result each, never changed
``checkpoints/<key>.h5``      how far an unfinished computation is, and its spec
``asked/*.jsonl``             what was asked for, see :mod:`engine.store.unfinished`
``index.jsonl``               a cache of the records' headers, corrected from the record files
``study.json``                name, notes, schema version
``locations.json``            paths of the image folders and weights files, by content hash

Only ``records`` holds results: everything else can be lost without losing a result.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.specs.schema import Spec, from_dict
from engine.store import hdf5, index, outputs
from engine.store.atomic import new_file, remove_left_over
from engine.store.checking import Problem, is_damaged, problems
from engine.store.files import json_text, read_text
from engine.store.hdf5 import Array, Content, FileError
from engine.store.headers import SCHEMA, entry_of, header_of
from engine.store.index import Entry, Number
from engine.store.labels import Labels
from engine.store.outputs import LOST, OutputError, no_study_words

SUFFIX = ".isthmus"


class StudyError(ValueError):
    """A study cannot be opened, read or written; the message is one sentence for the user."""


@dataclass(frozen=True)
class Result:
    """The result of a computation: scalars, arrays, and JSON documents, each by name.

    Raises
    ------
    ValueError
        If a number is not finite, because plots must not receive NaN.
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
    """A stored result with its spec and provenance."""

    entry: Entry
    arrays: Mapping[str, Array]
    documents: Mapping[str, Any]

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Versions, device and threads of the run that computed the record."""
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
        On opening, if the folder is not a study, or was written by a newer version.
    """

    def __init__(self, path: Path, *, create: bool = False):
        self.path = path
        self._lock = threading.RLock()  # never held while a drive is waited for
        self._texts = threading.RLock()  # of study.json and locations.json
        if create and not (path / "study.json").exists():
            self._create()
        self.about = self._read_about()
        self.labels = Labels(path / "labels.json")
        self.writable = os.access(path, os.W_OK)
        if self.writable:
            self._tidy()
        self._ordered: list[Entry] | None = None
        self._entries, stale = index.load(self._index, path / "records", self._read_entry)
        if stale and self.writable:
            index.rewrite(self._index, self._entries.values())

    # ------------------------------------------------------------------------------------ records

    @property
    def entries(self) -> list[Entry]:
        """The entries of all records, oldest first, with the titles that the user gave them."""
        with self._lock:
            if self._ordered is None:
                self._ordered = sorted(self._entries.values(), key=lambda entry: entry.created)
            found = list(self._ordered)
        return self.labels.on_all(found)

    def has(self, spec: Spec) -> bool:
        """Whether the spec has been computed."""
        with self._lock:
            return spec.key in self._entries

    def take_up(self, spec: Spec) -> bool:
        """Whether the spec has been computed; a record that another process wrote is adopted."""
        path = self._record_path(spec.kind, spec.key)
        if not self.has(spec) and path.is_file():
            with suppress(OSError, FileError):
                self.adopt(path)
        return self.has(spec)

    def has_file(self, entry: Entry) -> bool:
        """Whether the file of a record is there."""
        return self._record_path(entry.kind, entry.key).is_file()

    def entry(self, key: str) -> Entry:
        """Return the entry of the record with this key, or whose key begins with it."""
        with self._lock:
            if key in self._entries:
                return self.labels.on(self._entries[key])
            near = [entry for entry in self._entries.values() if key and entry.key.startswith(key)]
        if len(near) != 1:
            found = "several records begin" if near else "no record begins"
            raise StudyError(f"key is {key!r}: {found} with it in {self.path.name}")
        return self.labels.on(near[0])

    def title(self, spec: Spec) -> str:
        """Return the user's title for a spec's record, or else the spec's own title."""
        return self.labels.of(spec.key).title or spec.title

    def read(self, key: str | Spec) -> Record:
        """Read a record; raise :class:`StudyError` if it is missing or damaged."""
        entry = self.entry(key.key if isinstance(key, Spec) else key)
        try:
            content = hdf5.read(self._record_path(entry.kind, entry.key))
        except FileNotFoundError:
            self.forget([entry.key])
            raise StudyError(f"record {entry.key} is gone: it was deleted meanwhile") from None
        except (OSError, FileError) as error:
            raise StudyError(f"record {entry.key} cannot be read: {error}") from error
        return Record(entry, content.arrays, content.documents)

    def write(
        self, spec: Spec, result: Result, *, seconds: float, provenance: Mapping[str, Any]
    ) -> Entry:
        """Store a result under its spec's key; do not replace an existing readable record.

        Raises
        ------
        StudyError
            If it cannot be written (a full disk, a read-only folder). No partial file remains.
        """
        if self.take_up(spec):
            return self.entry(spec.key)
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
            "header": header_of(entry),
            "spec": entry.spec,
            "numbers": entry.numbers,
            "provenance": dict(provenance),
        }
        path = self._record_path(entry.kind, entry.key)
        content = Content(documents, result.arrays)
        try:
            # take_up did not adopt a file that is here: replace it if it is damaged, and not if
            # the system does not let us read it.
            size = self._guard(path, content, exclusive=not is_damaged(path))
        except FileExistsError:
            try:
                entry = self.adopt(path)
            except (OSError, FileError) as error:
                raise StudyError(f"record {entry.key} cannot be read: {error}") from error
        else:
            entry = replace(entry, size=size)
            index.append(self._index, entry)
            with self._lock:
                self._entries[entry.key], self._ordered = entry, None
        self.drop_checkpoint(spec)
        return entry

    def adopt(self, path: Path) -> Entry:
        """Add a record whose file another process or :mod:`engine.store.trash` put there."""
        entry = self._read_entry(path)
        with self._lock:
            self._entries[entry.key], self._ordered = entry, None
        return entry

    def forget(self, keys: Iterable[str]) -> list[Entry]:
        """Drop entries of records whose files were moved away, and return them; see :meth:`stored`.

        The index file keeps its lines: :func:`engine.store.index.load` looks at the files.
        """
        with self._lock:
            self._ordered = None
            return [self._entries.pop(key) for key in keys if key in self._entries]

    def stored(self, keys: Iterable[str]) -> list[Entry]:
        """Return the entries of these records as their files have them: with their own titles."""
        with self._lock:
            return [self._entries[key] for key in keys if key in self._entries]

    def remember(self, entries: Iterable[Entry]) -> None:
        """Add records to the list again after their files were put back unchanged."""
        with self._lock:
            self._ordered = None
            self._entries.update({entry.key: entry for entry in entries})

    def check(self, unread: list[Problem] | None = None) -> Iterator[Problem]:
        """Verify every record file, as :func:`engine.store.checking.problems` does."""
        return problems(self.path, unread)

    # -------------------------------------------------------------------------------- checkpoints

    def checkpoint(self, spec: Spec) -> Content | None:
        """Return the last checkpoint of a spec, or None if it is missing or damaged."""
        try:
            return hdf5.read(self._checkpoint_path(spec))
        except (OSError, FileError):
            return None

    def save_checkpoint(self, spec: Spec, content: Content) -> None:
        """Store the state of an unfinished computation; replace its last checkpoint."""
        self._guard(self._checkpoint_path(spec), content)

    def drop_checkpoint(self, spec: Spec) -> None:
        """Delete the checkpoint of a computation."""
        with suppress(OSError):  # a remaining checkpoint is harmless, because the record exists
            self._checkpoint_path(spec).unlink()

    # ---------------------------------------------------------------------------------- locations

    def locate(self, digest: str) -> Path:
        """Return the path of the files with this content hash.

        Raises
        ------
        StudyError
            If no path is known, or the files are no longer there.
        """
        places = self._read_json("locations.json").get(digest, {})
        if not isinstance(places, dict) or not all(isinstance(p, str) for p in places.values()):
            places = {}
        for place in filter(None, (places.get("relative"), places.get("absolute"))):
            found: Path = (self.path / place).resolve()
            if found.exists():
                return found
        known = f"; they were at {places['absolute']}" if "absolute" in places else ""
        raise StudyError(f"the files with content hash {digest[:12]} are not found{known}")

    def set_location(self, digest: str, path: Path) -> None:
        """Store the path of the files with a content hash, relative to the study and absolute."""
        absolute = path.resolve()
        try:
            relative = os.path.relpath(absolute, self.path.resolve())
        except ValueError:  # another drive on Windows
            relative = ""
        with self._texts:
            places = self._read_json("locations.json")
            places[digest] = {"absolute": str(absolute), "relative": relative}
            self._write_json("locations.json", places)

    def take_up_about(self) -> bool:
        """Read name and notes, which another process may have changed; return whether it had."""
        with self._texts:
            before, self.about = self.about, self._read_about()
            return self.about != before

    def describe(self, *, name: str | None = None, notes: str | None = None) -> None:
        """Change the study's name or notes; what is not given stays as its file has it."""
        given = {"name": name, "notes": notes}
        with self._texts:
            self.take_up_about()
            self.about.update({field: text for field, text in given.items() if text is not None})
            self._write_json("study.json", self.about)

    # ------------------------------------------------------------------------------------ private

    @property
    def _index(self) -> Path:
        return self.path / index.NAME

    def _record_path(self, kind: str, key: str) -> Path:
        return self.path / "records" / kind / f"{key}.h5"

    def _checkpoint_path(self, spec: Spec) -> Path:
        return self.path / "checkpoints" / f"{spec.key}.h5"

    def _create(self) -> None:
        try:
            outputs.check_outside_studies(self.path)
        except OutputError as error:
            raise StudyError(str(error)) from error
        if self.path.is_file():
            raise StudyError(f"study is {self.path}, {no_study_words(self.path)}")
        if self.path.is_dir() and not all(map(outputs.is_remnant, self.path.iterdir())):
            problem = (
                LOST
                if outputs.is_study(self.path)
                else "a folder with other files; it must be empty"
            )
            raise StudyError(f"study is {self.path}, {problem}")
        try:
            (self.path / "records").mkdir(parents=True, exist_ok=True)
            name = self.path.name.removesuffix(SUFFIX)
            self._write_json("study.json", {"schema": SCHEMA, "name": name, "notes": ""})
        except OSError as error:
            raise StudyError(f"study {self.path} cannot be created: {error.strerror}") from error

    def _read_about(self) -> dict[str, Any]:
        if not (self.path / "study.json").is_file():
            raise StudyError(f"study is {self.path}, {no_study_words(self.path)}")
        about = self._read_json("study.json")
        schema = about.get("schema")
        if schema is None:
            raise StudyError(f"study is {self.path}, {LOST}")
        if type(schema) is not int or not 1 <= schema <= SCHEMA:
            raise StudyError(
                f"study {self.path.name} has schema {schema!r}; this version reads up to {SCHEMA}"
            )
        return {**about, **{name: str(about.get(name, "")) for name in ("name", "notes")}}

    def _tidy(self) -> None:
        """Remove the temporary files of processes that were killed."""
        remove_left_over(self.path)
        remove_left_over(self.path / "checkpoints")
        with suppress(OSError):
            for folder in (self.path / "records").iterdir():
                remove_left_over(folder)

    def _read_entry(self, path: Path) -> Entry:
        return entry_of(hdf5.read(path, only_documents=True).documents, path)

    def _guard(self, path: Path, content: Content, *, exclusive: bool = False) -> int:
        if not (self.path / "study.json").is_file():
            raise StudyError(f"study {self.path} is no longer there: moved, renamed or deleted")
        try:
            return hdf5.write(path, content, exclusive=exclusive)
        except FileExistsError:
            raise
        except OSError as error:
            raise StudyError(f"{path} cannot be written: {error.strerror or error}") from error

    def _read_json(self, name: str) -> dict[str, Any]:
        try:
            data = json.loads(read_text(self.path / name))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StudyError(f"{self.path / name} cannot be read: {reason}") from error
        return data if isinstance(data, dict) else {}

    def _write_json(self, name: str, data: dict[str, Any]) -> None:
        path = self.path / name
        text = json_text(data)
        try:
            with new_file(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise StudyError(f"{path} cannot be written: {error.strerror}") from error


def spec_of(entry: Entry) -> Spec | None:
    """Return the entry's spec, or None if this version does not know this spec."""
    return entry.known_spec
