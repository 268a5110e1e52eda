"""Names of tables and their headers for screen readers."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractItemView, QHeaderView


def name_table(view: QAbstractItemView, name: str) -> None:
    """Name a table, or a tree with columns, and its headers."""
    view.setAccessibleName(name)
    for header in view.findChildren(QHeaderView):
        across = header.orientation() == header.orientation().Horizontal
        header.setAccessibleName(
            f"{'Columns' if across else 'Rows'} of {name[:1].lower()}{name[1:]}"
        )
