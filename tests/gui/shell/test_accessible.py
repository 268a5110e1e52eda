"""Every control of every page has a name and a role for screen readers; keys are told apart."""

import importlib
import pkgutil
from collections import Counter

import pytest

import gui
from gui.pages import PAGES
from gui.shell.main_window import MainWindow
from gui.widgets.dialog import Dialog
from tests import made_up_study as made_up
from tests.gui.shell.accessible import controls, nameless
from tests.gui.shell.small_screen import dialogs
from tests.gui.synthetic_networks import image_set


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


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.title)
def test_that_every_control_has_a_name_and_a_role(window, qtbot, place):
    window.pages.show_place(place)
    qtbot.wait(400)
    page = window.pages.page()
    assert page.place is place
    assert list(controls(page))
    assert not nameless(page)


def test_that_the_controls_around_the_pages_have_names(window):
    for part in (window.dock, window.status, window.messages, window.rail):
        assert not nameless(part)


def subclasses(kind):
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def test_that_every_control_of_every_dialog_has_a_name_and_a_role(window, qtbot):
    for module in pkgutil.walk_packages(gui.__path__, "gui."):
        importlib.import_module(module.name)
    shown = dialogs(window)
    missing = {kind.__name__ for kind in subclasses(Dialog) if kind.__module__.startswith("gui.")}
    missing -= {type(dialog).__name__ for dialog in shown}
    assert not missing, "a dialog that the list of dialogs lacks"
    wrong = {}
    for dialog in shown:
        dialog.show()
        qtbot.wait(20)
        assert dialog.windowTitle().strip() or dialog.accessibleName().strip()
        wrong |= nameless(dialog)
        dialog.close()
    assert not wrong


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
