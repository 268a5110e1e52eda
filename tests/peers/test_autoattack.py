"""Our attacks against AutoAttack's own code, on the MNIST network published with TRADES.

Per attack and on few images; eps is such that some images stand and some fall.
"""

import pytest
import torch
from pyautoattack import AutoAttack

from engine import specs
from engine.attacks.table import attack
from engine.data.images import ingest, load
from engine.networks.gradients import logits_of
from tests.data_sources import real_data
from tests.engine.small_networks import seeded
from tests.peers.published_networks import trades_network

COUNT = 100
PEERS = {"apgd-ce": "apgd", "apgd-t": "apgd_targeted", "fab-t": "fab", "square": "square"}
NAMES = {"linf": "Linf", "l2": "L2"}


@pytest.fixture(scope="module")
def network():
    return trades_network(real_data("checkpoints/trades-mnist-smallcnn.pt"))


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
