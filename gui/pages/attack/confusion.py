"""A confusion matrix as a table: true classes down, predicted ones across, shaded by share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from gui.look import theme
from gui.look.plain import plain_tip
from gui.widgets.table_names import name_table

MOST_CLASSES = 60  # rows; a larger matrix would be a field of empty cells
NARROW, WIDE = 26, 56  # px of a column; of one with a long name at most
ROOM = 420  # px that all columns may take before names are cut at the width above
MOST_HEAD = 150  # px of the names of rows, so that counts are in sight
PADDING = 14  # px
STRONGEST = 0.75  # opacity behind the largest share


class Confusion(QTableWidget):
    """Shows counts; the colour behind each is the darker, the larger the share of its row."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._matrix: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self.setObjectName("confusion")
        name_table(self, "Confusion matrix: true classes down, predicted classes across")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setCornerButtonEnabled(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.horizontalHeader().setTextElideMode(Qt.TextElideMode.ElideRight)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(24)
        self.verticalHeader().setTextElideMode(Qt.TextElideMode.ElideRight)
        self.verticalHeader().setMaximumWidth(MOST_HEAD)
        theme.signals.changed.connect(self._recolour)

    def show_matrix(self, matrix: NDArray[np.int64], names: Sequence[str]) -> None:
        """Show a matrix (K, K), at most its first rows and columns, with the classes' names."""
        count = min(len(matrix), MOST_CLASSES)
        self._matrix = matrix[:count, :count]
        self.clear()
        self.setRowCount(count)
        self.setColumnCount(count)
        heads = [name_of(names, k) for k in range(count)]
        for place, head in enumerate(heads):
            for put in (self.setHorizontalHeaderItem, self.setVerticalHeaderItem):
                label = QTableWidgetItem(head)
                label.setToolTip(plain_tip(head))
                put(place, label)
        header = self.horizontalHeader()
        longest = max((header.sectionSizeHint(column) for column in range(count)), default=0)
        widest = min(max(WIDE, ROOM // max(1, count)), longest)
        # A name may be cut, a count may not.
        largest = self.fontMetrics().horizontalAdvance(f"{int(self._matrix.max(initial=0)):,}")
        header.setDefaultSectionSize(max(NARROW, widest, largest + PADDING))
        for row, column in np.ndindex(self._matrix.shape):
            value = int(self._matrix[row, column])
            item = QTableWidgetItem(f"{value:,}" if value else "")
            item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
            if value:
                words = f"{value:,} of class {heads[row]} are taken for {heads[column]}"
                item.setToolTip(plain_tip(words))
            self.setItem(row, column, item)
        self._recolour()

    @Slot()
    def _recolour(self) -> None:
        shares = self._matrix / np.maximum(self._matrix.sum(1, keepdims=True), 1)
        for row, column in np.ndindex(self._matrix.shape):
            item = self.item(row, column)
            if item is not None:
                colour = QColor(theme.colour("accent"))
                colour.setAlphaF(STRONGEST * float(shares[row, column]))
                item.setBackground(colour)


def name_of(names: Sequence[str], label: int) -> str:
    """Return a class's name, its number if it has none, or "no class"."""
    if label < 0:
        return "no class"
    return names[label] if label < len(names) else str(label)
