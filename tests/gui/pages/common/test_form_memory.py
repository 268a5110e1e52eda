"""Forms show again what they held in a study, and nothing of other images or of a damaged file."""

import threading

import pytest

from engine.specs import Glyphs
from engine.store.study import Study
from gui.look import settings
from gui.pages.train import form
from gui.pages.train.page import TrainPage
from gui.session.workspace import Workspace
from tests.gui.pages.train.test_page import IMAGES, FakeRunner, image_set


@pytest.fixture
def opened(qtbot, tmp_path, monkeypatch):
    """Return a function that opens the page with a study, as another run of the program does."""
    monkeypatch.setenv("ISTHMUS_CONFIG", str(tmp_path / "config"))

    def open_page(name="a", images=IMAGES):
        workspace = Workspace()
        workspace.fake = FakeRunner(workspace)
        path = tmp_path / f"{name}.isthmus"
        workspace.study = Study(path, create=not path.exists())
        page = TrainPage(workspace)
        qtbot.addWidget(page)
        page.show()
        workspace.choose_images(images, image_set())
        return page

    return open_page


def change(page):
    shown = page.form
    shown.epochs.setValue(17)
    shown.seeds.set_values([3.0, 5.0])
    shown.attack.sweep.set_values({"linf": [0.07, 0.11]}, ("linf",))
    shown.check.setCurrentIndex(shown.check.findData(""))


def test_that_a_study_is_opened_with_its_settings_and_another_one_is_not(opened):
    first = opened()
    change(first)
    wanted = first.trainings()
    first.hide()
    again = opened()
    assert again.trainings() == wanted
    assert again.form.check.currentData() == ""
    assert opened("b").trainings() != wanted


def test_that_settings_of_other_images_are_not_shown(opened):
    first = opened()
    change(first)
    first.hide()
    assert opened(images=Glyphs(train=30, test=20)).form.epochs.number() != 17


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"images": "KEY", "state": {"form.epochs": "x", "gone": 3}}', "7",
             '{"images": "KEY", "state": 7}', '{"images": "KEY", "state": {"form.network": [3]}}']
)  # fmt: skip
def test_that_what_is_damaged_is_forgotten(opened, tmp_path, text):
    proposed = opened().trainings()
    kept = text.replace("KEY", IMAGES.key)
    settings.set_form_state(tmp_path / "a.isthmus", "train", kept)
    assert opened().trainings() == proposed


def test_that_what_was_typed_is_there_again_with_its_fault(opened):
    page = opened()
    change(page)
    page.form.seeds.set_text("3, x")
    page.form.optimizer.edit_of("learning_rate").recall("1e-")
    page.hide()
    shown = opened().form
    assert shown.seeds.text() == "3, x"
    assert shown.optimizer.edit_of("learning_rate").remembered() == "1e-"
    assert shown.error()
    assert shown.epochs.number() == 17


def test_that_a_disk_that_does_not_answer_does_not_hold_the_window_up(opened, qtbot, monkeypatch):
    answers, written, write = threading.Event(), [], settings.set_text

    def stalled(name, value):
        answers.wait(30)
        write(name, value)
        written.append(threading.current_thread())

    page = opened()
    monkeypatch.setattr(settings, "set_text", stalled)
    change(page)
    wanted = page.trainings()
    page.hide()
    assert opened().trainings() == wanted
    assert not written
    answers.set()
    qtbot.waitUntil(lambda: bool(written))
    assert threading.main_thread() not in written
    qtbot.waitUntil(lambda: not settings._unwritten)
    monkeypatch.setattr(settings, "set_text", write)
    assert opened().trainings() == wanted


def test_that_settings_are_written_at_once_when_the_window_closes(opened, monkeypatch):
    page = opened()
    change(page)
    page.workspace.runner.shutdown()
    page.hide()
    assert not settings._unwritten
    assert opened().form.epochs.number() == 17


@pytest.fixture
def lacking(opened, monkeypatch):
    """Return a page whose list of checks does not offer yet what was chosen there before."""
    page = opened()
    page.form.check.setCurrentIndex(page.form.check.findData("autoattack"))
    page.hide()
    known = {name: words for name, words in form.LEVEL_NAMES.items() if name != "autoattack"}
    monkeypatch.setattr(form, "LEVEL_NAMES", known)
    again = opened()
    assert again.form.check.currentData() == "quick"
    return again


def test_that_a_choice_waits_until_it_is_offered(lacking, qtbot):
    lacking.memory.save()
    lacking.form.check.addItem("later", "autoattack")
    qtbot.waitUntil(lambda: lacking.form.check.currentData() == "autoattack")


def test_that_a_choice_of_the_user_is_not_replaced_by_one_that_waited(lacking, qtbot):
    check = lacking.form.check
    check.setCurrentIndex(check.findData("strong"))
    check.activated.emit(check.currentIndex())
    check.addItem("later", "autoattack")
    qtbot.wait(50)
    assert check.currentData() == "strong"
