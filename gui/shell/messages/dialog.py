"""The list of all messages, with the whole text of the chosen one."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QDialogButtonBox,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from engine.texts import harmless, one_line
from gui.look.icons import icon
from gui.shell.messages.log import Message, MessageLog
from gui.widgets.dialog import Dialog

SIZE = (720, 460)
MESSAGE = Qt.ItemDataRole.UserRole


class MessagesDialog(Dialog):
    """Shows the messages, newest first, in a non-modal dialog that follows new ones."""

    def __init__(self, log: MessageLog, parent: QWidget | None = None):
        super().__init__(parent)
        self._log = log
        self.setWindowTitle("Messages")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(False)
        self.resize(*SIZE)
        self.errors = QCheckBox("Errors only")
        self.list = QListWidget()
        self.list.setAccessibleName("Messages, newest first")
        # Long ones end in dots: below the list, the chosen one is shown whole.
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setPlaceholderText("Nothing was said since the start.")
        self.text.setAccessibleName("The whole message")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = buttons.addButton("Copy all", QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.setAutoDefault(False)
        self.copy.clicked.connect(self._copy)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.errors)
        layout.addWidget(self.list, 2)
        layout.addWidget(self.text, 1)
        layout.addWidget(buttons)
        self.errors.toggled.connect(self._fill)
        self.list.currentItemChanged.connect(self._show_current)
        log.changed.connect(self._on_changed)
        self._fill()
        log.mark_read()

    @Slot()
    def _on_changed(self) -> None:
        """Follow a new message; keep the chosen one."""
        if self._log.messages[:1] != self._shown[:1]:
            self._fill()

    @Slot()
    def _fill(self) -> None:
        current = self.list.currentItem()
        kept = current.data(MESSAGE) if current is not None else None
        self._shown = self._log.messages
        chosen = [one for one in self._shown if one.is_error or not self.errors.isChecked()]
        self.list.clear()
        for message in chosen:
            item = QListWidgetItem(harmless(f"{message.time:%H:%M:%S}  {one_line(message.text)}"))
            item.setData(MESSAGE, message)
            item.setIcon(icon("error", "bad") if message.is_error else icon("info", "muted"))
            self.list.addItem(item)
        self.copy.setEnabled(bool(self._shown))
        self.list.setCurrentRow(chosen.index(kept) if kept in chosen else 0)

    @Slot()
    def _show_current(self) -> None:
        item = self.list.currentItem()
        self.text.setPlainText("" if item is None else _whole(item.data(MESSAGE)))

    @Slot()
    def _copy(self) -> None:
        lines = [f"{message.time:%Y-%m-%d %H:%M:%S} {_whole(message)}" for message in self._shown]
        QGuiApplication.clipboard().setText("\n".join(lines))


def _whole(message: Message) -> str:
    return "\n\n".join(filter(None, (message.text, message.details.strip())))
