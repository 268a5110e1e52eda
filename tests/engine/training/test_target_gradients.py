"""Edge gradients and aligned gradients (PAG): targets, cosines, and what they do to a network."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from engine import specs
from engine.jobs.context import Context
from engine.specs.schema import SpecError
from engine.training.batch import BatchContext
from engine.training.loop import TrainingState, make_optimizer
from engine.training.penalties import (
    CLASSES,
    TARGETS,
    contours,
    gradients_through,
    misaligned,
    representatives,
)
from engine.training.schemes import SCHEMES
from engine.training.train import train
from tests.engine.conftest import computed, study, training
from tests.engine.small_networks import initialised, seeded, some_images

__all__ = ["computed", "study"]  # fixtures


def linear(classes=5, seed=0):
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, classes, dtype=torch.float64))
    nn.init.normal_(model[1].weight, std=0.3, generator=seeded(seed))
    nn.init.zeros_(model[1].bias)
    return model


def stepped(scheme, model, rate=0.1, state=None, images=None, labels=None):
    if images is None:
        images, labels = some_images(16)
    state = state or TrainingState(model, make_optimizer(specs.SGD(learning_rate=rate), model), {})
    batch = BatchContext(9.0, seeded(7), lambda *_: None)
    loss = SCHEMES[scheme.kind].step(state, images, labels, batch, **scheme.parameters())
    return float(loss), state


@pytest.mark.parametrize("kind", [specs.EdgeGradients, specs.AlignedGradients])
def test_that_without_a_weight_it_is_standard_training(kind):
    (loss, state), (other, standard) = (
        stepped(scheme, linear()) for scheme in (kind(weight=0.0), specs.Standard())
    )
    assert loss == pytest.approx(other)
    torch.testing.assert_close(state.model[1].weight, standard.model[1].weight)


def test_that_misalignment_is_one_minus_the_cosine_and_ignores_lengths():
    one, two = (torch.randn(5, 3, 4, generator=seeded(s), dtype=torch.float64) for s in (1, 2))
    cosines = functional.cosine_similarity(one.flatten(1), two.flatten(1))
    torch.testing.assert_close(misaligned(one, two), 1 - cosines.mean())
    torch.testing.assert_close(misaligned(1e-200 * one, 1e30 * two), 1 - cosines.mean())
    assert float(misaligned(one, one)) == pytest.approx(0.0, abs=1e-12)
    assert float(misaligned(one, -one)) == pytest.approx(2.0)


def test_that_a_map_of_zeros_counts_nowhere_and_has_no_gradient():
    maps = torch.randn(3, 4, generator=seeded(), dtype=torch.float64)
    maps[1] = 0
    maps.requires_grad_(True)
    targets = torch.randn(3, 4, generator=seeded(1), dtype=torch.float64)
    found = misaligned(maps, targets)
    cosines = functional.cosine_similarity(maps.detach()[[0, 2]], targets[[0, 2]])
    assert float(found.detach()) == pytest.approx(float(1 - cosines.mean()))
    found.backward()
    assert torch.isfinite(maps.grad).all()
    assert (maps.grad[1] == 0).all()
    assert float(misaligned(torch.zeros(2, 4), torch.ones(2, 4))) == 0.0


def test_that_edges_are_where_brightness_changes():
    images = torch.zeros(2, 3, 12, 12, dtype=torch.float64)
    images[0, :, :, 6:] = 1.0
    images[1, 0] = 0.7  # no edge
    found = contours(images, 0.0)
    assert found.shape == (2, 1, 12, 12)
    assert (found[1] == 0).all()
    # The Sobel filter across has the sum 4 on one side; three channels give a factor sqrt(3).
    torch.testing.assert_close(found[0, 0, 5, 5:7], torch.full((2,), 4 * 3**0.5).double())
    assert (found[0, 0, :, :5] == 0).all()
    smooth = contours(images, 1.0)
    assert int(smooth[0, 0, 5].argmax()) in (5, 6)
    torch.testing.assert_close(smooth[0, 0].flip(1), smooth[0, 0], atol=1e-12, rtol=0)
    turned = contours(images.transpose(2, 3), 1.0)
    torch.testing.assert_close(turned, smooth.transpose(2, 3))


def test_that_the_loss_of_edge_gradients_is_that_of_the_definition():
    """On a linear network a logit's gradient is its row of weights; T near 0 takes the largest."""
    images, labels = some_images(16)
    model = linear()
    with torch.no_grad():
        logits = model(images)
        rows = model[1].weight[logits.argmax(1)]
        edges = contours(images, 1.0).expand_as(images).flatten(1)
        away = 1 - functional.cosine_similarity(rows, edges).mean()
        expected = functional.cross_entropy(logits, labels) + 3 * away
    scheme = specs.EdgeGradients(weight=3.0, temperature=1e-4)
    assert stepped(scheme, model)[0] == pytest.approx(float(expected))


def test_that_the_logit_is_drawn_by_the_networks_answer():
    from engine.training.penalties import _drawn_class

    logits = torch.tensor([[0.0, 1.0, -1.0]]).expand(20_000, 3)
    counts = _drawn_class(logits, seeded()).bincount() / 20_000
    torch.testing.assert_close(counts, logits[0].softmax(0), atol=0.012, rtol=0)


def test_that_edges_need_an_image():
    images, labels = torch.rand(4, 2, 1, 1, dtype=torch.float64), torch.tensor([0, 1, 0, 1])
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, dtype=torch.float64))
    with pytest.raises(SpecError, match="images are 1 x 1 px, edge gradients need at least 3 px"):
        stepped(specs.EdgeGradients(), model, images=images, labels=labels)


@pytest.mark.parametrize("number", [0, 1, 4])
def test_that_representatives_are_of_their_class(number):
    images = (torch.rand(30, 3, 4, 4, generator=seeded()) * 255).to(torch.uint8)
    labels = torch.arange(30) % 3
    labels[labels == 1] = 7  # class 1 has no image
    labels[0] = -1
    held, classes = representatives(images, labels, number, seeded(), torch.float64)
    assert classes.tolist() == [0, 2, 7]
    assert held.shape == (3, max(1, number), 3, 4, 4)
    for place, label in enumerate(classes):
        own = images[labels == label].double() / 255
        if not number:
            torch.testing.assert_close(held[place, 0], own.mean(0))
        for one in held[place][: number or 0]:
            assert any(torch.allclose(one, other) for other in own)
    if number == 4:
        assert len(held[0].unique(dim=0)) == 4  # drawn without repetition where there are enough


def test_that_a_class_with_few_images_repeats_them():
    images, labels = torch.rand(3, 1, 2, 2), torch.tensor([0, 1, 1])
    held, _ = representatives(images, labels, 4, seeded(), torch.float32)
    assert len(held[0].unique(dim=0)) == 1
    assert len(held[1].unique(dim=0)) == 2


@pytest.mark.parametrize("target", ["class_mean", "one_image", "nearest"])
def test_that_the_loss_of_aligned_gradients_is_that_of_the_definition(target):
    """With all classes: log p_j has the gradient w_j - sum_k p_k w_k on a linear network."""
    images, labels = some_images(16)
    model = linear()
    scheme = specs.AlignedGradients(weight=3.0, target=target, candidates=3, classes=5)
    weight = model[1].weight.detach().clone()
    with torch.no_grad():
        logits = model(images)
    loss, state = stepped(scheme, model)
    held, classes = state.kept[TARGETS], state.kept[CLASSES]
    assert classes.tolist() == sorted(set(labels.tolist()))
    cosines = []
    for image, answer in zip(images, logits, strict=True):
        for place, label in enumerate(classes):
            gradient = weight[label] - answer.softmax(0) @ weight
            ways = (held[place] - image).flatten(1)
            way = ways[ways.norm(dim=1).argmin()]
            if way.any():
                cosines.append(functional.cosine_similarity(gradient, way, dim=0))
    away = 1 - torch.stack(cosines).mean()
    expected = functional.cross_entropy(logits, labels) + 3 * away
    assert loss == pytest.approx(float(expected))


def test_that_fewer_classes_are_a_sample_of_all():
    """The mean over many draws of one class is the loss of all classes."""
    model = linear()
    whole = specs.AlignedGradients(classes=5)
    images, labels = some_images(16)
    known = sorted(set(labels.tolist()))
    everything, _ = stepped(whole.replace("classes", len(known)), linear())
    state = TrainingState(model, make_optimizer(specs.SGD(learning_rate=1e-12), model), {})
    generator, found = seeded(3), []
    for _ in range(300):
        batch = BatchContext(9.0, generator, lambda *_: None)
        scheme = specs.AlignedGradients()
        step = SCHEMES[scheme.kind].step
        found.append(float(step(state, images, labels, batch, **scheme.parameters())))
    error = np.std(found) / len(found) ** 0.5
    assert abs(np.mean(found) - everything) < 4 * error + 1e-6


@pytest.mark.parametrize("scheme", [specs.EdgeGradients(weight=2.0), specs.AlignedGradients()])
def test_that_a_step_follows_the_gradient_of_the_loss(scheme):
    """Against differences, through softplus and pooling, in float64."""
    layers = [nn.Conv2d(3, 3, 3), nn.Softplus(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(18, 5)]
    model = initialised(nn.Sequential(*layers), 3).double()
    weight, around = model[0].weight, []
    before = weight.detach().clone()
    for change in (1e-5, -1e-5):
        with torch.no_grad():
            weight.copy_(before)
            weight[0, 0, 1, 1] += change
        around.append(stepped(scheme, model, rate=1e-12)[0])
    with torch.no_grad():
        weight.copy_(before)
    stepped(scheme, model, rate=1e-12)
    expected = (around[0] - around[1]) / 2e-5
    assert float(weight.grad[0, 0, 1, 1]) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("scheme", [specs.EdgeGradients(weight=10.0), specs.AlignedGradients()])
def test_that_training_turns_gradients_to_their_targets(scheme):
    """What the term is for, measured on what it names."""
    model = initialised(nn.Sequential(nn.Flatten(), nn.Linear(144, 20), nn.SiLU(),
                                      nn.Linear(20, 5)), 1).double()  # fmt: skip
    images, labels = some_images(32)

    def away():
        if scheme.kind == "edge_gradients":
            leaf = images.clone().requires_grad_(True)
            (found,) = torch.autograd.grad(model(leaf).amax(1).sum(), leaf)
            return float(misaligned(found, contours(images, 1.0).expand_as(images)))
        held, classes = representatives(images, labels, 0, seeded(), images.dtype)
        ways = [
            misaligned(-gradients_through(model, images, label.expand(32), keep=False)[1], one)
            for label, one in zip(classes, held - images[None], strict=True)
        ]
        return float(torch.stack(ways).mean())

    first = away()
    state = TrainingState(model, make_optimizer(specs.Adam(learning_rate=3e-3), model), {})
    generator = seeded(5)
    for _ in range(150):
        batch = BatchContext(9.0, generator, lambda *_: None)
        step = SCHEMES[scheme.kind].step
        step(state, images, labels, batch, **scheme.parameters())
    assert away() < 0.7 * first


def test_that_targets_come_from_all_training_images_and_survive_a_checkpoint(study):
    spec = training(epochs=1, scheme=specs.AlignedGradients())
    seen = []
    held = SCHEMES[spec.scheme.kind].step

    def watching(state, images, labels, batch, **fields):
        loss = held(state, images, labels, batch, **fields)
        seen.append((batch.training, state.kept[TARGETS].clone()))
        return loss

    from unittest.mock import patch

    from engine.training.batch import Scheme

    with patch.dict(SCHEMES, {spec.scheme.kind: Scheme(watching)}):
        train(spec, Context(spec, study, torch.device("cpu"), lambda event: None))
    (images, labels), first = seen[0]
    assert len(images) == len(labels) == spec.images.train
    assert all(torch.equal(first, targets) for _, targets in seen)
    own = images[labels == labels[0]].float() / 255
    place = torch.unique(labels).tolist().index(int(labels[0]))
    torch.testing.assert_close(first[place, 0], own.mean(0))
