"""The loss and the decisions on a plane: of a linear network all of it is known."""

import numpy as np
import pytest
import torch

from engine import specs
from engine.attacks.losses import LOSSES
from engine.attacks.norms import norms
from engine.jobs.context import Cancelled, Context
from engine.jobs.device_images import layout
from engine.measures.around.surface import around, edge_of, plane_through, surface
from engine.networks.gradients import InputError, as_unit, logits_of
from engine.specs.schema import SpecError
from tests.engine.conftest import training

SHAPE = (2, 5, 4)
NORMS = ("linf", "l2")


def linear(seed=0):
    """Return a network of three classes whose logits are linear in the pixels."""
    layer = torch.nn.Linear(40, 3)
    with torch.no_grad():
        layer.weight.normal_(generator=torch.Generator().manual_seed(seed))
        layer.bias.zero_()
    return torch.nn.Sequential(torch.nn.Flatten(), layer).eval().requires_grad_(False)


def grey_image():
    return 0.4 + 0.2 * torch.rand(SHAPE, generator=torch.Generator().manual_seed(3))


def some_plane(norm, eps=0.05, seed=1):
    direction = torch.randn(SHAPE, generator=torch.Generator().manual_seed(7))
    return plane_through(direction, norm, eps, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("norm", NORMS)
def test_that_both_directions_have_length_one_and_are_orthogonal(norm):
    plane = some_plane(norm)
    for direction in (plane.along, plane.across):
        assert float(norms(direction[None], norm)[0]) == pytest.approx(1.0, abs=1e-6)
    assert float((plane.along * plane.across).sum()) == pytest.approx(0.0, abs=1e-5)


def test_that_the_random_direction_follows_from_the_seed():
    assert torch.equal(some_plane("l2", seed=5).across, some_plane("l2", seed=5).across)
    assert not torch.equal(some_plane("l2", seed=5).across, some_plane("l2", seed=6).across)


@pytest.mark.parametrize("norm", NORMS)
def test_that_points_of_the_edge_are_eps_away_from_the_image(norm):
    plane = some_plane(norm)
    edge = torch.tensor(edge_of(plane, 50), dtype=torch.float32)
    moves = edge[:, 0, None, None, None] * plane.along + edge[:, 1, None, None, None] * plane.across
    np.testing.assert_allclose(norms(moves, norm), 1.0, rtol=1e-5)
    np.testing.assert_allclose(edge[0], edge[-1], atol=1e-6)


def test_that_the_l2_ball_is_cut_in_a_circle_and_signs_span_a_square_on_its_corner():
    round_edge = edge_of(some_plane("l2"))
    np.testing.assert_allclose(np.linalg.norm(round_edge, axis=1), 1.0, rtol=1e-5)
    signs = torch.ones(4, 2, 2)
    other = torch.ones(4, 2, 2)
    other[:2] = -1  # as many equal signs as different ones: orthogonal
    plane = plane_through(signs, "linf", 0.1, torch.Generator())
    square = edge_of(type(plane)(signs, other, "linf", 0.1))
    np.testing.assert_allclose(np.abs(square).sum(1), 1.0, rtol=1e-6)


@pytest.mark.parametrize("norm", NORMS)
def test_that_the_regions_of_a_linear_network_are_cut_by_straight_lines(norm):
    model, image, plane = linear(), grey_image(), some_plane(norm)
    with torch.no_grad():  # all classes meet at the image
        model[1].bias.copy_(-(model[1].weight @ image.flatten()))
    offsets = torch.linspace(-4, 4, 30, dtype=torch.float64)
    loss, classes = surface(model, image, 1, plane, offsets)
    weight = model[1].weight.double()
    at, along, across = (
        weight @ part.flatten().double() for part in (image, plane.along, plane.across)
    )
    at = at + model[1].bias.double()
    a, b = offsets[None, :, None], offsets[:, None, None]
    logits = at + plane.eps * (a * along + b * across)
    assert len(classes.unique()) == 3
    assert (classes == logits.argmax(2)).float().mean() == 1.0
    expected = torch.nn.functional.cross_entropy(
        logits.reshape(-1, 3), torch.ones(30 * 30, dtype=torch.long), reduction="none"
    )
    np.testing.assert_allclose(loss.flatten(), expected, rtol=1e-4, atol=1e-5)


def test_that_two_classes_of_a_linear_network_have_half_planes():
    layer = torch.nn.Linear(40, 2, bias=False)
    with torch.no_grad():
        layer.weight[0].normal_(generator=torch.Generator().manual_seed(2))
        # The boundary goes through the image, so that each class has one half of the plane.
        image = grey_image()
        layer.weight[0] -= (layer.weight[0] @ image.flatten()) / image.numel() / image.mean()
        layer.weight[1] = -layer.weight[0]
    model = torch.nn.Sequential(torch.nn.Flatten(), layer).eval().requires_grad_(False)
    _, classes = surface(model, image, 0, some_plane("l2"), torch.linspace(-2, 2, 20).double())
    turned = classes.flip(0, 1)  # the point opposite of the image
    assert (classes != turned).float().mean() > 0.99
    assert classes.float().mean() == pytest.approx(0.5, abs=0.01)


def test_that_pixels_are_clipped_unless_it_is_asked_for():
    seen = []

    class Watching(torch.nn.Module):
        def forward(self, images):
            seen.append((float(images.min()), float(images.max())))
            return images.flatten(1)[:, :2]

    plane, image = some_plane("l2", eps=5.0), grey_image()
    offsets = torch.linspace(-2, 2, 5).double()
    surface(Watching(), image, 0, plane, offsets)
    assert all(0.0 <= low <= high <= 1.0 for low, high in seen)
    seen.clear()
    surface(Watching(), image, 0, plane, offsets, clip=False)
    assert min(low for low, _ in seen) < 0.0


def test_that_a_direction_of_zeros_spans_no_plane():
    with pytest.raises(InputError, match="the direction is zero"):
        plane_through(torch.zeros(SHAPE), "l2", 0.1, torch.Generator())
    with pytest.raises(InputError, match="single value"):
        plane_through(torch.ones(1, 1, 1), "l2", 0.1, torch.Generator())


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("size", [1e-40, 1e-30, 1e30, 1e38])
def test_that_directions_of_any_length_span_the_plane_of_their_direction(norm, size):
    direction = torch.sign(torch.randn(SHAPE, generator=torch.Generator().manual_seed(7)))
    usual, other = (
        plane_through(one, norm, 0.05, torch.Generator().manual_seed(1))
        for one in (direction, direction * size)
    )
    np.testing.assert_allclose(other.along, usual.along, rtol=1e-4)
    np.testing.assert_allclose(other.across, usual.across, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_that_a_direction_that_is_no_number_is_not_called_zero(bad):
    direction = torch.ones(SHAPE)
    direction[0, 0, 0] = bad
    with pytest.raises(InputError, match="holds NaN or infinity, so it spans no plane"):
        plane_through(direction, "l2", 0.1, torch.Generator())


def test_that_it_stops_between_batches():
    def cancel():
        raise Cancelled

    with pytest.raises(Cancelled):
        surface(
            linear(),
            grey_image(),
            0,
            some_plane("l2"),
            torch.linspace(-1, 1, 3),
            check_cancelled=cancel,
        )


def result_of(study, spec, **options):
    context = Context(spec, study, torch.device("cpu"), lambda event: None)
    return around(spec, context, **options)


@pytest.mark.parametrize("norm", NORMS)
def test_that_the_origin_has_the_loss_of_the_image_and_the_attack_that_of_the_attacked_one(
    computed, study, norm
):
    attack = specs.PGD(norm=norm, eps=0.2, step_size=0.08, steps=5)
    spec = specs.AdversarialExamples(classifier=training(), attack=attack, indices=(4,))
    (record,) = computed(spec)
    found = result_of(study, spec, grid=5, reach=1.0)
    label = torch.tensor(record.arrays["labels"])
    clean = LOSSES["xent"](torch.tensor(record.arrays["clean_logits"]), label)
    attacked = LOSSES["xent"](torch.tensor(record.arrays["adv_logits"]), label)
    assert found.arrays["loss"][2, 2] == pytest.approx(float(clean[0]), rel=1e-4)
    assert found.numbers["loss"] == pytest.approx(float(clean[0]), rel=1e-4)
    assert found.numbers["label"] == int(label[0])
    # Of linf the attacked image lies on the edge, so on the grid's last column; of l2 inside it.
    along, beside = found.arrays["attacked"]
    assert beside == 0.0
    assert 0 < along <= 1 + 1e-6
    if norm == "linf":
        assert found.arrays["loss"][2, 4] == pytest.approx(float(attacked[0]), rel=1e-3)
    assert found.arrays["loss"][2, 4] > found.arrays["loss"][2, 2]


def test_that_along_the_gradient_the_loss_rises_and_towards_a_target_its_loss_falls(
    computed, study
):
    base = training()
    computed(base)
    attack = specs.PGD(norm="l2", eps=0.05, step_size=0.02, steps=2)
    spec = specs.AdversarialExamples(classifier=base, attack=attack, indices=(0,))
    found = result_of(study, spec, way="gradient", grid=3, reach=1.0)
    assert found.arrays["loss"][1, 2] > found.arrays["loss"][1, 1]
    assert np.isnan(found.arrays["attacked"]).all()
    label = int(found.numbers["label"])
    towards = spec.replace("attack", attack.replace("target", label))
    away = result_of(study, towards, way="gradient", grid=3, reach=1.0)
    assert away.arrays["loss"][1, 2] < away.arrays["loss"][1, 1]


@pytest.mark.parametrize(
    ("attack", "options", "words"),
    [
        (specs.PGD(eps=0.0), {}, "eps is 0, must be above 0"),
        (specs.PGD(), {"grid": 10}, "grid is 10, must be an odd number"),
        (specs.PGD(), {"grid": 1}, "grid is 1, must be an odd number"),
        (specs.PGD(), {"reach": 0.0}, "reach is 0, must be above 0"),
    ],
)
def test_that_what_cannot_be_drawn_is_said(study, attack, options, words):
    spec = specs.AdversarialExamples(classifier=training(), attack=attack)
    with pytest.raises(SpecError, match=words):
        result_of(study, spec, **options)


def test_that_images_are_given_to_the_network_as_evaluation_gives_them(computed, study):
    base = training()
    computed(base)
    spec = specs.AdversarialExamples(classifier=base, attack=specs.PGD(), indices=(1, 0))
    context = Context(spec, study, torch.device("cpu"), lambda event: None)
    from engine.jobs.classifiers import classifier
    from engine.measures.measure import chosen_images

    pixels, _ = chosen_images(None, base, (1,), context)
    expected = logits_of(classifier(context, base), layout(as_unit(pixels))).argmax(1)
    assert around(spec, context, grid=3).numbers["predicted"] == int(expected[0])
