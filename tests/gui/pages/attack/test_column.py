"""What one network makes of an attacked image."""

import numpy as np
import pytest
from PySide6.QtWidgets import QWidget

from engine.specs import PGD, AdversarialExamples
from gui.pages.attack.column import AttackColumn, perturbation_pixels, verdict
from gui.widgets.images.image_view import Camera
from tests.gui.synthetic_networks import CLASSES, adversarial_result, image_set, networks


def logits(winner, classes=3):
    return 5.0 * np.eye(classes)[winner]


def test_that_an_untargeted_attack_succeeds_where_the_class_changes():
    assert verdict(logits(0), logits(1), None).fooled
    assert not verdict(logits(0), logits(0), None).fooled


def test_that_a_targeted_attack_succeeds_only_at_its_target():
    assert verdict(logits(0), logits(2), 2).fooled
    assert not verdict(logits(0), logits(1), 2).fooled


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
