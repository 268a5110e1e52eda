"""Keys that a field takes for itself although it has no use for them: undo, redo and paste."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Slot
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence, QTextDocument
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)
from shiboken6 import isValid

FIELDS = QLineEdit, QAbstractSpinBox, QComboBox, QPlainTextEdit, QTextEdit


class FieldKeys(QObject):
    """Leaves these keys to the window's menu while the focused field can do nothing with them.

    A field of Qt takes undo's key also where nothing was typed into it: a drop could not be undone
    while the cursor was in any field. Only the focused field is watched.
    """

    def __init__(self, parent: QWidget):
        super().__init__(parent)
        self._field: QWidget | None = None
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._on_focus)

    @Slot(QWidget, QWidget)
    def _on_focus(self, _: QWidget | None, field: QWidget | None) -> None:
        if self._field is not None and isValid(self._field):
            self._field.removeEventFilter(self)
        self._field = field if isinstance(field, FIELDS) else None
        if self._field is not None:
            self._field.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep a key from the field that it could do nothing with."""
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and isinstance(watched, QWidget)
            and _is_useless(watched, event)
        ):
            event.ignore()
            return True
        return False


def leave_field(window: QWidget) -> None:
    """Take the focus from a field, so that undo takes back what follows and not what was typed."""
    field = window.focusWidget()
    if isinstance(field, FIELDS):
        field.clearFocus()


def _is_useless(field: QWidget, event: QKeyEvent) -> bool:
    if event.matches(QKeySequence.StandardKey.Paste):
        data = QGuiApplication.clipboard().mimeData()
        return data.hasUrls() or not data.hasText()
    inner = field.lineEdit() if isinstance(field, QAbstractSpinBox | QComboBox) else field
    state: object = inner.document() if isinstance(inner, QPlainTextEdit | QTextEdit) else inner
    if not isinstance(state, QLineEdit | QTextDocument):  # a list without a field in it
        return False
    if event.matches(QKeySequence.StandardKey.Undo):
        return not state.isUndoAvailable()
    return event.matches(QKeySequence.StandardKey.Redo) and not state.isRedoAvailable()
