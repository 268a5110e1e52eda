"""A button that a key presses, with the key in its tooltip."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QWidget

from gui.look.keys import KEYS, with_key, without_key

ON_NUMBER_PADS = {"Return": "Enter"}
RENAMING = (QEvent.Type.ToolTipChange, QEvent.Type.Show, QEvent.Type.Hide)


class PressKey(QObject):
    """Presses a button by a key of the table, while the focus is on a page or below it.

    The tooltip of the button ends with the key, also after it was changed; of several buttons that
    of the one that the key would press.

    Parameters
    ----------
    before
        Buttons of tabs of the page: one that is in sight is pressed in place of ``button``.
    """

    def __init__(
        self,
        button: QAbstractButton,
        page: QWidget,
        key: str = "press",
        *,
        before: Sequence[QAbstractButton] = (),
    ):
        super().__init__(button)
        self._buttons, self._key = (*before, button), key
        sequence = KEYS[key]
        also = {sequence.replace(name, other) for name, other in ON_NUMBER_PADS.items()}
        for text in sorted({sequence, *also}):
            shortcut = QShortcut(QKeySequence(text), page)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(self._press)
        for one in self._buttons:
            one.installEventFilter(self)
        self._name_key()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Name the key in a new tooltip, and where another button came in sight."""
        if event.type() in RENAMING:
            self._name_key()
        return super().eventFilter(watched, event)

    @property
    def pressed(self) -> QAbstractButton:
        """The button that the key presses now."""
        return next((one for one in self._buttons if one.isVisible()), self._buttons[-1])

    @Slot()
    def _press(self) -> None:
        self.pressed.click()

    def _name_key(self) -> None:
        for button in self._buttons:
            tip = without_key(button.toolTip() or button.text(), self._key)
            if button is self.pressed:
                tip = with_key(tip, self._key)
            if tip != button.toolTip():
                button.setToolTip(tip)
