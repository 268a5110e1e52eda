"""The list of who computes: a row for every slot of this window, or for every worker."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gui.look import theme
from gui.look.icons import icon
from gui.look.plain import plain_tip
from gui.queue.roster import Roster, Row
from gui.widgets.elided_label import Elided
from gui.widgets.table_names import name_table

ROW_HEIGHT = 26
MARGIN = 5
HEADERS = ("Worker", "Device", "Computes", "Done", "A minute")
TIPS = (
    "A slot of this window, or a process that computes for it",
    "On what it computes",
    "What it computes now",
    "Computations that it finished for this study since it was opened",
    "Computations finished in a minute of its computing",
)
WIDTHS = {0: 130, 1: 130, 3: 70, 4: 80}
NUMBERS = (3, 4)
NOBODY = "Workers start with the first computation."
Index = QModelIndex | QPersistentModelIndex


class _Delegate(QStyledItemDelegate):
    """Draws a cell with the margin that headers have."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one cell."""
        inner = QStyleOptionViewItem(option)
        inner.rect = option.rect.adjusted(MARGIN, 0, -MARGIN, 0)
        super().paint(painter, inner, index)


class WorkerModel(QAbstractTableModel):
    """A table model of a roster; :meth:`refresh` shows what has changed."""

    def __init__(self, roster: Roster, now: Any, parent: QObject | None = None):
        super().__init__(parent)
        self._roster, self._now = roster, now
        self._rows: list[Row] = []

    def refresh(self) -> None:
        """Show the roster as it is now."""
        rows = list(self._roster.rows.values())
        if [id(row) for row in rows] != [id(row) for row in self._rows]:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
        elif rows:
            last = self.index(len(rows) - 1, len(HEADERS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        """Return the number of columns."""
        return 0 if parent.isValid() else len(HEADERS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return a column's name and what it tells."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADERS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section in NUMBERS:
            return Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        return plain_tip(TIPS[section]) if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell's text, tooltip, colour or alignment."""
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(self._tip(row, index.column()))
        if role == Qt.ItemDataRole.ForegroundRole and row.state != "here":
            return theme.colour("bad" if row.state == "lost" else "muted")
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return icon(*_look(row))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if index.column() in NUMBERS else None
            return Qt.AlignmentFlag.AlignVCenter | (side or Qt.AlignmentFlag.AlignLeft)
        return None

    def _text(self, row: Row, column: int) -> str:
        rate = row.rate(self._now())
        cells = (
            row.title,
            row.device or "not known yet",
            row.doing,
            f"{row.ended['finished']:,}",
            "" if rate is None else f"{rate:.3g}",
        )
        return cells[column]

    def _tip(self, row: Row, column: int) -> str:
        if column == 2 and row.computing:
            return "\n".join(row.computing.values())
        lines = [row.told]
        if row.losses:
            times = "once" if row.losses == 1 else f"{row.losses} times"
            lines.append(f"It was lost {times}")
        if row.ended["failed"]:
            lines.append(f"{row.ended['failed']} failed")
        return "\n".join(filter(None, lines)) or TIPS[column]


def _look(row: Row) -> tuple[str, str]:
    """Return the icon of a row, and its colour."""
    if row.state == "lost":
        return "error", "bad"
    if row.state == "stopped":
        return "stop", "muted"
    return ("play", "accent") if row.computing else ("waiting", "muted")


class WorkerPanel(QWidget):
    """The table of a roster, above the newest sentence about workers."""

    def __init__(self, roster: Roster, now: Any, parent: QWidget | None = None):
        super().__init__(parent)
        self._roster = roster
        self.model = WorkerModel(roster, now, self)
        self.table = QTableView(self)
        self.table.setModel(self.model)
        name_table(self.table, "Workers")
        self.table.setItemDelegate(_Delegate(self.table))
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        rows, columns = self.table.verticalHeader(), self.table.horizontalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        columns.setHighlightSections(False)
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        columns.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        for column, width in WIDTHS.items():
            columns.resizeSection(column, width)
        self.news = Elided()
        self.news.setProperty("role", "muted")
        self.news.setContentsMargins(8, 2, 8, 4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.news)

    def refresh(self) -> None:
        """Show the roster as it is now."""
        self.model.refresh()
        text = self._roster.news or ("" if self._roster.rows else NOBODY)
        self.news.setText(text)
        self.news.setToolTip(plain_tip(text))
        self.news.setVisible(bool(text))
