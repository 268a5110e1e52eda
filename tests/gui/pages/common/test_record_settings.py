import pytest

from engine.specs import (
    PGD,
    Adversarial,
    AdversarialExamples,
    AttackSpec,
    Glyphs,
    Gradient,
    IntegratedGradients,
    Interpretability,
    Maps,
    Measurement,
    NetworkSpec,
    OptimizerSpec,
    RobustAccuracy,
    SchemeSpec,
    SmallCNN,
    Standard,
    Training,
)
from engine.specs.schema import kinds_of
from gui.pages import ATTACK, MAPS, RETRAIN, TRAIN
from gui.pages.attack.page import AttackPage
from gui.pages.common.record_settings import LOST, place_for
from gui.pages.maps.page import MapsPage
from gui.pages.retrain.page import RetrainPage
from gui.pages.train.form import TrainForm
from gui.pages.train.page import TrainPage
from gui.widgets.forms.nested_field import default_spec
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
    assert place_for(GLYPHS) is None
    assert place_for(None) is None


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
