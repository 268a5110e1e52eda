"""Undo, redo and paste reach the window while the cursor is in a field without a use for them."""

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QAction, QGuiApplication, QImage, QKeySequence
from PySide6.QtWidgets import QLineEdit, QMainWindow, QPlainTextEdit, QVBoxLayout, QWidget

from gui.widgets.field_keys import FieldKeys, leave_field
from gui.widgets.forms.number_boxes import CountBox, DecimalBox
from gui.widgets.search_field import SearchField

FIELDS = {
    "line": QLineEdit,
    "notes": QPlainTextEdit,
    "count": CountBox,
    "decimal": DecimalBox,
    "search": lambda: SearchField("Search"),
}


@pytest.fixture
def window(qtbot):
    found = QMainWindow()
    qtbot.addWidget(found)
    found.setCentralWidget(QWidget())
    QVBoxLayout(found.centralWidget())
    found.said = []
    for key in ("Ctrl+Z", "Ctrl+Shift+Z", "Ctrl+V"):
        action = QAction(key, found)
        action.setShortcut(QKeySequence(key))
        action.triggered.connect(lambda _=False, key=key: found.said.append(key))
        found.addAction(action)
    FieldKeys(found)
    return found


def focused(qtbot, window, kind):
    field = FIELDS[kind]()
    window.centralWidget().layout().addWidget(field)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    return field


def press(qtbot, field, key, also=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(field, key, Qt.KeyboardModifier.ControlModifier | also)


@pytest.mark.parametrize("kind", FIELDS)
def test_that_undo_reaches_the_window_until_something_is_typed(qtbot, window, kind):
    field = focused(qtbot, window, kind)
    press(qtbot, field, Qt.Key.Key_Z)
    assert window.said == ["Ctrl+Z"]
    qtbot.keyClicks(field, "7")
    press(qtbot, field, Qt.Key.Key_Z, Qt.KeyboardModifier.ShiftModifier)  # nothing to redo in it
    assert window.said == ["Ctrl+Z", "Ctrl+Shift+Z"]
    press(qtbot, field, Qt.Key.Key_Z)
    assert window.said == ["Ctrl+Z", "Ctrl+Shift+Z"]  # the field took back what was typed


@pytest.mark.parametrize("kind", FIELDS)
def test_that_what_was_typed_before_a_drop_does_not_come_before_the_drop(qtbot, window, kind):
    field = focused(qtbot, window, kind)
    qtbot.keyClicks(field, "7")
    leave_field(window)
    assert not field.hasFocus()
    press(qtbot, window, Qt.Key.Key_Z)
    assert window.said == ["Ctrl+Z"]


@pytest.mark.parametrize("kind", FIELDS)
@pytest.mark.parametrize("what", ["text", "picture", "files"])
def test_that_pictures_and_files_are_pasted_into_the_window(qtbot, window, kind, what):
    field, data = focused(qtbot, window, kind), QMimeData()
    if what == "picture":
        data.setImageData(QImage(4, 4, QImage.Format.Format_RGB32))
    else:
        data.setText("7")
    if what == "files":
        data.setUrls([QUrl.fromLocalFile("/7")])
    QGuiApplication.clipboard().setMimeData(data)
    press(qtbot, field, Qt.Key.Key_V)
    assert window.said == ([] if what == "text" else ["Ctrl+V"])
