"""A record's spec as a tree: every setting by name, nested specs as branches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from engine.specs.schema import KINDS, Field, fields_of, kind_label
from gui.look import theme
from gui.look.keys import native
from gui.look.plain import plain_tip
from gui.widgets.forms.field_edit import choice_name, help_words
from gui.widgets.table_names import name_table

LONGEST = 300


class SpecTree(QTreeWidget):
    """Shows the JSON form of a spec; settings that differ from the default are bold."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        name_table(self, "Settings")
        self.setHeaderLabels(["Setting", "Value"])
        self.setUniformRowHeights(True)
        self.setAlternatingRowColors(False)
        tip = f"Bold: not the default. {native('copy')} copies a setting as name=value."
        self.setToolTip(plain_tip(tip))
        header = self.header()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)

    def show_spec(self, spec: Mapping[str, Any]) -> None:
        """Show a spec; of an unknown kind, show the plain JSON values."""
        self.clear()
        self._fill(self.invisibleRootItem(), spec)
        self.expandToDepth(1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy the current setting on the Copy shortcut; pass other keys to the tree."""
        item = self.currentItem()
        if event.matches(QKeySequence.StandardKey.Copy) and item is not None:
            name = item.data(0, Qt.ItemDataRole.UserRole)
            QGuiApplication.clipboard().setText(f"{name}={item.data(1, Qt.ItemDataRole.UserRole)}")
        else:
            super().keyPressEvent(event)

    def _fill(self, parent: QTreeWidgetItem, spec: Mapping[str, Any]) -> None:
        kind = str(spec.get("kind", ""))
        known = {field.name: field for field in fields_of(KINDS[kind])} if kind in KINDS else {}
        for name, value in spec.items():
            if name != "kind" or parent is self.invisibleRootItem():
                self._add(parent, str(name), value, known.get(name))

    def _add(self, parent: QTreeWidgetItem, name: str, value: Any, field: Field | None) -> None:
        label = field.label if field is not None else name
        item = QTreeWidgetItem(parent, [label, _words(name, value, field)])
        item.setData(0, Qt.ItemDataRole.UserRole, name)
        item.setData(1, Qt.ItemDataRole.UserRole, _text(value))
        item.setToolTip(
            0, plain_tip(help_words(field) if field is not None and field.help else label)
        )
        item.setToolTip(1, plain_tip(item.text(1)))
        default = field is None or (not field.required and _text(field.default) == _text(value))
        if not default and name != "kind":
            font = self.font()
            font.setBold(True)
            item.setFont(1, font)
        item.setForeground(0, theme.colour("muted"))
        if isinstance(value, Mapping):
            self._fill(item, value)
        elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
            for place, part in enumerate(value):
                self._add(item, str(place + 1), part, None)


def _words(name: str, value: Any, field: Field | None) -> str:
    """Return a value as forms call it, where it is a kind or one of a field's choices."""
    if name == "kind" and value in KINDS:
        return KINDS[value].label
    chosen = field is not None and isinstance(value, str) and value in field.choices
    return choice_name(field, value) if field is not None and chosen else _text(value)


def _text(value: Any) -> str:
    """Return a value as one line of text; for a spec, its kind."""
    if hasattr(value, "as_dict"):
        value = value.as_dict()
    if isinstance(value, Mapping):
        kind = str(value.get("kind", ""))
        return kind_label(kind)
    if isinstance(value, list | tuple):
        text = ", ".join(map(_text, value))
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    else:
        text = "–" if value is None else str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
