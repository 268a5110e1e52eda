"""The editor of a name out of many: typed with completion, or chosen in a searchable table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QCompleter,
    QDialogButtonBox,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from engine.networks.facts import Facts
from engine.networks.timm_names import timm_names
from engine.networks.torchvision_facts import FACTS
from engine.specs.schema import Field
from engine.texts import folded
from gui.look import theme
from gui.widgets.dialog import Dialog
from gui.widgets.forms.field_edit import FieldEdit
from gui.widgets.label import Label
from gui.widgets.number_table import Cell, NumberTable, TableRow
from gui.widgets.search_field import SearchField

HEADERS = ("Name", "Least side", "Weights", "Operations", "Memory")
SIDE = 64  # px; of the images for which work and memory are told, while no others are known

NAMES: dict[str, Callable[[], tuple[str, ...]]] = {
    "torchvision": lambda: tuple(FACTS),
    "timm": timm_names,
}
"""The ``listed`` of a field -> function that returns the names."""


class NameField(FieldEdit):
    """A name out of a list of many.

    Attributes
    ----------
    side_of
        Returns the side in pixels of the images for which the table tells work and memory.
    """

    def __init__(self, item: Field, parent: QWidget | None = None):
        super().__init__(item, parent)
        self.side_of: Callable[[], int] = lambda: SIDE
        self._names = NAMES[item.listed]()
        self.line = QLineEdit(self)
        completer = QCompleter(list(self._names), self.line)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.line.setCompleter(completer)
        popup = completer.popup()
        if popup is not None:
            theme.dress(popup)  # a window without a parent
        self.line.textChanged.connect(self.changed)
        self._put(self.line)
        self.button = QToolButton(self)
        self.button.setText("…")
        self.button.setToolTip("Choose in a table of all names")
        self.button.setAccessibleName(self.button.toolTip())
        self.button.setVisible(bool(self._names))
        self.button.clicked.connect(self._choose)
        self._row.addWidget(self.button)

    def _read(self) -> str:
        return self.line.text().strip()

    def _show(self, value: Any) -> None:
        self.line.setText(value)

    def _editor(self) -> QWidget:
        return self.line

    @Slot()
    def _choose(self) -> None:
        facts = FACTS if self.item.listed == "torchvision" else {}
        dialog = NameDialog(self._names, facts, self.side_of(), self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.table.choose(self._read(), 0)
        dialog.accepted.connect(lambda: self._show(dialog.chosen))
        dialog.open()


class NameDialog(Dialog):
    """A table of names with a line to search it; a name is chosen by double click, or OK.

    Parameters
    ----------
    names
        In order.
    facts
        What is known of some of them.
    side
        Side in pixels of the images for which operations and memory are told.
    """

    def __init__(self, names: tuple[str, ...], facts: dict[str, Facts], side: int, parent: QWidget):
        super().__init__(parent)
        self.setWindowTitle("Choose a network")
        self.resize(620, 560)
        self._rows = [_row(name, facts.get(name), side) for name in names]
        self._headers = HEADERS if facts else HEADERS[:1]
        self.line = SearchField("Search")
        self.table = NumberTable("Networks")
        self.note = Label(
            f"Operations and memory are of one image of {side}x{side} px, or of the nearest size "
            "that the network takes. A training takes the longer the more operations there are."
        )
        self.note.setWordWrap(True)
        self.note.setProperty("role", "muted")
        self.note.setVisible(bool(facts))
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        for widget in (self.line, self.table, self.note, self.buttons):
            layout.addWidget(widget)
        self.line.textChanged.connect(self._search)
        self.table.opened.connect(lambda _: self.accept())
        self.table.currentCellChanged.connect(lambda *_: self._show_state())
        self._search("")
        self.line.setFocus()

    @property
    def chosen(self) -> str:
        """The chosen name, or ""."""
        return self.table.current_key

    @Slot(str)
    def _search(self, text: str) -> None:
        """Show the names that contain every word of the text."""
        words = folded(text).split()
        found = [row for row in self._rows if all(word in folded(row.key) for word in words)]
        self.table.set_rows(self._headers, found)
        if words and found and not self.chosen:
            self.table.choose(found[0].key, 0)
        self._show_state()

    def _show_state(self) -> None:
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(bool(self.chosen))


def _row(name: str, facts: Facts | None, side: int) -> TableRow:
    if facts is None:
        return TableRow(name, (Cell(name, name),))
    there, sizes = facts.at(side), facts.sizes
    least = f"{sizes.least} px"
    if sizes.multiple > 1:
        least = f"n x {sizes.multiple} px"
    return TableRow(
        name,
        (
            Cell(name, name),
            Cell(least, sizes.least, sizes.words((3, side, side))),
            Cell(f"{facts.parameters / 1e6:.1f} M", facts.parameters, "With 1,000 classes"),
            Cell(f"{there.operations / 1e9:.3g} G", there.operations, f"At {there.side} px"),
            Cell(f"{there.kept / 1e6:.3g} MB", there.kept, f"While training, at {there.side} px"),
        ),
    )
