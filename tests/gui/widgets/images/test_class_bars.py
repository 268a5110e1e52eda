"""Bars of class probabilities."""

import numpy as np
import pytest
from PySide6.QtGui import QColor

from gui.widgets.images.class_bars import ClassBars, classes_shown, softmax


def test_that_probabilities_follow_from_logits():
    assert softmax([0.0, np.log(3.0)]) == pytest.approx([0.25, 0.75])
    assert softmax([1e4, 0.0]) == pytest.approx([1.0, 0.0])


def test_that_few_classes_are_all_shown():
    assert classes_shown(np.ones(10) / 10, np.ones(10) / 10, [3]) == list(range(10))


def test_that_of_many_classes_the_likeliest_and_the_true_one_are_shown():
    before, after = np.zeros(100), np.zeros(100)
    before[[5, 6]] = 0.5
    after[[70, 71]] = 0.4, 0.6
    assert classes_shown(before, after, [42, -1, 42]) == [5, 6, 42, 70, 71]


@pytest.fixture
def bars(qtbot):
    bars = ClassBars()
    qtbot.addWidget(bars)
    bars.set_colour(QColor("red"))
    bars.resize(200, 200)
    bars.show()
    return bars


def test_that_every_row_is_told_in_words(bars):
    bars.show_classes([0.9, 0.1], [0.25, 0.75], ["cat", "dog"], true=0, target=1)
    assert bars.accessibleDescription().splitlines() == [
        "cat: 90.0 % before, 25.0 % after (true)",
        "dog: 10.0 % before, 75.0 % after (target)",
    ]


def test_that_classes_without_a_name_are_called_by_their_number(bars):
    bars.show_classes([1, 0, 0], [0, 0, 1], ["only"])
    assert bars.name_of(2) == "2"


def test_that_names_are_whole_where_there_is_room_and_keep_their_ends_where_not(bars):
    names = ["class 0", "class 1", "class 2"]
    bars.show_classes([0.2, 0.3, 0.5], [0.5, 0.3, 0.2], names)
    assert [bars.fitted_name(label) for label in range(3)] == names
    bars.show_classes([0, 1], [1, 0], ["golden retriever, a dog", "golden eagle, a bird"])
    dog, bird = (bars.fitted_name(label) for label in range(2))
    assert "…" in dog
    assert (dog[-1], bird[-1]) == ("g", "d")


def test_that_bars_are_as_long_as_the_probabilities(bars):
    def red_pixels(share):
        bars.show_classes([0, 1], [share, 1 - share], ["a", "b"])
        shown = bars.grab().toImage()
        return sum(shown.pixelColor(x, 4).name() == "#ff0000" for x in range(shown.width()))

    whole = red_pixels(1.0)
    assert whole > 50
    assert red_pixels(0.5) == pytest.approx(whole / 2, abs=1)
    assert red_pixels(0.0) == 0


def test_that_cleared_bars_show_nothing(bars):
    bars.show_classes([1, 0], [0, 1], ["a", "b"])
    bars.clear()
    assert bars.shown == []
    bars.grab()
