"""The glossary of the Help menu: every term with its equation, with full-text search."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from engine.texts import folded
from gui.look import terms
from gui.widgets.dialog import Dialog
from gui.widgets.search_field import SearchField

LIST_WIDTH = 220


class GlossaryDialog(Dialog):
    """Lists the terms and explains the chosen one, in a non-modal dialog."""

    def __init__(self, parent: QWidget | None = None):
        super().__init__(parent)
        self.setWindowTitle("Glossary")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        self.resize(680, 440)
        self.search = SearchField("Search names, meanings and sources", "Search the glossary")
        self.list = QListWidget()
        self.list.setFixedWidth(LIST_WIDTH)
        self.list.setAccessibleName("Terms")
        self.text = QTextBrowser()
        self.text.setAccessibleName("Meaning")
        self._build_layout()
        for term in terms.glossary():
            item = QListWidgetItem(terms.name_of(term))
            item.setData(Qt.ItemDataRole.UserRole, term)
            self.list.addItem(item)
        self.search.textChanged.connect(self._filter)
        self.list.currentItemChanged.connect(self._show_current)
        self.list.setCurrentRow(0)

    def shown(self) -> list[str]:
        """Return the names of the terms that match the search."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [item.text() for item in items if not item.isHidden()]

    def _build_layout(self) -> None:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.list)
        row.addWidget(self.text, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(self.search)
        layout.addLayout(row, 1)
        layout.addWidget(buttons)

    @Slot(str)
    def _filter(self, text: str) -> None:
        """Show only the terms that contain every typed word."""
        words = folded(text).split()
        for row in range(self.list.count()):
            item = self.list.item(row)
            said = folded(terms.plain_text(item.data(Qt.ItemDataRole.UserRole)))
            item.setHidden(not all(word in said for word in words))
        current = self.list.currentItem()
        if current is None or current.isHidden():
            left = (self.list.item(row) for row in range(self.list.count()))
            self.list.setCurrentRow(
                next((self.list.row(item) for item in left if not item.isHidden()), -1)
            )

    @Slot()
    def _show_current(self) -> None:
        item = self.list.currentItem()
        self.text.setHtml(
            "No term holds all of these words."
            if item is None
            else terms.explanation(item.data(Qt.ItemDataRole.UserRole))
        )
