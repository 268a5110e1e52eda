"""A point of a chart that counts images selects them for all pages."""

from types import SimpleNamespace

import numpy as np
import pytest

from engine.store.study import StudyError
from gui.pages.common.record_images import images_at as numbers_of
from gui.pages.records.page import RecordsPage
from tests import made_up_study as made_up
from tests.gui.made_up_workspace import workspace_on


@pytest.fixture
def page(qtbot, tmp_path):
    study = made_up.sweep(tmp_path, eps=(0.02,), norms=("linf",))
    entry = made_up.add_metric(study, made_up.network(), values=(0.2, 0.4, 0.9, 0.2))
    workspace, _ = workspace_on(study)
    found = RecordsPage(workspace)
    qtbot.addWidget(found)
    found.resize(1000, 700)
    found.show()
    qtbot.waitUntil(lambda: entry.key in found.table.model.rows, timeout=20_000)
    found.show_record(entry.key)
    qtbot.waitUntil(lambda: found.picking.record is not None, timeout=20_000)
    return found


def test_that_a_point_selects_the_images_that_it_counts(page, qtbot):
    plot = page.view.pictures.plots[0]
    items = [item for item in plot._items if item.keys]
    item = items[0]
    lowest = int(np.flatnonzero(item.y == 2)[0])
    assert "click" in plot.hover_text(item, lowest)
    item.clicked.emit(item.keys[lowest])
    selection = page.workspace.selection
    assert selection.indices == (0, 3)
    assert "0.2" in selection.words


def test_that_a_bin_without_images_leaves_the_selection(page):
    plot = page.view.pictures.plots[0]
    item = next(item for item in plot._items if item.keys)
    page.workspace.selection.choose([1], "picked")
    empty = int(np.flatnonzero(item.y == 0)[0])
    item.clicked.emit(item.keys[empty])
    assert page.workspace.selection.indices == (1,)


def test_that_other_images_are_not_selected_but_named(page):
    said = []
    page.workspace.message.connect(lambda text, error: said.append(text))
    page.workspace.image_set = None
    page.picking._pick([0], "value: 1")
    assert page.workspace.selection.indices == ()
    assert "open them on the page Data" in said[0]


def record(counted, **arrays):
    entry = SimpleNamespace(title="a metric")
    return SimpleNamespace(entry=entry, numbers={"test_images": counted}, arrays=arrays)


def test_that_images_without_a_label_are_counted_where_the_metric_counts_them():
    labels = np.array([3, -1, 4, 5, 6])
    every = record(4, margin=np.zeros(4))
    labelled = record(4, margin=np.zeros(3), attacked=np.zeros(3))
    assert numbers_of(every, [1, 2], labels) == [1, 2]
    assert numbers_of(labelled, [1, 2], labels) == [2, 3]
    with pytest.raises(StudyError, match="does not tell the images apart"):
        numbers_of(record(4, margin=np.zeros(2)), [0], labels)
