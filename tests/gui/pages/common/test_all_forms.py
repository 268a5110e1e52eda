"""Every page shows again what its form held in a study; a new page, or field, is tried too."""

import pytest

from gui.pages import PAGES
from tests import made_up_study as made_up
from tests.gui.made_up_workspace import workspace_on
from tests.gui.pages.common.form_inputs import change, held, inputs


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return made_up.sweep(
        tmp_path_factory.mktemp("forms"), eps=(0.02, 0.04), norms=("linf",)
    )


@pytest.fixture
def opened(qtbot, tmp_path, monkeypatch, study):
    """Return a function that opens a page with the study, as another run of the program does."""
    monkeypatch.setenv("ISTHMUS_CONFIG", str(tmp_path / "config"))

    def open_page(place):
        workspace, ran = workspace_on(study)
        page = place.load()(workspace)
        page.ran = ran
        qtbot.addWidget(page)
        page.show()
        qtbot.wait(700)
        return page

    return open_page


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.title)
def test_that_every_input_of_a_page_is_there_again(opened, qtbot, place):
    page = opened(place)
    tried = {path for path, control in inputs(page).items() if change(control)}
    qtbot.wait(700)
    wanted = {path: held(control) for path, control in inputs(page).items()}
    ran = len(page.ran)
    page.hide()
    again = opened(place)
    found = {path: held(control) for path, control in inputs(again).items()}
    lost = {path: (wanted[path], found.get(path)) for path in wanted if wanted[path] != found[path]}
    assert not lost
    assert not again.ran, "what was asked for before is not computed by opening a study"
    print(place.title, len(tried), ran)


def test_that_the_pages_with_forms_are_tried(opened):
    counts = {place.title: len(inputs(opened(place))) for place in PAGES}
    forms = ("Data", "Train", "Attack", "Maps", "Manifold", "Retrain", "Trade-off", "Boundary")
    assert all(counts[title] > 3 for title in forms), counts
