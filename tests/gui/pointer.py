"""The pointer of the mouse over a widget, without the one of the display that all windows share."""

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget


def move_to(
    widget: QWidget, place: QPoint, buttons: Qt.MouseButton = Qt.MouseButton.NoButton
) -> None:
    """Tell a widget at once that the pointer moved to a place in it, with buttons held or none."""
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(place),
        QPointF(widget.mapToGlobal(place)),
        Qt.MouseButton.NoButton,
        buttons,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, event)
