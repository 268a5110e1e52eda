"""The table of accuracies by normaliser and order of classes, of which one row is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from engine.texts import percent
from gui.widgets.table_names import name_table

if TYPE_CHECKING:
    from engine.training.deciding import Choice, Decision

HEADINGS = ("Normaliser", "Classes", "Accuracy", "Right")
SHOWN_ROWS = 7


class AccuracyTable(QTableWidget):
    """Shows a decision's choices, best first; the proposed one is selected.

    Signals
    -------
    chosen
        Another row is selected.
    """

    chosen = Signal()

    def __init__(self, parent: QWidget | None = None):
        super().__init__(0, len(HEADINGS), parent)
        self._choices: list[Choice] = []
        self.setHorizontalHeaderLabels(HEADINGS)
        name_table(self, "Accuracy by normaliser and order of classes")
        self.verticalHeader().hide()
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        row = self.verticalHeader().defaultSectionSize()
        self.setMinimumHeight(row * 4 + header.sizeHint().height())
        self.setMaximumHeight(row * SHOWN_ROWS + header.sizeHint().height())
        self.itemSelectionChanged.connect(self._on_selection)

    def show_decision(self, decision: Decision | None, row: tuple[str, str] | None = None) -> None:
        """Show the choices of a decision, or nothing.

        Parameters
        ----------
        row
            Normaliser and order of classes of the row to select; without it, or where there is no
            such row, the proposed one is.
        """
        self.blockSignals(True)
        self.setRowCount(0)
        self._choices = []
        if decision is not None:
            # Stable: of equal accuracies the preferred one stays first.
            self._choices = sorted(decision.choices, key=lambda one: -one.accuracy)
            self.setRowCount(len(self._choices))
            for place, choice in enumerate(self._choices):
                self._fill(place, choice)
            wanted = (choice for choice in self._choices if _names(choice) == row)
            self.selectRow(self._choices.index(next(wanted, decision.proposed)))
        self.blockSignals(False)
        self.chosen.emit()

    def choice(self) -> Choice | None:
        """Return the selected choice, or None."""
        rows = self.selectionModel().selectedRows()
        return self._choices[rows[0].row()] if rows else None

    def names(self) -> tuple[str, str] | None:
        """Return normaliser and order of classes of the selected choice, or None."""
        choice = self.choice()
        return None if choice is None else _names(choice)

    def _fill(self, row: int, choice: Choice) -> None:
        texts = (
            choice.normalizer,
            choice.class_order,
            percent(choice.accuracy),
            f"{choice.correct:,} of {choice.count:,}",
        )
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            if column >= 2:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.setItem(row, column, item)

    @Slot()
    def _on_selection(self) -> None:
        self.chosen.emit()


def _names(choice: Choice) -> tuple[str, str]:
    return choice.normalizer, choice.class_order
