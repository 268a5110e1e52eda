"""A list to choose from, as the tabs of this page build it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtWidgets import QComboBox

from gui.look.plain import plain_tip
from gui.widgets.forms.number_edit import guard_wheel


def combo(tip: str, items: Iterable[tuple[str, Any]]) -> QComboBox:
    """Return a list of texts and what each stands for, with a tooltip."""
    found = QComboBox()
    found.setToolTip(plain_tip(tip))
    for text, value in items:
        found.addItem(text, value)
    guard_wheel(found)
    return found
