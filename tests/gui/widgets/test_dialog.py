"""Dialogs scroll no further than they must."""

from PySide6.QtWidgets import QDialogButtonBox, QScrollArea, QVBoxLayout

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


def test_that_a_dialog_that_begins_with_one_line_grows_with_the_lines_that_come(qtbot):
    dialog = Dialog()
    column = QVBoxLayout(dialog)
    column.addWidget(Label("Reading…"))
    later = [Label("A line that came later.") for _ in range(8)]
    for label in later:
        column.addWidget(label)
        label.hide()
    column.addWidget(QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel))
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitExposed(dialog)
    for label in later:
        label.show()
        qtbot.wait(10)
    (area,) = dialog.findChildren(QScrollArea)
    qtbot.waitUntil(lambda: later[-1].isVisible() and not area.verticalScrollBar().isVisible())
