"""The Maps page."""

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QFontMetrics

from engine.attribution.colormaps import COLORMAPS
from engine.specs import (
    AttributionSpec,
    Glyphs,
    GradCam,
    Gradient,
    GradientXInput,
    Maps,
    SmallCNN,
)
from engine.specs.schema import kinds_of
from gui.look import settings
from gui.pages import TRAIN
from gui.pages.maps.columns import joined
from gui.pages.maps.grid import MapCell, MapHeading, MapsGrid, on_two_lines
from gui.pages.maps.page import MapsPage
from tests.gui.synthetic_networks import (
    add_record,
    image_set,
    maps_result,
    networks,
    open_workspace,
)

KEYS = [spec.key for spec in networks(3)]


@pytest.fixture
def opened(qtbot, tmp_path):
    workspace, answers = open_workspace(tmp_path)
    page = MapsPage(workspace)
    qtbot.addWidget(page)
    page.resize(1200, 760)
    page.show()
    yield page, workspace, answers
    workspace.runner.shutdown()


def heads(page):
    return [(heading.key, heading.method) for heading in page.grid._headings]


def test_that_without_a_network_it_leads_to_training(qtbot, tmp_path):
    workspace, _ = open_workspace(tmp_path, count=0)
    page = MapsPage(workspace)
    qtbot.addWidget(page)
    with qtbot.waitSignal(page.go_to, timeout=1000) as said:
        page.needs.lead.click()
    assert said.args == [TRAIN]
    workspace.runner.shutdown()


def test_that_it_begins_with_one_image_of_some_classes_and_three_networks(opened):
    page, _, answers = opened
    assert page.strip.chosen == (0, 1, 2, 3)
    assert [spec.classifier.key for spec in answers.asked] == KEYS
    assert heads(page) == [("", ""), *((key, "Gradient") for key in KEYS)]
    assert len(page.grid.views) == 4
    page.grab()


def test_that_every_method_has_a_check_box(opened):
    page, *_ = opened
    assert list(page.methods.boxes) == [kind.kind for kind in kinds_of(AttributionSpec)]


def test_that_a_second_method_adds_a_column_a_network(opened):
    page, *_ = opened
    page.methods.boxes["gradient_x_input"].setChecked(True)
    assert [key for key, _ in heads(page)] == ["", *(key for key in KEYS for _ in range(2))]


def test_that_settings_of_a_method_count(opened):
    page, _, answers = opened
    page.methods.boxes["gradient_x_input"].setChecked(True)
    page.methods.set_settings(GradientXInput(input_range="unit"))
    assert answers.asked[-1].attribution == GradientXInput(input_range="unit")


def test_that_known_maps_are_not_computed_again(opened):
    page, _, answers = opened
    count = len(answers.asked)
    page.picker.list.item(2).setCheckState(Qt.CheckState.Unchecked)
    page.picker.list.item(2).setCheckState(Qt.CheckState.Checked)
    assert len(answers.asked) == count
    assert len(heads(page)) == 4


def test_that_maps_of_the_study_are_read_and_not_computed(opened):
    page, workspace, answers = opened
    spec = Maps(classifier=networks(1)[0], indices=(9,))
    add_record(workspace, spec, maps_result(spec, image_set()))
    page.picker.list.item(1).setCheckState(Qt.CheckState.Unchecked)
    page.picker.list.item(2).setCheckState(Qt.CheckState.Unchecked)
    count = len(answers.asked)
    page.strip.choose([9])
    assert len(answers.asked) == count
    assert page.grid.views[0][1].note.text.startswith("9, 90.0 %")


def test_that_all_pictures_pan_and_zoom_together(qtbot, opened):
    page, *_ = opened
    views = [view.view for row in page.grid.views for view in row]
    qtbot.keyClick(views[0], Qt.Key.Key_Plus)
    assert {view.camera.zoom for view in views} == {1.25}
    qtbot.mouseDClick(views[-1], Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
    assert {view.camera.zoom for view in views} == {1.0}


def test_that_numbers_stand_under_each_map(opened):
    page, *_ = opened
    assert page.grid.views[1][1].note.text == "1, 90.0 %\nblurriness 0.4"


def test_that_colours_clip_and_scale_redraw_without_computing(opened):
    page, _, answers = opened
    count = len(answers.asked)
    seen = [page.grid.views[0][1].view.image]
    page.drawing.colormap.setCurrentIndex(list(COLORMAPS).index("grey"))
    seen.append(page.grid.views[0][1].view.image)
    page.drawing.percentile.setValue(80.0)
    seen.append(page.grid.views[0][1].view.image)
    page.drawing.scale.setCurrentIndex(1)
    seen.append(page.grid.views[0][1].view.image)
    assert all(a != b for a, b in itertools.pairwise(seen))
    assert len(answers.asked) == count


def choose(combo, data):
    combo.setCurrentIndex(combo.findData(data))


def test_that_two_columns_give_a_third_with_their_difference(opened):
    page, *_ = opened
    choose(page.difference.mode, "chosen")
    page.difference.first.setCurrentIndex(0)
    page.difference.second.setCurrentIndex(2)
    assert len(heads(page)) == 5
    heading = page.grid._headings[-1]
    names = [column.name for column in page.columns()]
    assert heading.title.startswith("minus")
    assert heading.words == f"Difference\n{names[0]} − {names[2]}"
    assert page.grid.views[0][4].note.text.startswith("Spearman")
    choose(page.difference.mode, "none")
    assert len(heads(page)) == 4


def test_that_every_column_can_be_compared_with_the_first(opened):
    page, *_ = opened
    choose(page.difference.mode, "first")
    names = [column.name for column in page.columns()]
    words = [heading.words for heading in page.grid._headings[-2:]]
    assert words == [f"Difference\n{names[place]} − {names[0]}" for place in (1, 2)]
    figure = page.figure()
    assert f"{figure.groups[-1]}\n{figure.row_titles[-1]}" == words[-1]


def test_that_networks_are_compared_method_by_method(opened):
    page, *_ = opened
    page.methods.boxes["gradient_x_input"].setChecked(True)
    choose(page.difference.mode, "first")
    assert page.difference.pairs([c.method for c in page.columns()]) == [
        (2, 0),
        (3, 1),
        (4, 0),
        (5, 1),
    ]
    assert page.difference.pairs(["Gradient", "Gradient x input"]) == [(1, 0)]


def test_that_the_numbers_of_a_map_are_explained(opened):
    page, *_ = opened
    tip = page.grid.views[0][1].note.toolTip()
    assert "blurriness 0.2" in tip
    assert "energy at frequencies" in tip


def test_that_a_difference_ends_with_its_column(opened):
    page, *_ = opened
    choose(page.difference.mode, "first")
    page.picker.list.item(2).setCheckState(Qt.CheckState.Unchecked)
    assert len(heads(page)) == 4


def test_that_the_two_columns_of_a_difference_are_offered_only_where_they_count(opened):
    page, *_ = opened
    assert not page.difference.first.isVisible()
    choose(page.difference.mode, "chosen")
    assert page.difference.first.isVisible()


def test_that_the_predicted_class_is_explained_at_first(opened):
    _, _, answers = opened
    assert {spec.attribution for spec in answers.asked} == {Gradient()}


def test_that_a_chosen_class_is_explained_by_every_method(opened):
    page, _, answers = opened
    page.methods.boxes["gradient_x_input"].setChecked(True)
    choose(page.explained.label, 7)
    methods = {spec.attribution for spec in answers.asked[-6:]}
    assert methods == {Gradient(target=7), GradientXInput(target=7)}
    choose(page.explained.label, "true")
    choose(page.explained.quantity, "logit")
    assert answers.asked[-1].attribution == GradientXInput(explained="true", quantity="logit")


def test_that_the_classes_of_the_networks_are_offered_by_name(opened):
    page, workspace, _ = opened
    offered = [page.explained.label.itemText(row) for row in range(page.explained.label.count())]
    assert offered[2:] == list(workspace.image_set.classes)


def test_that_the_page_begins_with_the_colours_of_the_settings(qtbot, tmp_path):
    settings.set_text("colormap", "purple_green")
    workspace, _ = open_workspace(tmp_path)
    page = MapsPage(workspace)
    qtbot.addWidget(page)
    assert page.drawing.drawing.colormap == "purple_green"
    workspace.runner.shutdown()


def test_that_maps_are_kept_as_records(opened):
    page, _, answers = opened
    page.keep.click()
    assert answers.ran == page.specs()


def test_that_a_hidden_page_asks_for_nothing_until_it_is_shown(opened):
    page, _, answers = opened
    page.hide()
    count = len(answers.asked)
    page.strip.choose([5])
    assert len(answers.asked) == count
    page.show()
    assert answers.asked[-1].indices == (5,)


def test_that_images_of_another_set_are_named_in_the_spec(opened):
    _, workspace, answers = opened
    dropped = Glyphs(train=123)
    workspace.choose_images(dropped, image_set())
    assert answers.asked[-1].images == dropped


def test_that_one_failure_leaves_the_other_columns_alone(opened):
    page, _, answers = opened
    answers.at_once = False
    page.strip.choose([5])
    answers.failure = "it cannot be"
    answers.open[0]()
    answers.failure = ""
    for answer in answers.open[1:]:
        answer()
    assert page.grid.views[0][1].view.image is None
    assert page.grid.views[0][2].view.image is not None


def test_that_the_old_table_stays_until_the_new_one_is_complete(qtbot, opened):
    page, _, answers = opened
    answers.at_once = False
    before = page.grid.views[0][1].view.image
    page.strip.choose([5])
    answers.open[0]()
    assert page.grid.views[0][1].view.image == before
    qtbot.waitUntil(lambda: page.grid.views[0][1].view.dimmed, timeout=2000)
    answers.open[1]()
    assert page.grid.views[0][1].view.image != before


def test_that_pointing_highlights_the_network_everywhere(qtbot, opened):
    page, workspace, _ = opened
    with qtbot.waitSignal(workspace.highlighted, timeout=1000) as said:
        page.grid.views[0][2].view.pointed.emit(True)
    assert said.args == [KEYS[1]]


def test_that_the_figure_follows_the_table(opened):
    page, *_ = opened
    figure = page.figure()
    assert figure.columns == 4
    assert len(figure.images) == 4
    assert figure.title == "Gradient"
    assert not figure.groups
    assert "largest of each map" in figure.bar.label
    assert "99.5 percentile" in figure.caption
    assert np.array_equal(figure.images[0][0], page._table.rows[0][0].pixels)


def test_that_maps_of_several_sets_stand_in_one_column_in_the_order_of_choosing():
    own = {"attributions": np.array([[1.0], [2.0]]), "gap": np.array([0.1, 0.2])}
    added = {"attributions": np.array([[3.0]]), "predicted": np.array([7])}
    found = joined([(own, [2, 0]), (added, [1])])
    assert set(found) == {"attributions"}
    assert found["attributions"].ravel().tolist() == [2.0, 3.0, 1.0]
    assert joined([(own, [0, 1]), ({}, [2])]) == {}
    assert joined([(own, [0, 1])]) is own


def test_that_a_method_that_cannot_explain_a_network_says_so_in_its_column(opened, monkeypatch):
    page, _, answers = opened
    monkeypatch.setattr(SmallCNN, "convolves", False)  # stands for any network without one
    page.methods.choose_only(GradCam())
    assert all(isinstance(spec.attribution, Gradient) for spec in answers.asked)
    assert page.specs() == []
    assert not page.keep.isEnabled()
    columns = page.columns()
    assert [column.method for column in columns] == ["Grad-CAM"] * 3
    for column in columns:
        assert column.failure.startswith("attribution is Grad-CAM, which needs a convolution")


@pytest.mark.parametrize(
    ("room", "lines"),
    [
        (40, ("L-inf 25.5/255 PGD-5, seed 0",)),
        (39, ("L-inf 25.5/255", "PGD-5, seed 0")),
        (9, ("L-inf 25.5/255", "PGD-5, seed 0")),
    ],
)
def test_that_the_name_of_a_column_is_broken_where_it_does_not_fit(room, lines):
    name = "L-inf 25.5/255 PGD-5, seed 0"
    width = {name: 40}.get
    assert on_two_lines(name, room, lambda text: width(text, len(text))) == lines
    assert on_two_lines("一個非常長的類別名稱", 3, len) == ("一個非常長的類別名稱",)


def test_that_a_narrow_column_shows_the_whole_name_of_its_network(qtbot):
    grid = MapsGrid()
    qtbot.addWidget(grid)
    name = "L-inf 25.5/255 PGD-5, seed 0"
    heading = MapHeading(title=name, method="Gradient", series=0)
    grid.show_table([MapHeading(title="Image"), heading], [[MapCell(), MapCell()]])
    grid.show()
    title = grid._heads[1].title
    font = title.font()
    font.setBold(True)
    metrics = QFontMetrics(font)
    for size, lines in ((2 * 165, 2), (2 * 420, 1)):
        grid.resize(size, 300)
        qtbot.wait(20)
        assert len(title.text.split("\n")) == lines
        assert title.height() >= title.sizeHint().height()
    whole = metrics.horizontalAdvance(name)
    for room in range(whole - 3, whole + 4):
        title.resize(room, title.height())
        assert title.text.replace("\n", " ") == name
        for line in title.text.split("\n"):
            assert metrics.elidedText(line, Qt.TextElideMode.ElideMiddle, room) == line


def test_that_pictures_stand_above_their_texts_in_a_wide_window(qtbot):
    grid = MapsGrid()
    qtbot.addWidget(grid)
    cell = MapCell(np.zeros((8, 8, 3), np.uint8), "0 (image 3)")
    grid.show_table([MapHeading("Image"), MapHeading("A network")], [[cell, cell]])
    grid.resize(1800, 900)
    grid.show()
    qtbot.waitExposed(grid)
    for view in grid.views[0]:
        assert view.width() > 700
        assert view.view.geometry().center().x() == view.note.geometry().center().x()
