"""The table view of computations: how it draws rows, and its keyboard shortcuts."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QItemSelectionModel, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from gui.look import theme
from gui.look.icons import icon
from gui.queue.job import Job
from gui.queue.job_model import ACTION, ELAPSED, JOB, KIND, LEFT, PROGRESS, TITLE, Index, JobModel
from gui.widgets.table_names import name_table

ROW_HEIGHT = 30
BAR_HEIGHT = 3
WIDTHS = {KIND: 150, ELAPSED: 70, LEFT: 96, ACTION: 34}  # LEFT: "23 h 59 min"
STATE_ICONS = {
    "waiting": ("waiting", "muted"),
    "running": ("play", "accent"),
    "finished": ("good", "good"),
    "cancelled": ("cancel", "muted"),
    "failed": ("error", "bad"),
    "unfinished": ("pause", "warning"),
}
MOVES: dict[int, str] = {
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Down: "down",
    Qt.Key.Key_Home: "top",
    Qt.Key.Key_End: "bottom",
}
TEXT_COLOURS = {
    "waiting": "muted",
    "cancelled": "muted",
    "failed": "bad",
    "unfinished": "warning",
}


class _Delegate(QStyledItemDelegate):
    """Draws a row: state icon, texts, a thin progress bar and a cancel cross."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the same height for every row."""
        return QSize(WIDTHS.get(index.column(), 200), ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one cell."""
        job: Job = index.data(JOB)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, theme.colour("selection"))
        place = option.rect.adjusted(8, 0, -8, 0)
        if index.column() == TITLE:
            side = QRect(place.x(), place.center().y() - 7, 16, 16)
            icon(*STATE_ICONS[job.state]).paint(painter, side)
            place.setLeft(place.left() + 24)
        elif index.column() == ACTION and job.active:
            icon("cancel", "muted").paint(painter, place)
        elif index.column() == PROGRESS and job.state == "running":
            self._draw_bar(painter, place, job.fraction)
            place.setBottom(place.bottom() - BAR_HEIGHT - 4)
        self._draw_text(painter, option, place, index, job)
        painter.restore()

    def _draw_text(
        self, painter: QPainter, option: QStyleOptionViewItem, place: QRect, index: Index, job: Job
    ) -> None:
        plain = "text" if index.column() == TITLE else "muted"
        name = TEXT_COLOURS.get(job.state, "text" if index.column() == PROGRESS else plain)
        painter.setPen(theme.colour(name))
        align = index.data(Qt.ItemDataRole.TextAlignmentRole) or Qt.AlignmentFlag.AlignVCenter
        # Titles begin with what is computed and end with the network, failures with the reason.
        # Of progress the numbers stand in front, and an end could be taken for a number.
        running = index.column() == PROGRESS and job.state == "running"
        mode = Qt.TextElideMode.ElideRight if running else Qt.TextElideMode.ElideMiddle
        text = option.fontMetrics.elidedText(index.data(), mode, place.width())
        painter.drawText(place, int(align), text)

    def _draw_bar(self, painter: QPainter, place: QRect, fraction: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        ground = QRectF(place.x(), place.bottom() - BAR_HEIGHT - 1, place.width(), BAR_HEIGHT)
        for name, share in (("border", 1.0), ("accent", fraction)):
            painter.setBrush(theme.colour(name))
            ground.setWidth(place.width() * share)
            painter.drawRoundedRect(ground, BAR_HEIGHT / 2, BAR_HEIGHT / 2)


class JobTable(QTableView):
    """The list of computations.

    Signals
    -------
    cancel_asked
        Delete was pressed: cancel what is selected.
    open_asked
        Return was pressed; takes the current index.
    move_asked
        A key for moving was pressed; takes where to move the selected computations.
    retry_asked
        The key for a retry was pressed: queue again what is selected.
    """

    cancel_asked = Signal()
    open_asked = Signal(object)
    move_asked = Signal(str)
    retry_asked = Signal()

    def __init__(self, model: JobModel, parent: QWidget | None = None):
        super().__init__(parent)
        self._jobs = model
        self.setModel(model)
        name_table(self, "Computations")
        self.setItemDelegate(_Delegate(self))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)
        self.setMinimumHeight(3 * ROW_HEIGHT)
        self._size_rows_and_columns()

    def selected_jobs(self) -> list[Job]:
        """Return the computations of the selected rows."""
        # Qt's own list of rows asks the model about every cell of each.
        parts: Any = self.selectionModel().selection()  # iterable, though its stub lacks that
        rows = {row for part in parts for row in range(part.top(), part.bottom() + 1)}
        return self._jobs.at(sorted(rows))

    def _size_rows_and_columns(self) -> None:
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        rows.hide()
        # A fixed row height: Qt then measures no rows, however many thousands there are.
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        columns.setHighlightSections(False)
        # A header looks through the whole selection whenever it is painted: give it an empty one.
        for header in (rows, columns):
            header.setSelectionModel(QItemSelectionModel(self._jobs, header))
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column in (TITLE, PROGRESS):
            columns.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        for column, width in WIDTHS.items():
            columns.resizeSection(column, width)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Handle the shortcuts for the selected rows; pass other keys to the table."""
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if control and event.key() in MOVES:
            self.move_asked.emit(MOVES[event.key()])
        elif control and event.key() == Qt.Key.Key_R:
            self.retry_asked.emit()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.cancel_asked.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.open_asked.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)
