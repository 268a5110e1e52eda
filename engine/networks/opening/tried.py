"""The table of accuracies by which a network was opened, on its way into the record.

It is measured before the import is asked for, and its numbers are no part of what is asked: so it
waits in the study, in ``choices/<key>.json``, until the import puts it into its record.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.store.atomic import new_file
from engine.store.files import json_text, read_text
from engine.store.study import Record, Study, StudyError
from engine.texts import one_line, percent, shortened

FOLDER = "choices"
DOCUMENT = "import"
MOST_ROWS = 100
LONGEST = 60  # characters of a name in the table
MOST_BYTES = 1 << 20
HEADINGS = ("normaliser", "classes", "accuracy", "right", "")


@dataclass(frozen=True)
class Tried:
    """One way of reading pixels and naming classes that was tried, and what it gave.

    Attributes
    ----------
    correct, images
        How many of the labelled images were right, and of how many.
    taken
        Whether the network was opened so.
    """

    normalizer: str
    class_order: str
    correct: int
    images: int
    taken: bool

    @property
    def accuracy(self) -> float:
        """The share of images that were right."""
        return self.correct / self.images

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """The row of a table under HEADINGS."""
        right = f"{self.correct:,} of {self.images:,}"
        mark = "taken" if self.taken else ""
        return self.normalizer, self.class_order, percent(self.accuracy), right, mark


def keep_tried(study: Study, key: str, rows: Iterable[Tried]) -> None:
    """Store the table for the import with this key, until that is computed.

    Raises
    ------
    StudyError
        If it cannot be written.
    """
    path = study.path / FOLDER / f"{key}.json"
    text = json_text({"accuracies": as_documents(rows)})
    try:
        path.parent.mkdir(exist_ok=True)
        with new_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StudyError(f"{path} cannot be written: {error.strerror or error}") from error


def kept_tried(study: Study, key: str) -> tuple[Tried, ...]:
    """Return the table that waits for the import with this key; () if none does.

    Raises
    ------
    StudyError
        If there is one that cannot be read.
    """
    path = study.path / FOLDER / f"{key}.json"
    try:
        found = json.loads(read_text(path, MOST_BYTES))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StudyError(f"{path} cannot be read: {reason}") from error
    return _rows(found)


def as_documents(rows: Iterable[Tried]) -> list[dict[str, Any]]:
    """Return the table as plain values, for a record."""
    return [
        {
            "normalizer": row.normalizer,
            "class_order": row.class_order,
            "correct": row.correct,
            "images": row.images,
            "taken": row.taken,
        }
        for row in rows
    ]


def tried_in(record: Record) -> tuple[Tried, ...]:
    """Return the table that a record of an import holds, best first; () if it has none."""
    rows = _rows(record.documents.get(DOCUMENT))
    return tuple(sorted(rows, key=lambda row: -row.accuracy))


def words_for(rows: Iterable[Tried]) -> list[str]:
    """Return a line for each row, the table's name first; [] without rows."""
    lines = [
        f"{percent(row.accuracy)} of {row.images:,} images with normaliser {row.normalizer}, "
        f"classes {row.class_order}{' (taken)' if row.taken else ''}"
        for row in rows
    ]
    return ["Accuracy when it was opened:", *lines] if lines else []


def _rows(document: Any) -> tuple[Tried, ...]:
    """Return the rows in a document that may come from anywhere; what is no row is left out."""
    given = document.get("accuracies") if isinstance(document, Mapping) else None
    if not isinstance(given, list):
        return ()
    return tuple(filter(None, map(_row, given[:MOST_ROWS])))


def _row(value: Any) -> Tried | None:
    if not isinstance(value, Mapping):
        return None
    name, order = value.get("normalizer"), value.get("class_order")
    correct, images = value.get("correct"), value.get("images")
    if not isinstance(name, str) or not isinstance(order, str):
        return None
    # True and False are whole numbers too, but no counts.
    if type(correct) is not int or type(images) is not int or not 0 <= correct <= images:
        return None
    if not images:
        return None
    normalizer, class_order = (shortened(one_line(text), LONGEST) for text in (name, order))
    return Tried(normalizer, class_order, correct, images, value.get("taken") is True)
