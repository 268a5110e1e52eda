"""Every control of every page has a name and a role for screen readers; keys are told apart."""

from collections import Counter

import pytest
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QTextEdit,
    QWidget,
)

from gui.pages import PAGES
from gui.shell.main_window import MainWindow
from tests import made_up_study as made_up
from tests.gui.synthetic_networks import image_set

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
)
PARTS_OF = (QAbstractSpinBox, QComboBox, QAbstractItemView, QHeaderView)
NO_ROLE = (QAccessible.Role.NoRole, QAccessible.Role.Client)


@pytest.fixture
def window(qtbot, tmp_path):
    found = MainWindow()
    qtbot.addWidget(found)
    found.workspace.runner.loaded = True
    found.show()
    qtbot.waitExposed(found)
    study = made_up.sweep(tmp_path, eps=(0.02, 0.04), norms=("linf",))
    found.workspace.open_study(study.path)
    found.workspace.choose_images(made_up.IMAGES, image_set())
    yield found
    found._closing = True
    found.stop()


def controls(root):
    """Yield the controls below a widget, without the parts that Qt builds them from."""
    for control in root.findChildren(QWidget):
        part = isinstance(control, QScrollBar | QHeaderView)
        part |= isinstance(control.parentWidget(), PARTS_OF)
        part |= control.window() is not root.window()  # the list that a combo box opens
        if isinstance(control, CONTROLS) and not part:
            yield control


def said(control):
    """Return the name and the role of a control in Qt's accessibility tree."""
    found = QAccessible.queryAccessibleInterface(control)
    return found.text(QAccessible.Text.Name), found.role()


def path_of(control):
    chain = []
    while control is not None and len(chain) < 5:
        chain.append(type(control).__name__)
        control = control.parentWidget()
    return " in ".join(chain)


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.title)
def test_that_every_control_has_a_name_and_a_role(window, qtbot, place):
    window.pages.show_place(place)
    qtbot.wait(400)
    page = window.pages.page()
    assert page.place is place
    found = list(controls(page))
    assert found
    wrong = {}
    for control in found:
        name, role = said(control)
        if not name.strip() or role in NO_ROLE:
            wrong[path_of(control)] = (name, role)
    assert not wrong


def test_that_the_controls_around_the_pages_have_names(window):
    for part in (window.dock, window.status, window.messages, window.rail):
        for control in controls(part):
            name, role = said(control)
            assert name.strip(), path_of(control)
            assert role not in NO_ROLE


def menus_below(menu):
    yield menu
    for action in menu.actions():
        if action.menu() is not None:
            yield from menus_below(action.menu())


def mnemonic(text):
    place = text.replace("&&", "").find("&")
    return text.replace("&&", "")[place + 1].lower() if place >= 0 else ""


def test_that_no_menu_has_a_mnemonic_twice(window):
    top = window.menuBar().actions()
    counts = [Counter(mnemonic(action.text()) for action in top)]
    for action in top:
        for menu in menus_below(action.menu()):
            counts.append(Counter(mnemonic(one.text()) for one in menu.actions()))
    twice = [{key: n for key, n in count.items() if key and n > 1} for count in counts]
    assert not any(twice), twice
    assert mnemonic("Save && &go") == "g"


def test_that_no_key_is_bound_twice(window):
    keys = [action.shortcut().toString() for action in window.menus.actions.values()]
    counts = Counter(key for key in keys if key)
    assert counts["F11"] == 1
    assert max(counts.values()) == 1
