"""The Train page says which images its curves are of, and shows last and best weights."""

import numpy as np
import pytest

from engine.specs import Glyphs
from engine.specs.proposals import strong_check
from engine.store.study import Result
from gui.pages.train.results import NO_CHOICE
from tests.gui.pages.train.test_page import image_set, page, training, workspace

__all__ = ["page", "workspace"]  # fixtures

HELD = Glyphs(train=20, test=20, validation=0.2)
NUMBERS = {
    "clean_accuracy": 0.9,
    "robust_accuracy": 0.25,
    "best_clean_accuracy": 0.875,
    "best_robust_accuracy": 0.5,
    "best_epoch": 3,
}

UNCHECKED = "not yet checked"


def stored(workspace, spec, numbers):
    arrays = {
        "epochs/step": np.arange(1.0, 3),
        "epochs/clean_accuracy": np.array([0.8, 0.9]),
        "epochs/robust_accuracy": np.array([0.3, 0.2]),
    }
    workspace.study.write(spec, Result(numbers, arrays), seconds=1.0, provenance={})


def cells(page):
    table = page.results
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_that_the_title_says_which_images_the_accuracies_are_of(page, workspace):
    assert page.curves.accuracy.title == "Test accuracy"
    assert page.curves.accuracy.caption == f"{NO_CHOICE}."
    workspace.choose_images(HELD, image_set().held_out(0.2, 0))
    assert page.curves.accuracy.title == "Validation accuracy"
    assert page.curves.accuracy.caption == ""


def test_that_finished_networks_show_both_sets_of_weights(page, workspace, qtbot):
    assert not page.results.isVisible()
    old, new, best = training(), training(seed=1), training(images=HELD).replace("weights", "best")
    stored(workspace, old, {"clean_accuracy": 0.99, "robust_accuracy": 0.01})
    stored(workspace, new, NUMBERS)
    exchanged = {"last_clean_accuracy": 0.9, "last_robust_accuracy": 0.25}
    stored(workspace, best, {**NUMBERS, "clean_accuracy": 0.875, **exchanged})
    workspace.choose_images(HELD.replace("validation", 0.0), image_set())
    qtbot.waitUntil(lambda: page.results.rowCount() == 2)
    assert not any(map(page.results.isColumnHidden, range(7)))
    assert cells(page) == [
        ["Standard, seed 0", "99.0 %", "1.0 % at L-inf 8/255", "–", "–", "–", UNCHECKED],
        [
            "Standard, seed 1",
            "90.0 %",
            "25.0 % at L-inf 8/255",
            "3",
            "87.5 %",
            "50.0 %",
            "not yet checked",
        ],
    ]
    assert page.results.isVisible()
    workspace.choose_images(HELD, image_set().held_out(0.2, 0))
    qtbot.waitUntil(lambda: page.results.rowCount() == 1)
    # This network is its best weights; its record has no robust accuracy of them but this one.
    assert cells(page)[0][1:4] == ["90.0 %", "25.0 %", "3"]


def test_that_a_check_under_strong_attacks_lowers_the_number_and_is_named(page, workspace, qtbot):
    spec = training()
    stored(workspace, spec, {"clean_accuracy": 0.99, "robust_accuracy": 0.7, "robust_images": 20})
    workspace.choose_images(HELD.replace("validation", 0.0), image_set())
    qtbot.waitUntil(lambda: page.results.rowCount() == 1)
    assert cells(page)[0][2] == "70.0 % at L-inf 8/255"
    check = strong_check(spec)
    numbers = {"accuracy": 0.55, "test_images": 20, "zero_pixel_share": 0.0}
    workspace.study.write(check, Result(numbers), seconds=1.0, provenance={})
    workspace.record_added.emit(workspace.study.entry(check.key))
    qtbot.waitUntil(lambda: cells(page)[0][2].startswith("55.0 %"))
    assert cells(page)[0][-1] == "ok"
    assert "PGD-20 + targeted margin" in page.results.item(0, 2).toolTip()


def test_that_the_best_weights_can_be_chosen_where_there_is_a_part(page, workspace):
    page.form.best.setChecked(True)
    assert page.trainings() == []
    assert page.footer.fault.text().startswith("The best weights are chosen by validation images")
    workspace.choose_images(HELD, image_set().held_out(0.2, 0))
    assert {spec.weights for spec in page.trainings()} == {"best"}
    assert page.footer.fault.text() == ""
    page.form.best.setChecked(False)
    assert {spec.weights for spec in page.trainings()} == {"last"}


@pytest.mark.parametrize(("share", "text"), [(0.2, "16 training, 4 validation and 20 test"),
                                             (0.0, "20 training and 20 test")])  # fmt: skip
def test_that_the_counts_of_images_name_the_parts_there_are(share, text):
    assert image_set().held_out(share, 0).counts == f"{text} images"
