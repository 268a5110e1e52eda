"""The header of a record's file: build it for writing, and check it after reading."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.specs.schema import Spec, from_dict
from engine.store import index
from engine.store.hdf5 import FileError, Newer
from engine.store.index import Entry

SCHEMA = 1


def entry_of(documents: Mapping[str, Any], path: Path) -> Entry:
    """Build a record's entry from the documents in its file.

    Raises
    ------
    FileError
        If the documents are not a record's, belong to another file, or have a newer schema.
    """
    header = documents.get("header")
    schema = header.get("schema") if isinstance(header, dict) else None
    if not isinstance(header, dict) or type(schema) is not int:
        raise FileError(f"{path.name} lacks a header")
    if schema > SCHEMA:
        raise Newer(f"{path.name} has schema {schema}, newer than {SCHEMA}")
    if not isinstance(documents.get("provenance"), dict):
        raise FileError(f"{path.name} does not say how it came about")
    kept = {name: value for name, value in header.items() if name != "schema"}
    kept |= {name: documents.get(name) for name in ("spec", "numbers")}
    try:
        entry = index.entry_from({**kept, "size": path.stat().st_size})
    except ValueError as error:
        raise FileError(f"{path.name} has a header in which {error}") from error
    if (entry.key, entry.kind) != (path.stem, path.parent.name):
        raise FileError(f"{path.name} holds the record {entry.key} of kind {entry.kind}")
    return entry


def identity(entry: Entry) -> tuple[str, str]:
    """Return key and kind of a record's spec: as it says itself, if a plugin of it is not loaded.

    Raises
    ------
    SpecError
        If this version does not know the spec.
    """
    if entry.lacks:
        return entry.key, entry.kind
    spec: Spec = from_dict(entry.spec)
    return spec.key, spec.kind


def header_of(entry: Entry) -> dict[str, Any]:
    """Return the header document of a record's file; spec and numbers are separate documents."""
    names = ("key", "kind", "title", "created", "seconds")
    header = {name: getattr(entry, name) for name in names}
    return {"schema": SCHEMA, **header, "parents": list(entry.parents)}
