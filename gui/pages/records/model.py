"""A table model of a study's records, which searches and sorts thousands of rows.

The searched text is built once for each record, on a background lane.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from engine.specs.schema import kind_label
from engine.store.index import Entry
from engine.store.labels import Labels
from gui.look import theme
from gui.look.plain import plain_tip
from gui.pages.records.search import Needle, Searched, needles, searched

Index = QModelIndex | QPersistentModelIndex
TITLE, KIND, CREATED, SECONDS, NOTE = range(5)
NETWORKS = ("training", "imported")


@dataclass(frozen=True)
class RecordRow:
    """A record with the data that the table needs.

    Attributes
    ----------
    searched
        What a search looks through.
    note
        The user's note.
    network
        The record's own key if it is a network, else the key of the network it was computed from;
        "" for other records.
    """

    entry: Entry
    searched: Searched = Searched()
    note: str = ""
    network: str = ""


def rows_of(
    entries: Sequence[Entry],
    labels: Labels,
    known: Mapping[str, RecordRow],
    check: Callable[[], None] = lambda: None,
) -> list[RecordRow]:
    """Return a row for every record; reuse the rows in ``known`` that did not change.

    Parameters
    ----------
    check
        Called for every 200th record; raises to stop the work.
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
            found.append(
                RecordRow(entry, searched(entry, kind_name(entry.kind), note), note, network)
            )
    return found


def kind_name(kind: str) -> str:
    """Return the display name of a kind of record."""
    name = kind_label(kind)
    return name[:1].upper() + name[1:]


class RecordsModel(QAbstractTableModel):
    """Shows the rows that match the search, in the user's sort order."""

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._all: list[RecordRow] = []
        self._shown: list[RecordRow] = []
        self._places: dict[str, int] = {}
        self._needles: list[tuple[Needle, ...]] = []
        self._kind = ""
        self._column, self._down = CREATED, True
        self._highlighted = ""

    # ------------------------------------------------------------------------------------ content

    def set_rows(self, rows: list[RecordRow], kind: str) -> None:
        """Replace the records, and show those of one kind; all kinds for ""."""
        self._all, self._kind = rows, kind
        self._renew()

    def search(self, text: str, kind: str) -> None:
        """Show only records of one kind (all for "") that contain every word of a text.

        See :mod:`gui.pages.records.search` for where a word may be.
        """
        self._needles, self._kind = needles(text), kind
        self._renew()

    @property
    def rows(self) -> dict[str, RecordRow]:
        """All records by key, including hidden ones."""
        return {row.entry.key: row for row in self._all}

    @property
    def total(self) -> int:
        """Number of records, including hidden ones."""
        return len(self._all)

    def row(self, place: int) -> RecordRow:
        """Return the record in a row of the table."""
        return self._shown[place]

    def place(self, key: str) -> int:
        """Return the row of a record; -1 if it is not shown."""
        return self._places.get(key, -1)

    def highlight(self, network: str) -> None:
        """Tint the rows of a network and of records computed from it; "" tints none."""
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
            return plain_tip(_tip(row, column))
        if role == Qt.ItemDataRole.BackgroundRole and self._highlighted:
            return theme.colour("raised") if row.network == self._highlighted else None
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; rows with equal values by creation time."""
        self._column, self._down = column, order == Qt.SortOrder.DescendingOrder
        self.layoutAboutToBeChanged.emit()
        # Move the persistent indexes with their rows, so that the selection is kept.
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
            and all(any(map(row.searched.has, ways)) for ways in self._needles)
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
    """Return a record's creation time in the local time zone."""
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
