"""A button that a key presses, with the key in its tooltip."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QWidget

from gui.look.keys import KEYS, with_key

ON_NUMBER_PADS = {"Return": "Enter"}


class PressKey(QObject):
    """Presses a button by a key of the table, while the focus is on a page or below it.

    The tooltip of the button ends with the key, also after it was changed.
    """

    def __init__(self, button: QAbstractButton, page: QWidget, key: str = "press"):
        super().__init__(button)
        self._button, self._key = button, key
        sequence = KEYS[key]
        also = {sequence.replace(name, other) for name, other in ON_NUMBER_PADS.items()}
        for text in sorted({sequence, *also}):
            shortcut = QShortcut(QKeySequence(text), page)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(button.click)
        button.installEventFilter(self)
        self._name_key()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Name the key in a new tooltip."""
        if event.type() == QEvent.Type.ToolTipChange:
            self._name_key()
        return super().eventFilter(watched, event)

    def _name_key(self) -> None:
        tip = with_key(self._button.toolTip() or self._button.text(), self._key)
        if tip != self._button.toolTip():
            self._button.setToolTip(tip)
