"""Forms show again what they held in a study, and nothing of other images or of a damaged file."""

import pytest

from engine.specs import Glyphs
from engine.store.study import Study
from gui.look import settings
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
    form = page.form
    form.epochs.setValue(17)
    form.seeds.set_values([3.0, 5.0])
    form.attack.sweep.set_values({"linf": [0.07, 0.11]}, ("linf",))
    form.check.setCurrentIndex(form.check.findData(""))


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


@pytest.mark.parametrize("text", ["{", "[]", '{"images": "KEY", "state": {"training": 3}}', "7"])
def test_that_what_is_damaged_is_forgotten(opened, tmp_path, text):
    proposed = opened().trainings()
    kept = text.replace("KEY", IMAGES.key)
    settings.set_form_state(tmp_path / "a.isthmus", "train", kept)
    assert opened().trainings() == proposed


def test_that_a_form_with_a_fault_leaves_what_was_kept(opened, tmp_path):
    page = opened()
    change(page)
    page.hide()
    page.show()
    page.form.seeds.set_values([])
    page.hide()
    assert '"seeds": [3, 5]' in settings.form_state(tmp_path / "a.isthmus", "train")
