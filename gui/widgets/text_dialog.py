"""A window with a text to read and to copy."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from gui.widgets.dialog import Dialog
from gui.widgets.label import Label


class TextDialog(Dialog):
    """A non-modal dialog that shows a sentence and a longer text below it.

    Parameters
    ----------
    title
        The title of the window.
    sentence
        The message for the user.
    text
        Details in fixed-width form, such as a traceback; Copy includes both.
    """

    def __init__(self, title: str, sentence: str, text: str, parent: QWidget | None = None):
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        self.resize(640, 420)
        self.sentence = Label(sentence)
        self.sentence.setWordWrap(True)
        self.sentence.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text = QPlainTextEdit(text.strip())
        self.text.setReadOnly(True)
        self.text.setAccessibleName("Details")
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.clicked.connect(self._copy)
        self.copy.setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        layout.setContentsMargins(16, 16, 16, 16)
        for widget in (self.sentence, self.text, buttons):
            layout.addWidget(widget)

    @Slot()
    def _copy(self) -> None:
        parts = (self.sentence.text(), self.text.toPlainText())
        QGuiApplication.clipboard().setText("\n\n".join(part for part in parts if part))
