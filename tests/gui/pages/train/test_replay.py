"""The epoch on the slider: its place in all curves, the values there, what can go on."""

import numpy as np
import pytest

from engine.specs import Glyphs
from gui.pages.train.replay import NONE, start_at
from gui.pages.train.runs import matches
from tests.gui.pages.train import test_page
from tests.gui.pages.train.test_continue import store
from tests.gui.pages.train.test_page import PROBES, SIDE, WAIT, training

workspace, page = test_page.workspace, test_page.page


def drawn(page, qtbot):
    page._schedule()
    qtbot.waitUntil(lambda: not page._timer.isActive(), timeout=WAIT)


def run_of(page, spec, values=(0.5, 0.6, 0.7)):
    """Give the page a finished network with curves and maps of three epochs."""
    run = page.runs.add(spec.key, spec.title)
    epochs = np.arange(1.0, 1 + len(values))
    run.take_record(
        {
            "curve/step": epochs,
            "curve/loss": 1 / epochs,
            "epochs/step": epochs,
            "epochs/clean_accuracy": np.array(values),
            "epochs/robust_accuracy": np.array(values) / 2,
            "probes/images": np.zeros((PROBES, 1, SIDE, SIDE), np.uint8),
            "probes/attributions": np.ones((len(values), PROBES, 1, SIDE, SIDE), np.float32),
            "probes/steps": epochs,
        }
    )
    return run


def test_from_which_epochs_a_training_can_go_on():
    spec = training().replace("epochs", 3)
    assert start_at(spec, None) is spec
    assert start_at(spec, 3) is spec
    assert "only the weights after its last epoch, 3, are kept" in start_at(spec, 2)
    assert "random, and not kept" in start_at(spec, 0)
    more = spec.continued(2)
    assert start_at(more, 0) is spec
    assert start_at(more, 2) is more
    some = Glyphs(train=20, test=20, validation=0.25)
    best = spec.replace("images", some).replace("weights", "best")
    assert "best epoch" in start_at(best, 3)


def test_that_the_button_says_why_an_epoch_cannot_be_continued(page, workspace, qtbot):
    assert not page.maps.go_on.isEnabled()
    spec = store(workspace, training().replace("epochs", 3))
    run_of(page, spec)
    drawn(page, qtbot)
    assert page.maps.go_on.isEnabled()
    page.maps.set_last_epoch(3)
    page.maps.epoch.setValue(2)
    drawn(page, qtbot)
    assert not page.maps.go_on.isEnabled()
    assert "after its last epoch, 3, are kept" in page.maps.go_on.toolTip()


def test_that_without_networks_the_button_says_so(page, qtbot):
    drawn(page, qtbot)
    assert NONE in page.maps.go_on.toolTip()


def test_that_all_curves_mark_the_epoch_and_the_table_has_its_values(page, workspace, qtbot):
    run_of(page, store(workspace, training().replace("epochs", 3)))
    page.maps.set_last_epoch(3)
    page.maps.epoch.setValue(2)
    drawn(page, qtbot)
    assert [marker.places for marker in page.replay._markers] == [(2.0,), (2.0,)]
    table = page.results
    assert [table.item(0, column).text() for column in (1, 2, 3)] == ["0.5", "60.0 %", "30.0 %"]
    assert table.horizontalHeaderItem(0).text() == "Network, after epoch 2"
    page.maps.epoch.setValue(3)
    drawn(page, qtbot)
    assert [marker.places for marker in page.replay._markers] == [(), ()]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", True),
        ("linf", True),
        ("LINF seed", True),
        ("l2", False),
        ("l*seed 1", True),
        ("seed ?", True),
        ("-seed", False),
        ("-l2 linf", True),
        ("-", True),
        ("[linf]", False),
    ],
)
def test_which_titles_match_a_pattern(pattern, found):
    assert matches("Linf 0.1, seed 1", pattern) is found


def test_that_the_filter_takes_networks_out_of_curves_and_maps(page, workspace, qtbot):
    kept, out = training(seed=1), training(seed=2)
    for spec in (kept, out):
        run_of(page, store(workspace, spec))
    drawn(page, qtbot)
    assert set(page.maps.grid.rows()) - {""} == {kept.key, out.key}
    page.curves.filter.setText("seed 1")
    drawn(page, qtbot)
    assert set(page.maps.grid.rows()) - {""} == {kept.key}
    assert set(page.curves._curves) == {kept.key}
    page.curves.filter.setText("")
    drawn(page, qtbot)
    assert set(page.maps.grid.rows()) - {""} == {kept.key, out.key}
