"""What the study was asked for and has no result of: a bar over every page, and the full list."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QMessageBox,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.specs.schema import KINDS
from engine.store.unfinished import Unfinished
from gui.look.plain import plain_tip
from gui.session.unfinished import UnfinishedWork
from gui.widgets.elided_label import ElidedLabel
from gui.widgets.label import Label, Question
from gui.widgets.number_table import KEY, Cell, NumberTable, TableRow

HEADERS = ("Unfinished", "Kind", "How far")
NAMED = 2
ROW_HEIGHT = 26
MOST_ROWS = 6
LISTED = 500  # rows that are made; thousands would hold the window up


class UnfinishedBar(QFrame):
    """One line that tells what is unfinished, on every page; hidden while nothing is.

    Signals
    -------
    list_asked
        The user wants to see all of it.
    """

    list_asked = Signal()

    def __init__(self, work: UnfinishedWork, parent: QWidget | None = None):
        super().__init__(parent)
        self._work = work
        self._hidden: list[str] = []
        self.setProperty("role", "card")
        self.text = ElidedLabel()
        self.resume, self.discard = _buttons()
        self.show_list = QPushButton("Show…")
        self.show_list.setToolTip("List what is unfinished, to resume or discard some of it")
        self.later = QToolButton()
        self.later.setText("Later")
        self.later.setToolTip("Hide this line; Records and the list of computations keep it")
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 4, 12, 4)
        row.setSpacing(8)
        row.addWidget(self.text, 1)
        for button in (self.resume, self.discard, self.show_list, self.later):
            row.addWidget(button)
        self.resume.clicked.connect(lambda: work.resume())
        self.discard.clicked.connect(lambda: ask_to_discard(work, None, self))
        self.show_list.clicked.connect(self.list_asked)
        self.later.clicked.connect(self._hide)
        work.changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show what is unfinished now, unless the user has put exactly this off."""
        found = self._work.found
        self.text.set_text(sentence(found))
        self.text.setToolTip(plain_tip(self.text.text))
        self.resume.setEnabled(any(one.spec is not None for one in found))
        self.setVisible(bool(found) and not {one.key for one in found} <= set(self._hidden))

    @Slot()
    def _hide(self) -> None:
        self._hidden = [one.key for one in self._work.found]
        self.refresh()


class UnfinishedList(QWidget):
    """A row for each unfinished computation, and buttons for the selected or all of them."""

    def __init__(self, work: UnfinishedWork, parent: QWidget | None = None):
        super().__init__(parent)
        self._work = work
        self.table = NumberTable("Unfinished computations", self)
        self.table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = self.table.horizontalHeader()
        self.resume, self.discard = _buttons()
        self.hint = Label()
        self.hint.setProperty("role", "muted")
        row = QHBoxLayout()
        row.setSpacing(8)
        for widget in (self.resume, self.discard, self.hint):
            row.addWidget(widget)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.table)
        column.addLayout(row)
        self.resume.clicked.connect(lambda: work.resume(self._keys()))
        self.discard.clicked.connect(lambda: ask_to_discard(work, self._keys(), self))
        work.changed.connect(self.refresh)
        self.refresh()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    @Slot()
    def refresh(self) -> None:
        """Show what is unfinished now."""
        found = self._work.found
        self.table.set_rows(HEADERS, [_row(one) for one in found[:LISTED]])
        more = len(found) - LISTED
        of_all = f"of the selected rows, or of all {len(found):,} ({more:,} are not listed)"
        self.hint.setText(of_all if more > 0 else "of the selected rows, or of all")
        for column in (1, 2):
            self.table.resizeColumnToContents(column)
        rows = min(len(found), MOST_ROWS)
        self.table.setFixedHeight(self.table.horizontalHeader().height() + rows * ROW_HEIGHT + 4)
        self.resume.setEnabled(any(one.spec is not None for one in found))
        self.setVisible(bool(found))

    def _keys(self) -> set[str] | None:
        """Return the keys of the selected rows; None for all if none is selected."""
        rows = {index.row() for index in self.table.selectedIndexes()}
        items = [self.table.item(row, 0) for row in rows]
        keys = {str(item.data(KEY)) for item in items if item is not None}
        return keys or None


def ask_to_discard(work: UnfinishedWork, keys: Collection[str] | None, parent: QWidget) -> None:
    """Discard unfinished computations; ask first, as what was trained so far is lost."""
    chosen = [one for one in work.found if keys is None or one.key in keys]
    if not chosen:
        return
    saved = sum(one.saved for one in chosen)
    kept = "Nothing of it was computed yet." if not saved else "This cannot be undone."
    box = Question("Discard?", f"Discard {_names(chosen)}?", kept, parent)
    yes = box.addButton("Discard", QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(stay)
    box.setEscapeButton(stay)
    box.setObjectName("discard")
    gone = [one.key for one in chosen]
    yes.clicked.connect(lambda: work.discard(gone))
    box.finished.connect(box.deleteLater)
    box.open()


def sentence(found: Collection[Unfinished]) -> str:
    """Return what is unfinished in one line."""
    if not found:
        return ""
    # The number stands first: the names behind it may be cut off.
    start = "Unfinished" if len(found) == 1 else f"{len(found):,} unfinished"
    return f"{start}: {_names(found)}"


def _names(found: Collection[Unfinished]) -> str:
    told = [f"{one.title} ({one.progress})" for one in list(found)[:NAMED]]
    more = len(found) - len(told)
    return ", ".join(told) + (f" and {more:,} more" if more > 0 else "")


def _row(one: Unfinished) -> TableRow:
    kind = KINDS[one.kind].label if one.kind in KINDS else ""
    tip = "" if one.spec is not None else "It goes on when the same settings are asked for again"
    return TableRow(
        one.key,
        (
            Cell(one.title, one.title, tip or one.title),
            Cell(kind[:1].upper() + kind[1:], kind),
            Cell(one.progress, one.progress),
        ),
    )


def _buttons() -> tuple[QPushButton, QPushButton]:
    resume, discard = QPushButton("Resume"), QPushButton("Discard…")
    resume.setToolTip("Queue it again; it goes on from the last saved epoch")
    discard.setToolTip("Delete what was saved of it, and forget that it was asked for")
    return resume, discard
