"""Undo of opening another study: by a drop, by the menu, by creating one, and several in a row."""

import shutil

import pytest
from PySide6.QtWidgets import QFileDialog

from engine.store.study import Study
from gui.pages import DATA, MAPS, RECORDS, WELCOME
from gui.session import file_dialogs
from gui.shell.main_window import MainWindow
from gui.widgets.label import Question
from tests import made_up_study as made_up
from tests.gui.fakes import WAIT_MS

OTHERS = made_up.Glyphs(train=60, test=30)


def a_study(folder, name, images=made_up.IMAGES):
    study = made_up.sweep(folder, eps=(0.02, 0.04), norms=("linf",), images=images)
    study.path.rename(folder / f"{name}.isthmus")
    found = Study(folder / f"{name}.isthmus")
    found.describe(name=name)
    return found


@pytest.fixture
def studies(tmp_path):
    first = a_study(tmp_path, "first")
    made_up.add_images(first, OTHERS)  # the newest images, which are chosen when it is opened
    return first, a_study(tmp_path, "second"), a_study(tmp_path, "third")


@pytest.fixture
def window(qtbot, studies):
    found = MainWindow()
    qtbot.addWidget(found)
    found.workspace.runner.loaded = True
    found.show()
    qtbot.waitExposed(found)
    assert found.workspace.open_study(studies[0].path)
    yield found
    found._closing = True


def drop(workspace, path, monkeypatch):
    workspace.importer.take([path])


def menu(workspace, path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(path))
    file_dialogs.open_study(None, workspace.importer)


def create(workspace, path, monkeypatch):
    shutil.rmtree(path)
    workspace.importer.open_study(path, create=True)


def is_open(qtbot, workspace, path):
    qtbot.waitUntil(
        lambda: workspace.study is not None and workspace.study.path == path, timeout=WAIT_MS
    )


def images_are_there(qtbot, workspace):
    qtbot.waitUntil(lambda: workspace.image_set is not None, timeout=WAIT_MS)


@pytest.mark.parametrize("act", [drop, menu, create])
def test_that_undo_opens_the_study_before_and_redo_the_other_again(
    window, qtbot, studies, act, monkeypatch
):
    workspace, (first, second, _) = window.workspace, studies
    stack = workspace.edits.stack
    assert not stack.canUndo()
    act(workspace, second.path, monkeypatch)
    is_open(qtbot, workspace, second.path)
    assert stack.undoText() == "opening of “second”"
    assert window.menus.actions["undo"].isEnabled()
    window.menus.actions["undo"].trigger()
    is_open(qtbot, workspace, first.path)
    assert not stack.canUndo()
    assert stack.redoText() == "opening of “second”"
    stack.redo()
    is_open(qtbot, workspace, second.path)
    assert stack.canUndo()
    assert not stack.canRedo()


def test_that_what_was_selected_is_selected_again(window, qtbot, studies):
    workspace, (first, second, _) = window.workspace, studies
    workspace.choose_images(made_up.IMAGES)
    images_are_there(qtbot, workspace)
    window.pages.show_place(MAPS)
    page = window.pages.page()
    ticked = [made_up.network("linf", 0.04).key]
    page.picker.choose_these(ticked)
    page.strip.choose((5, 2))
    workspace.selection.choose((2, 5, 9), "taken for 7")
    window.pages.show_place(RECORDS)
    key = made_up.network("linf", 0.02).key
    window.pages.page().show_record(key)
    qtbot.waitUntil(lambda: window.pages.page().shown_key == key, timeout=WAIT_MS)
    chosen = page.strip.chosen
    workspace.importer.take([second.path])
    is_open(qtbot, workspace, second.path)
    images_are_there(qtbot, workspace)
    window.pages.show_place(DATA)
    page.picker.choose_these([made_up.network().key])
    page.strip.choose((1,))
    workspace.selection.choose((1,), "taken for 3")

    workspace.edits.stack.undo()
    is_open(qtbot, workspace, first.path)
    qtbot.waitUntil(lambda: workspace.selection.indices == (2, 5, 9), timeout=WAIT_MS)
    assert workspace.images == made_up.IMAGES
    assert workspace.selection.words == "taken for 7"
    qtbot.waitUntil(lambda: page.strip.chosen == chosen, timeout=WAIT_MS)
    assert [network.key for network in page.picker.networks] == ticked
    assert window.pages.page().title == "Records"
    qtbot.waitUntil(lambda: window.pages.page().shown_key == key, timeout=WAIT_MS)
    assert window.history.there_is_more


def test_that_undo_leads_through_several_studies_and_edits_of_each_are_undone_first(
    window, qtbot, studies
):
    workspace, stack = window.workspace, window.workspace.edits.stack
    for study in studies[1:]:
        workspace.importer.open_study(study.path)
        is_open(qtbot, workspace, study.path)
    workspace.edits.describe(name="renamed")
    stack.undo()
    assert workspace.study.about["name"] == "third"
    for study in (studies[1], studies[0]):
        stack.undo()
        is_open(qtbot, workspace, study.path)
    assert not stack.canUndo()
    for study in studies[1:]:
        stack.redo()
        is_open(qtbot, workspace, study.path)
    assert stack.undoText() == "opening of “third”"


def test_that_opening_the_first_study_or_the_same_again_is_no_step(window, qtbot, studies):
    stack = window.workspace.edits.stack
    assert stack.count() == 0
    before = window.workspace.study
    window.workspace.importer.open_study(studies[0].path)
    qtbot.waitUntil(lambda: window.workspace.study is not before, timeout=WAIT_MS)
    assert stack.count() == 0


def test_that_what_prevents_it_is_said_and_the_step_stays(window, qtbot, studies, monkeypatch):
    workspace, (first, second, _) = window.workspace, studies
    said = []
    workspace.message.connect(lambda text, error: said.append((text, error)))
    workspace.importer.open_study(second.path)
    is_open(qtbot, workspace, second.path)
    stack = workspace.edits.stack
    said.clear()
    first.path.rename(first.path.with_name("elsewhere.isthmus"))
    stack.undo()
    qtbot.waitUntil(lambda: bool(said), timeout=WAIT_MS)
    assert said[-1][1]
    assert str(first.path) in said[-1][0]
    assert workspace.study.path == second.path
    assert stack.canUndo()
    assert not stack.canRedo()


@pytest.mark.parametrize("agreed", [True, False])
def test_that_undo_asks_before_what_runs_is_left(window, qtbot, studies, monkeypatch, agreed):
    workspace, (first, second, _) = window.workspace, studies
    workspace.importer.open_study(second.path)
    is_open(qtbot, workspace, second.path)
    stack, running = workspace.edits.stack, made_up.network("linf", 0.3)
    pending = property(lambda _: [running, made_up.network("linf", 0.4)])
    with monkeypatch.context() as patched:
        patched.setattr(type(workspace.runner), "pending", pending)
        stack.undo()
        qtbot.waitUntil(lambda: bool(window.findChildren(Question)), timeout=WAIT_MS)
    (box,) = window.findChildren(Question)
    assert box.text() == f"“{running.title}” and 1 more would stop."
    assert box.defaultButton().text() == "Cancel"
    wanted = "Stop and open" if agreed else "Cancel"
    next(button for button in box.buttons() if button.text() == wanted).click()
    qtbot.waitUntil(lambda: not window.findChildren(Question), timeout=WAIT_MS)
    is_open(qtbot, workspace, first.path if agreed else second.path)
    assert stack.canUndo() is not agreed


def test_that_opening_another_study_says_how_to_go_back(window, qtbot, studies):
    workspace, said = window.workspace, []
    workspace.message.connect(lambda text, error: said.append(text))
    workspace.importer.open_study(studies[1].path)
    is_open(qtbot, workspace, studies[1].path)
    assert said == ["The study “second” is open; undo opens “first” again."]


def test_that_the_news_do_not_say_loading_once_the_study_is_open(qtbot, studies):
    found = MainWindow()
    qtbot.addWidget(found)
    workspace = found.workspace
    workspace.runner.loaded = False
    workspace.importer.take([studies[0].path])
    assert found.messages.news.startswith("Loading the engine")
    workspace.runner.loaded = True
    workspace.importer._on_ready()
    is_open(qtbot, workspace, studies[0].path)
    assert found.messages.news == "The study “first” is open."
    found._closing = True


def test_that_the_first_page_from_which_a_study_was_opened_is_not_shown_again(
    window, qtbot, studies
):
    window.pages.show_place(MAPS)
    window.pages.show_place(WELCOME)
    window.workspace.importer.open_study(studies[1].path)
    is_open(qtbot, window.workspace, studies[1].path)
    window.pages.show_place(DATA)
    window.workspace.edits.stack.undo()
    is_open(qtbot, window.workspace, studies[0].path)
    qtbot.waitUntil(lambda: window.pages.page().title == "Maps", timeout=WAIT_MS)
