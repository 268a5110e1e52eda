"""A line to type in, above the commands whose names hold what was typed."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gui.palette.commands import Command, found
from gui.widgets.dialog import Dialog
from gui.widgets.label import Label
from gui.widgets.search_field import SearchField
from gui.widgets.table_names import name_table

SIZE = QSize(640, 420)
NOTHING = "Nothing of this name can be done now. Other words, or fewer, may find it."
MOVING = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


class PaletteDialog(Dialog):
    """Runs the command that is chosen, after closing.

    Attributes
    ----------
    chosen
        The command to run; None until one is chosen.
    """

    def __init__(self, commands: Sequence[Command], parent: QWidget | None = None):
        super().__init__(parent)
        self.setWindowTitle("Commands")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._commands, self._shown = list(commands), list(commands)
        self.chosen: Command | None = None
        self.line = SearchField("Type what you want to do", "Command")
        self.line.textChanged.connect(self._fill)
        self.line.returnPressed.connect(self._choose)
        self.line.installEventFilter(self)
        self.list = QTreeWidget()
        name_table(self.list, "Commands")
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setColumnCount(2)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setStretchLastSection(False)
        self.list.itemActivated.connect(self._choose)
        self.list.itemClicked.connect(self._choose)
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(self.list, 1)
        self.nothing = Label(NOTHING, wordWrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self.nothing, 1)
        self.resize(SIZE)
        self._fill("")
        self.line.setFocus()

    def titles(self) -> list[str]:
        """Return the names of the commands in the list."""
        return [command.title for command in self._shown]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let the keys that move in a list move in it while the line has the focus."""
        moving = isinstance(event, QKeyEvent) and event.key() in MOVING
        if watched is self.line and moving and event.type() == QEvent.Type.KeyPress:
            return self.list.event(event)
        return super().eventFilter(watched, event)

    @Slot(str)
    def _fill(self, typed: str) -> None:
        self._shown = found(self._commands, typed)
        self.list.clear()
        self.list.addTopLevelItems(
            [QTreeWidgetItem([command.title, command.keys]) for command in self._shown]
        )
        self.list.setVisible(bool(self._shown))
        self.nothing.setVisible(not self._shown)
        self.list.setCurrentIndex(self.list.model().index(0, 0))

    @Slot()
    def _choose(self) -> None:
        row = self.list.currentIndex().row()
        if not 0 <= row < len(self._shown):
            return
        self.chosen = self._shown[row]
        self.accept()
        self.chosen.run()
