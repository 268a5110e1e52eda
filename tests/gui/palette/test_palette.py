"""Everything that a menu or the present page offers is found by typing a part of its name."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QMainWindow, QPushButton, QVBoxLayout, QWidget

from gui.pages import TRADEOFF
from gui.palette.commands import Command, found, of_menus, of_page
from gui.palette.dialog import PaletteDialog
from gui.shell.main_window import MainWindow


def command(*path):
    return Command(path, "", lambda: None)


COMMANDS = [
    command("File", "Save a copy as one file"),
    command("File", "Open image folder"),
    command("View", "Maps"),
    command("Train", "Train 3 networks"),
    command("Help", "Keyboard shortcuts"),
    command("View", "Trade-off"),
]


@pytest.mark.parametrize(
    ("typed", "titles"),
    [
        ("", [one.title for one in COMMANDS]),
        ("maps", ["View › Maps"]),
        ("FOLDER open", ["File › Open image folder"]),
        ("train", ["Train › Train 3 networks"]),
        ("o", ["File › Open image folder", *(COMMANDS[place].title for place in (0, 3, 4, 5))]),
        ("nothing of the kind", []),
        ("tradeoff", ["View › Trade-off"]),
        ("trade-off", ["View › Trade-off"]),
    ],
)
def test_that_commands_are_found_by_all_words_the_best_first(typed, titles):
    assert [one.title for one in found(COMMANDS, typed)] == titles


@pytest.fixture
def window(qtbot):
    found = QMainWindow()
    qtbot.addWidget(found)
    return found


def test_that_menus_are_listed_with_what_fills_when_they_open(window):
    done = []
    menu = window.menuBar().addMenu("&File")
    menu.addAction("&Open && read…", lambda: done.append("open")).setShortcut("Ctrl+O")
    menu.addSeparator()
    menu.addAction("Not now").setEnabled(False)
    inner = menu.addMenu("&Recent")
    inner.aboutToShow.connect(lambda: inner.addAction("mine", lambda: done.append("mine")))
    listed = list(of_menus(window.menuBar()))
    assert [(one.path, one.keys) for one in listed] == [
        (("File", "Open & read"), "Ctrl+O"),
        (("File", "Recent", "mine"), ""),
    ]
    for one in listed:
        one.run()
    assert done == ["open", "mine"]


def test_that_only_buttons_that_can_be_pressed_are_listed(qtbot):
    page = QWidget()
    qtbot.addWidget(page)
    layout = QVBoxLayout(page)
    for text, enabled, hidden in (
        ("&Go", True, False),
        ("Off", False, False),
        ("Gone", True, True),
    ):
        button = QPushButton(text)
        button.setEnabled(enabled)
        button.setHidden(hidden)
        layout.addWidget(button)
    assert [one.title for one in of_page("Maps", page)] == ["Maps › Go"]


def test_that_typing_arrows_and_return_run_a_command(qtbot):
    done = []
    commands = [
        Command(("View", name), "", lambda name=name: done.append(name))
        for name in ("A one", "A two")
    ]
    dialog = PaletteDialog(commands)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.keyClicks(dialog.line, "a")
    assert dialog.titles() == ["View › A one", "View › A two"]
    qtbot.keyClick(dialog.line, Qt.Key.Key_Down)
    with qtbot.waitSignal(dialog.accepted):
        qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert done == ["A two"]


def test_that_return_with_nothing_found_does_nothing(qtbot):
    dialog = PaletteDialog([command("View", "Maps")])
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.keyClicks(dialog.line, "zzz")
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert dialog.isVisible()
    assert dialog.chosen is None
    assert dialog.nothing.isVisible()
    assert dialog.nothing.text().startswith("Nothing of this name can be done now.")
    dialog.line.clear()
    assert dialog.list.isVisible()
    assert not dialog.nothing.isVisible()


def test_that_the_window_lists_its_menus_and_the_page_and_goes_there(qtbot):
    window = MainWindow()
    qtbot.addWidget(window)
    window.workspace.runner.loaded = True
    window.show()
    window.menus.actions["commands"].trigger()
    (dialog,) = window.findChildren(PaletteDialog)
    titles = dialog.titles()
    assert len(set(titles)) == len(titles)
    assert {"File › Copy methods section", "Help › Glossary", "View › Trade-off"} <= set(titles)
    assert isinstance(dialog, QDialog)
    dialog.line.setText("view trade-off")
    qtbot.keyClick(dialog.line, Qt.Key.Key_Return)
    assert window.pages.host().place == TRADEOFF
    window._closing = True
