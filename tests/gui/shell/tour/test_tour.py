"""The guided tour: where it leads, what it says, and how it ends."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QApplication, QWidget

from engine.specs import (
    PGD,
    AdversarialExamples,
    Alignment,
    Boundary,
    Gradient,
    Interpretability,
    Measurement,
)
from engine.store.study import Result, Study
from gui.look import settings, theme
from gui.pages import BOUNDARY, WELCOME
from gui.shell.main_window import MainWindow
from gui.shell.tour.card import TourCard, beside
from gui.shell.tour.facts import Facts, facts_of
from gui.shell.tour.steps import steps
from tests import made_up_study as made_up
from tests.gui.fakes import WAIT_MS
from tests.gui.synthetic_networks import GLYPHS, networks


def add(study, spec, **numbers):
    study.write(spec, Result(numbers), seconds=1.0, provenance={})


def fill(study):
    """Store a standard and a robust network with numbers that are easily told apart."""
    plain, robust = networks(2)
    counts = {"train_images": 111, "test_images": 22, "classes": 10}
    add(study, GLYPHS, **counts)
    for spec, clean, attacked, fooled, coarse, score in (
        (plain, 0.981, 0.021, 0.875, 0.21, 0.0123),
        (robust, 0.942, 0.733, 0.125, 0.64, 0.2345),
    ):
        add(study, spec, clean_accuracy=clean, robust_accuracy=attacked)
        add(study, AdversarialExamples(classifier=spec), success_rate=fooled)
        aligned = Measurement(classifier=spec, metric=Alignment())
        add(study, aligned, cosine=coarse, cosine_std=0.1, test_images=400)
        method = Gradient()
        add(
            study,
            Interpretability(classifier=spec, attribution=method, baseline=plain),
            score=score,
        )
    return study


@pytest.fixture
def study(tmp_path):
    return fill(Study(tmp_path / "told.isthmus", create=True))


@pytest.fixture
def window(qtbot, monkeypatch):
    found = MainWindow()
    qtbot.addWidget(found)
    # The networks of these studies have no weights that a page could attack.
    monkeypatch.setattr(found.workspace.runner, "preview", lambda *_: None)
    found.workspace.runner.loaded = True
    found.resize(1100, 720)
    found.show()
    qtbot.waitExposed(found)
    yield found
    found.tour.stop()
    found.workspace.runner.cancel()
    found._closing = True


@pytest.fixture
def touring(qtbot, window, study):
    assert window.workspace.open_study(study.path)
    tour = window.tour
    tour.start()
    qtbot.waitUntil(lambda: "111" in tour.card.text.text(), timeout=WAIT_MS)
    return tour


# ------------------------------------------------------------------------------------------- words


def test_that_the_numbers_are_those_of_the_records(study):
    told = [step.text(facts_of(study)) for step in steps()]
    for number, wanted in (
        (0, ("Glyphs", "111", "22", "10")),
        (1, ("98.1 %", "2.1 %", "94.2 %", "73.3 %")),
        (1, ("at L-inf 8/255", "95 %")),
        (2, ("7 of 8", "1 of 8", "(95 %: 53 to 98 %)")),
        (3, ("0.21 (0.20 to 0.22)", "0.64 (0.63 to 0.65)")),
        (6, ("+0.012", "+0.234")),
        (7, ("98.1", "94.2")),
    ):
        for text in wanted:
            assert text in told[number], f"step {number + 1} lacks {text}: {told[number]}"


def test_that_a_correlation_is_told_with_its_interval(tmp_path):
    facts = facts_of(made_up.sweep(tmp_path, eps=(0.02, 0.04), norms=("linf", "l2")))
    (r, n), (low, high) = facts.fit, facts.limits
    assert n == 5
    assert low < r < high
    text = steps()[7].text(facts)
    assert f"by {r:+.2f} (95 %: {low:+.2f} to {high:+.2f})." in text


def test_that_a_single_retraining_is_told_beside_its_score(study):
    plain, _ = networks(2)
    alone = Interpretability(classifier=plain, attribution=Gradient(), baseline=plain, repeats=1)
    assert "3 retrainings" in steps()[6].text(facts_of(study))
    study.forget([entry.key for entry in study.entries if entry.kind == alone.kind])
    add(study, alone, score=0.05)
    assert "ROAR +0.050, 1 retraining, spread unknown" in steps()[6].text(facts_of(study))


def test_that_the_tilt_is_told_where_it_was_measured(study):
    from engine.boundary.lab import Lab

    for network, angle in zip(Lab().networks(), (70.5, 30.0, 12.25), strict=True):
        add(study, network, clean_accuracy=1.0, robust_accuracy=1.0)
        add(study, Boundary(classifier=network), angle_degrees=angle)
    text = steps()[4].text(facts_of(study))
    assert "70.5°" in text
    assert "12.2°" in text


def test_that_a_study_without_anything_is_told_what_is_missing():
    told = [step.text(Facts()) for step in steps()]
    assert len(told) == 8
    assert all(told)
    assert "no images yet" in told[0]
    assert not any("Here:" in text for text in told)


def test_that_networks_of_other_images_are_not_compared(tmp_path):
    from engine.specs import Glyphs

    found = Study(tmp_path / "two.isthmus", create=True)
    plain, robust = networks(2)
    add(found, plain, clean_accuracy=0.9, robust_accuracy=0.1)
    other = robust.replace("images", Glyphs(train=500))
    add(found, other, clean_accuracy=0.8, robust_accuracy=0.5)
    assert facts_of(found).robust is None


def test_that_every_step_points_at_a_part_that_its_page_has(qtbot, window, study):
    assert window.workspace.open_study(study.path)
    for step in steps():
        window.pages.show_place(step.page)
        page = window.pages.page()
        assert page.place == step.page
        for path in step.part.split():
            part = page
            for name in path.split("."):
                part = getattr(part, name)
            assert part


def test_that_the_card_leaves_every_chart_that_it_speaks_of(qtbot):
    (step,) = [step for step in steps() if step.page is BOUNDARY]
    assert "the chart below" in step.text(Facts(tilt=(40.0, 2.0)))
    page = QWidget()
    page.panels, page.tilts = [QWidget(page), QWidget(page)], QWidget(page)
    qtbot.addWidget(page)
    page.show()
    assert step.anchors(page) == [*page.panels, page.tilts]


def test_that_an_image_is_shown_that_falls_at_one_network_and_holds_at_the_other(study):
    plain, robust = networks(2)
    study.forget([e.key for e in study.entries if e.kind == AdversarialExamples.kind])
    attack = PGD(eps=0.1)
    for spec, answers in ((plain, (0, 0, 1, 1)), (robust, (0, 1, 1, 0))):
        logits = {"clean_logits": np.eye(2)[[0] * 4], "adv_logits": np.eye(2)[list(answers)]}
        examples = AdversarialExamples(classifier=spec, attack=attack, indices=(4, 5, 6, 7))
        result = Result({"success_rate": 0.5}, logits)
        study.write(examples, result, seconds=1.0, provenance={})
    found = facts_of(study)
    assert (found.example.index, found.example.attack) == (7, attack)
    assert found.example.falls
    assert found.example.holds
    assert "keeps its own" in steps()[2].text(found)


# -------------------------------------------------------------------------------------------- card


def test_that_it_leads_through_the_pages_and_back(touring, window):
    seen = []
    wanted = [step for step in steps() if step.there(facts_of(window.workspace.study))]
    for _ in wanted:
        seen.append((window.pages.page().place, touring.card.count.text()))
        touring.card.next.click()
    assert [place for place, _ in seen] == [step.page for step in wanted]
    assert seen[2][1] == "Step 3 of 6"  # no steps over the pages Boundary and Manifold
    assert not touring.running


def test_that_back_goes_back_and_ends_at_the_first(touring):
    assert not touring.card.back.isEnabled()
    touring.card.next.click()
    touring.card.back.click()
    assert touring.card.count.text() == "Step 1 of 6"


def test_that_arrow_keys_step_on_the_card_and_on_its_buttons(qtbot, touring):
    qtbot.keyClick(touring.card, Qt.Key.Key_Right)
    qtbot.keyClick(touring.card.next, Qt.Key.Key_Right)
    assert touring.number == 2
    qtbot.keyClick(touring.card.back, Qt.Key.Key_Left)
    assert touring.number == 1


def test_that_enter_and_space_lead_on_and_press_a_button_that_has_the_focus(qtbot, touring):
    for number, key in enumerate((Qt.Key.Key_Return, Qt.Key.Key_Space, Qt.Key.Key_Down), start=1):
        qtbot.keyClick(touring.card, key)
        assert touring.number == number
    qtbot.keyClick(touring.card.back, Qt.Key.Key_Return)
    assert touring.number == 2


def test_that_escape_ends_it_and_is_given_back(qtbot, touring, window):
    dismiss = window.menus.actions["dismiss"]
    assert not dismiss.isEnabled()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=WAIT_MS)
    qtbot.keyClick(window.pages.page(), Qt.Key.Key_Escape)
    assert not touring.running
    assert dismiss.isEnabled()
    window.workspace.message.emit("one", True)
    dismiss.trigger()
    assert window.messages.errors == []


def test_that_starting_it_twice_makes_one_card(touring, window):
    touring.go(3)
    touring.start()
    assert touring.number == 0
    assert len(window.findChildren(TourCard)) == 1


def test_that_a_step_brings_its_tab_to_the_front(touring, window):
    touring.go(2)
    page = window.pages.page()
    page.tabs.setCurrentWidget(page.curves)
    touring.go(3)
    touring.go(2)
    assert page.tabs.currentIndex() == 0
    assert touring._steps[2].anchor(page) is page.one


def test_that_the_frame_leaves_when_the_user_looks_elsewhere(touring, window):
    touring._place()
    assert not touring.outline.place.isEmpty()
    window.pages.show_place(WELCOME)
    touring._place()
    assert touring.outline.place.isEmpty()
    touring.card.next.click()
    assert window.pages.page().title == "Attack"


def test_that_the_card_stays_inside_a_window_that_shrinks(touring, window):
    window.resize(900, 600)
    touring._place()
    assert window.rect().contains(touring.card.geometry())
    assert touring.outline.size() == window.size()


def test_that_it_survives_other_colours(touring):
    for mode in ("dark", "light"):
        theme.apply(QApplication.instance(), mode)
        touring.outline.grab()
    assert touring.running


def test_that_another_study_is_told_once_it_is_open(qtbot, touring, window, tmp_path):
    other = Study(tmp_path / "other.isthmus", create=True)
    add(other, GLYPHS, train_images=777, test_images=22, classes=10)
    assert window.workspace.open_study(other.path)
    qtbot.waitUntil(lambda: "777" in touring.card.text.text(), timeout=WAIT_MS)


def test_that_the_demo_is_opened_where_no_study_is(window, monkeypatch):
    asked = []
    monkeypatch.setattr(window.pages.page(), "open_demo", lambda: asked.append(True))
    window.tour.start()
    assert asked == [True]
    assert "Opening" in window.tour.card.text.text()


# ------------------------------------------------------------------------------------------- offer


def test_that_it_is_offered_in_the_first_session_only(qtbot):
    first = MainWindow()
    qtbot.addWidget(first)
    assert not first.pages.page().offer.isHidden()
    second = MainWindow()
    qtbot.addWidget(second)
    assert second.pages.page().offer.isHidden()
    assert not second.pages.page().tour.isHidden()


def test_that_the_offer_is_taken_or_declined(window, monkeypatch):
    page, started = window.pages.page(), []
    monkeypatch.setattr(page, "open_demo", lambda: started.append(True))
    page.offer.decline.click()
    assert page.offer.isHidden()
    assert not started
    page.tour.click()
    assert started == [True]
    assert window.tour.running
    assert settings.flag("tour_offered", False)


# ------------------------------------------------------------------------------------------- place


def test_that_the_card_goes_where_there_is_room():
    window, card = QRect(0, 0, 1000, 800), QSize(300, 200)
    assert beside(QRect(100, 100, 200, 100), card, window).x() > 300
    assert beside(QRect(500, 100, 480, 100), card, window).x() < 500
    below = beside(QRect(20, 100, 960, 100), card, window)
    assert below.y() > 200
    above = beside(QRect(20, 500, 960, 280), card, window)
    assert above.y() + card.height() < 500


def test_that_without_room_the_card_covers_as_little_as_can_be():
    window, card = QRect(0, 0, 1000, 800), QSize(300, 200)
    for place in (QRect(10, 10, 980, 780), QRect()):
        where = beside(place, card, window)
        assert window.contains(QRect(where, card))
        assert where.x() > 500
    assert beside(QRect(), card, window) == QPoint(687, 587)
    place = QRect(250, 0, 500, 800)  # neither side has room for all of it
    assert QRect(beside(place, card, window), card).intersected(place).width() <= 63


def test_that_the_card_is_no_higher_than_its_step(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(1000, 700)
    card = TourCard(window)
    card.show_step(1, 3, "Short", "A few words.")
    height = card.height()
    card.show_step(2, 3, "Long", "Many words. " * 40)
    assert card.height() > height
    card.show_step(3, 3, "Short", "A few words.")
    assert card.height() == height
