"""Kinds of a spec family with a check box each: those in use, or all in groups with a search."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from typing import Generic, TypeVar

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QCheckBox, QToolButton, QVBoxLayout, QWidget

from engine.specs.methods import in_short
from engine.specs.schema import Spec
from engine.texts import folded
from gui.look.plain import plain_action, plain_tip
from gui.widgets.label import Label
from gui.widgets.search_field import SearchField


class MethodRow(QWidget):
    """A kind in the list.

    Attributes
    ----------
    cls
        The kind.
    box
        Whether it is chosen.
    """

    def __init__(self, cls: type[Spec], text: str, parent: QWidget | None = None):
        super().__init__(parent)
        self.cls = cls
        self.box = QCheckBox(plain_action(text), self)
        self.box.setToolTip(plain_tip(in_short(cls)))

    @property
    def group(self) -> str:
        """The heading's name in the table of the family, "" for a family without groups."""
        return str(getattr(self.cls, "group", ""))

    @property
    def told(self) -> str:
        """What a search looks through."""
        return folded(f"{self.cls.label} {self.cls.kind} {self.cls.__doc__ or ''}")


Row = TypeVar("Row", bound=MethodRow)


def tab_stops(widget: QWidget) -> list[QWidget]:
    """Return the parts of a widget that the Tab key reaches, in the order they were made."""
    return [
        part
        for part in widget.findChildren(QWidget)
        if part.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]


class MethodList(QWidget, Generic[Row]):
    """Rows in groups. Folded, it shows the usual ones and what was chosen since it opened.

    Parameters
    ----------
    rows
        In the order of their kinds; within a group they keep it. The Tab key goes through rows
        without a parent in the order of the list.
    groups
        Name of a group -> its heading, in the order of the list. A group that is not in it, as that
        of a user's own method may be, comes last under its name.
    usual
        Kinds that are shown also while the list is folded and they are not chosen.
    things
        What the kinds are, in the plural.

    Attributes
    ----------
    rows
        All rows, in the order of the list.
    more
        Unfolds and folds the list.
    search
        Shows only kinds whose name or description holds what is typed.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        groups: Mapping[str, str],
        usual: Collection[type[Spec]],
        things: str,
        parent: QWidget | None = None,
    ):
        super().__init__(parent)
        self.rows: list[Row] = []
        self._groups, self._usual, self._things = groups, usual, things
        self._used: set[Row] = set()
        self._open = False
        self.search = SearchField(f"Find {things}", parent=self)
        self._headings: dict[str, Label] = {}
        self._column = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for one in (layout, self._column):
            one.setSpacing(6)
        layout.addWidget(self.search)
        layout.addLayout(self._column)
        for group in groups:
            self._head(group)
        for row in rows:
            self._insert(row)
        self.more = QToolButton(self)  # behind the rows, for the Tab key
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        layout.addWidget(self.more)
        self.search.textChanged.connect(self._show)
        self.more.clicked.connect(self._turn)
        self._show()

    def add(self, row: Row) -> None:
        """Add a row at the end of its group, shown until the list is folded."""
        place = self._insert(row)
        before: QWidget = self.rows[place - 1] if place else self.search
        for last, stop in pairwise((*(tab_stops(before)[-1:] or [self.search]), *tab_stops(row))):
            QWidget.setTabOrder(last, stop)
        self._used.add(row)
        self._show()

    @property
    def unfolded(self) -> bool:
        """Whether all kinds are shown, as far as the search lets them."""
        return self._open

    def _head(self, group: str) -> None:
        """Put a heading below all rows."""
        heading = self._headings[group] = Label(self._groups.get(group, group), self)
        heading.setProperty("role", "muted")
        self._column.addWidget(heading)

    def _insert(self, row: Row) -> int:
        """Put a row at the end of its group; return its place among the rows."""
        if row.group not in self._headings:
            self._head(row.group)
        order = list(self._headings)
        place = order.index(row.group)
        before = [one for one in self.rows if order.index(one.group) <= place]
        alike = before and before[-1].group == row.group
        above: QWidget = before[-1] if alike else self._headings[row.group]
        self._column.insertWidget(self._column.indexOf(above) + 1, row)
        self.rows.insert(len(before), row)
        row.box.toggled.connect(self._show)
        return len(before)

    @Slot()
    def _turn(self) -> None:
        self._open = not self._open
        self._used = {row for row in self.rows if row.box.isChecked()}
        self.search.clear()
        self._show()
        if self._open:
            self.search.setFocus()

    @Slot()
    def _show(self) -> None:
        self._used |= {row for row in self.rows if row.box.isChecked()}
        shown = [row for row in self.rows if self._is_shown(row)]
        for row in self.rows:
            row.setVisible(row in shown)
        groups = {row.group for row in shown}
        for group, heading in self._headings.items():
            heading.setVisible(self._open and bool(heading.text()) and group in groups)
        self.search.setVisible(self._open)
        hidden = len(self.rows) - len(shown)
        self.more.setText("Fewer" if self._open else f"{hidden} more {self._things}…")
        arrow = Qt.ArrowType.UpArrow if self._open else Qt.ArrowType.DownArrow
        self.more.setArrowType(arrow)
        self.more.setVisible(self._open or hidden > 0)

    def _is_shown(self, row: Row) -> bool:
        if not self._open:
            return row in self._used or row.cls in self._usual
        return all(word in row.told for word in folded(self.search.text()).split())
