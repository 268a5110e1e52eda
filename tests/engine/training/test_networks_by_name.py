"""Networks of other packages and of robustness papers go the way of the paper's: all of it."""

import numpy as np
import pytest

from engine import specs
from tests.engine.conftest import robust, training

IMAGES = specs.Glyphs(train=60, test=20)
NAMED = [
    specs.Torchvision(name="mobilenet_v3_small", normalization="imagenet"),
    specs.WideResNet(depth=10, width=1, activation="silu", normalization="mnist"),
    specs.PreActResNet18(normalization="given", mean=(0.2,), std=(0.3,)),
    specs.TradesCNN(normalization="none"),
]


@pytest.mark.parametrize("network", NAMED, ids=lambda network: network.title)
def test_that_a_network_is_trained_attacked_explained_and_retrained(computed, network):
    changes = {"network": network, "images": IMAGES, "epochs": 1, "batch_size": 20}
    standard = training(**changes)
    adversarial = robust(**changes)
    maps = specs.Maps(
        classifier=adversarial,
        attribution=specs.IntegratedGradients(steps=4),
        indices=(0, 1, 2),
    )
    examples = specs.AdversarialExamples(
        classifier=adversarial, attack=specs.APGD(eps=0.1, steps=5), indices=(0, 1, 2)
    )
    ranking = specs.AttributionRanking(classifier=adversarial, attribution=specs.Gradient())
    again = specs.Retraining(
        occlusion=specs.Occlusion(ranking=ranking), network=network, epochs=1, batch_size=20
    )
    trained, robustly, explained, attacked, retrained = computed(
        standard, adversarial, maps, examples, again
    )
    for record in (trained, robustly):
        assert 0 <= record.entry.numbers["robust_accuracy"] <= 1
    assert 0 <= retrained.entry.numbers["accuracy"] <= 1
    assert robustly.arrays["weights/normalize.mean"].shape[0] in (1, 3)
    for record in (explained, attacked):
        for name, array in record.arrays.items():
            assert np.isfinite(array).all(), name
