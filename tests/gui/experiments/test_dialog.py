"""Experiments are chosen, their images found or asked for, and computed in a study of their own."""

import pytest
from PySide6.QtCore import Qt

from engine.plan.planfile import find_plan, head_of, presets
from gui.experiments.dialog import ExperimentsDialog
from gui.look import settings
from gui.pages import PAGES, TRAIN
from gui.shell.main_window import MainWindow
from tests.engine.plan.test_plan_images import PLAN
from tests.gui.fakes import WAIT_MS
from tests.gui.shell.test_main_window import drop, make_folder

NETWORK = 'network = { kind = "small_cnn" }'


@pytest.fixture
def window(qtbot):
    found = MainWindow(PAGES)
    qtbot.addWidget(found)
    found.workspace.runner.loaded = True
    found.show()
    qtbot.waitExposed(found)
    yield found
    found.workspace.runner.cancel()
    found._closing = True


@pytest.fixture
def plan(tmp_path):
    make_folder(tmp_path / "animals", per_class=6, side=16)
    path = tmp_path / "two animals.toml"
    path.write_text(PLAN.replace(NETWORK, f"{NETWORK}\nepochs = 1"))
    return path


def dialog_of(qtbot, window):
    qtbot.waitUntil(lambda: window.findChild(ExperimentsDialog) is not None, timeout=WAIT_MS)
    return window.findChild(ExperimentsDialog)


def titles(dialog):
    items = [dialog.list.item(row) for row in range(dialog.list.count())]
    return {item.text() for item in items if item.flags() & Qt.ItemFlag.ItemIsSelectable}


def choose(dialog, name):
    title = head_of(find_plan(name)).title
    (item,) = dialog.list.findItems(title, Qt.MatchFlag.MatchExactly)
    dialog.list.setCurrentItem(item)


def test_that_the_menu_lists_all_built_in_experiments_with_what_they_are_for(qtbot, window):
    window.menus.actions["experiment"].trigger()
    dialog = dialog_of(qtbot, window)
    assert titles(dialog) == {head_of(find_plan(name)).title for name in presets()}
    for name in presets():
        choose(dialog, name)
        assert dialog.about.text() == head_of(find_plan(name)).about


def test_that_missing_images_are_asked_for_and_built_in_ones_are_not(
    qtbot, window, tmp_path, monkeypatch
):
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path))
    monkeypatch.setattr("engine.data.downloads.own_folder", lambda: tmp_path)
    window.menus.actions["experiment"].trigger()
    dialog = dialog_of(qtbot, window)
    choose(dialog, "manifold-glyphs")
    assert dialog.run.isEnabled()
    assert not dialog.folder.isVisible()
    choose(dialog, "frontier-mnist")
    assert not dialog.run.isEnabled()
    assert dialog.images.text() == (
        "MNIST was not found on this computer: choose the folder with its four .gz files."
    )
    dialog.take_images(str(tmp_path / "digits"))
    assert dialog.run.isEnabled()
    assert dialog.images.text() == f"MNIST: {tmp_path / 'digits'}"
    choose(dialog, "paper-manifold-fmnist")
    assert not dialog.run.isEnabled()


def test_that_a_dropped_plan_is_computed_in_a_study_of_its_own(qtbot, window, plan):
    drop(window, plan)
    dialog = dialog_of(qtbot, window)
    assert dialog.heading.text() == "Two kinds of animals"
    workspace = window.workspace
    with qtbot.waitSignal(workspace.plans.begun, timeout=WAIT_MS):
        qtbot.mouseClick(dialog.run, Qt.MouseButton.LeftButton)
    assert workspace.study.path == settings.documents() / "two animals.isthmus"
    assert window.pages.places[window.pages.currentIndex()] is TRAIN
    assert workspace.image_set.shape == (3, 16, 16)
    qtbot.waitUntil(
        lambda: any(entry.kind == "training" for entry in workspace.study.entries),
        timeout=2 * WAIT_MS,
    )


def test_that_a_plan_is_listed_beside_the_built_in_ones(qtbot, window, plan):
    window.menus.actions["experiment"].trigger()
    dialog = dialog_of(qtbot, window)
    dialog.take_plan(str(plan))
    qtbot.waitUntil(lambda: len(titles(dialog)) == len(presets()) + 1, timeout=WAIT_MS)
    assert dialog.heading.text() == "Two kinds of animals"


def test_that_images_that_cannot_be_read_are_said_and_make_no_study(qtbot, window, plan):
    drop(window, plan)
    dialog = dialog_of(qtbot, window)
    dialog.take_images(str(plan.parent / "nowhere"))
    qtbot.mouseClick(dialog.run, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "nowhere" in str(window.messages.errors), timeout=WAIT_MS)
    assert window.workspace.study is None
