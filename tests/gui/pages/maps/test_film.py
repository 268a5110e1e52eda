"""The film of maps over epochs, from what training records keep."""

import numpy as np
import pytest
from PySide6.QtCore import QEventLoop, Qt, QTimer

from engine.attribution import pictures
from engine.store.study import Result
from gui.pages.maps.page import MapsPage
from tests.gui.synthetic_networks import GLYPHS, add_record, image_set, networks, open_workspace


def kept(epochs, seed, images=None):
    """Return the arrays that a training record keeps of its probe images."""
    drawn = np.random.default_rng(seed)
    shape = (epochs + 1, 3, 1, 28, 28)
    growth = np.arange(1, epochs + 2)[:, None, None, None, None]
    return {
        "probes/images": image_set().test_images[:3] if images is None else images,
        "probes/labels": np.arange(3),
        "probes/attributions": (growth * drawn.normal(size=shape)).astype(np.float32),
        "probes/steps": np.arange(epochs + 1, dtype=np.float64),
        "epochs/step": np.arange(1, epochs + 1, dtype=np.float64),
        "epochs/clean_accuracy": np.full(epochs, 0.9),
        "epochs/robust_accuracy": np.full(epochs, 0.25),
    }


def opened_with(qtbot, tmp_path, arrays):
    workspace, answers = open_workspace(tmp_path, count=0)
    for spec, found in zip(networks(len(arrays)), arrays, strict=True):
        numbers = {"clean_accuracy": 0.9, "robust_accuracy": 0.25}
        add_record(workspace, spec, Result(numbers, found))
    workspace.choose_images(GLYPHS, image_set())
    page = MapsPage(workspace)
    qtbot.addWidget(page)
    page.resize(1274, 664)  # the page in a window of 1366 x 768
    page.show()
    bar = page.tabs.tabBar()
    place = bar.tabRect(page.tabs.indexOf(page.film)).center()
    qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=place)
    loop = QEventLoop()
    QTimer.singleShot(50, loop.quit)
    loop.exec()
    assert page.film.isVisible()
    return page, workspace, answers


@pytest.fixture
def opened(qtbot, tmp_path):
    page, workspace, answers = opened_with(qtbot, tmp_path, [kept(4, 0), kept(4, 1)])
    yield page, workspace, answers
    workspace.runner.shutdown()


def headings(page):
    return [head.title.text for head in page.film.grid._heads]


def test_that_it_shows_what_the_records_keep_and_computes_nothing(opened):
    page, _, answers = opened
    before = len(answers.asked)
    page.film.draw()
    assert len(answers.asked) == before
    assert headings(page) == ["Network", "start", "epoch 1", "epoch 2", "epoch 3", "epoch 4"]
    assert len(page.film.grid.views) == 2
    last = page.film.grid.views[1][-1]
    assert last.note.text == "90 % / 25 %"
    expected = pictures.picture(kept(4, 1)["probes/attributions"][4, 0])
    drawn = pictures.colour(expected)
    pixel = last.view.image.pixelColor(5, 7)
    assert (pixel.red(), pixel.green(), pixel.blue()) == tuple(drawn[7, 5])


def test_that_another_image_is_chosen_by_its_picture(opened):
    page, *_ = opened
    film = page.film
    assert [film.image.itemText(row) for row in range(3)] == ["0", "1", "2"]
    assert not film.image.itemIcon(0).isNull()
    film.image.setCurrentIndex(2)
    expected = pictures.picture(kept(4, 0)["probes/attributions"][4, 2])
    np.testing.assert_allclose(film.figure().values[0][-1], expected)


def test_that_of_many_epochs_some_are_shown_with_the_first_and_the_last(qtbot, tmp_path):
    page, workspace, _ = opened_with(qtbot, tmp_path, [kept(20, 0)])
    assert headings(page)[1] == "start"
    assert headings(page)[-1] == "epoch 20"
    assert len(headings(page)) == 1 + page.film.epochs.value()
    page.film.epochs.setValue(3)
    assert headings(page) == ["Network", "start", "epoch 10", "epoch 20"]
    workspace.runner.shutdown()


def test_that_networks_of_other_lengths_say_their_epochs_below(qtbot, tmp_path):
    page, workspace, _ = opened_with(qtbot, tmp_path, [kept(20, 0), kept(5, 1)])
    page.film.epochs.setValue(3)
    notes = [view.note.text for view in page.film.grid.views[1]]
    assert notes[1:] == ["start", "epoch 2\n90 % / 25 %", "epoch 5\n90 % / 25 %"]
    workspace.runner.shutdown()


def test_that_a_network_of_other_images_or_without_maps_says_so(qtbot, tmp_path):
    others = [kept(4, 0), kept(4, 1, image_set().test_images[5:8]), {}]
    page, workspace, _ = opened_with(qtbot, tmp_path, others)
    missing = [views[0].view._note for views in page.film.grid.views]
    assert missing[1] == "trained on other images"
    assert "keeps no maps over epochs" in missing[2]
    assert page.film.figure().row_titles == (page.film.films()[0][0].title,)
    workspace.runner.shutdown()


def test_that_one_scale_shows_how_maps_grow(opened):
    page, *_ = opened
    page.drawing.scale.setCurrentIndex(1)
    strongest = [np.abs(values).max() for values in page.film.figure().values[0][1:]]
    assert strongest == sorted(strongest)
    assert strongest[0] < 0.4 < strongest[-1]


def test_that_the_figure_is_the_film(opened):
    page, *_ = opened
    figure = page.film.figure()
    assert figure.column_titles == ("image", "start", "epoch 1", "epoch 2", "epoch 3", "epoch 4")
    assert page.film._exports[0].isEnabled()


def test_that_it_fits_into_a_small_window(opened):
    page, *_ = opened
    assert page.film.minimumSizeHint().width() <= 900
