"""Areas that scroll, and the dialogs and labels that rely on them."""

import ast
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gui.pages import PAGES
from gui.shell.rail import Rail
from gui.widgets.dialog import Dialog
from gui.widgets.label import Label
from gui.widgets.scrolled import ScrolledArea

GUI = Path(__file__).resolve().parents[3] / "gui"


def area_of(qtbot, least):
    content = QWidget()
    content.setMinimumSize(least)
    area = ScrolledArea(content)
    qtbot.addWidget(area)
    return area, content


def test_that_content_fills_the_area_that_is_large_enough(qtbot):
    area, content = area_of(qtbot, QSize(100, 100))
    area.resize(300, 200)
    area.show()
    assert content.size() == QSize(300, 200)
    assert not area.verticalScrollBar().isVisible()


def test_that_content_keeps_its_least_size_and_scrolls_upright_only(qtbot):
    area, content = area_of(qtbot, QSize(100, 400))
    area.resize(300, 200)
    area.show()
    assert content.height() == 400
    qtbot.waitUntil(lambda: content.width() == area.viewport().width() < 300)
    assert area.verticalScrollBar().maximum() == 200
    assert area.horizontalScrollBar().maximum() == 0


def test_that_the_area_needs_little_whatever_its_content_needs(qtbot):
    area, _ = area_of(qtbot, QSize(3000, 3000))
    assert area.minimumSizeHint().width() <= 160
    assert area.minimumSizeHint().height() <= 80


def test_that_content_that_comes_to_need_more_gets_it(qtbot):
    content = QWidget()
    layout = QVBoxLayout(content)
    area = ScrolledArea(content)
    qtbot.addWidget(area)
    area.resize(300, 200)
    area.show()
    with qtbot.waitSignal(area.needs_changed):
        tall = QWidget()
        tall.setMinimumHeight(500)
        layout.addWidget(tall)
    qtbot.waitUntil(lambda: content.height() >= 500)
    assert area.height() == 200


def test_that_tab_brings_the_next_field_into_sight(qtbot):
    content = QWidget()
    layout = QVBoxLayout(content)
    first, last = QLineEdit(), QLineEdit()
    layout.addWidget(first)
    layout.addSpacing(600)
    layout.addWidget(last)
    area = ScrolledArea(content)
    qtbot.addWidget(area)
    area.resize(300, 200)
    area.show()
    qtbot.waitActive(area)
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Tab)
    shown = area.viewport().rect()
    qtbot.waitUntil(lambda: shown.contains(last.mapTo(area.viewport(), last.rect().center())))


class Tall(Dialog):
    """A dialog that no screen has room for, whose buttons stand in a row of their own."""

    def __init__(self):
        super().__init__()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.other = QPushButton("Other")
        self.line = QLineEdit()
        tall = QWidget()
        tall.setMinimumSize(5000, 5000)
        row = QHBoxLayout()
        row.addWidget(self.other)
        row.addWidget(self.buttons)
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(tall)
        layout.addLayout(row)
        self.line.setFocus()


def test_that_a_dialog_fits_the_screen_and_its_buttons_stay_in_it(qtbot):
    dialog = Tall()
    qtbot.addWidget(dialog)
    dialog.show()
    room = dialog.screen().availableGeometry()
    assert dialog.width() <= room.width()
    assert dialog.height() <= room.height()
    for button in (dialog.buttons, dialog.other):
        assert dialog.rect().contains(QRect(button.mapTo(dialog, QPoint(0, 0)), button.size()))
    assert dialog.focusWidget() is dialog.line
    dialog.close()
    dialog.show()
    assert dialog.height() <= room.height()


def test_that_every_dialog_of_the_window_is_one_that_fits():
    for path in GUI.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert "QDialog" not in names or path.name == "dialog.py", path


def test_that_a_wrapped_text_needs_the_height_of_its_lines(qtbot):
    label = Label("many words " * 20, wordWrap=True)
    qtbot.addWidget(label)
    line = label.fontMetrics().lineSpacing()
    label.resize(300, 20)
    narrow = label.minimumSizeHint().height()
    label.resize(1200, 20)
    assert narrow > 3 * line
    assert label.minimumSizeHint().height() < narrow
    label.setText("many words " * 2000)
    assert label.minimumSizeHint().height() <= 8 * line


def test_that_the_rail_folds_before_it_scrolls(qtbot):
    rail = Rail(PAGES)
    qtbot.addWidget(rail)
    rail.show()
    looks = []
    for height in (900, 300, 900):
        rail.resize(92, height)
        looks.append(rail.property("look"))
    assert looks == ["roomy", "icons", "roomy"]
    rail.resize(92, 200)
    rail.choose(len(PAGES) - 1)
    button = rail.findChildren(type(rail._buttons[0]))[-1]
    place = QRect(button.mapTo(rail, QPoint(0, 0)), button.size())
    assert rail.rect().contains(place)
