"""A table of the files that were skipped while reading an image set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from gui.look.plain import plain_tip

if TYPE_CHECKING:
    from engine.data.image_set import Skipped

Index = QModelIndex | QPersistentModelIndex


class SkippedModel(QAbstractTableModel):
    """A row per file: its path, and why it was skipped."""

    def __init__(self, parent: QObject | None = None):
        super().__init__(parent)
        self._rows: tuple[Skipped, ...] = ()

    def show_skipped(self, skipped: tuple[Skipped, ...]) -> None:
        """Replace the files."""
        self.beginResetModel()
        self._rows = skipped
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of files."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index | None = None) -> int:
        """Return the number of columns."""
        return 0 if parent is not None and parent.isValid() else 2

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return the name of a column."""
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return "Reason" if section else "File"

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the path or the reason."""
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.reason if index.column() else row.path
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(f"{row.path}: {row.reason}")
        return None
