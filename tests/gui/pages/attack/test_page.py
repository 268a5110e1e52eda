"""The Attack page."""

from functools import partial

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt

from engine.specs import PGD, AdversarialExamples, FolderImages, Glyphs, RobustAccuracy
from engine.store.study import Result
from engine.tradeoff.verdicts import CHECKS
from gui.look import keys
from gui.pages import DATA, TRAIN
from gui.pages.attack.form import threat_of
from gui.pages.attack.page import AttackPage
from gui.session.guests import Guest
from gui.session.workspace import Workspace
from gui.widgets.images.large_view import LargeView
from tests.gui.synthetic_networks import (
    GLYPHS,
    accuracy_result,
    add_network,
    add_record,
    image_set,
    networks,
    open_workspace,
)

KEYS = [spec.key for spec in networks(3)]


@pytest.fixture
def opened(qtbot, tmp_path):
    workspace, answers = open_workspace(tmp_path)
    page = AttackPage(workspace)
    qtbot.addWidget(page)
    page.resize(1200, 760)
    page.show()
    yield page, workspace, answers
    workspace.runner.shutdown()


def test_that_without_a_network_it_leads_to_training(qtbot, tmp_path):
    workspace, _ = open_workspace(tmp_path, count=0)
    page = AttackPage(workspace)
    qtbot.addWidget(page)
    page.show()
    assert page.needs.lead.isVisible()
    assert page.needs.other.text() == "Open a network…"
    assert page.needs.other.isVisible()
    with qtbot.waitSignal(page.go_to, timeout=1000) as said:
        qtbot.mouseClick(page.needs.lead, Qt.MouseButton.LeftButton)
    assert said.args == [TRAIN]
    add_network(workspace, networks(1)[0])
    assert page.needs.met
    workspace.runner.shutdown()


def test_that_without_images_it_leads_to_the_data(qtbot):
    workspace = Workspace()
    page = AttackPage(workspace)
    qtbot.addWidget(page)
    with qtbot.waitSignal(page.go_to, timeout=1000) as said:
        page.needs.lead.click()
    assert said.args == [DATA]
    workspace.runner.shutdown()


def test_that_every_chosen_network_is_attacked_at_once(opened):
    page, _, answers = opened
    asked = answers.asked[-2:]
    assert [spec.classifier.key for spec in asked] == [KEYS[0], KEYS[2]]
    assert all(isinstance(spec, AdversarialExamples) for spec in asked)
    assert [column.key for column in page._shown()] == [KEYS[0], KEYS[2]]
    page.grab()


def test_that_moving_eps_asks_for_a_new_picture(opened):
    page, _, answers = opened
    before = page.columns[0].adversarial.image
    page.form.eps.slider.setValue(30)
    assert answers.asked[-1].attack.eps == page.form.eps.value
    assert page.columns[0].adversarial.image != before


def test_that_the_old_picture_stays_until_the_new_one_is_there(opened):
    page, _, answers = opened
    answers.at_once = False
    before = page.columns[0].adversarial.image
    page.form.eps.slider.setValue(30)
    assert page.columns[0].adversarial.image == before
    answers.open[-2]()
    assert page.columns[0].adversarial.image != before


def test_that_a_picture_that_is_late_is_dimmed(qtbot, opened):
    page, _, answers = opened
    answers.at_once = False
    page.form.eps.slider.setValue(30)
    qtbot.waitUntil(lambda: page.columns[0].adversarial.dimmed, timeout=2000)
    for answer in answers.open[-2:]:
        answer()
    assert not page.columns[0].adversarial.dimmed


def test_that_while_one_is_computed_only_the_newest_wish_is_kept(opened):
    page, _, answers = opened
    answers.at_once = False
    count = len(answers.asked)
    for position in range(60, 90):
        page.form.eps.slider.setValue(position)
    first, asked = answers.open[:], len(answers.asked) - count
    for answer in first:
        answer()
    assert asked < 30 * 2
    assert answers.asked[-1].attack.eps == page.form.eps.value


def test_that_a_hidden_page_asks_for_nothing_until_it_is_shown(opened):
    page, _, answers = opened
    page.hide()
    count = len(answers.asked)
    page.form.eps.slider.setValue(30)
    assert len(answers.asked) == count
    page.show()
    assert answers.asked[-1].attack.eps == page.form.eps.value


def test_that_another_image_is_attacked_when_it_is_chosen(opened):
    page, _, answers = opened
    page.strip.choose([7])
    assert answers.asked[-1].indices == (7,)
    assert page.columns[0].index == 7


def test_that_unlabelled_images_are_shown_to_networks_of_other_images(opened):
    _, workspace, answers = opened
    dropped = Glyphs(train=123)
    workspace.choose_images(dropped, image_set())
    assert answers.asked[-1].images == dropped
    assert answers.asked[-1].classifier.images == GLYPHS


def test_that_classes_are_called_as_in_the_images_of_the_network(opened):
    page, workspace, _ = opened
    names = [f"digit {label}" for label in range(10)]
    workspace.study.write(
        GLYPHS, Result({"classes": 10}, documents={"classes": names}), seconds=0, provenance={}
    )
    workspace.choose_images(Glyphs(train=123), image_set())
    assert page.columns[0].verdict_text.startswith("digit 0 → digit 1")
    assert page.form.target.itemText(1) == "digit 0"


def test_that_a_failure_is_said_in_the_columns(opened):
    page, _, answers = opened
    answers.failure = "images are 3 x 32 x 32"
    page.form.eps.slider.setValue(30)
    assert page._shown() == []
    assert page.columns[0].adversarial.toolTip() == "images are 3 x 32 x 32"


def test_that_an_answer_for_a_network_that_was_taken_away_is_dropped(opened):
    page, _, answers = opened
    answers.at_once = False
    page.form.eps.slider.setValue(30)
    late = answers.open[-1]
    page.picker.list.item(2).setCheckState(Qt.CheckState.Unchecked)
    late()
    assert [column.key for column in page.columns[: len(page.picker.networks)]] == [KEYS[0]]


def test_that_a_clicked_network_is_chosen(opened):
    page, workspace, _ = opened
    workspace.selected.emit(KEYS[1])
    assert [column.key for column in page._shown()] == KEYS


def test_that_pointing_highlights_the_network_everywhere(qtbot, opened):
    page, workspace, _ = opened
    with qtbot.waitSignal(workspace.highlighted, timeout=1000) as said:
        page.columns[1].adversarial.pointed.emit(True)
    assert said.args == [KEYS[2]]


def test_that_the_loss_of_every_step_is_drawn(qtbot, opened):
    page, *_ = opened
    page.form.steps.setValue(20)
    qtbot.waitUntil(lambda: not page._trace_timer.isActive(), timeout=2000)
    assert [len(series.x) for series in page.trace.data().series] == [20, 20]
    assert page.trace.data().series[0].x[0] == 1


def test_that_an_attack_is_kept_as_records(opened):
    page, _, answers = opened
    page.keep.click()
    assert [spec.classifier.key for spec in answers.ran] == [KEYS[0], KEYS[2]]
    assert answers.ran[0].attack == page.form.spec()


def test_that_a_wrong_attack_is_said_and_cannot_be_kept(opened):
    page, _, answers = opened
    count = len(answers.asked)
    page.form.follows.setChecked(False)
    page.form.step_size.set_text("none")
    assert page.fault.isVisible()
    assert not page.keep.isEnabled()
    assert len(answers.asked) <= count + 2


def test_that_the_png_holds_the_rounded_image_and_both_verdicts_are_said(qtbot, opened, tmp_path):
    page, workspace, _ = opened
    path = tmp_path / "adversarial.png"
    with qtbot.waitSignal(workspace.message, timeout=1000) as said:
        page.save_png(page.columns[0], path)
    stored = np.asarray(Image.open(path))
    wanted = np.rint(255 * page.columns[0].result.arrays["adv_images"][0, 0])
    assert stored.shape == (28, 28)
    assert np.array_equal(stored, wanted)
    text, error = said.args
    assert not error
    assert "0 → 1" in text
    assert "still 0" in text


def test_that_a_png_that_cannot_be_written_is_said(qtbot, opened, tmp_path):
    page, workspace, _ = opened
    with qtbot.waitSignal(workspace.message, timeout=1000) as said:
        page.save_png(page.columns[0], tmp_path / "no such folder" / "a.png")
    assert said.args[1]


def test_that_no_png_is_written_into_a_study_or_over_another_kind(qtbot, opened, tmp_path):
    page, workspace, _ = opened
    (tmp_path / "notes.png").write_text("my notes")
    for path in (workspace.study.path / "records" / "a.png", tmp_path / "notes.png"):
        with qtbot.waitSignal(workspace.message, timeout=1000) as said:
            page.save_png(page.columns[0], path)
        assert said.args[1]
    assert not (workspace.study.path / "records" / "a.png").exists()
    assert (tmp_path / "notes.png").read_text() == "my notes"


def test_that_the_figure_has_a_column_a_network(opened):
    page, *_ = opened
    figure = page.figure()
    assert figure.columns == 3
    assert figure.column_titles[0] == "original"
    assert figure.images[1][0] is None


def test_that_accuracy_is_measured_for_the_chosen_networks(opened):
    page, _, answers = opened
    page.form.set_spec(PGD())
    page.tabs.setCurrentWidget(page.curves)
    page.curves.images.setValue(200)
    page.curves.measure.click()
    assert [spec.classifier.key for spec in answers.ran] == [KEYS[0], KEYS[2]]
    metric = answers.ran[0].metric
    assert isinstance(metric, RobustAccuracy)
    assert metric.eps[0] == 0
    assert metric.eps[-1] == pytest.approx(16 / 255, rel=1e-5)
    assert answers.ran[0].test_images == 200


def test_that_the_radii_reach_beyond_those_of_the_training(opened):
    page, _, _ = opened
    curves = page.curves
    page.picker.choose_all()  # the networks of the linf sweep were trained at up to 4/255
    page.form.eps.set_norm("linf", 0.1)
    page.form.changed.emit()
    assert curves.top.value() == 6 / 255
    page.form.eps.set_norm("l2", 0.5)
    page.form.changed.emit()
    assert curves.top.value() == 1.5
    curves.top.line.setText("0.7")
    curves.top.line.textEdited.emit("0.7")
    curves._follow_networks()
    assert curves.top.value() == 0.7
    page.form.eps.set_norm("linf", 0.1)
    page.form.changed.emit()
    curves.top.set_text("8")
    assert curves.specs() == []
    page.tabs.setCurrentWidget(curves)
    assert "up to eps is 8, must be at most 1" in curves.note.text()


def test_that_curves_are_drawn_as_their_records_come_in(opened):
    page, workspace, _ = opened
    page.form.set_spec(PGD())
    page.tabs.setCurrentWidget(page.curves)
    specs = page.curves.specs()
    for count, spec in enumerate(specs, start=1):
        add_record(workspace, spec, accuracy_result(spec))
        assert len(page.curves.plot.data().series) == count
    series = page.curves.plot.data().series[0]
    assert series.x[-1] == pytest.approx(16, rel=1e-4)
    assert series.y[0] == pytest.approx(98)
    assert (series.high >= series.y).all()
    assert "95 % intervals" in page.curves.note.text()


def test_that_curves_of_different_attacks_never_stand_in_one_plot(opened):
    page, workspace, _ = opened
    page.tabs.setCurrentWidget(page.curves)
    first, _ = page.curves.specs()
    add_record(workspace, first, accuracy_result(first))
    page.form.steps.setValue(40)
    _, second = page.curves.specs()
    add_record(workspace, second, accuracy_result(second))
    assert [series.name for series in page.curves.plot.data().series] == ["L2 1 PGD-10, seed 0"]


NUMBERS = {
    "zero_gradient_share": 0.0,
    "attack_accuracy": 0.1,
    "one_step_accuracy": 0.3,
    "restart_accuracy": 0.09,
    "large_eps_accuracy": 0.0,
    "random_accuracy": 0.9,
    "outputs_are_probabilities": 0,
    "passes_differ": 0.0,
    "test_images": 200,
}


def test_that_the_attack_of_the_form_is_checked_for_the_chosen_networks(opened):
    page, _, answers = opened
    page.tabs.setCurrentWidget(page.curves)
    page.form.target.setCurrentIndex(2)
    page.curves.card.check.click()
    assert [spec.classifier.key for spec in answers.ran] == [n.key for n in page.picker.networks]
    (attack,) = {spec.metric.attack for spec in answers.ran}
    assert attack.target is None
    assert attack.eps == page.form.eps.value


def test_that_the_report_card_names_what_speaks_against_the_attack(opened):
    page, workspace, _ = opened
    page.tabs.setCurrentWidget(page.curves)
    card = page.curves.card
    assert card.table.isHidden()
    assert "upper bound" in card.note.text()
    attack = page.form.untargeted_at(page.form.eps.value)
    first, second = card.specs(attack, page.picker.networks)[:2]
    add_record(workspace, first, Result(NUMBERS))
    assert "nothing speaks against it" in card.note.text()
    assert card.table.rowCount() == 1
    column = 1 + list(CHECKS).index("1 step → all")
    assert card.table.item(0, column).text() == "✓ 30.0 → 10.0 %"
    assert "Many steps" in card.table.item(0, column).toolTip()
    unmeasured = card.table.item(0, 1 + list(CHECKS).index("margin loss"))
    assert unmeasured.text() == "–"
    assert "earlier version" in unmeasured.toolTip()
    add_record(workspace, second, Result({**NUMBERS, "zero_gradient_share": 0.4}))
    assert card.table.rowCount() == 2
    assert card.table.item(1, 1).text() == "⚠ 40.0 %"
    assert "look at zero gradients." in card.note.text()


def test_that_the_card_shows_one_attack_and_not_two_mixed(opened):
    page, workspace, _ = opened
    page.tabs.setCurrentWidget(page.curves)
    card = page.curves.card
    first = page.form.untargeted_at(0.01)
    second = page.form.untargeted_at(0.02)
    add_record(workspace, card.specs(first, page.picker.networks)[0], Result(NUMBERS))
    add_record(workspace, card.specs(second, page.picker.networks)[1], Result(NUMBERS))
    assert card.table.rowCount() == 1
    assert second.title in card.note.text()


def test_that_without_a_size_there_is_no_attack_to_check(opened):
    page, *_ = opened
    page.tabs.setCurrentWidget(page.curves)
    page.form.eps.set_value(0.0)
    page.curves.refresh()
    assert not page.curves.card.check.isEnabled()


def test_that_a_double_click_fills_the_window_and_escape_ends_it(qtbot, opened):
    page, _, _ = opened
    view = page.columns[0].adversarial
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton)
    (large,) = page.window().findChildren(LargeView)
    assert large.size() == page.window().size()
    assert large.view.image == view.image
    page.form.eps.slider.setValue(150)
    assert large.view.image == view.image
    with qtbot.waitSignal(large.closed, timeout=1000):
        qtbot.keyClick(large.view, Qt.Key.Key_Escape)


def test_that_an_added_image_is_attacked_and_the_studys_stay_in_the_list(opened):
    page, workspace, answers = opened
    before = len(page.images.shown)
    spec = FolderImages(name="photo", digest="d" * 64, image_size=28, channels="grey")
    workspace.guests._add(Guest(spec, image_set(test=1), "Stretched."))
    assert page.strip.chosen == (before,)
    assert len(page.images.shown) == before + 1
    assert {(asked.images, asked.indices) for asked in answers.asked[-2:]} == {(spec, (0,))}
    assert page.images.origin.text() == "Stretched."
    assert page.figure().caption.endswith("photo.")
    page.strip.choose([0])
    assert page.images.origin.isHidden()
    assert answers.asked[-1].images is None


def test_that_radius_and_step_follow_the_chosen_networks_until_the_user_moves_them(opened):
    page, _, _ = opened
    assert (page.form.eps.norm, page.form.eps.value) == ("l2", 1.0)
    assert page.form.spec().step_size == pytest.approx(0.25)
    page.picker.choose_only(KEYS[1])
    assert (page.form.eps.norm, page.form.eps.value) == ("linf", 4 / 255)
    assert page.form.spec().step_size == pytest.approx(1 / 255, rel=1e-4)
    page.form.eps.field.setValue(12)
    page.picker.choose_only(KEYS[2])
    assert (page.form.eps.norm, page.form.eps.value) == ("linf", 12 / 255)


def test_that_without_trained_radii_the_evaluations_count():
    standard = networks(1)[0]
    wide = standard.replace("evaluation", PGD(eps=16 / 255))
    assert threat_of([standard, wide]).eps == 16 / 255
    assert threat_of([]) is None
    assert threat_of([wide, networks(2)[1]]).eps == 4 / 255


@pytest.mark.parametrize("tab", ["curves", "metrics", "by_class", None])
def test_that_the_key_presses_the_main_button_of_the_tab_in_front(opened, qtbot, tab):
    page, _, _ = opened
    buttons = {name: getattr(page, name).measure for name in ("curves", "metrics", "by_class")}
    buttons[None] = page.keep
    pressed = []
    for name, button in buttons.items():
        button.setEnabled(True)
        button.clicked.disconnect()
        button.clicked.connect(partial(pressed.append, name))
    if tab is not None:
        page.tabs.setCurrentWidget(getattr(page, tab))
    page.activateWindow()
    page.tabs.tabBar().setFocus()
    qtbot.waitUntil(page.tabs.tabBar().hasFocus)
    buttons[tab].setEnabled(True)
    qtbot.keyClick(page.tabs.tabBar(), Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert pressed == [tab]
    assert buttons[tab].toolTip().endswith(f"({keys.native('press')})")
