"""Keys stand in one table, and controls name theirs from it."""

import ast
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

import gui
from gui.look import keys
from gui.widgets.keyed import PressKey

ROOT = Path(gui.__file__).parent


def texts(path):
    """Yield all texts of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_that_no_other_module_writes_a_key():
    found = {
        str(path.relative_to(ROOT)): text
        for path in ROOT.rglob("*.py")
        for text in texts(path)
        if "Ctrl+" in text and path.name != "keys.py"
    }
    assert not found


def test_that_no_key_stands_for_two_things():
    assert len(set(keys.KEYS.values())) == len(keys.KEYS)


def test_that_a_tooltip_names_its_key_once_also_where_it_is_markup(qapp):
    named = keys.with_key("Show the list", "dock")
    assert named == f"Show the list ({keys.native('dock')})"
    assert keys.with_key(named, "dock") == named
    markup = "<p style='white-space:pre'>a &lt;b&gt;</p>"
    found = keys.with_key(markup, "dock")
    assert found == f"{markup.removesuffix('</p>')} ({keys.native('dock')})</p>"
    assert keys.with_key(found, "dock") == found


@pytest.fixture
def page(qtbot):
    """Return a page with a button that the key presses, and a field that has the focus."""
    found = QWidget()
    found.button, found.other = QPushButton("Measure"), QPushButton("Other")
    layout = QVBoxLayout(found)
    layout.addWidget(found.button)
    layout.addWidget(found.other)
    PressKey(found.button, found)
    qtbot.addWidget(found)
    found.show()
    qtbot.waitExposed(found)
    found.activateWindow()
    found.other.setFocus()
    return found


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_that_the_key_presses_the_button_and_is_named_by_every_tooltip(page, qtbot, key):
    pressed = []
    page.button.clicked.connect(lambda: pressed.append(True))
    qtbot.waitUntil(page.other.hasFocus)
    qtbot.keyClick(page.other, key, Qt.KeyboardModifier.ControlModifier)
    assert pressed == [True]
    end = f"({keys.native('press')})"
    assert page.button.toolTip() == f"Measure {end}"
    page.button.setToolTip("Nothing is missing")
    assert page.button.toolTip() == f"Nothing is missing {end}"
    page.button.setEnabled(False)
    qtbot.keyClick(page.other, key, Qt.KeyboardModifier.ControlModifier)
    assert pressed == [True]


def test_that_of_several_buttons_the_one_that_the_key_presses_names_it(page, qtbot):
    shown = QPushButton("Measure", page)
    page.layout().addWidget(shown)
    shown.hide()
    page.other.setToolTip("Keep what was measured")
    PressKey(page.other, page, before=[shown])
    end = f" ({keys.native('press')})"
    assert (page.other.toolTip(), shown.toolTip()) == (f"Keep what was measured{end}", "Measure")
    shown.show()
    assert (page.other.toolTip(), shown.toolTip()) == ("Keep what was measured", f"Measure{end}")
    page.other.setToolTip("Keep it")
    assert page.other.toolTip() == "Keep it"
    shown.hide()
    assert (page.other.toolTip(), shown.toolTip()) == (f"Keep it{end}", "Measure")
