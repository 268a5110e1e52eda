"""The table of records, with a search field and a filter by kind above it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gui.look.keys import with_key
from gui.pages.records.model import (
    CREATED,
    KIND,
    NOTE,
    SECONDS,
    TITLE,
    RecordRow,
    RecordsModel,
    kind_name,
)
from gui.widgets.forms.number_edit import guard_wheel
from gui.widgets.label import Label
from gui.widgets.search_field import SearchField
from gui.widgets.table_names import name_table
from gui.widgets.timer import timer

WIDTHS = {KIND: 146, CREATED: 128, SECONDS: 66, NOTE: 48}
SPARED = (NOTE, SECONDS, CREATED)  # columns that give way to the titles, in this order
LEAST_TITLE = 200
TYPING_PAUSE_MS = 120
ROW_HEIGHT = 26
LEAST_SEARCH = 140


class RecordsTable(QWidget):
    """Lists records.

    Signals
    -------
    chosen
        Carries the key of the record that became current, or "".
    hovered
        Carries the key of the network that the row under the mouse belongs to, or "".
    delete_asked
        The user wants to delete the selected records.
    """

    chosen = Signal(str)
    hovered = Signal(str)
    delete_asked = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.model = RecordsModel(self)
        self._quiet = False
        self._due = timer(self, TYPING_PAUSE_MS, once=True)
        self._due.timeout.connect(self._search)
        self._build_bar()
        self._build_table()
        self._build_layout()

    # ------------------------------------------------------------------------------------- public

    def set_rows(self, rows: list[RecordRow]) -> None:
        """Show these records; keep the selection of those that still exist."""
        kinds: dict[str, int] = {}
        for row in rows:
            kinds[row.entry.kind] = kinds.get(row.entry.kind, 0) + 1
        self._fill_kinds(kinds)
        self._keeping_selection(lambda: self.model.set_rows(rows, self.kinds.currentData()))

    @property
    def keys(self) -> list[str]:
        """Keys of the selected records, from top to bottom."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        return [self.model.row(row).entry.key for row in rows]

    @property
    def current_key(self) -> str:
        """Key of the current record, or ""."""
        index = self.view.currentIndex()
        return self.model.row(index.row()).entry.key if index.isValid() else ""

    def choose(self, key: str) -> None:
        """Make a record current, clearing a search that hides it; "" chooses none."""
        if key and self.model.place(key) < 0 and key in self.model.rows:
            self.search.clear()
            self.kinds.setCurrentIndex(0)
            self._search()
        self._select([key], key)

    # ----------------------------------------------------------------------------------- building

    def _build_bar(self) -> None:
        self.search = SearchField("Search: words, a key, eps=8/255", "Search records")
        self.search.setMinimumWidth(LEAST_SEARCH)  # in a narrow window too, where titles share it
        self.search.setToolTip(
            with_key(
                "Every word must stand in the title, kind, key, note or settings; name=value "
                "finds a setting, such as eps=8/255 or seed=3",
                "find",
            )
        )
        self.search.textChanged.connect(self._due.start)
        self.search.installEventFilter(self)
        self.kinds = QComboBox()
        self.kinds.setToolTip("Show records of one kind")
        self.kinds.setAccessibleName("Kind")
        self.kinds.addItem("All kinds", "")
        self.kinds.currentIndexChanged.connect(self._search)
        guard_wheel(self.kinds)
        self.count = Label()
        self.count.setProperty("role", "muted")

    def _build_table(self) -> None:
        view = self.view = QTableView()
        view.setModel(self.model)
        name_table(view, "Records")
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setShowGrid(False)
        view.setWordWrap(False)
        # Elide titles in the middle, because their ends distinguish records: a title begins with
        # the method and ends with the network.
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        view.setMouseTracking(True)
        view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        view.verticalHeader().hide()
        view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        view.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(TITLE, QHeaderView.ResizeMode.Stretch)
        for column, width in WIDTHS.items():
            header.resizeSection(column, width)
        header.setSortIndicator(CREATED, Qt.SortOrder.DescendingOrder)
        view.setSortingEnabled(True)
        view.entered.connect(self._on_entered)
        view.viewport().installEventFilter(self)
        view.installEventFilter(self)
        view.selectionModel().currentRowChanged.connect(self._on_current)

    def _build_layout(self) -> None:
        self.bar = QHBoxLayout()
        self.bar.setSpacing(8)
        self.bar.addWidget(self.search, 1)
        self.bar.addWidget(self.kinds)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self.bar)
        column.addWidget(self.view, 1)
        column.addWidget(self.count)

    def _spare_columns(self) -> None:
        """Hide as many columns as it takes for titles to be told apart in a narrow table."""
        spare = self.view.viewport().width() - sum(WIDTHS.values())
        for column in SPARED:
            self.view.setColumnHidden(column, spare < LEAST_TITLE)
            spare += WIDTHS[column] if spare < LEAST_TITLE else 0

    def _fill_kinds(self, kinds: dict[str, int]) -> None:
        before = self.kinds.currentData()
        self.kinds.blockSignals(True)
        self.kinds.clear()
        self.kinds.addItem("All kinds", "")
        for kind in sorted(kinds, key=kind_name):
            self.kinds.addItem(f"{kind_name(kind)} ({kinds[kind]:,})", kind)
        self.kinds.setCurrentIndex(max(0, self.kinds.findData(before)))
        self.kinds.blockSignals(False)

    # -------------------------------------------------------------------------------------- slots

    @Slot()
    def _search(self) -> None:
        self._due.stop()
        self._keeping_selection(
            lambda: self.model.search(self.search.text(), self.kinds.currentData())
        )
        if not self.current_key:
            self.view.scrollToTop()

    @Slot(QModelIndex)
    def _on_current(self, index: QModelIndex) -> None:
        if not self._quiet:
            self.chosen.emit(self.model.row(index.row()).entry.key if index.isValid() else "")

    @Slot(QModelIndex)
    def _on_entered(self, index: QModelIndex) -> None:
        self.hovered.emit(self.model.row(index.row()).network)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle the mouse leaving the table, the Delete key, and Down in the search field."""
        if watched is self.view.viewport() and event.type() == QEvent.Type.Leave:
            self.hovered.emit("")
        if watched is self.view.viewport() and event.type() == QEvent.Type.Resize:
            self._spare_columns()
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if watched is self.search and event.key() == Qt.Key.Key_Down:
                self.view.setFocus()
            elif watched is self.view and event.matches(QKeySequence.StandardKey.Delete):
                self.delete_asked.emit()
                return True
        return super().eventFilter(watched, event)

    # ------------------------------------------------------------------------------------ private

    def _keeping_selection(self, change: Callable[[], None]) -> None:
        keys, current = self.keys, self.current_key
        self._quiet = True
        change()
        self._select(keys, current)
        self._quiet = False
        if self.current_key != current:
            self.chosen.emit(self.current_key)
        shown, total = self.model.rowCount(), self.model.total
        text = "{:,} records" if shown == total else "{:,} of {:,} records"
        self.count.setText(text.format(shown, total))

    def _select(self, keys: list[str], current: str) -> None:
        model = self.view.selectionModel()
        flags = QItemSelectionModel.SelectionFlag
        model.clearSelection()
        place = self.model.place(current)
        index = self.model.index(place, 0) if place >= 0 else QModelIndex()
        model.setCurrentIndex(index, flags.NoUpdate)
        for key in keys:
            place = self.model.place(key)
            if place >= 0:
                model.select(self.model.index(place, 0), flags.Select | flags.Rows)
        if index.isValid():
            self.view.scrollTo(index)
