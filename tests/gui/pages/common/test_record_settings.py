import pytest

from engine.boundary.lab import Lab
from engine.plan.computations import COMPUTATIONS
from engine.specs import (
    PGD,
    VAEGAN,
    Adversarial,
    AdversarialExamples,
    Alignment,
    AttackSpec,
    Augmentation,
    Boundary,
    Glyphs,
    Gradient,
    ImagesSpec,
    IntegratedGradients,
    Interpretability,
    ManifoldDistance,
    Maps,
    Measurement,
    NetworkSpec,
    OptimizerSpec,
    RobustAccuracy,
    SchemeSpec,
    SmallCNN,
    SmallestEps,
    Standard,
    TangentShare,
    Training,
)
from engine.specs.schema import kinds_of
from gui.pages import ATTACK, BOUNDARY, DATA, MANIFOLD, MAPS, RETRAIN, TRAIN
from gui.pages.attack.page import AttackPage
from gui.pages.boundary.page import BoundaryPage
from gui.pages.common.record_settings import LOST, PLACES, place_for
from gui.pages.data.page import DataPage
from gui.pages.manifold.page import ManifoldPage
from gui.pages.maps.page import MapsPage
from gui.pages.retrain.page import RetrainPage
from gui.pages.train.form import TrainForm
from gui.pages.train.page import TrainPage
from gui.widgets.forms.nested_field import default_spec
from tests import made_up_study as made_up
from tests.gui.made_up_workspace import workspace_on
from tests.gui.synthetic_networks import GLYPHS, image_set, networks, open_workspace

PLAIN = Training(images=GLYPHS, network=SmallCNN())


@pytest.fixture
def workspace(tmp_path):
    made, _ = open_workspace(tmp_path)
    yield made
    made.runner.shutdown()


def built(qtbot, page, workspace):
    found = page(workspace)
    qtbot.addWidget(found)
    return found


def variants():
    """Return a training for every scheme, network, optimiser, training attack and evaluation."""
    families = {
        "scheme": SchemeSpec,
        "network": NetworkSpec,
        "optimizer": OptimizerSpec,
        "evaluation": AttackSpec,
    }
    for name, family in families.items():
        for kind in kinds_of(family):
            spec = default_spec(kind)
            if spec is not None:
                yield PLAIN.replace(name, spec)
    yield PLAIN.replace("scheme", Adversarial(attack=PGD(norm="l2", eps=0.7, step_size=0.3)))
    yield PLAIN.replace("augmentation", Augmentation(flip=True)).replace("label_smoothing", 0.1)
    yield PLAIN.replace("live_maps", IntegratedGradients(steps=9))
    yield PLAIN.replace("epochs", 30).replace("batch_size", 7).replace("seed", 11)


@pytest.mark.parametrize("spec", list(variants()), ids=lambda spec: f"{spec.title} {spec.key[:4]}")
def test_that_the_training_form_makes_the_training_whose_settings_it_shows(qtbot, spec):
    form = TrainForm()
    qtbot.addWidget(form)
    form.use(spec)
    assert form.trainings(GLYPHS) == [spec]


def test_that_records_lead_to_the_form_that_makes_them():
    network = networks(2)[1]
    assert place_for(network) == TRAIN
    assert place_for(AdversarialExamples(classifier=network)) == ATTACK
    assert place_for(Measurement(classifier=network, metric=RobustAccuracy())) == ATTACK
    assert place_for(Maps(classifier=network)) == MAPS
    assert place_for(GLYPHS) == DATA
    assert place_for(VAEGAN(images=GLYPHS)) == MANIFOLD
    assert place_for(ManifoldDistance(generator=VAEGAN(images=GLYPHS))) == MANIFOLD
    assert place_for(Measurement(classifier=network, metric=TangentShare())) == MANIFOLD
    assert place_for(Measurement(classifier=network, metric=Alignment())) == ATTACK
    assert place_for(Boundary(classifier=made_up.plane_network())) == BOUNDARY
    assert place_for(None) is None


def test_that_every_recorded_kind_has_a_form_but_for_parts_of_scores_and_weights_files():
    without = {kind for kind in COMPUTATIONS if kind not in PLACES}
    images = {kind.kind for kind in kinds_of(ImagesSpec)}
    assert without - images == {"imported", "retraining", "mask_tuning"}


def test_that_the_page_data_shows_how_images_were_made(qtbot, workspace):
    page = built(qtbot, DataPage, workspace)
    wanted = Glyphs(train=77, test=11, seed=5)
    workspace.settings_asked.emit(wanted)
    assert page.form.spec() == wanted
    assert workspace.images == GLYPHS, "they are looked at first"


def test_that_a_metric_is_shown_on_its_tab(qtbot, workspace):
    page = built(qtbot, AttackPage, workspace)
    metric = SmallestEps(attack=PGD(norm="l2", eps=0.3, step_size=0.1, steps=5))
    spec = Measurement(classifier=networks(3)[1], metric=metric, test_images=33)
    workspace.settings_asked.emit(spec)
    assert page.metrics.specs() == [spec]
    assert page.tabs.currentWidget() is page.metrics


def test_that_the_page_manifold_shows_generators_distances_and_shares(
    qtbot, workspace, monkeypatch
):
    page = built(qtbot, ManifoldPage, workspace)
    said = []
    workspace.message.connect(lambda text, _: said.append(text))
    generator = VAEGAN(images=GLYPHS, epochs=3, latent=9)
    workspace.settings_asked.emit(generator)
    assert page.form.vae_gan() == generator
    network = networks(3)[1]
    baseline = next(spec for spec in networks(3) if isinstance(spec.scheme, Standard))
    attack = PGD(norm="l2", eps=0.3, step_size=0.1, steps=5)
    distance = ManifoldDistance(
        generator=generator, classifier=network, baseline=baseline, attack=attack, test_images=31
    )
    workspace.settings_asked.emit(distance)
    assert distance in page.form.specs()
    share = Measurement(classifier=network, metric=TangentShare(), test_images=12)
    workspace.settings_asked.emit(share)
    assert page.form.specs() == [share]
    assert said == []


def test_that_the_page_boundary_shows_attack_and_training_and_trains_nothing(qtbot, tmp_path):
    workspace, ran = workspace_on(made_up.sweep(tmp_path, eps=(0.02,), norms=("linf",)))
    page = built(qtbot, BoundaryPage, workspace)
    before = workspace.images
    network = Lab((0.3,), seed=4, epochs=7).networks()[1]
    attack = PGD(norm="linf", eps=0.07, step_size=0.1, steps=9)
    workspace.settings_asked.emit(Boundary(classifier=network, attack=attack))
    shown = page.controls.attack()
    assert (shown.norm, shown.eps, shown.steps) == ("linf", 0.07, 9)
    assert network in page.lab().networks()
    assert workspace.images == before
    qtbot.wait(700)
    assert not ran


def test_that_a_record_is_shown_and_not_what_was_remembered(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_CONFIG", str(tmp_path / "config"))
    others = Glyphs(seed=9)
    workspace, _ = open_workspace(tmp_path)
    monkeypatch.setattr(workspace.runner, "ask", lambda *_, **__: None)
    page = built(qtbot, TrainPage, workspace)
    workspace.choose_images(others, image_set())
    page.form.epochs.setValue(23)
    page.memory.save()
    workspace.choose_images(GLYPHS, image_set())
    wanted = PLAIN.replace("images", others).replace("epochs", 17)
    workspace.settings_asked.emit(wanted)
    workspace.choose_images(others, image_set())
    assert page.form.trainings(others) == [wanted]
    workspace.runner.shutdown()


def test_that_the_train_page_says_what_has_no_field(qtbot, workspace, monkeypatch):
    monkeypatch.setattr(workspace.runner, "ask", lambda *_, **__: None)
    page = built(qtbot, TrainPage, workspace)
    said = []
    workspace.message.connect(lambda text, _: said.append(text))
    wanted = PLAIN.replace("epochs", 17)
    workspace.settings_asked.emit(wanted)
    assert page.form.trainings(GLYPHS) == [wanted]
    assert said == []
    workspace.settings_asked.emit(wanted.replace("order", "file"))
    assert said == [LOST]


def test_that_the_images_of_the_record_are_chosen_before_its_settings_are_shown(
    qtbot, workspace, monkeypatch
):
    monkeypatch.setattr(workspace.runner, "ask", lambda *_, **__: None)
    page = built(qtbot, TrainPage, workspace)
    others = Glyphs(seed=9)
    wanted = PLAIN.replace("images", others).replace("epochs", 17)
    workspace.settings_asked.emit(wanted)
    assert workspace.images == others
    workspace.choose_images(others, image_set(channels=3))
    assert page.form.trainings(others) == [wanted]


def test_that_the_attack_page_shows_network_attack_and_image(qtbot, workspace):
    page = built(qtbot, AttackPage, workspace)
    network = networks(3)[2]
    attack = PGD(norm="l2", eps=0.25, step_size=0.125, steps=13)
    spec = AdversarialExamples(classifier=network, attack=attack, indices=(2,))
    workspace.settings_asked.emit(spec)
    assert page.specs(page.form.spec()) == [spec]


def test_that_the_maps_page_shows_network_method_and_images(qtbot, workspace):
    page = built(qtbot, MapsPage, workspace)
    method = IntegratedGradients(steps=17, explained="true", quantity="logit")
    spec = Maps(classifier=networks(3)[1], attribution=method, indices=(3, 1))
    workspace.settings_asked.emit(spec)
    assert page.specs() == [spec]


def test_that_the_retrain_page_shows_a_score(qtbot, workspace):
    page = built(qtbot, RetrainPage, workspace)
    base = next(spec for spec in networks(3) if isinstance(spec.scheme, Standard))
    spec = Interpretability(
        classifier=networks(3)[2],
        attribution=Gradient(),
        mode="kar",
        baseline=base,
        fractions=(0.25, 0.5),
        repeats=2,
        seed=4,
    )
    workspace.settings_asked.emit(spec)
    assert page.form.specs() == [spec]
    assert place_for(spec) == RETRAIN
