"""The strip of images."""

import sys

import numpy as np
import pytest
from PySide6.QtCore import Qt

from gui.widgets.images.image_strip import ImageStrip

LABELS = np.array([0, 1, 2] * 4)


def fill(strip, labels=LABELS, classes=("a", "b", "c")):
    images = np.zeros((len(labels), 1, 4, 4), np.uint8)
    strip.set_images(images, labels.astype(np.int64), classes)


@pytest.fixture
def single(qtbot):
    strip = ImageStrip()
    qtbot.addWidget(strip)
    fill(strip)
    strip.resize(600, 120)
    strip.show()
    return strip


@pytest.fixture
def several(qtbot):
    strip = ImageStrip(most=3)
    qtbot.addWidget(strip)
    fill(strip)
    strip.resize(600, 120)
    strip.show()
    return strip


def click(strip, row):
    strip.view.clicked.emit(strip.view.model().index(row, 0))


def test_that_the_first_image_is_chosen_at_first(single):
    assert single.chosen == (0,)


def test_that_a_click_chooses(qtbot, single):
    with qtbot.waitSignal(single.changed, timeout=1000):
        click(single, 4)
    assert single.chosen == (4,)


def test_that_the_arrow_keys_choose(qtbot, single):
    qtbot.keyClick(single.view, Qt.Key.Key_Right)
    qtbot.keyClick(single.view, Qt.Key.Key_Right)
    assert single.chosen == (2,)


def test_that_a_class_filter_hides_the_other_classes(single):
    single.classes.setCurrentIndex(2)
    assert [single.view.model().data(single.view.model().index(r, 0)) for r in range(4)] == [
        "b"
    ] * 4
    click(single, 1)
    assert single.chosen == (4,)


def test_that_the_summary_tells_the_number_of_an_image_from_how_many_are_shown(single):
    single.classes.setCurrentIndex(3)
    click(single, 3)
    assert single.summary.text == "image 11 chosen, 4 shown"


def test_that_next_goes_round_within_the_filter(single):
    single.classes.setCurrentIndex(3)
    single._step(1)
    assert single.chosen == (2,)
    single._step(-1)
    assert single.chosen == (11,)


def test_that_a_random_image_is_one_that_is_shown(single):
    single.classes.setCurrentIndex(1)
    for _ in range(10):
        single.choose_random()
        assert LABELS[single.chosen[0]] == 0


def test_that_a_second_click_takes_an_image_away_again(several):
    click(several, 5)
    assert several.chosen == (0, 5)
    click(several, 0)
    assert several.chosen == (5,)


def test_that_the_last_image_cannot_be_taken_away(several):
    click(several, 0)
    assert several.chosen == (0,)


def test_that_beyond_the_limit_the_oldest_goes(several):
    for row in (3, 4, 5):
        click(several, row)
    assert several.chosen == (3, 4, 5)


def test_that_return_chooses_the_current_image(qtbot, several):
    several.view.setCurrentIndex(several.view.model().index(7, 0))
    qtbot.keyClick(several.view, Qt.Key.Key_Return)
    assert several.chosen == (0, 7)


def test_that_one_of_each_class_can_be_chosen(several):
    fill(several, np.array([2, 2, 0, 1, 0]))
    several.choose_one_each()
    assert several.chosen == (2, 3, 0)


def test_that_a_choice_survives_another_set_where_it_exists(several):
    several.choose([1, 9, 11])
    fill(several, LABELS[:10])
    assert several.chosen == (1, 9)


def test_that_images_that_do_not_exist_are_not_chosen(several):
    several.choose([99, -1, 2])
    assert several.chosen == (2,)


def test_that_where_only_added_images_were_chosen_those_at_first_are_shown_next_time(several):
    first = several.chosen
    assert first
    several.recall([])
    assert several.chosen == first
    several.recall([2])
    assert several.chosen == (2,)


def test_that_unlabelled_images_have_no_classes_to_choose(several):
    fill(several, np.full(5, -1), ())
    assert not several.classes.isVisible()
    assert several.chosen == (0,)
    several.grab()


def test_that_an_empty_set_chooses_nothing(single):
    fill(single, np.zeros(0, np.int64))
    assert single.chosen == ()
    single.choose_random()
    single._step(1)
    single.grab()


def test_that_only_images_in_sight_are_drawn(qtbot, single, monkeypatch):
    drawn = []
    import gui.widgets.images.strip_model as module

    original = module.pixels_of
    monkeypatch.setattr(module, "pixels_of", lambda image: drawn.append(1) or original(image))
    fill(single, np.arange(5000) % 3)
    single.grab()
    assert 0 < len(drawn) < 100


def calls_of_python(act):
    """Return how often Python was called while something is done, also by Qt."""
    calls = []

    def note(frame, event, _):
        if event == "call":
            calls.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return len(calls)


def test_that_the_last_of_very_many_images_is_scrolled_to_without_asking_python_for_each(single):
    many = np.arange(40_000) % 3
    asked = calls_of_python(lambda: (fill(single, many), single.choose([len(many) - 1])))
    assert single.view.visualRect(single.view.currentIndex()).intersects(single.view.rect())
    assert asked < 1000


def test_that_no_picture_can_be_edited_or_dropped_on(single):
    flags = single.view.model().flags(single.view.model().index(0, 0))
    assert flags == Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
