"""The classes of a set of images, with a bar for how many images each one has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from gui.look import theme
from gui.look.plain import plain_tip
from gui.widgets.table_names import name_table

Index = QModelIndex | QPersistentModelIndex
NAME, TRAIN, TEST, BAR = range(4)
SHARES = Qt.ItemDataRole.UserRole
ROW_HEIGHT = 24


class ClassModel(QAbstractTableModel):
    """A row per class: its name, and the number of its training and test images.

    The tool tip and the bar also say its number of validation images.
    """

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self._names: Sequence[str] = ()
        self._counts: NDArray[np.int64] = np.zeros((3, 0), np.int64)

    def show_classes(
        self,
        names: Sequence[str],
        train_labels: NDArray[np.int64],
        test_labels: NDArray[np.int64],
        validation_labels: NDArray[np.int64],
    ) -> None:
        """Count the labels, (N,) class indices, per class; labels of -1 are not counted."""
        self.beginResetModel()
        self._names = names
        parts = (train_labels, test_labels, validation_labels)
        counted = [np.bincount(part[part >= 0], minlength=len(names)) for part in parts]
        self._counts = np.stack([counts[: len(names)] for counts in counted])
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of classes."""
        return 0 if parent is not None and parent.isValid() else len(self._names)

    def columnCount(self, parent: Index | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else BAR + 1

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the name of a column."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole and section in (TRAIN, TEST):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.AccessibleTextRole and section == BAR:
            return "Share of images"
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return ("Class", "Train", "Test", "")[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the text of a cell, or the fractions of the parts for its bar."""
        row, column = index.row(), index.column()
        if role == SHARES:
            most = max(1, int(self._counts.sum(axis=0).max()))
            held = int(self._counts[2].sum())
            return self._counts[: 3 if held else 2, row] / most
        if role == Qt.ItemDataRole.DisplayRole:
            counts = ("", f"{self._counts[0, row]:,}", f"{self._counts[1, row]:,}", "")
            return self._names[row] if column == NAME else counts[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            train, test, held = self._counts[:, row]
            part = f", {held:,} validation" if held else ""
            tip = f"{train:,} training{part} and {test:,} test images"
            return plain_tip(f"{self._names[row]}: {tip}")
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (TRAIN, TEST):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


class _Bar(QStyledItemDelegate):
    """Draws the images of a class as one bar with a colour per part."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """Return the same size for every row."""
        return QSize(120, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one bar."""
        place = QRectF(option.rect).adjusted(8, 7, -8, -7)
        start = place.x()
        for series, share in enumerate(index.data(SHARES)):
            width = place.width() * float(share)
            bar = QRectF(start, place.y(), width, place.height())
            painter.fillRect(bar, theme.series(series))
            start += width


class ClassTable(QTableView):
    """Lists the classes; the current row can serve as a filter."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.classes = ClassModel(self)
        self.setModel(self.classes)
        self.setItemDelegateForColumn(BAR, _Bar(self))
        self.setObjectName("classes")
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        name_table(self, "Classes")
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        columns.setHighlightSections(False)
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        columns.setSectionResizeMode(BAR, QHeaderView.ResizeMode.Stretch)
        for column, width in ((NAME, 110), (TRAIN, 66), (TEST, 60)):
            columns.resizeSection(column, width)
