"""The first page leads into a study: the demo, a recent one, or a new one."""

import shutil

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.plan.planfile import presets
from engine.store.study import Study
from gui.experiments.dialog import ExperimentsDialog
from gui.look import settings, theme
from gui.pages import DATA
from gui.pages.welcome import page as welcome_page
from gui.pages.welcome.page import WelcomePage
from gui.session.workspace import Workspace
from tests.gui.fakes import WAIT_MS, small

PLAN = """
title = "Demo"
run = ["maps"]

[specs.images]
kind = "glyphs"
train = 10
test = 10

[specs.network]
kind = "training"
images = "@images"
network = { kind = "small_cnn" }

[specs.maps]
kind = "maps"
classifier = "@network"
attribution = { kind = "gradient" }
"""


@pytest.fixture
def page(qtbot):
    workspace = Workspace()
    workspace.runner.loaded = True
    found = WelcomePage(workspace)
    qtbot.addWidget(found)
    found.show()
    return found


@pytest.fixture
def studies(tmp_path):
    found = [Study(tmp_path / f"{name}.isthmus", create=True).path for name in ("one", "two")]
    for path in found:
        settings.add_recent(path)
    return found


def names(page):
    return [page.recent.topLevelItem(row).text(0) for row in range(page.recent.topLevelItemCount())]


def test_that_the_newest_study_stands_first(studies, page):
    assert names(page) == ["two", "one"]


def test_that_a_recent_study_opens(qtbot, studies, page):
    page.recent.itemActivated.emit(page.recent.topLevelItem(1), 0)
    qtbot.waitUntil(lambda: page.workspace.study is not None, timeout=WAIT_MS)
    assert page.workspace.study.path == studies[0]


def test_that_one_click_opens_a_recent_study_and_a_second_one_goes_on(qtbot, studies, page):
    place = page.recent.visualItemRect(page.recent.topLevelItem(1)).center()
    qtbot.mouseClick(page.recent.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: page.workspace.study is not None, timeout=WAIT_MS)
    assert page.workspace.study.path == studies[0]
    opened = page.workspace.study
    with qtbot.waitSignal(page.go_to, timeout=WAIT_MS) as asked:
        page.recent.itemActivated.emit(page.recent.topLevelItem(names(page).index("one")), 0)
    assert asked.args == [DATA]
    assert page.workspace.study is opened


def test_that_a_missing_study_is_said_to_be_missing_and_can_be_removed(qtbot, studies, page):
    shutil.rmtree(studies[1])
    page.refresh()
    qtbot.waitUntil(lambda: "not found" in page.recent.topLevelItem(0).text(1), timeout=WAIT_MS)
    assert "not found" not in page.recent.topLevelItem(1).text(1)
    assert not page.forget.isEnabled()
    page.recent.setCurrentItem(page.recent.topLevelItem(0))
    page.forget.click()
    assert names(page) == ["one"]
    assert settings.recent_studies() == [studies[0]]


def test_that_an_empty_list_says_what_a_study_is(page):
    assert not page.recent.isVisible()
    assert "folder that keeps all results" in page._none.text()
    assert not page.forget.isVisible()


def test_that_the_tour_is_offered_in_one_place(qtbot, page):
    page.offer.show()
    page._show_tour()
    assert not page.tour.isVisible()
    page.offer.decline.click()
    assert page.tour.isVisible()


def test_that_the_demo_is_computed_where_none_is_ready(qtbot, page, tmp_path, monkeypatch, gate):
    (tmp_path / "demo.toml").write_text(PLAN)
    monkeypatch.setattr(welcome_page, "DEMO", tmp_path / "nowhere")
    monkeypatch.setattr("engine.plan.planfile.PRESETS", tmp_path)
    with qtbot.waitSignal(page.workspace.plans.begun, timeout=WAIT_MS):
        qtbot.mouseClick(page.demo, Qt.MouseButton.LeftButton)
    assert page.workspace.study.path == tmp_path / "documents" / "demo.isthmus"
    assert page.workspace.runner.busy
    assert page.workspace.images == small()


def test_that_experiments_are_offered(qtbot, page):
    qtbot.mouseClick(page.experiments, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.findChild(ExperimentsDialog) is not None, timeout=WAIT_MS)
    assert page.findChild(ExperimentsDialog).list.count() > len(presets())


def test_that_the_ready_demo_is_opened_as_a_copy(qtbot, page, tmp_path, monkeypatch):
    monkeypatch.setattr(welcome_page, "DEMO", Study(tmp_path / "demo.isthmus", create=True).path)
    page.open_demo()
    qtbot.waitUntil(lambda: page.workspace.study is not None, timeout=WAIT_MS)
    assert page.workspace.study.path == tmp_path / "documents" / "demo.isthmus"


def test_that_all_recent_studies_are_in_sight_in_a_window_that_was_dressed_late(
    qapp, qtbot, studies
):
    theme.apply(qapp, "light")
    window = QWidget()
    found = WelcomePage(Workspace())
    QVBoxLayout(window).addWidget(found)
    qtbot.addWidget(window)
    found.refresh()
    low = found.recent.sizeHintForRow(0)
    theme.dress(window)
    window.show()
    qtbot.waitUntil(lambda: found.recent.sizeHintForRow(0) > low, timeout=WAIT_MS)
    assert found.recent.height() >= len(studies) * found.recent.sizeHintForRow(0)
