"""The dialog of the user's own methods, and the question before a file of them runs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.texts import one_line
from gui.look import settings
from gui.look.plain import plain_tip
from gui.plugins.own_methods import OwnMethods
from gui.widgets.dialog import Dialog
from gui.widgets.label import Label, Question

SIZE = (560, 320)
MEANING = (
    "A Python file with an attack, attribution, training scheme or metric of your own, which is "
    "then everywhere like the others. main.py methods --template attribution writes one to begin "
    "with; docs/plugins.md explains it."
)
WARNING = (
    "It is a program: it can do everything that you can on this computer, such as read and delete "
    "files. It runs now and whenever Isthmus starts, until its content changes."
)


def ask_to_run(own: OwnMethods, path: Path, parent: QWidget) -> None:
    """Ask whether a file may run in the content that it has now; load it if it may."""
    from engine.plugins import PluginError, digest_of

    try:
        digest = digest_of(path)
    except PluginError as error:
        box = Question("Your own methods", str(error), "Nothing was run.", parent)
        box.setIcon(QMessageBox.Icon.Warning)
        box.addButton(QMessageBox.StandardButton.Close)
    else:
        changed = ", which has changed since you allowed it" if path in own.faults else ""
        text = f"Run the code in {path}{changed}?"
        box = Question("Your own methods", text, WARNING, parent)
        run = box.addButton("Run it", QMessageBox.ButtonRole.AcceptRole)
        run.clicked.connect(lambda: own.allow(path, digest))
        no = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(no)
        box.setEscapeButton(no)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()


class OwnMethodsDialog(Dialog):
    """Lists the files with methods of the user; adds and removes them."""

    def __init__(self, own: OwnMethods, parent: QWidget | None = None):
        super().__init__(parent)
        self._own = own
        self.setWindowTitle("Your own methods")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.list = QListWidget()
        self.list.setAccessibleName("Files with methods of your own")
        self.list.setWordWrap(True)
        self.list.currentRowChanged.connect(self._enable)
        self.add = QPushButton("Add a file…")
        self.add.clicked.connect(self._choose)
        self.again = QPushButton("Ask again")
        self.again.setToolTip("Load a file that was not: it has changed, or has been mended")
        self.again.clicked.connect(self._ask_again)
        self.remove = QPushButton("Remove")
        self.remove.setToolTip("From the next start on; what it computed stays in its studies")
        self.remove.clicked.connect(self._remove)
        self.later = Label(wordWrap=True)
        self.later.setProperty("role", "muted")
        self._build_layout()
        own.changed.connect(self._show)
        self._show()
        self.resize(*SIZE)

    def _build_layout(self) -> None:
        meaning = Label(MEANING, wordWrap=True)
        meaning.setProperty("role", "muted")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        bottom = QHBoxLayout()
        bottom.setSpacing(8)
        for button in (self.add, self.again, self.remove):
            button.setAutoDefault(False)
            bottom.addWidget(button)
        bottom.addStretch(1)
        bottom.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(meaning)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.later)
        layout.addLayout(bottom)

    @property
    def _path(self) -> Path | None:
        item = self.list.currentItem()
        return None if item is None else Path(item.data(Qt.ItemDataRole.UserRole))

    @Slot()
    def _show(self) -> None:
        before = self.list.currentRow()
        self.list.clear()
        for path in self._own.files:
            item = QListWidgetItem(one_line(self._own.words(path)))
            item.setData(Qt.ItemDataRole.UserRole, str(path))
            item.setToolTip(plain_tip(str(path)))
            self.list.addItem(item)
        self.list.setCurrentRow(min(max(0, before), self.list.count() - 1))
        self._enable()

    @Slot()
    def _enable(self) -> None:
        path = self._path
        self.again.setEnabled(path is not None and path in self._own.faults)
        self.remove.setEnabled(path is not None)

    @Slot()
    def _choose(self) -> None:
        dialog = QFileDialog(self, "Add methods of your own", settings.last_folder())
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilter("Python files (*.py)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.take)
        dialog.open()

    @Slot(str)
    def take(self, name: str) -> None:
        """Ask whether a chosen file may run."""
        settings.set_last_folder(Path(name).parent)
        ask_to_run(self._own, Path(name).resolve(), self)

    @Slot()
    def _ask_again(self) -> None:
        if self._path is not None:
            ask_to_run(self._own, self._path, self)

    @Slot()
    def _remove(self) -> None:
        path = self._path
        if path is not None:
            self._own.withdraw(path)
            text = f"{path.name} is not run any more from the next start on."
            self.later.setText(one_line(text))
