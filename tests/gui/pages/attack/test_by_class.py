"""The tab of mistakes: what it shows, and where a click on an image leads."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from engine.specs import PGD, ClassAccuracy, Glyphs, Measurement, SmallestEps
from engine.store.study import Result
from gui.pages.attack.confusion import MOST_HEAD
from gui.pages.attack.page import AttackPage
from gui.pages.maps.page import MapsPage
from tests.gui.synthetic_networks import add_record, networks, open_workspace

ATTACK = PGD(norm="l2", eps=0.75, steps=7, step_size=0.3)
CLASSES = 10


@pytest.fixture
def opened(qtbot, tmp_path):
    workspace, answers = open_workspace(tmp_path)
    page = AttackPage(workspace)
    qtbot.addWidget(page)
    page.resize(1200, 760)
    page.show()
    page.tabs.setCurrentWidget(page.by_class)
    yield page, workspace, answers
    workspace.runner.shutdown()


def store(workspace, classifier=None, worst=(13, 4), classes=CLASSES, **changed):
    confusion = np.eye(classes, dtype=np.int64) * 4
    confusion[3, 3], confusion[3, 8] = 1, 3
    arrays = {
        "confusion": confusion,
        "attacked_confusion": np.eye(CLASSES, dtype=np.int64)[::-1] * 4,
        "labels": np.arange(40) % CLASSES,
        "worst/images": np.full((len(worst), 1, 28, 28), 90, np.uint8),
        "worst/indices": np.array(worst),
        "worst/labels": np.array([3, 4])[: len(worst)],
        "worst/predicted": np.array([8, -1])[: len(worst)],
    }
    numbers = {
        "test_images": 40,
        "accuracy": 0.925,
        "attacked_accuracy": 0.0,
        "worst_class_accuracy": 0.25,
        "worst_attacked_class_accuracy": 0.0,
    }
    for name, values in changed.items():
        arrays[name] = values
    arrays = {name: values for name, values in arrays.items() if values is not None}
    spec = Measurement(classifier=classifier or networks()[0], metric=ClassAccuracy(attack=ATTACK))
    add_record(workspace, spec, Result(numbers, arrays))
    return spec


def cells(tab, row):
    return [tab.confusion.item(row, column).text() for column in range(CLASSES)]


def test_that_counts_are_whole_in_the_matrix(opened):
    confusion = opened[0].by_class.confusion
    confusion.show_matrix(np.full((3, 3), 12_345, np.int64), ("a", "b", "c"))
    width = confusion.fontMetrics().horizontalAdvance("12,345")
    assert confusion.columnWidth(0) > width + 6
    confusion.show_matrix(np.eye(2, dtype=np.int64), ("a very long name of a class", "b"))
    assert "long name of a class" in confusion.horizontalHeaderItem(0).toolTip()


@pytest.mark.parametrize(
    ("names", "whole"),
    [
        (["cat", "dog", "hen"], True),
        (["aeroplane", "automobile", "bird", "cat"], True),
        (["a class of a very long name"] * 60, False),
    ],
)
def test_that_names_of_few_classes_are_not_cut_above_the_matrix(opened, names, whole):
    matrix = opened[0].by_class.confusion
    matrix.show_matrix(np.eye(len(names), dtype=np.int64), names)
    header = matrix.horizontalHeader()
    assert all(
        (header.sectionSize(column) >= header.sectionSizeHint(column)) is whole
        for column in range(len(names))
    )


def test_that_long_names_beside_the_matrix_leave_room_for_counts(opened, qtbot):
    page, workspace, _ = opened
    store(workspace)
    tab = page.by_class
    qtbot.waitUntil(lambda: tab.confusion.isVisible(), timeout=5000)
    tab.confusion.show_matrix(
        np.eye(60, dtype=np.int64), [f"a very long name of class {k}" * 3 for k in range(60)]
    )
    header = tab.confusion.verticalHeader()
    tab.confusion.grab()  # its headers are laid out
    assert header.width() == MOST_HEAD
    assert tab.confusion.viewport().width() > header.width()
    assert tab.confusion.verticalHeaderItem(7).toolTip() == "a very long name of class 7" * 3


def test_that_it_says_what_is_missing_and_measures_it(opened, qtbot):
    page, _, answers = opened
    tab = page.by_class
    assert tab.empty.sentence.isVisible()
    assert tab.empty.sentence.text().startswith("Not measured yet: Measure by class")
    assert not tab.confusion.isVisible()
    assert not tab.worst.isVisible()
    qtbot.mouseClick(tab.measure, Qt.MouseButton.LeftButton)
    (asked,) = answers.ran
    assert asked.classifier == networks()[0]
    assert asked.metric == ClassAccuracy(attack=page.form.spec())
    assert asked.test_images == 1000


def test_that_confusions_are_shown_clean_and_attacked(opened):
    page, workspace, _ = opened
    tab = page.by_class
    store(workspace)
    assert cells(tab, 3) == ["", "", "", "1", "", "", "", "", "3", ""]
    assert tab.confusion.item(3, 8).toolTip() == "3 of class 3 are taken for 8"
    shades = [tab.confusion.item(3, column).background().color().alphaF() for column in (3, 8, 9)]
    assert shades == pytest.approx([0.75 / 4, 0.75 * 3 / 4, 0], abs=0.01)
    tab.which.setCurrentIndex(1)
    assert cells(tab, 3) == ["", "", "", "", "", "", "4", "", "", ""]
    assert "92.5 % right, 0.0 % under L2 0.75 PGD-7" in tab.note.text()
    texts = [tab.worst.item(row).text() for row in range(tab.worst.count())]
    assert texts == ["3 → 8", "4 → no class"]


def test_that_another_network_is_chosen_by_mouse(opened):
    page, workspace, _ = opened
    tab = page.by_class
    store(workspace)
    other = networks()[2]
    tab.network.setCurrentIndex(tab.network.findData(other.key))
    assert tab.worst.count() == 0
    assert tab.note.text().startswith("Not measured")
    store(workspace, other)
    assert tab.key == other.key
    assert tab.worst.count() == 2


def test_that_a_click_on_an_image_leads_to_image_map_and_attack(opened, qtbot):
    page, workspace, answers = opened
    maps = MapsPage(workspace)
    qtbot.addWidget(maps)
    tab = page.by_class
    store(workspace)
    page.strip.classes.setCurrentIndex(2)  # a filter that hides the image
    place = tab.worst.visualItemRect(tab.worst.item(0)).center()
    qtbot.mouseClick(tab.worst.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert page.tabs.currentIndex() == 0
    assert page.strip.chosen == (13,)
    assert page.form.spec() == ATTACK
    asked = answers.asked[-1]
    assert (asked.attack, asked.indices) == (ATTACK, (13,))
    assert maps.strip.chosen[0] == 13
    assert maps.specs()[0].indices[0] == 13
    later = MapsPage(workspace)  # pages are built one after another
    qtbot.addWidget(later)
    assert later.strip.chosen[0] == 13


def test_that_images_that_are_not_open_are_not_led_to(opened, qtbot):
    page, workspace, _ = opened
    said = []
    workspace.message.connect(lambda text, error: said.append((text, error)))
    store(workspace)
    workspace.images = Glyphs(train=100, test=41)
    tab = page.by_class
    with qtbot.assertNotEmitted(tab.image_asked):
        tab._lead(tab.worst.item(0))
    assert said == [("These are images of Glyphs, 100 + 40: open them on the page Data.", False)]


def test_that_classes_that_are_not_drawn_are_said(opened):
    page, workspace, _ = opened
    store(workspace, classes=200)
    assert page.by_class.confusion.rowCount() == 60
    assert page.by_class.note.text().endswith("Below are the first 60 of 200 classes.")


def test_that_a_damaged_record_is_said(opened):
    page, workspace, _ = opened
    store(workspace, **{"worst/labels": None})
    assert "lacks a part that its kind has: worst/labels" in page.by_class.note.text()
    assert page.by_class.confusion.rowCount() == 0


def test_that_the_report_of_the_shown_network_is_written(opened, qtbot, monkeypatch, tmp_path):
    page, workspace, _ = opened
    out = tmp_path / "page"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    said = []
    workspace.message.connect(lambda text, error: said.append((text, error)))

    def ask(channel, work, done, failed, *, long=False):
        done(work(type("Control", (), {"check": staticmethod(lambda: None)})))

    workspace.runner.ask = ask
    qtbot.mouseClick(page.by_class.report, Qt.MouseButton.LeftButton)
    written = tmp_path / "page.html"
    assert said[-1] == (f"Saved {written}", False)
    assert networks()[0].key in written.read_text(encoding="utf-8")


def test_that_images_are_ordered_by_the_smallest_eps_of_a_chosen_network(opened):
    page, workspace, _ = opened
    strip = page.strip
    assert strip.order.isHidden()
    metric = SmallestEps(attack=PGD(eps=0.1))
    spec = Measurement(classifier=networks()[0], metric=metric, test_images=4)
    values = np.array([0.3, np.nan, 0.0, 0.1], np.float32)
    add_record(workspace, spec, Result({"never_fooled": 0.25}, {"smallest_eps": values}))
    assert not strip.order.isHidden()
    assert strip.order.itemText(1) == "Smallest eps first: Standard, seed 0"
    assert strip._model.order[:4].tolist() == [0, 1, 2, 3]
    strip.order.setCurrentIndex(1)
    assert strip._model.order[:5].tolist() == [2, 3, 0, 1, 4]
    strip.classes.setCurrentIndex(1)
    assert strip._model.order.tolist() == [0, 10, 20, 30]
    page.picker._set_chosen([networks()[2].key])  # has no such measurement
    assert strip.order.isHidden()
    assert strip.order.currentIndex() == 0


def test_that_the_form_takes_up_an_attack(opened):
    page, _, _ = opened
    for attack in (ATTACK, PGD(eps=0.1, steps=5, step_size=0.05), PGD(eps=0.02, target=3)):
        page.form.set_spec(attack)
        assert page.form.spec() == attack


def test_that_a_cell_selects_its_images_and_the_selected_are_counted(opened):
    page, workspace, _ = opened
    tab = page.by_class
    labels = workspace.image_set.test_labels
    predicted = labels.copy()
    predicted[labels == 3] = 8
    store(workspace, labels=labels, predicted=predicted, attacked_predicted=labels * 0)
    tab.confusion.cellClicked.emit(3, 8)
    chosen = workspace.selection.indices
    assert chosen == tuple(np.flatnonzero(labels == 3))
    assert "takes for 8" in workspace.selection.words
    assert tab.selected.text() == (
        f"Of the {len(chosen)} selected that were measured: 0 right, 0 under attack."
    )
    assert page.strip.chosen == chosen[:1]
    assert page.strip._model.order.tolist() == list(chosen)
    workspace.selection.choose([*chosen, *np.flatnonzero(labels == 0)[:2]], "by hand")
    assert ": 2 right, 2 under attack." in tab.selected.text()
    workspace.selection.clear()
    assert tab.selected.isHidden()
    assert len(page.strip._model.order) == len(labels)
