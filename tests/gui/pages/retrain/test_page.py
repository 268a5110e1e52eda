import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QLabel

from engine.plan.forecast import Forecast
from engine.plan.slots import Slots
from engine.retraining import curves
from engine.retraining.baselines import baselines_among, best_baseline
from engine.specs import FGSM, PAPER_FRACTIONS, Adversarial, GradientXInput, SmallCNN
from gui.pages import DATA, TRAIN
from gui.pages.retrain.page import RetrainPage
from gui.session.pace import Pace
from gui.session.runner import Runner
from tests import made_up_study as made_up
from tests.gui.made_up_workspace import new_study, stored, workspace_on


@pytest.fixture
def study(tmp_path):
    study = new_study(tmp_path)
    made_up.add_images(study)
    return study


@pytest.fixture
def opened(qtbot):
    """Return a function that shows the page on a study."""

    def make(study):
        workspace, ran = workspace_on(study)
        page = RetrainPage(workspace)
        page.resize(1100, 700)
        qtbot.addWidget(page)
        page.show()
        page._due.setInterval(0)
        settle(page, qtbot)
        return workspace, page, ran

    return make


def settle(page, qtbot):
    qtbot.waitUntil(lambda: not page._stale and not page._due.isActive(), timeout=5000)


def two_networks(study):
    base, robust = made_up.network(), made_up.network("linf", 0.1)
    for spec in (base, robust):
        made_up.add_network(study, spec)
    return base, robust


def drawn(page):
    return {item.name: item for item in page.plot.data().series}


def cell(page, row, column):
    return page.table.item(row, column).text()


def small_form(page):
    page.form.fractions.set_values(made_up.FRACTIONS)
    page.form.repeats.setValue(2)


# --------------------------------------------------------------------------------------- baselines


def test_that_the_baseline_is_the_standard_network_trained_most_alike():
    base = made_up.network()
    other = base.replace("network", SmallCNN(width=8))
    longer = base.replace("epochs", 9)
    classifier = made_up.network("linf", 0.1)
    assert best_baseline(classifier, [other, longer, base]) == base
    assert best_baseline(classifier.replace("epochs", 9), [other, longer, base]) == longer
    assert best_baseline(classifier, []) is None


def test_that_classifiers_of_other_seeds_share_the_baseline_of_the_lowest():
    seeds = [made_up.network(seed=seed) for seed in (2, 0, 1)]
    candidates = baselines_among(seeds, made_up.IMAGES)
    assert [spec.seed for spec in candidates] == [0, 1, 2]
    assert all(best_baseline(spec, candidates).seed == 0 for spec in seeds)


def test_that_only_standard_networks_of_the_same_images_are_baselines():
    robust = made_up.network("linf", 0.1)
    fgsm = made_up.network().replace("scheme", Adversarial(attack=FGSM()))
    elsewhere = made_up.network(images=made_up.IMAGES.replace("train", 50))
    assert baselines_among([robust, fgsm, elsewhere], made_up.IMAGES) == []


# -------------------------------------------------------------------------------------------- form


def test_that_compute_asks_for_every_network_mode_and_attribution(study, opened):
    base, robust = two_networks(study)
    _, page, ran = opened(study)
    page.form.compute.click()
    asked = {(spec.classifier.key, spec.mode, spec.attribution.kind) for spec in ran}
    assert len(ran) == 8
    assert asked == {
        (spec.key, mode, kind)
        for spec in (base, robust)
        for mode in ("roar", "kar")
        for kind in ("gradient", "gradient_x_input")
    }
    assert all(spec.baseline == base and spec.repeats == 3 for spec in ran)
    assert all(spec.fractions == PAPER_FRACTIONS for spec in ran)


def test_that_what_is_unchecked_is_not_asked_for(study, opened):
    two_networks(study)
    _, page, _ = opened(study)
    page.form.modes["kar"].setChecked(False)
    page.form.methods.boxes["gradient_x_input"].setChecked(False)
    page.form.fractions.set_values((0.25, 0.5))
    page.form.seed.setValue(7)
    specs = page.form.specs()
    assert [(s.mode, s.attribution.kind, s.fractions, s.seed) for s in specs] == [
        ("roar", "gradient", (0.25, 0.5), 7)
    ] * 2


def test_that_the_summary_counts_what_is_there_and_what_is_missing(study, opened, qtbot):
    base, _ = two_networks(study)
    made_up.add_retrainings(study, made_up.scored(base, base), "random", [0.8, 0.8, 0.6])
    _, page, _ = opened(study)
    small_form(page)
    settle(page, qtbot)
    # 2 fractions x 2 repeats x (2 networks x 2 attributions + 1 baseline) x 2 modes.
    assert page.form.summary.text() == ("Scores: 8. Retrainings: 40, 3 in the study, 37 missing.")
    assert page.form.compute.isEnabled()


def test_that_nothing_moves_under_the_mouse_when_the_summary_grows(study, opened):
    two_networks(study)
    _, page, _ = opened(study)
    tops, lines = set(), set()
    for text in (
        "",
        "Scores: 2.",
        "Scores: 12. Retrainings: 1,090, 1,000 in the study, 90 missing.",
    ):
        page.form.say(text, problem=False)
        QApplication.processEvents()
        tops.add(page.form.modes["kar"].mapTo(page, QPoint(0, 0)).y())
        lines.add(QLabel(text, wordWrap=True).heightForWidth(page.form.summary.width()))
    assert len(lines) > 1
    assert len(tops) == 1


def test_that_a_study_without_a_standard_network_says_so(study, opened):
    made_up.add_network(study, made_up.network("linf", 0.1))
    _, page, _ = opened(study)
    assert "no standard network" in page.form.summary.text()
    assert not page.form.compute.isEnabled()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda form: form.fractions.set_text("0.5, 0.1"), "fractions is [0.5, 0.1]"),
        (lambda form: form.fractions.set_text("half"), "'half' is no number"),
        (lambda form: form.fractions.set_text("0.5, 2"), "fractions is 2.0, must be"),
        (lambda form: [box.setChecked(False) for box in form.modes.values()], "one mode"),
    ],
)
def test_that_a_wrong_field_is_one_sentence(study, opened, qtbot, change, words):
    two_networks(study)
    _, page, _ = opened(study)
    change(page.form)
    settle(page, qtbot)
    assert words in page.form.summary.text()
    assert not page.form.compute.isEnabled()
    assert page.form.specs() == []


def test_that_a_baseline_can_be_chosen(study, opened):
    base, _ = two_networks(study)
    second = made_up.network(seed=5)
    made_up.add_network(study, second)
    _, page, _ = opened(study)
    assert page.form.baseline.count() == 3
    page.form.baseline.setCurrentIndex(page.form.baseline.findData(second.key))
    assert {spec.baseline for spec in page.form.specs()} == {second}
    page.form.baseline.setCurrentIndex(0)
    assert {spec.baseline for spec in page.form.specs()} == {base}


def test_that_every_network_of_a_sweep_is_chosen_at_first(study, opened):
    for place in range(12):
        made_up.add_network(study, made_up.network("linf" if place else "", 0.01 * place))
    _, page, _ = opened(study)
    assert len(page.form.networks) == 12
    assert len(page.form.specs()) == 48
    page.form.picker.choose_only(page.form.networks[0].key)
    assert len(page.form.networks) == 1
    page.form.all.click()
    assert len(page.form.networks) == 12


# ------------------------------------------------------------------------------------------- curves


def test_that_points_appear_as_their_records_come_in(study, opened, qtbot):
    base, robust = two_networks(study)
    workspace, page, _ = opened(study)
    small_form(page)
    settle(page, qtbot)
    assert drawn(page) == {}
    spec = made_up.scored(robust, base)
    retrainings = spec.retrainings("attribution")
    for one, value in zip(retrainings, [0.5, 0.7], strict=False):
        stored(workspace, made_up.add(study, one, {"accuracy": value}))
    settle(page, qtbot)
    curve = drawn(page)[robust.title]
    np.testing.assert_allclose(curve.x, [0, 0.2, 1])
    np.testing.assert_allclose(curve.y, [0.9, 0.6, 0.1])
    np.testing.assert_allclose([curve.low[1], curve.high[1]], [0.5, 0.7])
    assert cell(page, 1, 1) == "25 %"
    handle = page._drawn[robust.key]
    stored(workspace, made_up.add(study, retrainings[2], {"accuracy": 0.2}))
    settle(page, qtbot)
    assert page._drawn[robust.key] is handle  # the curve was moved, not drawn anew
    np.testing.assert_allclose(drawn(page)[robust.title].y, [0.9, 0.6, 0.2, 0.1])


def test_that_a_finished_score_stands_in_the_table_with_its_spread(study, opened, qtbot):
    base, robust = two_networks(study)
    made_up.add_score(study, made_up.scored(robust, base), 0.0659)
    made_up.add_score(study, made_up.scored(robust, base, "kar", GradientXInput()), -0.02)
    _, page, _ = opened(study)
    headers = [page.table.horizontalHeaderItem(i).text() for i in range(5)]
    assert headers[1:] == [
        "ROAR Gradient", "ROAR Gradient x input", "KAR Gradient", "KAR Gradient x input",
    ]  # fmt: skip
    assert cell(page, 1, 1) == "+0.066 ± 0.010 (2)"
    assert cell(page, 1, 4) == "−0.020 ± 0.010 (2)"
    assert cell(page, 0, 1) == "–"
    assert "other settings" in page.table.item(1, 1).toolTip()


def test_that_curves_follow_mode_and_attribution_and_the_column_clicked(study, opened, qtbot):
    base, robust = two_networks(study)
    made_up.add_score(study, made_up.scored(robust, base), 0.06)
    made_up.add_score(study, made_up.scored(robust, base, "kar"), 0.01, [[0.8, 0.7]] * 2)
    _, page, _ = opened(study)
    assert set(drawn(page)) == {"Random pixels", robust.title}
    assert page.plot.title == "ROAR, Gradient"
    page.table.setCurrentCell(0, 3)
    assert page.mode.currentData() == "kar"
    assert page.plot.title == "KAR, Gradient"
    np.testing.assert_allclose(drawn(page)[robust.title].y, [0.9, 0.8, 0.7, 0.1])
    page.method.setCurrentIndex(1)
    assert drawn(page) == {}


def test_that_one_random_baseline_serves_all_networks(study, opened):
    base, robust = two_networks(study)
    for spec in (base, robust):
        made_up.add_score(study, made_up.scored(spec, base), 0.06)
    _, page, _ = opened(study)
    names = [item.name for item in page.plot.data().series]
    assert names == ["Random pixels", base.title, robust.title]


def test_that_random_baselines_of_other_repeats_are_told_apart(study, opened):
    base, robust = two_networks(study)
    made_up.add_score(study, made_up.scored(base, base), 0.06)
    made_up.add_score(study, made_up.scored(robust, base, repeats=1), 0.06)
    _, page, _ = opened(study)
    names = [item.name for item in page.plot.data().series if "Random" in item.name]
    assert names == ["Random pixels, 2 repeats", "Random pixels, 1 repeat"]


def test_that_a_highlighted_network_has_a_thick_curve(study, opened):
    base, _ = two_networks(study)
    made_up.add_score(study, made_up.scored(base, base), 0.06)
    workspace, page, _ = opened(study)

    def width():
        return page._drawn[base.key]._line.opts["pen"].width()

    thin = width()
    workspace.highlighted.emit(base.key)
    assert width() > thin
    workspace.highlighted.emit("")
    assert width() == thin


def test_that_a_page_out_of_sight_reads_nothing_until_it_is_shown(study, opened, qtbot):
    base, _ = two_networks(study)
    workspace, page, _ = opened(study)
    page.hide()
    stored(workspace, made_up.add_score(study, made_up.scored(base, base), 0.06))
    qtbot.wait(50)
    assert drawn(page) == {}
    page.show()
    settle(page, qtbot)
    assert base.title in drawn(page)


# ----------------------------------------------------------------------------------------- controls


def add_controls(study, spec, **values):
    """Store a score's controls; a number is the score, its curve is flat at 0.5."""
    for control, value in values.items():
        made_up.add_score(study, spec.replace("control", control), value, np.full((2, 2), 0.5))


def test_that_checked_controls_are_asked_for_beside_every_score(study, opened):
    two_networks(study)
    _, page, ran = opened(study)
    page.form.controls["sobel"].setChecked(True)
    page.form.controls["mask_only"].setChecked(True)
    page.form.compute.click()
    controls = [spec.control for spec in ran]
    assert {name: controls.count(name) for name in controls} == {
        "none": 8,
        "sobel": 8,
        "mask_only": 8,
    }


def test_that_the_summary_counts_controls_and_shared_retrainings_once(study, opened, qtbot):
    two_networks(study)
    _, page, _ = opened(study)
    small_form(page)
    page.form.controls["sobel"].setChecked(True)
    settle(page, qtbot)
    # Edges are the same for both networks and both attributions: 4 retrainings a mode beside 20.
    assert page.form.summary.text() == (
        "Scores: 8, controls: 8. Retrainings: 48, 0 in the study, 48 missing."
    )


def test_that_controls_are_drawn_in_their_networks_colour_and_shared_ones_once(study, opened):
    base, robust = two_networks(study)
    for spec in (base, robust):
        made_up.add_score(study, made_up.scored(spec, base), 0.06)
        add_controls(study, made_up.scored(spec, base), sobel=0.01, blurred=0.02, mask_only=0.03)
    _, page, _ = opened(study)
    names = [item.name for item in page.plot.data().series]
    assert names.count("Sobel edges") == names.count("Random pixels") == 1
    assert [names.count(name) for name in ("Blurred map", "Mask only")] == [1, 1]
    for network in page.form.networks:
        score = page._drawn[network.key]
        for control, style in (("blurred", "dash"), ("mask_only", "dot")):
            beside = page._drawn[f"{network.key}/{control}"]
            assert beside.series().style == style
            assert beside.colour == score.colour
            np.testing.assert_allclose(beside.y, [0.9, 0.5, 0.5, 0.1])
            assert network.title in page.plot.hover_text(beside, 1)


def test_that_a_highlighted_network_has_thick_controls_too(study, opened):
    base, robust = two_networks(study)
    for spec in (base, robust):
        add_controls(study, made_up.scored(spec, base), blurred=0.02)
    workspace, page, _ = opened(study)
    workspace.highlighted.emit(robust.key)
    widths = {key: drawn._line.opts["pen"].width() for key, drawn in page._drawn.items()}
    assert widths[f"{robust.key}/blurred"] > widths[f"{base.key}/blurred"]


def test_that_controls_of_the_shown_curves_have_columns_and_all_stand_in_the_tip(
    study, opened, qtbot
):
    base, _ = two_networks(study)
    spec = made_up.scored(base, base)
    numbers = {"score": 0.06, "baseline_accuracy": 0.9, "chance": 0.1, "blurriness": 0.42}
    curve = np.full((2, 2), 0.3)
    arrays = {"fractions": np.array([0.2, 0.8]), "accuracy": curve, "random_accuracy": curve}
    made_up.add(study, spec, numbers, arrays)
    add_controls(study, spec, sobel=-0.012, mask_only=0.5)
    _, page, _ = opened(study)
    headers = [page.table.horizontalHeaderItem(i).text() for i in range(8)]
    assert headers[5:] == ["Sobel edges", "Mask only", "Blurriness"]
    assert [cell(page, 0, column) for column in (5, 6, 7)] == ["−0.012 (2)", "50.0 %", "0.42"]
    assert [cell(page, 1, column) for column in (5, 6, 7)] == ["–", "–", "–"]
    tip = page.table.item(0, 1).toolTip()
    for words in ("Sobel edges: −0.012", "Mask only: 50.0 %", "Blurriness of the maps: 0.42"):
        assert words in tip
    page.table.setCurrentCell(0, 3)  # the column of KAR, of which no control is known
    qtbot.waitUntil(lambda: page.table.columnCount() == 6, timeout=2000)
    assert page.table.horizontalHeaderItem(5).text() == "Blurriness"


# -------------------------------------------------------------------------------------------- empty


def test_that_an_empty_workspace_says_what_to_do(opened, qtbot):
    workspace, _ = workspace_on(None)
    page = RetrainPage(workspace)
    qtbot.addWidget(page)
    assert page.stack.currentIndex() == 0
    assert page.findChild(QLabel) is not None
    with qtbot.waitSignal(page.go_to, timeout=1000) as led:
        page.empty.lead.click()
    assert led.args == [DATA]


def test_that_images_without_a_network_lead_to_training(study, opened, qtbot):
    workspace, _ = workspace_on(study)
    page = RetrainPage(workspace)
    qtbot.addWidget(page)
    with qtbot.waitSignal(page.go_to, timeout=1000) as led:
        page.empty.lead.click()
    assert led.args == [TRAIN]
    stored(workspace, made_up.add_network(study, made_up.network()))
    assert page.stack.currentIndex() == 1


def test_that_keys_of_retrainings_are_made_once(study):
    base, robust = two_networks(study)
    spec = made_up.scored(robust, base)
    assert curves.retraining_keys(spec, "random") is curves.retraining_keys(spec, "random")


def test_that_the_button_stays_in_sight_in_a_low_window(study, opened):
    two_networks(study)
    _, page, _ = opened(study)
    page.resize(1180, 560)
    button = page.form.compute
    assert button.visibleRegion().boundingRect().height() == button.height()


def test_that_it_says_how_long_the_missing_retrainings_take(study, opened, qtbot, monkeypatch):
    two_networks(study)
    asked = []

    def prepare(specs, rates, size, done, failed):
        asked.append(list(specs()))
        done(([], Forecast(7800.0, {})))

    monkeypatch.setattr(Runner, "slots", Slots(torch.device("cpu"), 1, 1))
    monkeypatch.setattr(Runner, "prepare", lambda self, *given: prepare(*given))
    timed = []
    monkeypatch.setattr(Pace, "time", lambda self, *given: timed.append(given))
    _, page, _ = opened(study)
    qtbot.waitUntil(lambda: bool(asked), timeout=5000)
    assert asked[-1] == page.form.specs()
    assert page.form.summary.text().endswith("missing. About 2 h 10 min.")
    # Again with the speed of this machine: that of the study's records may be of another one.
    count, again = len(asked), timed[-1]
    assert again[0] == page.form.specs()[0].baseline
    again[1]()
    assert len(asked) == count + 1


def test_that_a_network_that_a_method_cannot_explain_is_named_and_not_left_out(
    qtbot, study, opened
):
    base, _ = two_networks(study)
    smooth = base.replace("network", base.network.replace("activation", "silu"))
    made_up.add_network(study, smooth)
    _, page, _ = opened(study)
    assert page.form.problem() == ""
    page.form.methods.boxes["guided_backpropagation"].setChecked(True)
    assert page.form.problem() == (
        f"{smooth.title} (activation silu): the method is Guided back-propagation, which "
        "needs a network with ReLU, and this one has silu; choose Gradient instead."
    )
    qtbot.waitUntil(lambda: not page.form.compute.isEnabled(), timeout=5000)
