"""A table of names and numbers with a key per row, sortable by value, copied as text."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QFontMetrics,
    QGuiApplication,
    QIcon,
    QKeyEvent,
    QKeySequence,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from engine.figures.cells import tab_lines
from engine.texts import unbroken
from gui.look import terms, theme
from gui.look.colours import Colour, on_screen
from gui.look.icons import of_colour
from gui.look.plain import plain_tip
from gui.widgets.table_names import name_table

KEY = Qt.ItemDataRole.UserRole
WORD_JOINER = "\u2060"  # has no width and forbids a break
CHIP = 10
PADDING = 20
LEAST_TEXT = 120  # to which a column of texts is shortened so that the numbers stay in sight
MOST_TEXT = 230  # which it may take for two whole lines, where the table is scrolled all the same
ROOMY = 1.2  # times what the longest text needs, so that short ones are on one line


@dataclass(frozen=True)
class Cell:
    """The text of a cell, and the number to sort it by; None sorts below every number."""

    text: str
    value: float | str | None = None
    tip: str = ""


@dataclass(frozen=True)
class TableRow:
    """One row: its key, its cells, and the colour of the chip at its beginning."""

    key: str
    cells: tuple[Cell, ...]
    colour: Colour | None = None


class _Item(QTableWidgetItem):
    def __init__(self, cell: Cell, key: str):
        super().__init__(cell.text)
        self.cell = cell
        self.setData(KEY, key)
        self.setToolTip(plain_tip(cell.tip or (cell.text if isinstance(cell.value, str) else "")))
        self.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        if not isinstance(cell.value, str):
            self.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        mine, theirs = self.cell.value, getattr(other, "cell", self.cell).value
        if isinstance(mine, str) or isinstance(theirs, str):
            return str(mine) < str(theirs)
        return (mine is not None, mine or 0.0) < (theirs is not None, theirs or 0.0)


class _Unbroken(QStyledItemDelegate):
    """Breaks lines between words only: "APGD-T" and "95 %" stay whole."""

    def initStyleOption(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Forbid other breaks in what is drawn; the cell keeps its text."""
        super().initStyleOption(option, index)
        option.text = unbroken(option.text).replace("-", f"-{WORD_JOINER}")


class NumberTable(QTableWidget):
    """Rows that are replaced as a whole, keeping the user's sort order and current row.

    Signals
    -------
    hovered
        Takes the key of the row under the mouse, or "" when it is left.
    pointed
        Takes the key of the row that became current, by mouse or keyboard.
    opened
        Takes the key of the row that was double-clicked, or on which Return was pressed.
    column_pointed
        Takes the column of the cell that became current.
    """

    hovered = Signal(str)
    pointed = Signal(str)
    opened = Signal(str)
    column_pointed = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None):
        super().__init__(parent)
        name_table(self, name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setItemDelegate(_Unbroken(self))
        self.setAlternatingRowColors(False)
        self.setShowGrid(False)
        self.setMouseTracking(True)
        self.setSortingEnabled(True)
        self.verticalHeader().hide()
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.horizontalHeader().setHighlightSections(False)
        self.viewport().installEventFilter(self)
        self.horizontalHeader().viewport().installEventFilter(self)
        self._widths: list[int] = []
        self._least: list[int] = []
        self._texts: set[int] = set()
        self._own_widths = False
        theme.signals.changed.connect(self._recolour)
        self._quiet = False
        self._headers: tuple[str, ...] = ()
        self._rows: tuple[TableRow, ...] = ()
        self.cellEntered.connect(self._on_entered)
        self.currentCellChanged.connect(self._on_current)
        self.itemDoubleClicked.connect(lambda item: self.opened.emit(item.data(KEY)))

    # ------------------------------------------------------------------------------------ content

    def set_rows(self, headers: Sequence[str], rows: Sequence[TableRow]) -> None:
        """Show these rows in the order given, or in the order that the user sorted by."""
        if (tuple(headers), tuple(rows)) == (self._headers, self._rows):
            return
        chosen = self.current_key
        column = max(self.currentColumn(), 0)
        wider = tuple(headers) != self._headers or len(rows) != len(self._rows)
        self._headers, self._rows = tuple(headers), tuple(rows)
        self._quiet = True
        self.setSortingEnabled(False)
        self.setColumnCount(len(headers))
        self._write_headers()
        self.setRowCount(len(rows))
        for place, row in enumerate(rows):
            self._fill(place, row)
        self.setSortingEnabled(True)
        self._choose(chosen, column)
        self._quiet = False
        if wider:
            self._fit_columns()

    @property
    def current_key(self) -> str:
        """Key of the current row, or ""."""
        item = self.item(self.currentRow(), 0) if self.currentRow() >= 0 else None
        return "" if item is None else str(item.data(KEY))

    def choose(self, key: str, column: int | None = None) -> None:
        """Make the row of a key the current one without emitting signals."""
        was_quiet, self._quiet = self._quiet, True
        self._choose(key, max(self.currentColumn(), 0) if column is None else column)
        self._quiet = was_quiet

    def text(self) -> str:
        """Return the selected rows, or all if none is selected, with headers, tab-separated."""
        rows = sorted({index.row() for index in self.selectedIndexes()}) or range(self.rowCount())
        lines: list[Sequence[str]] = [self._headers]
        for row in rows:
            items = [self.item(row, column) for column in range(self.columnCount())]
            lines.append(["" if item is None else item.text() for item in items])
        return tab_lines(lines)

    # ------------------------------------------------------------------------------------- events

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy or open rows, or pass the key to the table."""
        if event.matches(QKeySequence.StandardKey.Copy):
            QGuiApplication.clipboard().setText(self.text())
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current_key:
            self.opened.emit(self.current_key)
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Emit ``hovered`` with "" when the mouse leaves the table; leave dragged widths alone."""
        if watched is self.horizontalHeader().viewport():
            at_edge = self.horizontalHeader().cursor().shape() == Qt.CursorShape.SplitHCursor
            if event.type() == QEvent.Type.MouseButtonPress and at_edge:
                self._own_widths = True
        elif event.type() == QEvent.Type.Leave:
            self.hovered.emit("")
        return super().eventFilter(watched, event)

    @Slot(int, int)
    def _on_entered(self, row: int, _: int) -> None:
        self.hovered.emit(self._key_of(row))

    @Slot(int, int, int, int)
    def _on_current(self, row: int, column: int, before: int, column_before: int) -> None:
        if self._quiet or row < 0:
            return
        if row != before:
            self.pointed.emit(self.current_key)
        if column != column_before:
            self.column_pointed.emit(column)

    # ------------------------------------------------------------------------------------ private

    def _write_headers(self) -> None:
        for column, text in enumerate(self._headers):
            item = QTableWidgetItem(text)
            words = column == 0 or self._is_text(column)
            side = Qt.AlignmentFlag.AlignLeft if words else Qt.AlignmentFlag.AlignRight
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            item.setToolTip(terms.with_words(text))
            self.setHorizontalHeaderItem(column, item)

    def _is_text(self, column: int) -> bool:
        """Whether all cells of a column are texts: sorted as text and left-aligned."""
        values = [row.cells[column].value for row in self._rows]
        return bool(values) and all(isinstance(value, str) for value in values)

    def _fill(self, place: int, row: TableRow) -> None:
        for column, cell in enumerate(row.cells):
            item = _Item(cell, row.key)
            if column == 0 and row.colour is not None:
                item.setIcon(_chip(row.colour))
            self.setItem(place, column, item)

    @Slot()
    def _recolour(self) -> None:
        colours = {row.key: row.colour for row in self._rows}
        items = [self.item(place, 0) for place in range(self.rowCount())]
        for item in items:
            colour = None if item is None else colours.get(item.data(KEY))
            if item is not None and colour is not None:
                item.setIcon(_chip(colour))

    def _choose(self, key: str, column: int) -> None:
        for row in range(self.rowCount()):
            if key and self._key_of(row) == key:
                self.setCurrentCell(row, min(column, self.columnCount() - 1))
                return
        self.clearSelection()
        self.setCurrentCell(-1, -1)

    def _key_of(self, row: int) -> str:
        item = self.item(row, 0)
        return "" if item is None else str(item.data(KEY))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the new width among the columns, unless the user set their widths."""
        super().resizeEvent(event)
        if self._widths and not self._own_widths:
            self._share_width()

    def _fit_columns(self) -> None:
        """Fit every column to its texts."""
        metrics = QFontMetrics(self.font())
        widths, least = [], []
        for column, header in enumerate(self._headers):
            texts = {header, *(row.cells[column].text for row in self._rows)}
            beside = PADDING + (CHIP + 8 if column == 0 else 0)
            widths.append(max(map(metrics.horizontalAdvance, texts)) + beside)
            broken = max(two_lines(text, metrics.horizontalAdvance) for text in texts)
            least.append(min(max(LEAST_TEXT, round(broken * ROOMY) + beside), MOST_TEXT))
        self._widths, self._least, self._own_widths = widths, least, False
        columns = range(len(widths))
        self._texts = {column for column in columns if column == 0 or self._is_text(column)}
        self._share_width()

    def _share_width(self) -> None:
        """Give the width that is left to the names, and take what is lacking from the texts."""
        room, bar = self.viewport().width(), self.horizontalHeader()
        shown = [column for column in range(len(self._widths)) if not self.isColumnHidden(column)]

        def total(most: int) -> int:
            return sum(
                min(self._widths[column], most) if column in self._texts else self._widths[column]
                for column in shown
            )

        widest = max((self._widths[column] for column in self._texts), default=0)
        fitting = bisect_right(range(LEAST_TEXT, widest + 1), room, key=total)
        most = LEAST_TEXT + max(0, fitting - 1)
        least = [0] * len(self._widths) if fitting else self._least
        bar.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, width in enumerate(self._widths):
            shortened = min(width, max(most, least[column])) if column in self._texts else width
            self.setColumnWidth(column, shortened)
        if self._widths and sum(self._widths[column] for column in shown) < room:
            bar.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)


def two_lines(text: str, width: Callable[[str], int]) -> int:
    """Return the least width in which a text stands on two lines, broken at a space."""
    words = text.split(" ")
    breaks = range(1, len(words))
    halves = ((" ".join(words[:at]), " ".join(words[at:])) for at in breaks)
    return min((max(map(width, half)) for half in halves), default=width(text))


def _chip(colour: Colour) -> QIcon:
    picture = QPixmap(CHIP, CHIP)
    picture.fill(on_screen(colour))
    return of_colour(picture)
