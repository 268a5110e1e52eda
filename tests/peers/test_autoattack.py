"""Our attacks against AutoAttack's own code, on the MNIST network published with TRADES.

Per attack and on few images; eps is such that some images stand and some fall.
"""

from collections import OrderedDict

import pytest
import torch
from pyautoattack import AutoAttack
from torch import nn

from engine import specs
from engine.attacks.table import attack
from engine.data.images import ingest, load
from engine.networks.gradients import logits_of
from tests.data_sources import real_data
from tests.engine.small_networks import seeded

COUNT = 40
PEERS = {"apgd-ce": "apgd", "apgd-t": "apgd_targeted", "fab-t": "fab", "square": "square"}
NAMES = {"linf": "Linf", "l2": "L2"}


class TradesCNN(nn.Module):
    """The network of Zhang 2019 for MNIST, with the names of its published weights."""

    def __init__(self):
        super().__init__()
        widths = [(1, 32), (32, 32), (32, 64), (64, 64)]
        layers = OrderedDict()
        for number, (before, after) in enumerate(widths, 1):
            layers[f"conv{number}"] = nn.Conv2d(before, after, 3)
            layers[f"relu{number}"] = nn.ReLU()
            if number % 2 == 0:
                layers[f"maxpool{number // 2}"] = nn.MaxPool2d(2)
        self.feature_extractor = nn.Sequential(layers)
        dense = [("fc1", nn.Linear(1024, 200)), ("relu1", nn.ReLU()), ("drop", nn.Dropout(0.5))]
        dense += [("fc2", nn.Linear(200, 200)), ("relu2", nn.ReLU()), ("fc3", nn.Linear(200, 10))]
        self.classifier = nn.Sequential(OrderedDict(dense))

    def forward(self, images):
        return self.classifier(self.feature_extractor(images).flatten(1))


@pytest.fixture(scope="module")
def network():
    model = TradesCNN()
    path = real_data("checkpoints/trades-mnist-smallcnn.pt")
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def right(network):
    """The first test images, those that the network classifies rightly."""
    folder = real_data("mnist")
    spec, _ = ingest(folder)
    found = load(spec, lambda digest: folder)
    images = torch.from_numpy(found.test_images[:COUNT].copy()).float() / 255
    labels = torch.from_numpy(found.test_labels[:COUNT].copy()).long()
    kept = logits_of(network, images).argmax(1) == labels
    return images[kept], labels[kept]


def by_peer(network, images, labels, name, norm, eps, **settings):
    peer = AutoAttack(network, norm=NAMES[norm], eps=eps, version="custom", attacks=[name], seed=0)
    for field, value in settings.items():
        setattr(getattr(peer, PEERS[name]), field, value)
    found = peer.run_standard_evaluation(images, labels, batch_size=COUNT)
    return found[0] if isinstance(found, tuple) else found


def standing(network, adv_images, labels):
    return logits_of(network, adv_images).argmax(1) == labels


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.34), ("l2", 2.4)])
def test_that_apgd_gives_the_verdicts_of_the_peer(network, right, norm, eps):
    images, labels = right
    settings = {"n_restarts": 1}
    for name, spec in (
        ("apgd-ce", specs.APGD(norm=norm, eps=eps)),
        ("apgd-t", specs.APGD(norm=norm, eps=eps, loss="dlr", targets=2, early_stop=True)),
    ):
        more = {"n_target_classes": 2} if name == "apgd-t" else {}
        theirs = by_peer(network, images, labels, name, norm, eps, **settings, **more)
        ours = attack(network, images, labels, spec, generator=seeded())
        a, b = (standing(network, found, labels) for found in (ours, theirs))
        assert 0 < a.sum() < len(a), "eps is such that some stand and some fall"
        assert (a != b).sum() <= 0.1 * len(a), "the starts are drawn, and differ"
        assert a.sum() - b.sum() <= 0.05 * len(a)


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.36), ("l2", 1.6)])
def test_that_fab_gives_the_verdicts_of_the_peer(network, right, norm, eps):
    """It draws nothing."""
    images, labels = right
    settings = {"n_restarts": 1, "n_target_classes": 3, "n_iter": 40}
    theirs = by_peer(network, images, labels, "fab-t", norm, eps, **settings)
    spec = specs.FAB(norm=norm, eps=eps, targets=3, steps=40)
    ours = attack(network, images, labels, spec, generator=seeded())
    a, b = (standing(network, found, labels) for found in (ours, theirs))
    assert 0 < a.sum() < len(a)
    assert (a != b).sum() <= 0.05 * len(a)


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.35), ("l2", 2.4)])
def test_that_square_finds_about_what_the_peer_finds(network, right, norm, eps):
    images, labels = right
    theirs = by_peer(network, images, labels, "square", norm, eps, n_queries=600)
    spec = specs.SquareAttack(norm=norm, eps=eps, queries=600)
    ours = attack(network, images, labels, spec, generator=seeded())
    a, b = (standing(network, found, labels) for found in (ours, theirs))
    assert 0 < a.sum() < len(a)
    assert abs(int(a.sum()) - int(b.sum())) <= 0.2 * len(a)
