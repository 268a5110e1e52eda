"""Names of tables and their headers for screen readers, and the key that leaves them."""

from __future__ import annotations

from PySide6.QtWidgets import QAbstractItemView, QHeaderView


def name_table(view: QAbstractItemView, name: str) -> None:
    """Name a table, or a tree with columns, and its headers; Tab leaves it.

    In Qt's own tables Tab goes from cell to cell and from the last to the first, so that whoever
    has no mouse stays inside; the arrow keys do the same.
    """
    view.setAccessibleName(name)
    view.setTabKeyNavigation(False)
    for header in view.findChildren(QHeaderView):
        across = header.orientation() == header.orientation().Horizontal
        header.setAccessibleName(
            f"{'Columns' if across else 'Rows'} of {name[:1].lower()}{name[1:]}"
        )
