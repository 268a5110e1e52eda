"""The Train page turns its form into trainings, and draws recorded events and stored networks."""

import dataclasses

import numpy as np
import pytest
from PySide6.QtCore import QPointF, Qt

from engine.attribution import pictures
from engine.data.image_set import ImageSet
from engine.jobs.events import RESUMED, Ended, Notice, ProbeMaps, Queued, Scalars, Started
from engine.specs import (
    FGSM,
    PGD,
    Adversarial,
    DeepLift,
    FolderImages,
    Gaussians2D,
    Glyphs,
    Gradient,
    PaperCifarCNN,
    PaperMLP,
    PaperMnistCNN,
    SchemeSpec,
    SmallCNN,
    Standard,
    Timm,
    Torchvision,
    Training,
)
from engine.specs.attacks import scaled_step
from engine.specs.proposals import PAPER_STEPS, proposals_for, strong_check
from engine.specs.schema import KINDS, fields_of, kinds_of, param
from engine.store.study import Result, Study
from gui.pages import DATA
from gui.pages.common.growing_curve import GrowingCurve
from gui.pages.train.form import TrainForm
from gui.pages.train.live_maps import _note
from gui.pages.train.page import TrainPage
from gui.pages.train.runs import Runs, TrainingRun, smoothed
from gui.session.workspace import Workspace
from tests.gui.pointer import move_to

IMAGES = Glyphs(train=20, test=20)
SIDE = 28
PROBES = 3
WAIT = 5000


class Control:
    def check(self):
        """Never stale."""


class FakeRunner:
    """Keeps what is run, reads at once or when told."""

    def __init__(self, workspace):
        self.ran = []
        self.reads = 0
        workspace.runner.run = self.run
        workspace.runner.ask = self.ask
        workspace.runner.forget = self.forget
        self.held = None

    def run(self, specs):
        self.ran += list(specs)
        return list(specs)

    def ask(self, channel, work, done, failed):
        if channel != "train-history":  # asked by the workspace, not by the page
            return
        self.reads += 1
        if self.held is None:
            done(work(Control()))
        else:
            self.held[channel] = lambda: done(work(Control()))

    def forget(self, channel):
        if self.held:
            self.held.pop(channel, None)


def image_set(channels=1, side=SIDE, classes=("0", "1"), train=20):
    def part(count):
        pixels = np.zeros((count, channels, side, side), np.uint8)
        return pixels, np.arange(count) % max(1, len(classes))

    images, labels = part(train)
    test, test_labels = part(20)
    return ImageSet(
        train_images=images,
        train_labels=labels,
        test_images=test,
        test_labels=test_labels,
        classes=tuple(classes),
    )


@pytest.fixture
def workspace(tmp_path):
    found = Workspace()
    found.fake = FakeRunner(found)
    found.study = Study(tmp_path / "a.isthmus", create=True)
    return found


@pytest.fixture
def page(workspace, qtbot):
    found = TrainPage(workspace)
    qtbot.addWidget(found)
    found.resize(1280, 800)
    found.show()
    qtbot.waitExposed(found)
    workspace.choose_images(IMAGES, image_set())
    return found


def training(eps=0.0, seed=0, images=IMAGES):
    scheme = Adversarial(attack=PGD(eps=eps)) if eps else Standard()
    return Training(images=images, network=SmallCNN(), scheme=scheme, seed=seed, epochs=2)


def probe_images():
    return np.arange(PROBES * SIDE * SIDE, dtype=np.int64).reshape(PROBES, 1, SIDE, SIDE) % 251


def probe_maps(spec, step, size=1.0):
    images = probe_images().astype(np.uint8)
    attributions = (size * (images / 125.0 - 1)).astype(np.float32)
    return ProbeMaps(spec.key, step, images, attributions)


def start(workspace, *specs):
    for spec in specs:
        workspace.engine_event.emit(Queued(spec.key, "training", spec.title))
        workspace.engine_event.emit(Started(spec.key, "training", spec.title))


def record(workspace, spec, epochs=2):
    """Store a network with one loss per half epoch."""
    arrays = {
        "curve/step": np.arange(1, 2 * epochs + 1) / 2,
        "curve/loss": 1.0 / np.arange(1, 2 * epochs + 1),
        "epochs/step": np.arange(1.0, epochs + 1),
        "epochs/clean_accuracy": np.linspace(0.8, 0.9, epochs),
        "epochs/robust_accuracy": np.linspace(0.3, 0.4, epochs),
        "probes/images": probe_images().astype(np.uint8),
        "probes/labels": np.arange(PROBES),
        "probes/steps": np.arange(epochs + 1.0),
        "probes/attributions": np.stack(
            [probe_maps(spec, step, step + 1).attributions for step in range(epochs + 1)]
        ),
        "weights/large": np.zeros(10),
    }
    workspace.study.write(spec, Result({"loss": 0.5}, arrays), seconds=1.0, provenance={})


def curve(plot, name):
    return next(s for s in plot.data().series if s.name == name)


def names(plot):
    return [series.name for series in plot.data().series if series.name]


# --------------------------------------------------------------------------------------- the form


def test_that_the_proposal_for_glyphs_is_one_standard_and_three_adversarial_networks(page):
    specs = page.trainings()
    assert [spec.scheme.kind for spec in specs] == ["standard"] + 3 * ["adversarial"]
    assert [spec.scheme.threat.eps for spec in specs[1:]] == [0.05, 0.1, 0.2]
    assert all(spec.scheme.threat.norm == "linf" for spec in specs[1:])
    assert {spec.network for spec in specs} == {SmallCNN()}
    assert "1 without attack + 3 adversarial = 4 trainings" in page.footer.counts.text()
    assert page.footer.train.text() == "Train 4 networks"


def test_that_every_network_of_a_sweep_is_measured_with_the_same_attack_at_the_middle_eps(page):
    expected = PGD(norm="linf", eps=0.1, steps=10, step_size=scaled_step(0.1, 10))
    assert {spec.evaluation for spec in page.trainings()} == {expected}
    page.form.attack.sweep.edit_of("linf").set_text("0.02, 0.04, 0.3")
    assert {spec.evaluation.eps for spec in page.trainings()} == {0.04}


def test_that_an_evaluation_of_the_users_own_is_kept(page):
    page.form.follows.setChecked(False)
    assert page.form.evaluation.isVisible()
    page.form.evaluation.set_spec(FGSM(eps=0.3))
    page.form.attack.sweep.edit_of("linf").set_text("0.5")
    assert {spec.evaluation for spec in page.trainings()} == {FGSM(eps=0.3)}


def test_that_the_step_scales_with_eps_or_is_the_papers(page):
    attacks = [spec.scheme.threat for spec in page.trainings()[1:]]
    assert [a.step_size for a in attacks] == [
        pytest.approx(2.5 * a.eps / 7, rel=1e-5) for a in attacks
    ]
    assert {a.steps for a in attacks} == {7}
    page.form.attack.scaled.setChecked(False)
    assert page.form.attack.steps["linf"].isVisible()
    assert not page.form.attack.steps["l2"].isVisible()
    attacks = [spec.scheme.threat for spec in page.trainings()[1:]]
    assert {a.step_size for a in attacks} == {PAPER_STEPS["linf"]}


def test_that_a_step_that_is_no_number_stands_in_the_way(page):
    page.form.attack.scaled.setChecked(False)
    page.form.attack.steps["linf"].set_text("x")
    assert page.trainings() == []
    assert not page.footer.train.isEnabled()
    assert "step size (L-inf) is 'x'" in page.footer.fault.text()


def test_that_an_attack_without_steps_has_no_step_size(page):
    page.form.attack.form.select_kind("fgsm")
    assert [spec.scheme.threat for spec in page.trainings()[1:]] == [
        FGSM(eps=eps) for eps in (0.05, 0.1, 0.2)
    ]
    assert not page.form.attack.scaled.isVisible()


def test_that_both_norms_and_several_seeds_multiply(page):
    page.form.attack.sweep.set_values({"linf": (0.1,), "l2": (1.0, 2.0)}, ["linf", "l2"])
    page.form.seeds.set_text("0:1:2")
    specs = page.trainings()
    assert len(specs) == (1 + 3) * 2
    assert {spec.seed for spec in specs} == {0, 1}
    assert "(1 without attack + 3 adversarial) x 2 seeds = 8 trainings" in page.footer.counts.text()


@pytest.mark.parametrize("text", ["", "x", "1.5", "-1"])
def test_that_wrong_seeds_stand_in_the_way(page, text):
    page.form.seeds.set_text(text)
    assert page.trainings() == []
    assert page.footer.fault.text().startswith("seeds")


def test_that_thousands_of_trainings_are_refused(page):
    page.form.seeds.set_text("0:999:1000")
    assert "4,000 trainings, must be at most 2,000" in page.footer.fault.text()
    assert not page.footer.train.isEnabled()


def test_that_only_the_standard_network_may_be_trained(page):
    for section in page.form.sections:
        section.box.setChecked(section.scheme is Standard)
    page.form.attack.sweep.edit_of("linf").set_text("nonsense, which does not matter now")
    assert [spec.scheme for spec in page.trainings()] == [Standard()]
    assert page.footer.train.text() == "Train 1 network"
    for section in page.form.sections:
        section.box.setChecked(False)
    assert page.footer.fault.text() == "Choose at least one kind of training."


def test_that_the_proposed_warm_up_is_in_every_adversarial_training(page):
    assert {spec.scheme.warmup for spec in page.trainings()[1:]} == {2.0}


def test_that_what_is_chosen_while_images_are_loaded_stays(page, workspace):
    colour = Glyphs(train=30, test=20)
    workspace.images, workspace.image_set = colour, None
    workspace.images_changed.emit()
    page.form.epochs.setValue(3)
    page.form.attack.sweep.edit_of("linf").set_text("0.07")
    workspace.images_changed.emit()
    workspace.choose_images(colour, image_set(channels=3, side=32))
    assert page.form.epochs.value() == 3
    assert {spec.scheme.attack.eps for spec in page.trainings()[1:]} == {0.07}
    proposed = proposals_for((3, 32, 32))
    assert page.form.network.spec() == proposed.network
    assert page.form.batch_size.value() == proposed.batch_size
    # What was chosen for images that were there is not meant for others.
    workspace.choose_images(IMAGES, image_set())
    assert page.form.epochs.value() == proposals_for((1, SIDE, SIDE)).epochs


def test_that_new_images_make_the_page_count_its_trainings_once(page, workspace, monkeypatch):
    counted, count = [], page.trainings
    monkeypatch.setattr(page, "trainings", lambda: counted.append(True) or count())
    workspace.choose_images(FILES, image_set(channels=3, side=32))
    assert page.form.network.spec() == proposals_for((3, 32, 32)).network
    assert len(counted) == 1


def test_that_schemes_that_are_added_appear_by_themselves(qtbot):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Smooth(SchemeSpec, kind="smooth", label="Smooth"):
        """A scheme with a field of its own."""

        weight: float = param(0.5, low=0.0)

    try:
        form = TrainForm()
        qtbot.addWidget(form)
        section = next(s for s in form.sections if s.scheme is Smooth)
        assert not section.wanted
        section.box.setChecked(True)
        specs = form.trainings(IMAGES)
        assert Smooth() in {spec.scheme for spec in specs}
        assert {s.scheme for s in form.sections} == set(kinds_of(SchemeSpec))
    finally:
        del KINDS["smooth"]


@pytest.mark.parametrize("kind", ["paper_mnist_cnn", "paper_cifar_cnn", "resnet18"])
def test_that_every_network_can_be_chosen(page, kind):
    page.form.network.select_kind(kind)
    assert {spec.network.kind for spec in page.trainings()} == {kind}


FILES = FolderImages(name="photographs", digest="ab" * 32, image_size=32)


def test_that_a_network_that_cannot_take_the_images_is_told_and_their_size_offered(
    page, workspace, qtbot
):
    reread = []
    workspace.importer.reread = reread.append
    workspace.runner.loaded = True
    workspace.choose_images(FILES, image_set(channels=3, side=32))
    assert page.footer.read_again.isHidden()
    page.form.network.set_spec(Torchvision(name="alexnet"))
    assert page.footer.fault.text() == ("Images are 32x32 px, alexnet needs at least 63x63 px.")
    assert not page.footer.train.isEnabled()
    assert page.footer.read_again.text() == "Read the images at 63x63 px"
    qtbot.mouseClick(page.footer.read_again, Qt.MouseButton.LeftButton)
    assert reread == [FILES.replace("image_size", 63)]
    workspace.choose_images(reread[0], image_set(channels=3, side=63))
    page.form.network.set_spec(Torchvision(name="alexnet"))
    assert page.footer.fault.isHidden()
    assert page.footer.read_again.isHidden()
    assert page.trainings()[0].network == Torchvision(name="alexnet")


def test_that_images_without_files_are_not_offered_at_another_size(page, workspace):
    workspace.runner.loaded = True
    page.form.network.set_spec(Torchvision(name="vit_b_16"))
    assert "multiples of 16 px, such as 32x32 px" in page.footer.fault.text()
    assert page.footer.read_again.isHidden()


def test_that_a_missing_package_is_told_before_the_training(page, workspace, monkeypatch):
    workspace.runner.loaded = True
    monkeypatch.setattr("engine.networks.architectures.has_timm", lambda: False)
    page.form.network.set_spec(Timm())
    assert "timm is not installed" in page.footer.fault.text()
    assert not page.trainings()


def test_that_the_proposals_depend_on_the_images():
    assert proposals_for((1, 28, 28)).radii["linf"] == (0.05, 0.1, 0.2)
    colour = proposals_for((3, 32, 32))
    assert colour.network == PaperCifarCNN()
    assert colour.radii["linf"] == (2 / 255, 4 / 255, 8 / 255)
    assert proposals_for((3, 224, 224)).network.kind == "resnet18"
    assert proposals_for((2, 1, 1)).network == PaperMLP()


def test_that_other_images_bring_their_proposals_and_like_ones_keep_the_choice(page, workspace):
    page.form.network.set_spec(PaperMnistCNN())
    workspace.choose_images(Glyphs(train=30, test=30), image_set())
    assert page.form.network.spec() == PaperMnistCNN()
    workspace.choose_images(IMAGES, image_set(channels=3, side=32))
    assert page.form.network.spec() == PaperCifarCNN()
    assert [spec.scheme.threat.eps for spec in page.trainings()[1:]] == [2 / 255, 4 / 255, 8 / 255]


def test_that_the_plane_gets_its_own_proposal_and_no_maps(page, workspace):
    workspace.choose_images(Gaussians2D(), image_set(channels=2, side=1))
    attacks = [spec.scheme.threat for spec in page.trainings()[1:]]
    assert [(a.norm, a.eps, a.step_size, a.steps) for a in attacks] == [
        ("l2", 0.125, 1.0, 40),
        ("l2", 0.25, 1.0, 40),
    ]
    assert not page.maps.isVisible()


# ------------------------------------------------------------------------------------- the button


def test_that_the_button_and_its_keys_run_the_trainings(page, workspace, qtbot):
    trainings = page.trainings()
    checks = [strong_check(spec) for spec in trainings]
    specs = [*trainings, *checks]
    qtbot.mouseClick(page.footer.train, Qt.MouseButton.LeftButton)
    assert workspace.fake.ran == specs
    page.form.epochs.setFocus()
    qtbot.keyClick(page.form.epochs, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert workspace.fake.ran == specs + specs


def test_that_the_level_of_the_check_is_the_users_and_counts_in_the_time(page):
    trainings = page.trainings()
    assert {spec.metric.level for spec in page.form.checks(trainings)} == {"quick"}
    page.form.check.setCurrentIndex(page.form.check.findData("autoattack"))
    (metric,) = {spec.metric for spec in page.form.checks(trainings)}
    assert (metric.level, metric.eps) == ("autoattack", trainings[0].evaluation.eps)
    page.form.check.setCurrentIndex(page.form.check.findData(""))
    assert page.form.checks(trainings) == []


def test_that_what_is_in_the_study_or_on_the_way_is_not_counted_again(page, workspace, qtbot):
    first, second, *_ = page.trainings()
    record(workspace, first)
    workspace.record_added.emit(workspace.study.entry(first.key))
    assert "1 in the study already" in page.footer.counts.text()
    assert page.footer.train.text() == "Train 3 networks"
    start(workspace, second)
    qtbot.waitUntil(lambda: "1 on the way" in page.footer.counts.text(), timeout=WAIT)
    assert page.footer.train.text() == "Train 2 networks"


def test_that_nothing_is_left_to_train_once_all_are_stored(page, workspace):
    for spec in page.trainings():
        record(workspace, spec)
    page.form.changed.emit()
    assert "all are in the study already" in page.footer.counts.text()
    assert not page.footer.train.isEnabled()


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (None, "The images are being loaded."),
        (image_set(classes=("cats",)), "A classifier needs images of two classes; these have cats"),
        (image_set(train=0), "These images have no training part"),
    ],
)
def test_that_the_button_is_off_with_a_sentence_why(page, workspace, images, sentence):
    workspace.images, workspace.image_set = IMAGES, images
    workspace.images_changed.emit()
    assert page.footer.fault.text().startswith(sentence)
    assert not page.footer.train.isEnabled()
    assert page.trainings() == []


def test_that_without_images_the_page_leads_to_them(page, workspace, qtbot):
    workspace.images = workspace.image_set = None
    workspace.images_changed.emit()
    assert page.footer.fault.text() == "Choose images first."
    with qtbot.waitSignal(page.go_to, timeout=WAIT) as signal:
        page.footer.lead.click()
    assert signal.args == [DATA]


def test_that_without_a_study_nothing_can_be_trained(qtbot):
    page = TrainPage(Workspace())
    qtbot.addWidget(page)
    assert page.obstacle() == "Open or create a study first."
    assert not page.footer.train.isEnabled()


# ------------------------------------------------------------------------------------ live events


def test_that_recorded_events_become_curves_and_maps(page, workspace, qtbot):
    plain, robust = training(), training(0.1)
    start(workspace, plain, robust)
    for step in (0.5, 1.0):
        for spec in (plain, robust):
            workspace.engine_event.emit(Scalars(spec.key, step, {"loss": 2 - step}))
            workspace.engine_event.emit(probe_maps(spec, step))
    workspace.engine_event.emit(
        Scalars(robust.key, 1.0, {"clean_accuracy": 0.9, "robust_accuracy": 0.6})
    )
    qtbot.waitUntil(lambda: len(page.maps.grid.rows()) == 3, timeout=WAIT)
    page.curves.smoothing.setValue(1)
    qtbot.waitUntil(
        lambda: curve(page.curves.loss, plain.title).y.tolist() == [1.5, 1.0], timeout=WAIT
    )
    assert names(page.curves.accuracy) == ["under attack", plain.title, robust.title]
    assert curve(page.curves.accuracy, robust.title).y.tolist() == [0.9]
    dashed = [s for s in page.curves.accuracy.data().series if s.style == "dash"]
    assert [s.y.tolist() for s in dashed] == [[], [], [0.6]]
    rows = page.maps.grid.rows()
    assert list(rows) == ["", plain.key, robust.key]
    expected = pictures.colour(pictures.picture(probe_maps(robust, 1.0).attributions))
    np.testing.assert_array_equal(rows[robust.key][1], expected)


def test_that_other_computations_are_not_drawn(page, workspace):
    workspace.engine_event.emit(Queued("k", "retraining", "ROAR"))
    workspace.engine_event.emit(Scalars("k", 1.0, {"loss": 1.0}))
    assert len(page.runs) == 0


def test_that_events_cost_no_drawing_until_the_next_tick(page, workspace, qtbot, monkeypatch):
    spec = training()
    start(workspace, spec)
    drawn = []
    monkeypatch.setattr(page.curves, "draw", lambda run: drawn.append(run.key))
    for step in range(1, 500):
        workspace.engine_event.emit(Scalars(spec.key, step / 20, {"loss": 1.0}))
    assert drawn == []
    qtbot.waitUntil(lambda: bool(drawn), timeout=WAIT)
    assert drawn == [spec.key]


def test_that_what_does_not_fit_into_a_tick_is_drawn_in_the_next(
    page, workspace, qtbot, monkeypatch
):
    monkeypatch.setattr("gui.pages.train.page.DRAW_SECONDS", 0.0)
    specs = [training(seed=seed) for seed in range(4)]
    start(workspace, *specs)
    for spec in reversed(specs):
        workspace.engine_event.emit(Scalars(spec.key, 1.0, {"loss": 1.0}))
        workspace.engine_event.emit(probe_maps(spec, 1.0))
    page._redraw()
    assert names(page.curves.loss) == [specs[0].title]
    qtbot.waitUntil(lambda: len(names(page.curves.loss)) == 4, timeout=WAIT)
    qtbot.waitUntil(
        lambda: list(page.maps.grid.rows()) == ["", *(spec.key for spec in specs)], timeout=WAIT
    )


def test_that_a_long_live_curve_is_drawn_with_few_points_up_to_its_newest(page, workspace, qtbot):
    spec = training()
    start(workspace, spec)
    for step in range(1, 3001):
        workspace.engine_event.emit(Scalars(spec.key, step / 20, {"loss": 1.0}))
    qtbot.waitUntil(lambda: spec.title in names(page.curves.loss), timeout=WAIT)
    page._redraw()
    drawn_steps = curve(page.curves.loss, spec.title).x
    assert drawn_steps[-1] == 150.0
    assert 400 < len(drawn_steps) <= 501


def test_that_a_hidden_page_draws_once_it_is_shown(page, workspace, qtbot):
    spec = training()
    page.hide()
    start(workspace, spec)
    workspace.engine_event.emit(probe_maps(spec, 1.0))
    qtbot.wait(250)
    assert page.maps.grid.rows() == {}
    page.show()
    qtbot.waitUntil(lambda: spec.key in page.maps.grid.rows(), timeout=WAIT)


def test_that_notices_and_failures_are_shown_until_dismissed(page, workspace):
    spec = training(0.1)
    start(workspace, spec)
    assert not page.alarms.isVisible()
    workspace.engine_event.emit(Notice(spec.key, "robust accuracy fell from 52 % to 8 %"))
    assert page.alarms.isVisible()
    assert page.alarms.text == f"{spec.title}: robust accuracy fell from 52 % to 8 %"
    workspace.engine_event.emit(Ended(spec.key, "failed", 1.0, "the device is out of memory"))
    assert page.alarms.text.splitlines()[0] == f"{spec.title} failed: the device is out of memory"
    page.alarms.dismiss.click()
    assert not page.alarms.isVisible()


def test_that_a_notice_of_something_else_is_left_to_others(page, workspace):
    workspace.engine_event.emit(Notice("k", "resumed after epoch 3"))
    assert not page.alarms.isVisible()


def test_that_a_cancelled_network_stays_and_says_so(page, workspace, qtbot):
    spec = training()
    start(workspace, spec)
    workspace.engine_event.emit(probe_maps(spec, 1.0))
    workspace.engine_event.emit(Ended(spec.key, "cancelled", 1.0))
    qtbot.waitUntil(lambda: spec.key in page.maps.grid.rows(), timeout=WAIT)
    assert page.maps.grid._lines[spec.key].note == "cancelled, epoch 1"


# ---------------------------------------------------------------------------------------- history


def test_that_stored_networks_of_these_images_are_shown(workspace, qtbot):
    own, foreign = training(), training(images=Glyphs(train=99, test=99))
    record(workspace, own)
    record(workspace, foreign)
    page = TrainPage(workspace)
    qtbot.addWidget(page)
    page.show()
    workspace.choose_images(IMAGES, image_set())
    qtbot.waitUntil(lambda: own.key in page.maps.grid.rows(), timeout=WAIT)
    assert foreign.key not in page.runs
    page.curves.smoothing.setValue(1)
    # Attack and Maps offer the foreign one too, so that the two are told apart here as there.
    name = workspace.networks.usable()[0].title
    assert name == "Standard, seed 0 (Glyphs, 20 + 20)"
    qtbot.waitUntil(
        lambda: curve(page.curves.loss, name).y.tolist() == [1, 1 / 2, 1 / 3, 1 / 4],
        timeout=WAIT,
    )
    assert curve(page.curves.accuracy, name).y.tolist() == [0.8, 0.9]


def test_that_a_filtered_network_comes_back_to_its_place(page, workspace, qtbot):
    specs = [training(), training(eps=0.1), training(eps=0.2)]
    for spec in specs:
        record(workspace, spec)
    workspace.records_changed.emit()
    shown = page.curves.accuracy
    qtbot.waitUntil(lambda: len(names(shown)) == 4, timeout=WAIT)
    before = names(shown)
    page.curves.filter.setText("51")
    qtbot.waitUntil(lambda: len(names(shown)) == 2, timeout=WAIT)
    page.curves.filter.clear()
    qtbot.waitUntil(lambda: len(names(shown)) == 4, timeout=WAIT)
    assert names(shown) == before
    assert names(page.curves.loss) == before[1:]


def test_that_a_deleted_network_goes_and_comes_back_when_that_is_undone(page, workspace, qtbot):
    kept, deleted = training(), training(seed=1)
    for spec in (kept, deleted):
        record(workspace, spec)
    workspace.records_changed.emit()
    qtbot.waitUntil(lambda: {kept.key, deleted.key} <= {*page.maps.grid.rows()}, timeout=WAIT)
    workspace.edits.delete([deleted.key])
    qtbot.waitUntil(lambda: deleted.key not in page.maps.grid.rows(), timeout=WAIT)
    assert [run.key for run in page.runs] == [kept.key]
    assert len([c for c in page.curves.loss.data().series if len(c.x)]) == 1
    workspace.edits.stack.undo()
    qtbot.waitUntil(lambda: deleted.key in page.maps.grid.rows(), timeout=WAIT)
    assert page.runs.get(deleted.key).curves["loss"].points()[0].tolist() == [0.5, 1.0, 1.5, 2.0]


def test_that_a_finished_network_takes_its_record_in_place_of_its_events(page, workspace, qtbot):
    spec = training()
    start(workspace, spec)
    workspace.engine_event.emit(Scalars(spec.key, 0.3, {"loss": 7.0}))
    record(workspace, spec)
    workspace.engine_event.emit(Ended(spec.key, "finished", 1.0))
    workspace.record_added.emit(workspace.study.entry(spec.key))
    run = page.runs.get(spec.key)
    assert run.curves["loss"].points()[0].tolist() == [0.5, 1.0, 1.5, 2.0]
    assert sorted(run.maps) == [0.0, 1.0, 2.0]


def test_that_each_stored_network_is_read_once(page, workspace):
    record(workspace, training())
    workspace.images_changed.emit()
    reads = workspace.fake.reads
    workspace.images_changed.emit()
    assert workspace.fake.reads == reads == 1


def test_that_of_many_networks_the_newest_are_shown_and_others_when_asked_for(page, workspace):
    specs = [training(seed=seed) for seed in range(15)]
    for spec in specs:
        record(workspace, spec)
    workspace.images_changed.emit()
    assert len(page.runs) == 12
    asked = next(spec for spec in specs if spec.key not in page.runs)
    workspace.selected.emit(asked.key)
    assert asked.key in page.runs


def test_that_other_images_take_the_finished_networks_off_the_page(page, workspace, qtbot):
    spec = training()
    record(workspace, spec)
    workspace.images_changed.emit()
    qtbot.waitUntil(lambda: spec.key in page.maps.grid.rows(), timeout=WAIT)
    workspace.choose_images(Glyphs(train=30, test=30), image_set())
    assert page.maps.grid.rows() == {}
    assert names(page.curves.loss) == []
    assert len(page.runs) == 0


def test_that_another_study_starts_with_an_empty_page(page, workspace, tmp_path, qtbot):
    spec = training()
    start(workspace, spec)
    workspace.engine_event.emit(probe_maps(spec, 1.0))
    qtbot.waitUntil(lambda: spec.key in page.maps.grid.rows(), timeout=WAIT)
    workspace.study = Study(tmp_path / "other.isthmus", create=True)
    workspace.study_changed.emit()
    assert page.maps.grid.rows() == {}
    assert len(page.runs) == 0


# ------------------------------------------------------------------------------------------- maps


@pytest.fixture
def stored(page, workspace, qtbot):
    spec = training()
    record(workspace, spec, epochs=4)
    workspace.images_changed.emit()
    qtbot.waitUntil(lambda: spec.key in page.maps.grid.rows(), timeout=WAIT)
    return spec


def titles_of_maps(page):
    return list(page.maps.figure().row_titles[1:])


def test_that_a_network_is_named_apart_from_those_of_its_title(page, stored, workspace, qtbot):
    longer = dataclasses.replace(stored, epochs=7)
    record(workspace, longer, epochs=7)
    workspace.images_changed.emit()
    apart = ["Standard, seed 0 (epochs 2)", "Standard, seed 0 (epochs 7)"]
    assert [run.title for run in page.runs] == apart
    assert [network.title for network in workspace.networks.usable()] == apart
    # The legend and the maps follow, those too that were drawn before.
    qtbot.waitUntil(lambda: names(page.curves.loss) == apart, timeout=WAIT)
    assert names(page.curves.accuracy) == ["under attack", *apart]
    qtbot.waitUntil(lambda: titles_of_maps(page) == apart, timeout=WAIT)


def test_that_names_follow_the_images(page, stored, workspace):
    plane = Gaussians2D()
    record(workspace, training(images=plane))
    shape = Result({"channels": 2, "height": 1, "width": 1}, {})
    workspace.study.write(plane, shape, seconds=1.0, provenance={})
    both, images = (workspace.images, workspace.image_set), workspace.images
    workspace.images = workspace.image_set = None  # as while a study is opened: all are listed
    page.history.name()
    assert page.runs.get(stored.key).title == f"Standard, seed 0 ({images.title})"
    workspace.images, workspace.image_set = both
    workspace.images_changed.emit()
    assert page.runs.get(stored.key).title == "Standard, seed 0"


def test_that_a_network_in_training_is_told_apart_and_the_stored_keep_their_names(
    page, stored, workspace
):
    longer = dataclasses.replace(stored, epochs=7)
    workspace.runner.spec = {longer.key: longer}.get
    start(workspace, longer)
    apart = [stored.title, "Standard, seed 0 (epochs 7)"]
    assert [run.title for run in page.runs] == apart
    assert [network.title for network in workspace.networks.usable()] == [stored.title]


def test_that_the_maps_of_what_is_in_training_stand_above_the_others(
    page, stored, workspace, qtbot
):
    spec = training(seed=1)
    start(workspace, spec)
    workspace.engine_event.emit(probe_maps(spec, 0.0))
    qtbot.waitUntil(lambda: list(page.maps.grid.rows())[1:] == [spec.key, stored.key], timeout=WAIT)
    workspace.engine_event.emit(Ended(spec.key, "finished", 1.0))
    qtbot.waitUntil(lambda: list(page.maps.grid.rows())[1:] == [stored.key, spec.key], timeout=WAIT)


def test_that_the_users_name_for_a_network_stands_on_the_page(page, stored, workspace, qtbot):
    workspace.edits.rename(stored.key, "Mine")
    qtbot.waitUntil(lambda: names(page.curves.loss) == ["Mine"], timeout=WAIT)
    qtbot.waitUntil(lambda: titles_of_maps(page) == ["Mine"], timeout=WAIT)


def test_that_networks_of_other_images_do_not_come_late(page, workspace):
    record(workspace, training(), epochs=4)
    workspace.fake.held = {}
    workspace.images_changed.emit()
    assert workspace.fake.held
    workspace.choose_images(Glyphs(train=30, test=20), image_set())
    for answer in workspace.fake.held.values():
        answer()
    assert not list(page.runs)


def drawn(page, spec):
    return np.stack(page.maps.grid.rows()[spec.key][1])


def expected(spec, step, **options):
    attributions = probe_maps(spec, step, step + 1).attributions
    return pictures.colour(pictures.picture(attributions, **options))


def test_that_the_slider_replays_the_stored_maps(page, stored, qtbot):
    assert page.maps.epoch.maximum() == 4
    page.maps.lock.setChecked(True)
    limit = pictures.symmetric_limit(probe_maps(stored, 4, 5).attributions)
    page.maps.epoch.setValue(1)
    assert page.maps.when.text() == "after epoch 1"
    wanted = expected(stored, 1, limit=limit)
    qtbot.waitUntil(lambda: np.array_equal(drawn(page, stored), wanted), timeout=WAIT)


def test_that_a_row_says_the_accuracies_of_the_epoch_it_shows(page, stored, qtbot):
    def note():
        return page.maps.grid._lines[stored.key].note

    assert note() == "epoch 4: 90 % / 40 %"
    page.maps.epoch.setValue(1)
    qtbot.waitUntil(lambda: note() == "epoch 1: 80 % / 30 %", timeout=WAIT)
    page.maps.epoch.setValue(0)
    qtbot.waitUntil(lambda: note() == "epoch 0", timeout=WAIT)


def test_that_maps_within_an_epoch_say_after_which_epoch_the_accuracies_are():
    run = TrainingRun("a", "Network")
    run.take(ProbeMaps("a", 2.5, *[np.zeros((1, 1, 2, 2))] * 2))
    assert _note(run, 2.5) == "epoch 2.5"
    run.take(Scalars("a", 2, {"clean_accuracy": 0.96, "robust_accuracy": 0.2}))
    assert _note(run, 2.5) == "epoch 2.5: 96/20 % after 2"
    run.mapped = True
    run.take(Scalars("a", 3, {"clean_accuracy": 0.97, "robust_accuracy": 0.3}))
    assert not run.mapped, "the label is drawn again when accuracies come in"
    run.offset = 10
    assert _note(run, 3.0) == "epoch 13: 97 % / 30 %"


def test_that_the_focus_stays_where_the_button_was(page, qtbot):
    footer = page.footer
    state = {"fault": "", "counts": (1, 0, 1), "total": 1, "stored": 0, "lead": None}
    page.activateWindow()
    footer.show_state(**state, going=0)
    footer.train.setFocus()
    qtbot.waitUntil(footer.train.hasFocus)
    footer.show_state(**state, going=1)
    assert footer.hasFocus(), "not the next widget, such as Copy of a chart"
    footer.show_state(**state, going=0)
    assert footer.train.hasFocus()


def test_that_only_networks_that_can_serve_the_images_are_offered(qtbot):
    form = TrainForm()
    qtbot.addWidget(form)
    form.suit((3, 224, 224))
    assert "paper_mlp" not in form.network.offered_kinds()
    assert {"small_cnn", "resnet18", "timm"} <= set(form.network.offered_kinds())
    form.suit((2, 1, 1))
    assert form.network.offered_kinds() == ["paper_mlp"]


def test_that_a_resumed_training_is_no_alarm(page):
    page.alarms.take(TrainingRun("a", "Network"), Notice("a", "resumed after epoch 3", RESUMED))
    assert not page.alarms.isVisible()


def test_that_both_charts_have_their_axes_on_one_line(page, stored, qtbot):
    def ends(plot):
        box = plot.plot_item.getViewBox()
        canvas = plot.canvas
        place = canvas.mapFromScene(box.mapRectToScene(box.boundingRect()).bottomLeft())
        return canvas.viewport().mapTo(page, place).y()

    qtbot.waitUntil(lambda: ends(page.curves.loss) == ends(page.curves.accuracy))
    assert page.curves.loss.height() == page.curves.accuracy.height()


def test_that_an_alarm_that_is_over_is_taken_back(page, qtbot):
    run = TrainingRun("a", "Network")
    page.alarms.take(run, Notice("a", "not learning: the loss", "not learning"))
    page.alarms.take(run, Notice("a", "resumed after epoch 3"))
    page.alarms.take(run, Notice("a", "no longer not learning", "not learning", over=True))
    assert page.alarms.text == "Network: resumed after epoch 3"


def test_that_locked_colours_show_growing_maps_stronger(page, stored, qtbot):
    page.maps.epoch.setValue(0)
    free = expected(stored, 0)
    qtbot.waitUntil(lambda: np.array_equal(drawn(page, stored), free), timeout=WAIT)
    page.maps.epoch.setValue(4)
    page.maps.lock.setChecked(True)
    qtbot.waitUntil(lambda: bool(page.maps._limits), timeout=WAIT)
    page.maps.epoch.setValue(0)
    qtbot.waitUntil(lambda: not np.array_equal(drawn(page, stored), free), timeout=WAIT)
    white = pictures.colour(np.zeros((1, 1)))[0, 0].astype(int)
    assert np.abs(drawn(page, stored) - white).sum() < np.abs(free - white).sum()


def test_that_playing_goes_through_the_epochs_to_the_newest(page, stored, qtbot):
    page.maps._playing.setInterval(10)
    page.maps.play.click()
    assert page.maps.epoch.value() == 0
    qtbot.waitUntil(lambda: not page.maps._playing.isActive(), timeout=WAIT)
    assert page.maps.epoch.value() == 4
    assert page.maps.when.text() == "newest"


def test_that_the_percentile_clips(page, stored, qtbot):
    page.maps.percentile.setValue(90.0)
    wanted = expected(stored, 4, percentile=90.0)
    qtbot.waitUntil(lambda: np.array_equal(drawn(page, stored), wanted), timeout=WAIT)


def test_that_the_grid_is_exported_with_images_titles_and_values(page, stored):
    figure = page.maps.figure()
    assert figure.row_titles == ("Image", stored.title)
    assert len(figure.images[0]) == PROBES
    assert figure.values[0] == (None,) * PROBES
    assert figure.values[1][0].shape == (SIDE, SIDE)


# -------------------------------------------------------------------------------------- highlight


def test_that_pointing_at_a_row_highlights_the_network_everywhere(page, workspace, stored):
    heard = []
    workspace.highlighted.connect(heard.append)
    place = page.maps.grid.cell(stored.key, 1).center()
    move_to(page.maps.grid.viewport(), place)
    assert heard == [stored.key]
    assert page.maps.grid.highlighted == stored.key
    assert page.curves._curves[stored.key].loss._width > 2
    workspace.highlighted.emit("")
    assert page.maps.grid.highlighted == ""
    assert page.curves._curves[stored.key].loss._width == 2


def test_that_pointing_at_a_curve_highlights_its_network(page, workspace, stored, qtbot):
    heard = []
    workspace.highlighted.connect(heard.append)
    plot = page.curves.loss
    qtbot.waitUntil(lambda: len(curve(plot, stored.title).x) > 0, timeout=WAIT)
    item = page.curves._curves[stored.key].loss
    x, y = plot.canvas.pixels(item)
    plot._pointing.on_move((QPointF(x[1], y[1]),))
    assert heard == [stored.key]


def test_that_clicking_a_row_selects_its_record(page, workspace, stored, qtbot):
    with qtbot.waitSignal(workspace.selected, timeout=WAIT) as signal:
        qtbot.mouseClick(
            page.maps.grid.viewport(),
            Qt.MouseButton.LeftButton,
            pos=page.maps.grid.cell(stored.key, 0).center(),
        )
    assert signal.args == [stored.key]


# ------------------------------------------------------------------------------------------ curves


def test_that_a_growing_curve_keeps_what_is_appended():
    found = GrowingCurve()
    for step in range(1000):
        found.append(step, step**2)
    steps, values = found.points()
    np.testing.assert_array_equal(steps, np.arange(1000))
    np.testing.assert_array_equal(values, np.arange(1000.0) ** 2)


def test_that_a_resumed_training_goes_over_its_points_again():
    found = GrowingCurve()
    for step in (1.0, 2.0, 3.0):
        found.append(step, 10 * step)
    found.append(2.0, 7.0)
    found.append(3.0, 8.0)
    assert [part.tolist() for part in found.points()] == [[1, 2, 3], [10, 7, 8]]


def test_that_smoothing_is_the_mean_of_what_came_before():
    values = np.array([1.0, 3.0, np.nan, 5.0])
    np.testing.assert_allclose(smoothed(values, 2), [1, 2, 3, 5])
    np.testing.assert_array_equal(smoothed(values, 1), values)


def test_that_networks_have_colours_of_their_own():
    runs = Runs()
    first, second = runs.add("a", "A"), runs.add("b", "B")
    assert (first.series, second.series) == (0, 1)
    runs.remove("a")
    assert runs.add("c", "C").series == 0


def test_that_every_adversarial_scheme_is_swept():
    attacked = [s for s in kinds_of(SchemeSpec) if "attack" in {i.name for i in fields_of(s)}]
    assert Adversarial in attacked


def test_that_live_maps_are_of_the_chosen_method(page):
    assert {spec.live_maps for spec in page.trainings()} == {Gradient()}
    page.form.live_maps.select_kind("deeplift")
    assert {spec.live_maps for spec in page.trainings()} == {DeepLift()}
