"""The header of a record's file: written with the record, checked before it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.store import index
from engine.store.hdf5 import FileError
from engine.store.index import Entry

SCHEMA = 1


def entry_of(documents: Mapping[str, Any], path: Path) -> Entry:
    """Return what the documents of a record's file say of it.

    Raises
    ------
    FileError
        If they are no record's, not those of this file, or of a newer version.
    """
    header = documents.get("header")
    schema = header.get("schema") if isinstance(header, dict) else None
    if not isinstance(header, dict) or type(schema) is not int:
        raise FileError(f"{path.name} lacks a header")
    if schema > SCHEMA:
        raise FileError(f"{path.name} has schema {schema}, newer than {SCHEMA}")
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


def header_of(entry: Entry) -> dict[str, Any]:
    """Return what a record's file says of itself beside its spec and numbers."""
    names = ("key", "kind", "title", "created", "seconds")
    header = {name: getattr(entry, name) for name in names}
    return {"schema": SCHEMA, **header, "parents": list(entry.parents)}
