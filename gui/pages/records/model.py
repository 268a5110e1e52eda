"""The records of a study as a table that is searched and sorted: thousands of rows, drawn as seen.

The text that is searched is made once per record, away from the window's own thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from engine.specs.schema import KINDS
from engine.store.index import Entry
from engine.store.labels import Labels
from gui.look import theme

Index = QModelIndex | QPersistentModelIndex
TITLE, KIND, CREATED, SECONDS, NOTE = range(5)
NETWORKS = ("training", "imported")


@dataclass(frozen=True)
class RecordRow:
    """A record as the table knows it.

    Attributes
    ----------
    text
        Everything that a search looks through, in small letters, words between spaces.
    note
        The user's note.
    network
        Key of the network that it is, or was computed from; "" for others.
    """

    entry: Entry
    text: str
    note: str = ""
    network: str = ""


def rows_of(
    entries: Sequence[Entry],
    labels: Labels,
    known: Mapping[str, RecordRow],
    check: Callable[[], None] = lambda: None,
) -> list[RecordRow]:
    """Return a row for every record; those that did not change are taken from ``known``.

    Parameters
    ----------
    check
        Called now and then; what it raises ends the work.
    """
    networks = {entry.key for entry in entries if entry.kind in NETWORKS}
    found = []
    for place, entry in enumerate(entries):
        if place % 200 == 0:
            check()
        note, before = labels.of(entry.key).note, known.get(entry.key)
        if before is not None and (before.entry, before.note) == (entry, note):
            found.append(before)
        else:
            own = entry.key if entry.key in networks else ""
            network = own or next((key for key in entry.parents if key in networks), "")
            found.append(RecordRow(entry, search_text(entry, note), note, network))
    return found


def search_text(entry: Entry, note: str = "") -> str:
    """Return what a search looks through: title, kind, key, note, and "name=value" of the spec."""
    words = [entry.title, entry.kind, kind_name(entry.kind), entry.key, note]
    words += dict.fromkeys(_leaves(entry.spec))
    return f" {' '.join(words)} ".lower().replace("\n", " ")


def kind_name(kind: str) -> str:
    """Return what a kind of record is called."""
    name = KINDS[kind].label if kind in KINDS else kind
    return name[:1].upper() + name[1:]


def _leaves(form: Any, name: str = "") -> Iterator[str]:
    if isinstance(form, Mapping):
        for inner, part in form.items():
            yield from _leaves(part, str(inner))
    elif isinstance(form, list):
        for part in form[:50]:
            yield from _leaves(part, name)
    elif form is not None:
        yield f"{name}={str(form).replace(' ', '_')}"


def wanted_words(search: str) -> list[tuple[str, ...]]:
    """Return, for every word of a search, what :func:`search_text` may have in its place.

    A word with "=" must be there as a whole, and its value may be a fraction: eps=8/255.
    """
    words = []
    for word in search.lower().split():
        name, equals, value = word.partition("=")
        if equals and name and value:
            words.append(tuple(f" {name}={text} " for text in _ways_to_write(value)))
        else:
            words.append((word,))
    return words


def _ways_to_write(value: str) -> list[str]:
    """Return a setting's value as it is, and as the number that it is: .1 and 8/255 and 1."""
    top, slash, bottom = value.partition("/")
    try:
        number = float(top) / float(bottom) if slash else float(value)
    except (ValueError, ZeroDivisionError):
        return [value]
    return list(dict.fromkeys((value, str(number))))


class RecordsModel(QAbstractTableModel):
    """Shows those of its rows that the search finds, in the order that the user sorts by."""

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._all: list[RecordRow] = []
        self._shown: list[RecordRow] = []
        self._places: dict[str, int] = {}
        self._words: list[tuple[str, ...]] = []
        self._kind = ""
        self._column, self._down = CREATED, True
        self._highlighted = ""

    # ------------------------------------------------------------------------------------ content

    def set_rows(self, rows: list[RecordRow], kind: str) -> None:
        """Take other records, and show those of a kind; of all kinds for ""."""
        self._all, self._kind = rows, kind
        self._renew()

    def search(self, text: str, kind: str) -> None:
        """Show only records that have every word of a text, and are of a kind; of all kinds for "".

        A word may stand anywhere in the title, kind, key, note or in a value of the spec.
        """
        self._words, self._kind = wanted_words(text), kind
        self._renew()

    @property
    def rows(self) -> dict[str, RecordRow]:
        """All records by key, also those that are not shown."""
        return {row.entry.key: row for row in self._all}

    @property
    def total(self) -> int:
        """How many there are, shown or not."""
        return len(self._all)

    def row(self, place: int) -> RecordRow:
        """Return the record in a row of the table."""
        return self._shown[place]

    def place(self, key: str) -> int:
        """Return in which row a record is; -1 where it is not shown."""
        return self._places.get(key, -1)

    def highlight(self, network: str) -> None:
        """Tint the rows that are about a network; "" tints none."""
        if network != self._highlighted:
            self._highlighted = network
            if self._shown:
                corner = self.index(len(self._shown) - 1, NOTE)
                role = [Qt.ItemDataRole.BackgroundRole]
                self.dataChanged.emit(self.index(0, 0), corner, role)

    # ---------------------------------------------------------------------------------- Qt's model

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of records that are shown."""
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def columnCount(self, parent: Index | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else NOTE + 1

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the name of a column."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(section)
        names = (
            "Title", "Kind", "Created", "Seconds",
            "Note",
        )  # fmt: skip
        return names[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text, tooltip or tint of a cell."""
        row, column = self._shown[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return _tip(row, column)
        if role == Qt.ItemDataRole.BackgroundRole and self._highlighted:
            return theme.colour("raised") if row.network == self._highlighted else None
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; equal ones by when they were made."""
        self._column, self._down = column, order == Qt.SortOrder.DescendingOrder
        self.layoutAboutToBeChanged.emit()
        # What is selected stays so, wherever it moves.
        before = self.persistentIndexList()
        kept = [(self._shown[index.row()].entry.key, index.column()) for index in before]
        self._arrange()
        after = [self.index(self._places[key], column) for key, column in kept]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    # ------------------------------------------------------------------------------------ private

    def _renew(self) -> None:
        self.beginResetModel()
        self._arrange()
        self.endResetModel()

    def _arrange(self) -> None:
        found = [
            row
            for row in self._all
            if (not self._kind or row.entry.kind == self._kind)
            and all(any(word in row.text for word in ways) for ways in self._words)
        ]
        found.sort(key=lambda row: row.entry.created)
        found.sort(key=SORTED_BY[self._column], reverse=self._down)
        self._shown = found
        self._places = {row.entry.key: place for place, row in enumerate(found)}


SORTED_BY: dict[int, Callable[[RecordRow], Any]] = {
    TITLE: lambda row: row.entry.title.casefold(),
    KIND: lambda row: row.entry.kind,
    CREATED: lambda row: row.entry.created,
    SECONDS: lambda row: row.entry.seconds,
    NOTE: lambda row: (not row.note, row.note.casefold()),
}


def when(created: str) -> str:
    """Return a record's time as this place's clock shows it."""
    try:
        return datetime.fromisoformat(created).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return created[:16]


def _text(row: RecordRow, column: int) -> str:
    if column == TITLE:
        return row.entry.title
    if column == KIND:
        return kind_name(row.entry.kind)
    if column == CREATED:
        return when(row.entry.created)
    return f"{row.entry.seconds:,.1f}" if column == SECONDS else row.note.partition("\n")[0]


def _tip(row: RecordRow, column: int) -> str:
    return row.note if column == NOTE and row.note else f"{row.entry.title}\n{row.entry.key}"


def _side(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column == SECONDS else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
