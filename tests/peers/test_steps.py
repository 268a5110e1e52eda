"""Our attacks take the steps of pyautoattack's: with the same draws, the same iterates.

In float64, because in float32 the last bit of a gradient soon changes a sign, and from there on two
runs of one program part too. An iterate is what the network is asked about.
"""

import math
from contextlib import contextmanager

import pytest
import torch
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from pyautoattack.fab_pt import FABAttack_PT
from pyautoattack.square import SquareAttack

from engine.attacks.apgd import apgd
from engine.attacks.fab import fab
from engine.attacks.losses import stands
from engine.attacks.square import _Draws, square
from tests.benchmarks.autoattack_inputs import Places, network_and_images
from tests.data_sources import real_data

NORMS = {"linf": "Linf", "l2": "L2"}
NEAR = 1e-7  # pixels; the peer adds 1e-12 to lengths, and a hundred steps enlarge that
UNREACHABLE = 1e-9  # pixels, a radius at which nothing falls and no image leaves the batch


@pytest.fixture(scope="module", autouse=True)
def in_float64():
    """The peer makes its own tensors in torch's default type, and casts images to float32."""
    plain, torch.Tensor.float = torch.Tensor.float, torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
    torch.Tensor.float = plain


@pytest.fixture(scope="module")
def given(in_float64):
    """The network, images that it classifies rightly, their labels and second classes."""
    places = Places(
        real_data("checkpoints/trades-mnist-smallcnn.pt"),
        real_data("mnist"),
        real_data("mnist"),
    )
    network, images, labels = network_and_images("mnist", 12, places, torch.device("cpu"))
    network, images = network.double(), images.double()
    logits = network(images)
    kept = stands(logits, labels)
    return network, images[kept][:6], labels[kept][:6], logits[kept][:6].argsort(1)[:, -2]


@contextmanager
def asked(network):
    """Collect what a network is asked about; a single image, which tries a layout, is left out."""
    seen = []
    hook = network.register_forward_pre_hook(
        lambda _, given: seen.append(given[0].detach().clone())
    )
    try:
        yield seen
    finally:
        hook.remove()


def furthest(ours, theirs):
    assert len(ours) == len(theirs)
    return max(float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True))


def scattered(images, norm, eps):
    generator = torch.Generator().manual_seed(0)
    delta = torch.randn(images.shape, generator=generator)
    length = delta.flatten(1).norm(float("inf") if norm == "linf" else 2, dim=1)
    return (images + eps * delta / length.view(-1, 1, 1, 1)).clamp(0, 1)


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.34), ("l2", 1.6)])
@pytest.mark.parametrize("towards", [False, True])
def test_that_apgd_takes_the_steps_of_the_peer(given, norm, eps, towards):
    """A hundred: all five checks of the step size, with images that are sent back to their best."""
    network, images, labels, second = given
    start, kind = scattered(images, norm, eps), APGDAttack_targeted if towards else APGDAttack
    peer = kind(network, norm=NORMS[norm], eps=eps, device="cpu")
    peer.init_hyperparam(images)
    peer.y_target = second
    with asked(network) as theirs:
        _, stood, _, _ = peer.attack_single_run(images, labels, x_init=start)
    form = {"loss": "dlr", "targets": 1} if towards else {}
    with asked(network) as ours:
        found = apgd(network, images, labels, norm=norm, eps=eps, steps=100, start=start, **form)
    # Ours also tries a layout with one image, and ranks the classes.
    assert furthest(ours[-101:], theirs[-101:]) < NEAR
    assert len(theirs) == 101
    assert torch.equal(stands(network(found), labels), stood > 0)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_that_fab_takes_the_steps_of_the_peer(given, norm):
    network, images, labels, _ = given
    steps = 30
    peer = FABAttack_PT(network, norm=NORMS[norm], n_iter=steps, eps=UNREACHABLE, device="cpu")
    peer.target_class = 2
    with asked(network) as theirs:
        peer.attack_single_run(images, labels, is_targeted=True)
    settings = {"norm": norm, "eps": UNREACHABLE, "steps": steps, "targets": 1}
    with asked(network) as ours:
        fab(network, images, labels, **settings)
    assert len(theirs) >= 2 * steps
    # Their projection sorts and halves where ours is Newton's method: a millionth of the unknown.
    assert furthest(ours[-2 * steps :], theirs[-2 * steps :]) < 1e-4
    misclassified = [~stands(network(at), labels) for at in ours[-2 * steps + 1 :: 2]]
    assert torch.stack(misclassified).any(), "some went beyond the boundary and were pulled back"


class Script:
    """The same uniform numbers for both programs, in the order in which they ask for them."""

    def __init__(self):
        self._numbers = torch.rand(100_000, generator=torch.Generator().manual_seed(1))
        self.used = 0

    def take(self, *shape):
        shape = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        count = math.prod(shape)
        self.used += count
        return self._numbers[self.used - count : self.used].view(*shape)

    def for_ours(self, draws, end, shape):
        """Place windows as the peer does, which never lets one touch the last row or column."""
        places = end if end == 2 else max(end - 1, 1)
        return (self.take(*shape) * places).long()


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.2), ("l2", 1.0)])
def test_that_square_takes_the_steps_of_the_peer(given, norm, eps, monkeypatch):
    """On one image, because the peer gives a whole batch the same windows."""
    network, images, labels, _ = given
    # On the first image two windows tie to the last bit, and rounding decides which one is kept.
    image, label, queries = images[1:2], labels[1:2], 220  # four sizes of windows
    peer = SquareAttack(
        network, norm=NORMS[norm], n_queries=queries, eps=eps, resc_schedule=False, device="cpu"
    )
    peer.init_hyperparam(image)
    script, again = Script(), Script()

    def upright_if_above_half(side):
        """Transpose the peaks where ours are: the peer does so above one half, ours below."""
        peaks = torch.zeros(side, side)
        peaks[: side // 2] = peer.eta_rectangles(side // 2, side)
        peaks[side // 2 :] = -peer.eta_rectangles(side - side // 2, side)
        peaks /= peaks.norm()
        return peaks if script.take(1) >= 0.5 else peaks.T

    monkeypatch.setattr(peer, "eta", upright_if_above_half)
    monkeypatch.setattr(torch, "rand", lambda *shape, **more: script.take(*shape))
    with asked(network) as theirs:
        peer.attack_single_run(image, label)
    monkeypatch.setattr(
        _Draws, "_integers", lambda draws, end, shape: again.for_ours(draws, end, shape)
    )
    with asked(network) as ours:
        settings = {"norm": norm, "eps": eps, "queries": queries, "first_share": 0.8}
        square(network, image, label, generator=torch.Generator(), **settings)
    assert len(theirs) == queries + 1, "the image stood to the end"
    assert furthest(ours[-queries - 1 :], theirs) < NEAR
    assert again.used == script.used
