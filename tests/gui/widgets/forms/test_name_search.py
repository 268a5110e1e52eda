"""One name out of many: typed, or searched in a table."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox

from engine.networks.torchvision_facts import FACTS
from engine.specs import NetworkSpec, SmallCNN, Torchvision
from gui.widgets.forms.name_search import HEADERS, NameDialog
from gui.widgets.forms.spec_form import SpecForm


@pytest.fixture
def form(qtbot):
    found = SpecForm(NetworkSpec)
    qtbot.addWidget(found)
    found.show()
    found.select_kind("torchvision")
    return found


def dialog_of(form, side=64):
    form.side = side
    form.edit_of("name").button.click()
    return form.findChild(NameDialog)


def keys(dialog):
    return [dialog.table.item(row, 0).text() for row in range(dialog.table.rowCount())]


def test_that_a_typed_name_is_checked_and_a_similar_one_named(form):
    field = form.edit_of("name")
    field.line.setText("resnet50")
    assert form.spec() == Torchvision(name="resnet50")
    field.line.setText("resnt50")
    assert form.spec() is None
    assert "did you mean 'resnet50'" in form.error()
    completer = field.line.completer()
    completer.setCompletionPrefix("NEXT50_32")
    assert completer.currentCompletion() == "resnext50_32x4d"


def test_that_the_table_has_every_name_with_what_is_known(form):
    dialog = dialog_of(form, side=128)
    assert keys(dialog) == list(FACTS)
    headers = [dialog.table.horizontalHeaderItem(column).text() for column in range(5)]
    assert headers == list(HEADERS)
    dialog.line.setText("alexnet")
    texts = [dialog.table.item(0, column).text() for column in range(5)]
    there = FACTS["alexnet"].at(128)
    assert texts[:3] == ["alexnet", "63 px", "61.1 M"]
    assert texts[3] == f"{there.operations / 1e9:.3g} G"
    assert texts[4] == f"{there.kept / 1e6:.3g} MB"
    assert "128x128 px" in dialog.note.text()


def test_that_names_are_found_by_their_words_and_taken(form, qtbot):
    dialog = dialog_of(form)
    dialog.line.setText("NEXT tiny")
    assert keys(dialog) == ["convnext_tiny"]
    qtbot.mouseClick(
        dialog.buttons.button(QDialogButtonBox.StandardButton.Ok), Qt.MouseButton.LeftButton
    )
    assert form.spec() == Torchvision(name="convnext_tiny")


def test_that_nothing_found_cannot_be_taken(form):
    dialog = dialog_of(form)
    dialog.line.setText("no such network")
    assert keys(dialog) == []
    assert not dialog.buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()
    dialog.reject()
    assert form.spec() == Torchvision()


def test_that_rows_sort_by_number(form):
    dialog = dialog_of(form)
    dialog.table.sortItems(2, Qt.SortOrder.AscendingOrder)
    weights = [FACTS[name].parameters for name in keys(dialog)]
    assert weights == sorted(weights)


def test_that_a_field_shows_only_where_it_matters(form):
    form.select_kind("small_cnn")
    mean = form.edit_of("mean")
    assert mean.isHidden()
    form.set_spec(SmallCNN(normalization="given", mean=(0.2,), std=(0.3,)))
    assert not mean.isHidden()
    form.edit_of("normalization").show_value("none")
    assert mean.isHidden()
    assert form.spec() == SmallCNN(normalization="none")
    form.edit_of("normalization").show_value("given")
    assert form.spec() == SmallCNN(normalization="given", mean=(0.2,), std=(0.3,))
