"""Every page shows again what its form held in a study; a new page, or field, is tried too."""

import pytest

from gui.pages import PAGES
from gui.pages.common.network_picker import NetworkPicker
from gui.widgets.images.image_strip import ImageStrip
from tests import made_up_study as made_up
from tests.gui.made_up_workspace import workspace_on
from tests.gui.pages.common.form_inputs import change, held, inputs

# How many inputs the test finds to change on each page with a form, at the least.
LEAST = {"Data": 5, "Train": 60, "Attack": 30, "Maps": 15, "Manifold": 12, "Retrain": 20} | {
    "Trade-off": 4,
    "Boundary": 5,
}


def choose(page):
    """Choose the last network and the last two images of every list of these."""
    for picker in page.findChildren(NetworkPicker):
        picker.choose_only(list(picker._networks)[-1])
    for strip in page.findChildren(ImageStrip):
        strip.choose([3, 2])


def chosen(page):
    """Return what is chosen in the lists of a page."""
    networks = [
        [network.key for network in picker.networks] for picker in page.findChildren(NetworkPicker)
    ]
    return networks, [strip.chosen for strip in page.findChildren(ImageStrip)]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return made_up.sweep(tmp_path_factory.mktemp("forms"), eps=(0.02, 0.04), norms=("linf",))


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
    changed = [path for path, control in inputs(page).items() if change(control)]
    choose(page)
    qtbot.wait(700)
    lists = chosen(page)
    wanted = {path: held(control) for path, control in inputs(page).items()}
    page.hide()
    again = opened(place)
    found = {path: held(control) for path, control in inputs(again).items()}
    lost = {path: (wanted[path], found.get(path)) for path in wanted if wanted[path] != found[path]}
    assert not lost
    assert chosen(again) == lists
    assert len(changed) >= LEAST.get(place.title, 0)
    assert not again.ran, "what was asked for before is not computed by opening a study"
