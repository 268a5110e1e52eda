"""Lists to choose from, as the tabs of this page build them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtWidgets import QHBoxLayout

from gui.look.plain import plain_tip
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.number_edit import guard_wheel
from gui.widgets.label import Label


def combo(tip: str, items: Iterable[tuple[str, Any]]) -> ElidedCombo:
    """Return a list of texts and what each stands for, with a tooltip."""
    found = ElidedCombo()
    found.setToolTip(plain_tip(tip))
    for text, value in items:
        found.addItem(text, value)
    guard_wheel(found)
    return found


def row_of(text: str, choice: ElidedCombo) -> QHBoxLayout:
    """Return a row that begins with a list and its label; more goes to its other end."""
    label = Label(text)
    label.setBuddy(choice)
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(label)
    row.addWidget(choice)
    row.addStretch(1)
    return row
