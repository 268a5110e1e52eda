"""Whatever shows a network under attack says what speaks against its accuracy there."""

import numpy as np
import pytest

from engine import specs
from engine.figures.metrics import metric_charts
from engine.specs.schema import kinds_of
from engine.store.study import Study
from engine.tradeoff.robustness import attacked_network, robustness
from engine.tradeoff.scores import record_words
from tests import made_up_study as made_up

HIDING = {"robust_images": 500, "no_gradient_share": 0.8, "zero_pixel_share": 0.99}
UNDER_ATTACK = [kind for kind in kinds_of(specs.MetricSpec) if hasattr(kind(), "attack")]
CURVE = {
    "eps": np.array([0.0, 0.1]),
    "accuracy": np.array([0.9, 0.9]),
    "accuracy_low": np.array([0.8, 0.8]),
    "accuracy_high": np.array([0.95, 0.95]),
}


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "s.isthmus", create=True)


def test_that_every_metric_under_attack_is_tried():
    kinds = {kind.kind for kind in UNDER_ATTACK}
    assert kinds >= {"robust_accuracy", "class_accuracy", "smallest_eps", "attack_check"}


@pytest.mark.parametrize("kind", UNDER_ATTACK, ids=lambda kind: kind.kind)
def test_that_a_record_of_a_network_that_hides_its_gradient_says_so(kind, study):
    network = made_up.network()
    made_up.add_network(study, network, 0.9, 0.9, HIDING)
    spec = specs.Measurement(classifier=network, metric=kind(), test_images=500)
    words = record_words(study, made_up.add(study, spec, {"test_images": 500}))
    assert "The network's accuracy under attack: doubtful." in words
    assert "No gradient: 80.0 %" in words


def test_that_attacked_images_of_such_a_network_say_so_too(study):
    network = made_up.network()
    made_up.add_network(study, network, 0.9, 0.9, HIDING)
    made_up.add_attack(study, network)
    (entry,) = (one for one in study.entries if one.kind == "adversarial_examples")
    assert "No gradient: 80.0 %" in record_words(study, entry)


def test_that_an_unchecked_network_is_said_to_be_unchecked(study):
    network = made_up.network()
    made_up.add_network(study, network)
    made_up.add_attack(study, network)
    (entry,) = (one for one in study.entries if one.kind == "adversarial_examples")
    assert "under attack: not yet checked." in record_words(study, entry)


def test_that_a_chart_of_accuracies_names_the_doubtful_network(study):
    network, honest = made_up.network(), made_up.network(seed=1)
    made_up.add_network(study, network, 0.9, 0.9, HIDING)
    made_up.add_network(study, honest)
    for one in (network, honest):
        metric = specs.RobustAccuracy(eps=(0.0, 0.1))
        spec = specs.Measurement(classifier=one, metric=metric, test_images=500)
        made_up.add(study, spec, {"test_images": 500}, CURVE)
    caption = metric_charts(study)[-1].caption
    assert caption.endswith(f"Doubtful under attack: {study.title(network)}.")


def test_that_what_attacks_nothing_is_left_alone(study):
    network = made_up.network()
    made_up.add_network(study, network, 0.9, 0.9, HIDING)
    spec = specs.Measurement(classifier=network, metric=specs.Alignment())
    assert attacked_network(spec) is None
    assert attacked_network(specs.Maps(classifier=network)) is None
    assert attacked_network(network) is None
    assert attacked_network(None) is None
    made_up.add_metric(study, network)
    (entry,) = (one for one in study.entries if one.kind == "measurement")
    assert "doubtful" not in record_words(study, entry)


@pytest.mark.parametrize(("images", "verdict"), [(5, "unchecked"), (99, "unchecked"), (100, "ok")])
def test_that_strong_attacks_on_a_few_images_check_nothing(images, verdict, study):
    network = made_up.network()
    made_up.add_network(study, network, 0.9, 0.9, {"robust_images": 500})
    threat = network.evaluation
    metric = specs.StrongAccuracy(norm=threat.norm, eps=threat.eps)
    spec = specs.Measurement(classifier=network, metric=metric, test_images=images)
    made_up.add(study, spec, {"accuracy": 0.5, "test_images": images})
    found = robustness(study)[network.key]
    assert found.verdict == verdict
    assert found.lowest.accuracy == (0.5 if verdict == "ok" else 0.9)
