"""Dialogs scroll no further than they must."""

from PySide6.QtWidgets import QScrollArea, QVBoxLayout

from gui.widgets.dialog import Dialog
from gui.widgets.label import Label


def test_that_a_dialog_higher_than_the_screen_is_not_scrolled_sideways_too(qtbot):
    dialog = Dialog()
    column = QVBoxLayout(dialog)
    for _ in range(100):
        column.addWidget(Label("A line that is as wide as the dialog is."))
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitExposed(dialog)
    (area,) = dialog.findChildren(QScrollArea)
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0)
    assert area.horizontalScrollBar().maximum() == 0
