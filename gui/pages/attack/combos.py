"""A list to choose from, as the tabs of this page build it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gui.look.plain import plain_tip
from gui.widgets.forms.elided_combo import ElidedCombo
from gui.widgets.forms.number_edit import guard_wheel


def combo(tip: str, items: Iterable[tuple[str, Any]]) -> ElidedCombo:
    """Return a list of texts and what each stands for, with a tooltip."""
    found = ElidedCombo()
    found.setToolTip(plain_tip(tip))
    for text, value in items:
        found.addItem(text, value)
    guard_wheel(found)
    return found
