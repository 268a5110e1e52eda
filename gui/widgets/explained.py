"""Combo boxes whose choices are technical terms, explained in the tooltip."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox

from gui.look import terms


def explain_choices(combo: QComboBox, tip: str) -> None:
    """Set the tooltip of a combo box to its purpose, followed by the meaning of the choice."""

    def explain(text: str) -> None:
        combo.setToolTip(terms.with_words(text, tip))
        for row in range(combo.count()):
            words = terms.with_words(combo.itemText(row))
            combo.setItemData(row, words, Qt.ItemDataRole.ToolTipRole)

    combo.currentTextChanged.connect(explain)
    explain(combo.currentText())
