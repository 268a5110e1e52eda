"""Going on from a network on the Train page, and what it says of time before anything starts."""

import pytest

from engine.plan.cost import work_of
from engine.specs import (
    PGD,
    Adversarial,
    Augmentation,
    Glyphs,
    Imported,
    PaperMnistCNN,
    SmallCNN,
)
from engine.specs.passes import TO_PIXELS
from engine.specs.proposals import strong_check
from engine.store.study import Result
from gui.pages.train.footer import TrainFooter
from gui.pages.train.start_picker import StartPicker
from gui.queue.continuing import ContinueDialog
from gui.session.pace import Pace
from tests.gui.pages.train import test_page
from tests.gui.pages.train.test_page import IMAGES, WAIT, curve, record, training

workspace, page = test_page.workspace, test_page.page
OTHERS = Glyphs(train=30, test=20)


def offered(picker):
    return [picker.itemText(place) for place in range(picker.count())]


def store(workspace, spec, seconds=1.0):
    entry = workspace.study.write(spec, Result({"loss": 1.0}, {}), seconds=seconds, provenance={})
    workspace.record_added.emit(entry or workspace.study.entry(spec.key))
    return spec


def imported(**changes):
    values = {"images": IMAGES, "network": SmallCNN(), "name": "own.pt", "digest": "0" * 64}
    return Imported(**{**values, **changes})


# -------------------------------------------------------------------------------- where it starts


def test_that_networks_of_the_same_images_are_offered(page, workspace):
    picker = page.form.start
    assert offered(picker) == ["From scratch"]
    assert not picker.isEnabled()
    store(workspace, training())
    store(workspace, imported())
    store(workspace, training(images=OTHERS))
    store(workspace, imported(network=PaperMnistCNN(), name="other.pt"))
    assert offered(picker) == [
        "From scratch",
        "other.pt (Paper's MNIST network)",
        "own.pt (Small CNN)",
        "Standard, seed 0 (Small CNN)",
        f"Standard, seed 0 (Small CNN) of {OTHERS.title}, with a new last layer",
    ]


def test_that_a_network_of_other_images_gets_a_new_last_layer(page, workspace):
    foreign = store(workspace, training(images=OTHERS))
    assert not page.form.frozen.isEnabled()
    page.form.start.choose(foreign)
    page.form.frozen.setChecked(True)
    found = {(s.start, s.start_head, s.frozen, s.images) for s in page.trainings()}
    assert found == {(foreign, "replaced", True, IMAGES)}
    page.form.start.choose(None)
    assert {(s.start_head, s.frozen) for s in page.trainings()} == {("same", False)}


def test_that_other_images_start_from_scratch_again(qtbot):
    picker = StartPicker()
    qtbot.addWidget(picker)
    picker.set_networks([training()], IMAGES)
    picker.choose(training())
    picker.set_networks([training()], OTHERS)
    assert picker.network() is None


def test_that_augmentation_average_and_smoothing_reach_every_training(page):
    form = page.form.learning.form
    form.edit_of("augmentation").show_value(Augmentation(padding=2))
    form.edit_of("averaging").show_value(0.9)
    form.edit_of("label_smoothing").show_value(0.1)
    found = {(s.augmentation, s.averaging, s.label_smoothing) for s in page.trainings()}
    assert found == {(Augmentation(padding=2), 0.9, 0.1)}


def test_that_a_chosen_network_brings_its_architecture(page, workspace):
    own = store(workspace, imported(network=SmallCNN(width=7)))
    page.form.start.choose(own)
    assert page.form.network.spec() == SmallCNN(width=7)
    assert {spec.start for spec in page.trainings()} == {own}


def test_that_every_training_of_the_sweep_begins_with_the_chosen_network(page, workspace):
    own = store(workspace, imported())
    page.form.start.choose(own)
    assert len(page.trainings()) == 4
    assert {spec.start for spec in page.trainings()} == {own}
    page.form.start.choose(None)
    assert {spec.start for spec in page.trainings()} == {None}


def test_that_another_architecture_starts_from_scratch_again(page, workspace, qtbot):
    own = store(workspace, imported())
    page.form.start.choose(own)
    with qtbot.waitSignal(page.form.changed):
        page.form.network.set_spec(SmallCNN(width=8))
    assert page.form.start.network() is None
    assert {spec.start for spec in page.trainings()} == {None}


def test_that_a_choice_outlives_another_record(qtbot):
    picker = StartPicker()
    qtbot.addWidget(picker)
    picker.set_networks([training()])
    picker.choose(training())
    picker.set_networks([training(), training(seed=1)])
    assert picker.network() == training()
    picker.set_networks([training(seed=1)])
    assert picker.network() is None


# ------------------------------------------------------------------------------------- more epochs


def dialog_of(page):
    return next(child for child in page.children() if isinstance(child, ContinueDialog))


def test_that_the_button_asks_which_network_and_how_long(page, workspace):
    assert not page.footer.go_on.isEnabled()
    record(workspace, training(eps=0.1))
    workspace.record_added.emit(workspace.study.entry(training(eps=0.1).key))
    page.footer.go_on.click()
    dialog = dialog_of(page)
    assert dialog.epochs.number() == 2
    dialog.epochs.setValue(4)
    assert "From 2 to 6 epochs" in dialog.note.text()
    dialog.accept()
    continued = training(eps=0.1).continued(4)
    assert workspace.fake.ran == [continued, strong_check(continued)]


def test_that_an_empty_study_has_nothing_to_go_on_with(workspace, qtbot):
    dialog = ContinueDialog(workspace)
    qtbot.addWidget(dialog)
    assert not dialog.accept_button.isEnabled()
    assert dialog.specs() == []


def test_that_the_curves_go_on_where_the_first_ended(page, workspace, qtbot):
    first = training()
    more = first.continued(2)
    record(workspace, first)
    record(workspace, more)
    workspace.record_added.emit(workspace.study.entry(more.key))
    qtbot.waitUntil(lambda: len(page.runs) == 2 and page.runs.get(more.key).drawn, timeout=WAIT)
    assert list(curve(page.curves.loss, first.title).x) == [0.5, 1.0, 1.5, 2.0]
    assert list(curve(page.curves.loss, more.title).x) == [2.5, 3.0, 3.5, 4.0]
    assert list(curve(page.curves.accuracy, more.title).x) == [3.0, 4.0]


# ----------------------------------------------------------------------------------------- its time


@pytest.mark.parametrize(
    ("seconds", "together", "text"),
    [(40, 1, "about 40 s"), (7800, 2, "about 2 h 10 min, 2 at once")],
)
def test_that_the_footer_says_how_long_it_will_take(qtbot, seconds, together, text):
    footer = TrainFooter()
    qtbot.addWidget(footer)
    footer.show_time(seconds, together)
    assert footer.time.text() == text
    footer.show_time(seconds, together, "images of 3.0 GB in memory")
    assert footer.time.text() == f"{text}; images of 3.0 GB in memory"
    footer.show_time(None, 1)
    assert not footer.time.isVisibleTo(footer)


def test_that_the_time_follows_from_what_similar_trainings_took(page, workspace):
    standard = training()
    assert workspace.pace.seconds([standard]) is None
    store(workspace, standard, seconds=10.0)
    other, robust = training(seed=5), training(eps=0.1)
    assert workspace.pace.seconds([other]) == pytest.approx(10.0)
    ratio = work_of(robust).passes / work_of(standard).passes
    assert workspace.pace.seconds([robust, other]) == pytest.approx(10.0 * (1 + ratio))


def test_that_batches_timed_now_go_before_records_of_another_day(workspace):
    store(workspace, training(), seconds=10.0)
    pace = Pace(workspace)
    pace._since = "9999"
    assert pace.seconds([training(seed=1)]) == pytest.approx(10.0)
    pace._timed.learn(work_of(training()), 2e-3, passes=1.0)
    expected = 2e-3 * work_of(training()).passes
    assert pace.seconds([training(seed=1)]) == pytest.approx(expected)


def test_that_a_few_batches_are_timed_once(workspace, monkeypatch):
    asked = []

    def preview(channel, specs, done, failed, *, compute=None):
        asked.append(specs)
        done([1e-3])

    class OneSlot:
        threads, count = 1, 1

    monkeypatch.setattr(type(workspace.runner), "slots", OneSlot())
    monkeypatch.setattr(workspace.runner, "preview", preview)
    from tests.gui.pages.train.test_page import image_set

    workspace.choose_images(IMAGES, image_set())
    told = []
    for seed in range(3):
        workspace.pace.time(training(seed=seed), lambda: told.append(1))
    assert (len(asked), len(told)) == (1, 1)
    expected = 1e-3 * work_of(training()).passes
    assert workspace.pace.seconds([training()]) == pytest.approx(expected)


def test_that_strong_attacks_are_told_to_take_longer():
    weak = training(eps=0.1)
    strong = weak.replace("scheme", Adversarial(attack=PGD(steps=50)))
    more = work_of(strong).passes - work_of(weak).passes
    assert more == pytest.approx(weak.epochs * IMAGES.train * (50 - 10) * TO_PIXELS)
