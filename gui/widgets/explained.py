"""Lists whose choices are words of the field: each explains itself."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox

from gui.look import terms


def explain_choices(combo: QComboBox, tip: str) -> None:
    """Let a list's tooltip say what it is for, and below that what its present choice means."""

    def explain(text: str) -> None:
        combo.setToolTip(terms.with_words(text, tip))
        for row in range(combo.count()):
            words = terms.with_words(combo.itemText(row))
            combo.setItemData(row, words, Qt.ItemDataRole.ToolTipRole)

    combo.currentTextChanged.connect(explain)
    explain(combo.currentText())
