"""Titles and notes that the user gave to records, in a file of their own as records never change.

The file is one JSON object, key of a record -> {"title", "note"}. It is untrusted input: entries
that are not a key with plain texts are ignored, and labels only affect what is shown.
"""

from __future__ import annotations

import json
import os
import re
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.specs.schema import KEY_LENGTH
from engine.store.atomic import new_file
from engine.store.files import NotAFile, read_text
from engine.store.hdf5 import FileError
from engine.store.index import Entry

LONGEST_TITLE = 200
LONGEST_NOTE = 20_000
MOST_BYTES = 64 << 20
DAMAGED = ".damaged"  # added to the name of a file that is no table of labels
_KEY = re.compile(rf"[0-9a-f]{{{KEY_LENGTH}}}")


@dataclass(frozen=True)
class Label:
    """The user's title for a record ("" to use the record's own title) and a note about it."""

    title: str = ""
    note: str = ""


NONE = Label()


class Labels:
    """The labels of a study's records. May be used from any thread.

    Parameters
    ----------
    path
        The file. If it is missing, damaged or not a regular file, there are no labels.
    """

    def __init__(self, path: Path):
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[str, Label] = {}
        self.take_up()
        self._shown: dict[str, tuple[Entry | None, Entry]] = {}

    def of(self, key: str) -> Label:
        """Return the label of a record, or an empty label if it has none."""
        return self._known.get(key, NONE)

    def on(self, entry: Entry) -> Entry:
        """Return a record's entry with the title that the user gave it."""
        title = self.of(entry.key).title
        if not title:
            return entry
        own, shown = self._shown.get(entry.key, (None, entry))
        if own is not entry or shown.title != title:
            shown = replace(entry, title=title)
            # Reuse the same object, because an entry caches its parsed spec.
            self._shown[entry.key] = (entry, shown)
        return shown

    def on_all(self, entries: list[Entry]) -> list[Entry]:
        """Apply :meth:`on` to several entries."""
        return [self.on(entry) for entry in entries] if self._known else entries

    def as_document(self) -> dict[str, dict[str, str]]:
        """Return all labels in the JSON form of the file."""
        return _document(self._known)

    def set(self, key: str, *, title: str | None = None, note: str | None = None) -> None:
        """Change a record's title or note; "" removes it.

        Raises
        ------
        FileError
            If the file cannot be written; the label is not changed.
        """
        with self._lock:
            known = self._present()
            now = replace(known.get(key, NONE), **_given(title=title, note=note))
            self._replace(known, {key: now})

    def set_many(self, labels: dict[str, Label]) -> None:
        """Change the labels of several records at once; see :meth:`set`."""
        with self._lock:
            self._replace(self._present(), labels)

    def exchange(self, key: str, before: Label, after: Label) -> None:
        """Change what differs between two labels, where the file still has the first of them.

        Raises
        ------
        FileError
            As :meth:`set`, and if another process changed the title or the note meanwhile, which
            then stays.
        """
        with self._lock:
            known = self._present()
            self._known, now = known, known.get(key, NONE)
            for name in ("title", "note"):
                old, new = getattr(before, name), getattr(after, name)
                if old == new:
                    continue
                if getattr(now, name) != old:
                    raise FileError(f"the {name} was changed elsewhere meanwhile, and stays")
                now = replace(now, **{name: new})
            self._replace(known, {key: now})

    def take_up(self) -> bool:
        """Read the file, which another process may have changed; return whether it had."""
        with self._lock:
            try:
                known = self._present()
            except FileError:
                return False  # writing says why
            changed, self._known = known != self._known, known
            return changed

    def _present(self) -> dict[str, Label]:
        """Return the labels in the file; those known before if it is damaged.

        Raises
        ------
        FileError
            If it cannot be read now: what would be written then had only a part of the labels.
        """
        try:
            return _read(self._path)
        except OSError as error:
            raise FileError(
                f"{self._path} cannot be read: {error.strerror or error}; it is not changed"
            ) from error
        except (ValueError, RecursionError):
            return dict(self._known)

    def _replace(self, known: dict[str, Label], labels: dict[str, Label]) -> None:
        known = {**known}
        for key, label in labels.items():
            known[key] = Label(clean_title(label.title), label.note[:LONGEST_NOTE])
        known = {key: label for key, label in known.items() if label != NONE}
        _keep_damaged(self._path)
        _write(self._path, known)
        self._known = known


def clean_title(text: str) -> str:
    """Return a title as one line without control characters, cut to ``LONGEST_TITLE``."""
    words = "".join(letter if letter.isprintable() else " " for letter in text).split()
    return " ".join(words)[:LONGEST_TITLE]


def _given(**texts: str | None) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text is not None}


def _read(path: Path) -> dict[str, Label]:
    """Return the valid labels in a file; {} if it is none.

    Raises
    ------
    OSError, ValueError, RecursionError
        If it cannot be read at this moment, or is no JSON.
    """
    # A link may lead out of the study.
    if path.is_symlink():
        return {}
    try:
        return labels_from(json.loads(read_text(path, MOST_BYTES)))
    except (FileNotFoundError, NotAFile):
        return {}


def _keep_damaged(path: Path) -> None:
    """Give a file that is no JSON another name before a new one takes its place."""
    try:
        _read(path)
    except (ValueError, RecursionError):
        try:
            os.replace(path, path.with_name(path.name + DAMAGED))
        except OSError as error:
            raise FileError(f"{path} cannot be kept: {error.strerror}") from error


def labels_from(data: object) -> dict[str, Label]:
    """Return the valid labels in untrusted JSON data; ignore everything else."""
    found = data.items() if isinstance(data, dict) else ()
    labels = {key: _label(part) for key, part in found if _KEY.fullmatch(str(key))}
    return {key: label for key, label in labels.items() if label != NONE}


def _document(labels: dict[str, Label]) -> dict[str, dict[str, str]]:
    return {
        key: _given(title=label.title or None, note=label.note or None)
        for key, label in sorted(labels.items())
    }


def _label(part: Any) -> Label:
    if not isinstance(part, dict):
        return NONE
    title, note = (part.get(name) for name in ("title", "note"))
    return Label(
        clean_title(title) if isinstance(title, str) else "",
        _printable(note)[:LONGEST_NOTE] if isinstance(note, str) else "",
    )


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")


def _write(path: Path, labels: dict[str, Label]) -> None:
    data = _document(labels)
    try:
        with new_file(path) as temporary:
            temporary.write_text(json.dumps(data, indent=1, ensure_ascii=False), encoding="utf-8")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it holds half of a letter"
        raise FileError(f"{path} cannot be written: {reason}") from error
