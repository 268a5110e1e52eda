import csv
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QScrollArea

from engine.figures.cells import cell
from engine.figures.paper.tradeoff import legend_of
from engine.specs import FolderImages, Imported
from engine.tradeoff import comparison, published
from engine.tradeoff import points as tradeoff_points
from gui.pages import MAPS, RETRAIN
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


def front_clouds(page):
    return [item for item in page.front.plot.data().series if len(item.x)]


def choose(combo, value):
    combo.setCurrentIndex(combo.findData(value))


def test_that_points_and_lines_are_those_of_the_engine(tmp_path, opened):
    study = made_up.sweep(tmp_path)
    _, page = opened(study)
    groups = tradeoff_points.groups(tradeoff_points.networks(study), "roar", "gradient")
    *sweeps, standard = clouds(page)
    for cloud, group in zip(sweeps, groups, strict=True):
        assert group.points[0].scheme == "standard"
        np.testing.assert_allclose(cloud.x, group.x[1:])
        np.testing.assert_allclose(cloud.y, group.y[1:])
        assert cloud.name == legend_of(group)
        assert cloud.keys == tuple(point.key for point in group.points[1:])
        np.testing.assert_allclose(cloud.high - cloud.y, 0.01)
    assert (standard.name, standard.keys) == ("Standard", (groups[0].points[0].key,))
    assert standard.symbol not in {cloud.symbol for cloud in sweeps}
    assert sweeps[0].labels == ("L2 0.02", "L2 0.04", "L2 0.06", "L2 0.08")
    assert sweeps[1].labels[0] == "5.1/255"
    assert "Bars: ± the standard deviation" in page.plot.data().caption
    lines = [item for item in page.plot.data().series if item.style == "solid"]
    assert len(lines) == 2
    assert lines[0].colour == clouds(page)[0].colour


def test_that_mode_attribution_and_abscissa_are_chosen(tmp_path, opened):
    study = made_up.sweep(tmp_path)
    _, page = opened(study)
    choose(page.correlation.mode, "kar")
    choose(page.correlation.method, "gradient_x_input")
    choose(page.correlation.against, "strength")
    group = tradeoff_points.groups(
        tradeoff_points.networks(study), "kar", "gradient_x_input", "strength"
    )[0]
    np.testing.assert_allclose(clouds(page)[0].x, group.x[1:])
    np.testing.assert_allclose(clouds(page)[0].y, group.y[1:])
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
    assert (
        "ROAR gradient\tROAR gradient x input\tKAR gradient\tKAR gradient x input"
        in page.table.text()
    )


def test_that_pointing_at_a_point_highlights_the_network_everywhere(tmp_path, opened, qtbot):
    study = made_up.sweep(tmp_path)
    workspace, page = opened(study)
    cloud = page.correlation.clouds[0]
    heard = []
    workspace.highlighted.connect(heard.append)
    qtbot.wait(30)
    x, y = page.plot.canvas.pixels(cloud)
    page.plot._pointing.on_move((QPointF(x[2], y[2]),))
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
    rings = [len(cloud._ring.xData or ()) for cloud in page.correlation.clouds]
    assert rings == [0, 0, 1], "the standard network has one mark of its own"
    assert page.card._name.text() == "Standard, seed 0"
    assert "90.0 % clean" in page.card._numbers.text()
    assert "ROAR gradient +0.022 ± 0.010" in page.card._numbers.text()
    workspace.highlighted.emit("")
    assert page.card._name.text() == "Standard, seed 0"  # stays, to be looked at


def test_that_a_click_opens_the_record_of_the_network(tmp_path, opened, qtbot):
    workspace, page = opened(made_up.sweep(tmp_path))
    selected, led = [], []
    workspace.selected.connect(selected.append)
    page.workspace.record_asked.connect(led.append)
    page.correlation.clouds[0].clicked.emit("some key")
    assert (selected, led) == (["some key"], ["some key"])


def test_that_the_front_greys_what_another_network_beats(tmp_path, opened):
    study = new_study(tmp_path)
    accuracies = {0.0: (0.9, 0.1), 0.02: (0.8, 0.3), 0.04: (0.7, 0.2), 0.06: (0.6, 0.5)}
    specs = {eps: made_up.network("linf" if eps else "", eps) for eps in accuracies}
    for eps, spec in specs.items():
        made_up.add_network(study, spec, *accuracies[eps])
        made_up.add_score(study, made_up.scored(spec, specs[0.0]), 0.1 + eps)
    _, page = opened(study)
    (left,) = front_clouds(page)
    assert len(left.x) == 4, "the third has a higher score than the second"
    choose(page.front.axes[2], "robust")
    beaten, front = front_clouds(page)
    assert beaten.name == "Beaten by another"
    assert beaten.keys == (specs[0.04].key,)
    assert beaten.symbol != front.symbol, "told apart without colours"
    assert list(front.x) == [0.9, 0.8, 0.6]
    assert list(front.y) == [0.1, 0.3, 0.5]
    assert front.labels == ("standard", "5.1/255", "15.3/255")
    assert len(set(front.colours)) == 3
    assert "On the front: 3 of 4 networks" in page.front.said.text()
    scale = [item.name for item in page.front.plot.data().series if not len(item.x)]
    assert scale == [f"Accuracy under attack {value}" for value in ("0.1", "0.3", "0.5")]


def test_that_a_click_on_the_front_leads_to_the_maps_of_the_network(tmp_path, opened, qtbot):
    workspace, page = opened(made_up.sweep(tmp_path))
    selected = []
    workspace.selected.connect(selected.append)
    with qtbot.waitSignal(page.go_to, timeout=1000) as led:
        page.front.clouds[-1].clicked.emit("some key")
    assert (led.args, selected) == ([MAPS], ["some key"])


def test_that_labels_have_room_and_lie_on_no_other(tmp_path, opened, qtbot):
    _, page = opened(made_up.sweep(tmp_path))
    qtbot.waitUntil(lambda: len(page.plot.labels.shown) > 4, timeout=2000)
    boxes = [item.sceneBoundingRect() for item in page.plot.labels._items]
    assert len(boxes) > 4
    middles = [box.center() for box in boxes]
    assert not any(
        box.contains(middle)
        for place, box in enumerate(boxes)
        for other, middle in enumerate(middles)
        if place != other
    )


def test_that_the_legend_is_above_the_chart_whatever_its_length(tmp_path, opened, qtbot):
    _, page = opened(made_up.sweep(tmp_path))
    page.correlation.published.setChecked(True)
    for width in (1100, 700, 500):
        page.resize(width, 700)
        qtbot.wait(50)
        legend, view = page.plot._legend, page.plot._view
        assert legend.geometry().bottom() < view.geometry().top()


def test_that_networks_of_unknown_strength_are_said_to_be_left_out(tmp_path, opened):
    study = made_up.sweep(tmp_path)
    imported = Imported(images=made_up.IMAGES, network=made_up.NETWORK, name="w", digest="0" * 64)
    made_up.add(study, imported, {"clean_accuracy": 0.9})
    made_up.add_score(study, made_up.scored(imported, made_up.network()), 0.02)
    _, page = opened(study)
    assert imported.key in {key for cloud in clouds(page) for key in cloud.keys}
    choose(page.correlation.against, "strength")
    assert imported.key not in {key for cloud in clouds(page) for key in cloud.keys}
    assert "their strength is unknown: 1." in page.correlation.plan.text()


def test_that_the_preview_shows_images_beside_their_last_maps(tmp_path):
    study = new_study(tmp_path)
    entry = made_up.add_network(study, made_up.network())
    picture = probe_picture(study, entry.key)
    # Two probes, one a column: the image at the left of its map.
    assert picture.shape == (8, 32, 3)
    assert (picture[:, :8] == 200).all()
    assert not (picture[:, 8:16] == 200).all()


def test_that_the_text_of_a_card_keeps_off_its_edges_with_and_without_a_scroll_bar(
    tmp_path, opened, qtbot
):
    _, page = opened(made_up.sweep(tmp_path))
    page.resize(1200, 800)
    card = page.card

    def gap() -> int:
        place = card._hint.mapTo(card, card._hint.rect().topRight())
        return card.width() - 1 - place.x()

    area = card.findChild(QScrollArea)
    qtbot.waitUntil(lambda: not area.verticalScrollBar().isVisible() and gap() >= 12)
    page.resize(1200, 260)
    qtbot.waitUntil(lambda: area.verticalScrollBar().isVisible() and gap() >= 12)
    assert card._picture.pixmap().width() <= card._picture.width() + 1


def test_that_a_network_without_maps_has_a_card_that_says_so(tmp_path, opened):
    study = new_study(tmp_path)
    base = made_up.network()
    made_up.add(study, base, {"clean_accuracy": 0.9})
    made_up.add_score(study, made_up.scored(base, base), 0.02)
    workspace, page = opened(study)
    workspace.highlighted.emit(base.key)
    assert page.card._picture.text() == "this network's record holds no maps"


CIFAR = FolderImages(name="cifar-10", digest="0" * 64, image_size=32)


def test_that_published_values_are_laid_over_only_when_asked(tmp_path, opened):
    _, page = opened(made_up.sweep(tmp_path, images=CIFAR))
    assert not any("aper" in item.name for item in page.plot.data().series)
    page.correlation.published.setChecked(True)
    first, *_, paper = clouds(page)
    assert "paper: r = −0.97, ρ = −0.97, n = 21" in first.name
    assert list(paper.y) == [0.019, 0.066, 0.064]
    assert list(paper.x) == [0.7366, 0.62, 0.61]


def test_that_published_points_stand_where_the_axes_mean_the_same(tmp_path, opened):
    eps = {"linf": (0.01, 0.02), "l2": (0.4, 0.6)}
    study = made_up.sweep(tmp_path, eps["linf"], ("linf",), images=CIFAR)
    for value in eps["l2"]:
        spec = made_up.network("l2", value, images=CIFAR)
        made_up.add_network(study, spec, 0.7)
        made_up.add_score(study, made_up.scored(spec, made_up.network(images=CIFAR)), value / 10)
    _, page = opened(study)
    page.correlation.published.setChecked(True)
    choose(page.correlation.against, "strength")
    # The largest eps is the paper's in L-inf (0.02) and not in L2 (0.6 instead of 0.8).
    assert list(clouds(page)[-1].x) == [0, 1]
    assert "Points of the paper not drawn: 1" in page.correlation.plan.text()


def test_that_published_points_of_other_images_are_not_drawn_and_that_is_said(tmp_path, opened):
    _, page = opened(made_up.sweep(tmp_path))
    page.correlation.published.setChecked(True)
    for x in ("clean_accuracy", "strength"):
        choose(page.correlation.against, x)
        assert not any("Paper, CIFAR-10" in item.name for item in page.plot.data().series)
        assert "Points of the paper not drawn: 3" in page.correlation.plan.text()


@pytest.mark.parametrize(
    ("name", "same"),
    [("cifar10", True), ("CIFAR-10.zip", True), ("cifar_10_png", True), ("cifar100", False),
     ("cifar-100", False), ("stl10", False)],
)  # fmt: skip
def test_that_the_papers_images_are_known_by_their_name(name, same):
    assert published.same_images(replace(CIFAR, name=name)) == same
    assert not published.same_images(replace(CIFAR, name=name, image_size=64))


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
    choose(page.correlation.against, "strength")
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
        "L2 cross-entropy",
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
    shown = ["–" if text == "-" else text.replace("-", "−") for text in first[3:]]
    assert [table.item(0, i).text() for i in range(len(first))] == [*first[:3], *shown]
    assert "−0.97" in shown
    assert table.item(0, 5).cell.value == -0.97
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
    choose(page.correlation.against, "strength")
    row = next(
        row
        for row in comparison.rows(tradeoff_points.networks(study))
        if (row.score, row.group, row.against) == ("ROAR gradient", "L-inf xent", "strength")
    )
    assert f"L-inf cross-entropy: {row.plan.sentence}." in page.correlation.plan.text()
    assert page.correlation.plan.text().startswith(
        "To tell r from 0, needed for 80 % power at 5 %: L2 cross-entropy: "
    )


def test_that_one_retraining_is_said_beside_a_score(tmp_path, opened):
    study = new_study(tmp_path)
    base = made_up.network()
    made_up.add_network(study, base)
    made_up.add(study, made_up.scored(base, base, repeats=1), {"score": 0.02})
    workspace, page = opened(study)
    assert page.table.item(0, 5).text() == "+0.020 (1)"
    assert page.table.item(0, 5).toolTip() == "1 retraining, spread unknown"
    assert "(1): 1 retraining, spread unknown" in page.table.toolTip()
    assert page.correlation.plan.text().endswith("(1): 1 retraining, spread unknown.")
    workspace.highlighted.emit(base.key)
    assert "ROAR gradient +0.020, 1 retraining, spread unknown" in page.card._numbers.text()


def test_that_every_row_says_which_variant_its_networks_are(tmp_path):
    points = tradeoff_points.networks(made_up.sweep(tmp_path))
    faithful = [replace(p, variant="faithful") if p.norm == "l2" else p for p in points]
    by_group = {row[1]: row[-1] for row in compare(faithful).rows}
    assert by_group["corrected L-inf cross-entropy"] == "corrected"
    # There is no faithful standard network, so that the corrected one is in this group too.
    assert by_group["faithful L2 cross-entropy"] == "corrected and faithful"


def test_that_an_empty_page_leads_to_retraining(opened, qtbot):
    workspace, _ = workspace_on(None)
    page = TradeoffPage(workspace)
    qtbot.addWidget(page)
    assert page.stack.currentIndex() == 0
    assert "No network has an interpretability score yet" in page.empty.sentence.text()
    with qtbot.waitSignal(page.go_to, timeout=1000) as led:
        page.empty.lead.click()
    assert led.args == [RETRAIN]


def test_that_a_network_is_shown_before_any_is_pointed_at(tmp_path, opened):
    _, page = opened(made_up.sweep(tmp_path))
    assert page.card.key == page._points[0].key
    assert "Point at another network" in page.card._hint.text()
    assert "−" not in page._points[0].network
    lines = page.card._numbers.text().splitlines()
    attacks = [line for line in lines if line.startswith("L")]
    assert all(line.startswith(("L-inf", "L2")) for line in attacks)  # a hyphen is no minus


def test_that_another_study_clears_the_page(tmp_path, opened, qtbot):
    workspace, page = opened(made_up.sweep(tmp_path))
    workspace.highlighted.emit(page._points[0].key)
    workspace.study = new_study(tmp_path)
    workspace.study_changed.emit()
    settle(page, qtbot)
    assert page.stack.currentIndex() == 0
    assert page.card.key == ""
