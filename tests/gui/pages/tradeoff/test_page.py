import csv
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QGuiApplication

from engine.figures.cells import cell
from engine.tradeoff import comparison, published
from engine.tradeoff import points as tradeoff_points
from gui.pages import RETRAIN
from gui.pages.tradeoff.comparison import ComparisonPanel, compare
from gui.pages.tradeoff.page import TradeoffPage
from gui.pages.tradeoff.preview_card import probe_picture
from tests import made_up_study as made_up
from tests.gui.made_up_workspace import new_study, stored, workspace_on


@pytest.fixture
def opened(qtbot):
    """Return a function that shows the page on a study."""

    def make(study):
        workspace, _ = workspace_on(study)
        page = TradeoffPage(workspace)
        page.resize(1100, 700)
        qtbot.addWidget(page)
        page.show()
        page._due.setInterval(0)
        settle(page, qtbot)
        return workspace, page

    return make


def settle(page, qtbot):
    qtbot.waitUntil(lambda: not page._stale and not page._due.isActive(), timeout=5000)


def clouds(page):
    return [item for item in page.plot.data().series if item.style == "none"]


def choose(combo, value):
    combo.setCurrentIndex(combo.findData(value))


def test_that_points_and_lines_are_those_of_the_engine(tmp_path, opened):
    study = made_up.sweep(tmp_path)
    _, page = opened(study)
    groups = tradeoff_points.groups(tradeoff_points.networks(study), "roar", "gradient")
    for cloud, group in zip(clouds(page), groups, strict=True):
        np.testing.assert_allclose(cloud.x, group.x)
        np.testing.assert_allclose(cloud.y, group.y)
        assert cloud.name == tradeoff_points.describe(group)
        assert cloud.keys == tuple(point.key for point in group.points)
        np.testing.assert_allclose(cloud.high - cloud.y, 0.01)
    lines = [item for item in page.plot.data().series if item.style == "solid"]
    assert len(lines) == 2
    assert lines[0].colour == clouds(page)[0].colour


def test_that_mode_attribution_and_abscissa_are_chosen(tmp_path, opened):
    study = made_up.sweep(tmp_path)
    _, page = opened(study)
    choose(page.mode, "kar")
    choose(page.method, "gradient_x_input")
    choose(page.against, "strength")
    group = tradeoff_points.groups(
        tradeoff_points.networks(study), "kar", "gradient_x_input", "strength"
    )[0]
    np.testing.assert_allclose(clouds(page)[0].x, group.x)
    np.testing.assert_allclose(clouds(page)[0].y, group.y)
    data = page.plot.data()
    assert data.title == "KAR, Gradient x input"
    assert data.x_label.startswith("Attack strength")
    assert data.y_label == "KAR score"
    assert comparison.RULE in data.caption


def test_that_the_table_lists_every_network_sorted_by_number(tmp_path, opened):
    _, page = opened(made_up.sweep(tmp_path))
    assert page.table.rowCount() == 9
    assert page.table.columnCount() == 9
    page.table.sortItems(2)
    values = [float(page.table.item(row, 2).text()) for row in range(9)]
    assert values == sorted(values)
    assert "ROAR G\tROAR GX\tKAR G\tKAR GX" in page.table.text()


def test_that_pointing_at_a_point_highlights_the_network_everywhere(tmp_path, opened, qtbot):
    study = made_up.sweep(tmp_path)
    workspace, page = opened(study)
    cloud = page._clouds[0]
    heard = []
    workspace.highlighted.connect(heard.append)
    qtbot.wait(30)
    x, y = page.plot._pixels(cloud)
    page.plot._on_move((QPointF(x[2], y[2]),))
    assert heard == [cloud.keys[2]]
    assert page.card.key == cloud.keys[2]
    assert page.table.current_key == cloud.keys[2]
    assert not page.card._picture.pixmap().isNull()
    text = page.plot.hover_text(cloud, 2)
    assert text.startswith(study.entry(cloud.keys[2]).title)


def test_that_a_network_highlighted_elsewhere_gets_a_ring_and_its_card(tmp_path, opened):
    study = made_up.sweep(tmp_path)
    workspace, page = opened(study)
    standard = study.entries[1]
    workspace.highlighted.emit(standard.key)
    assert all(len(cloud._ring.xData) == 1 for cloud in page._clouds)
    assert page.card._name.text() == "Standard, seed 0"
    assert "90.0 % clean" in page.card._numbers.text()
    assert "ROAR G +0.022 ± 0.010" in page.card._numbers.text()
    workspace.highlighted.emit("")
    assert page.card._name.text() == "Standard, seed 0"  # stays, to be looked at


def test_that_a_click_opens_the_record_of_the_network(tmp_path, opened, qtbot):
    workspace, page = opened(made_up.sweep(tmp_path))
    selected, led = [], []
    workspace.selected.connect(selected.append)
    page.workspace.record_asked.connect(led.append)
    page._clouds[0].clicked.emit("some key")
    assert (selected, led) == (["some key"], ["some key"])


def test_that_the_preview_shows_images_beside_their_last_maps(tmp_path):
    study = new_study(tmp_path)
    entry = made_up.add_network(study, made_up.network())
    picture = probe_picture(study, entry.key)
    # Two probes, one a column: the image at the left of its map.
    assert picture.shape == (8, 32, 3)
    assert (picture[:, :8] == 200).all()
    assert not (picture[:, 8:16] == 200).all()


def test_that_a_network_without_maps_has_a_card_that_says_so(tmp_path, opened):
    study = new_study(tmp_path)
    base = made_up.network()
    made_up.add(study, base, {"clean_accuracy": 0.9})
    made_up.add_score(study, made_up.scored(base, base), 0.02)
    workspace, page = opened(study)
    workspace.highlighted.emit(base.key)
    assert page.card._picture.text() == "this network's record holds no maps"


def test_that_published_values_are_laid_over_only_when_asked(tmp_path, opened):
    _, page = opened(made_up.sweep(tmp_path))
    assert not any("aper" in item.name for item in page.plot.data().series)
    page.published.setChecked(True)
    first, _, paper = clouds(page)
    assert "paper: r = −0.97, ρ = −0.97, n = 21" in first.name
    assert list(paper.y) == [0.019, 0.066, 0.064]
    assert list(paper.x) == [0.7366, 0.62, 0.61]
    choose(page.against, "strength")
    assert list(clouds(page)[-1].x) == [0, 1, 1]


def test_that_every_published_correlation_is_found():
    found = [
        published.correlations(mode, norm, loss, kind, x)
        for mode in ("roar", "kar")
        for norm in ("linf", "l2")
        for loss in ("xent", "cw", "cw_capped")
        for kind in ("gradient", "gradient_x_input")
        for x in ("clean_accuracy", "strength")
    ]
    assert all(pair is not None and max(map(abs, pair)) < 1 for pair in found)
    assert published.correlations("kar", "l2", "cw", "gradient", "strength") == (-0.768, -0.7844)
    assert published.correlations("roar", "", "", "gradient", "strength") is None


def test_that_one_network_is_drawn_with_room_around_it(tmp_path, opened):
    study = new_study(tmp_path)
    base = made_up.network()
    made_up.add_network(study, base)
    made_up.add_score(study, made_up.scored(base, base), 0.02)
    _, page = opened(study)
    (left, right), (bottom, top) = page.plot.plot_item.viewRange()
    assert left < 0.9 < right
    assert bottom < 0.02 < top
    choose(page.against, "strength")
    assert list(clouds(page)[0].x) == [0]


def test_that_points_appear_when_their_scores_are_stored(tmp_path, opened, qtbot):
    study = new_study(tmp_path)
    base = made_up.network()
    made_up.add_network(study, base)
    workspace, page = opened(study)
    assert page.stack.currentIndex() == 0
    stored(workspace, made_up.add_score(study, made_up.scored(base, base), 0.02))
    settle(page, qtbot)
    assert page.stack.currentIndex() == 1
    assert len(clouds(page)) == 1


def test_that_networks_of_other_images_are_left_out_while_those_at_hand_have_scores(
    tmp_path, opened
):
    study = new_study(tmp_path)
    other = made_up.network(images=made_up.IMAGES.replace("train", 50))
    base = made_up.network()
    for spec in (base, other):
        made_up.add_network(study, spec)
        made_up.add_score(study, made_up.scored(spec, spec), 0.02)
    _, page = opened(study)
    assert page.table.rowCount() == 1


def test_that_published_and_our_correlations_stand_side_by_side(tmp_path, opened):
    study = made_up.sweep(tmp_path)
    _, page = opened(study)
    heading, first, *rest = page.comparison.found.rows
    assert heading[-1] == "variant"
    row = comparison.rows(tradeoff_points.networks(study))[0]
    assert (row.score, row.group) == ("ROAR gradient", "L2 xent")
    assert first[:7] == (
        "ROAR gradient",
        "L2 xent",
        "accuracy",
        "5",
        "1",
        "-0.97",
        f"{row.pearson:+.2f}",
    )
    assert first[8] == "agrees"
    assert first[-1] == "corrected"
    table = page.comparison.table
    assert table.rowCount() == 1 + len(rest) == 16
    assert [table.item(0, i).text() for i in range(len(first))] == list(first)
    assert "Ours: corrected." in page.comparison.note.text()


def test_that_the_comparison_is_copied_and_saved_as_a_table(tmp_path, opened, qtbot):
    _, page = opened(made_up.sweep(tmp_path))
    page.comparison.copy.click()
    rows = [tuple(map(cell, row)) for row in page.comparison.found.rows]
    lines = QGuiApplication.clipboard().text().splitlines()
    assert [tuple(line.split("\t")) for line in lines] == rows
    path = tmp_path / "table.csv"
    page.comparison.save_to(path)
    with path.open(newline="") as file:
        assert [tuple(row) for row in csv.reader(file)] == rows


def test_that_a_table_that_cannot_be_written_is_one_sentence(tmp_path, opened, qtbot):
    workspace, page = opened(made_up.sweep(tmp_path))
    with qtbot.waitSignal(workspace.message, timeout=1000) as said:
        page.comparison.save_to(tmp_path / "no such folder" / "table.csv")
    text, error = said.args
    assert error
    assert "table.csv cannot be written" in text


def test_that_no_table_is_written_into_a_study_or_over_another_kind(tmp_path, opened, qtbot):
    study = made_up.sweep(tmp_path)
    workspace, page = opened(study)
    page_of = tmp_path / "page.csv"
    page_of.write_text("<html>")
    for path in (study.path / "table.csv", page_of):
        with qtbot.waitSignal(workspace.message, timeout=1000) as said:
            page.comparison.save_to(path)
        assert said.args[1]
    assert not (study.path / "table.csv").exists()
    assert page_of.read_text() == "<html>"


def test_that_the_note_says_when_blurriness_can_be_taken_out(tmp_path):
    eps = [0.01 * place for place in range(1, 9)]
    points = tradeoff_points.networks(made_up.sweep(tmp_path, eps))
    assert not compare(points).by_blurriness
    for place, point in enumerate(points):
        point.blurriness["gradient"] = 0.4 + 0.01 * (place % 4)
    found = compare(points)
    assert found.by_blurriness
    panel = ComparisonPanel()
    panel.show_rows(found)
    assert "taken out of both" in panel.note.text()
    panel.show_rows(compare([]))
    assert "nothing to compare" in panel.note.text()
    assert not panel.copy.isEnabled()


def test_that_the_page_says_what_would_tell_the_correlations_from_noise(tmp_path, opened):
    study = made_up.sweep(tmp_path)
    _, page = opened(study)
    choose(page.against, "strength")
    row = next(
        row
        for row in comparison.rows(tradeoff_points.networks(study))
        if (row.score, row.group, row.against) == ("ROAR gradient", "L-inf xent", "strength")
    )
    assert f"L-inf xent: {row.plan.sentence}." in page.plan.text()
    assert page.plan.text().startswith("To tell r from 0, needed for 80 % power at 5 %: L2 xent: ")


def test_that_one_retraining_is_said_beside_a_score(tmp_path, opened):
    study = new_study(tmp_path)
    base = made_up.network()
    made_up.add_network(study, base)
    made_up.add(study, made_up.scored(base, base, repeats=1), {"score": 0.02})
    workspace, page = opened(study)
    assert page.table.item(0, 5).text() == "+0.020 (1)"
    assert page.table.item(0, 5).toolTip() == "1 retraining, spread unknown"
    assert "(1): 1 retraining, spread unknown" in page.table.toolTip()
    assert page.plan.text().endswith("(1): 1 retraining, spread unknown.")
    workspace.highlighted.emit(base.key)
    assert "ROAR G +0.020, 1 retraining, spread unknown" in page.card._numbers.text()


def test_that_every_row_says_which_variant_its_networks_are(tmp_path):
    points = tradeoff_points.networks(made_up.sweep(tmp_path))
    faithful = [replace(p, variant="faithful") if p.norm == "l2" else p for p in points]
    by_group = {row[1]: row[-1] for row in compare(faithful).rows}
    assert by_group["corrected L-inf xent"] == "corrected"
    # There is no faithful standard network, so that the corrected one is in this group too.
    assert by_group["faithful L2 xent"] == "corrected and faithful"


def test_that_an_empty_page_leads_to_retraining(opened, qtbot):
    workspace, _ = workspace_on(None)
    page = TradeoffPage(workspace)
    qtbot.addWidget(page)
    assert page.stack.currentIndex() == 0
    assert "No network has an interpretability score yet" in page.empty.sentence.text()
    with qtbot.waitSignal(page.go_to, timeout=1000) as led:
        page.empty.lead.click()
    assert led.args == [RETRAIN]


def test_that_another_study_clears_the_page(tmp_path, opened, qtbot):
    workspace, page = opened(made_up.sweep(tmp_path))
    workspace.highlighted.emit(page._points[0].key)
    workspace.study = new_study(tmp_path)
    workspace.study_changed.emit()
    settle(page, qtbot)
    assert page.stack.currentIndex() == 0
    assert page.card.key == ""
