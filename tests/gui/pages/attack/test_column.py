"""What one network makes of an attacked image."""

import numpy as np
import pytest
from PySide6.QtWidgets import QWidget

from engine.specs import PGD, AdversarialExamples
from gui.pages.attack.column import AttackColumn, perturbation_pixels, tone, verdict
from gui.widgets.elided_label import ElidedLine
from gui.widgets.images.image_view import Camera
from tests.gui.synthetic_networks import CLASSES, adversarial_result, image_set, networks


def logits(winner, classes=3):
    return 5.0 * np.eye(classes)[winner]


@pytest.mark.parametrize(
    ("before", "after", "true", "colour"),
    [
        (1, 1, 1, "good"),
        (1, 2, 1, "bad"),
        (2, 2, 1, "text"),  # wrong before: nothing was kept right
        (2, 1, 1, "text"),
        (2, 0, 1, "text"),
        (1, 1, -1, "good"),  # of an image without a class
        (1, 2, -1, "bad"),
    ],
)
def test_that_only_a_right_prediction_that_stands_has_the_colour_of_success(
    before, after, true, colour
):
    assert tone(verdict(logits(before), logits(after)), true) == colour


def test_that_a_prediction_that_was_wrong_before_is_written_in_no_colour_of_success(column):
    spec = show(column, eps=0.001)
    assert column._verdict._lines[0].colour == "good"
    result = adversarial_result(spec, image_set())
    result.arrays["labels"][:] = 1
    column.show_result(spec, result, CLASSES)
    assert column._verdict._lines[0] == ElidedLine(
        "still 3, 94.3 % (wrong before)", "text", bold=True
    )


def test_that_no_change_is_drawn_neutral():
    assert (perturbation_pixels(np.zeros((1, 2, 2), np.float32), 10) == 255).all()
    assert (perturbation_pixels(np.zeros((3, 2, 2), np.float32), 10) == 128).all()


def test_that_equal_changes_of_either_sign_are_drawn_equally_strong():
    delta = np.array([[[-0.05, 0.05]]], np.float32)
    (down, up) = perturbation_pixels(delta, 10)[0].astype(int)
    assert down[2] > down[0]  # darker is blue
    assert up[0] > up[2]  # brighter is red
    stronger = perturbation_pixels(delta, 20)[0].astype(int)
    assert stronger[0].sum() < down.sum()


@pytest.fixture
def column(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    column = AttackColumn(Camera(), parent)
    column.set_network("abc", "Standard", 0)
    yield column
    parent.close()


def show(column, eps=8 / 255, index=3, **attack):
    spec = AdversarialExamples(
        classifier=networks(1)[0], attack=PGD(eps=eps, **attack), indices=(index,)
    )
    column.show_result(spec, adversarial_result(spec, image_set()), CLASSES)
    return spec


def test_that_the_verdict_names_both_classes(column):
    show(column)
    assert column.verdict_text == "3 → 4, 94.3 %"
    assert column.rounded_verdict_text.startswith("still 3")


def test_that_a_failed_attack_is_told_as_such(column):
    show(column, eps=0.001)
    assert column.verdict_text == "still 3, 94.3 %"


def test_that_the_verdict_stands_with_the_measured_size(column):
    show(column)
    assert column._verdict.text.splitlines()[0] == "3 → 4, 94.3 %"
    assert column._verdict.text.splitlines()[1].startswith("L-inf 8/255")


def test_that_a_failure_takes_the_place_of_the_picture(column):
    show(column)
    column.show_failure("images are 1 x 28 x 28, 'Standard' takes 3 x 32 x 32")
    assert column.result is None
    assert column.adversarial.image is None


def test_that_another_network_starts_empty(column):
    show(column)
    column.set_network("abc", "Standard", 1)
    assert column.result is not None
    column.set_network("def", "other", 1)
    assert column.result is None


def test_that_pixels_are_described_in_255ths(column):
    show(column)
    assert column.perturbation.describe(0, 0) == "row 0, column 0: +8.00 /255"
