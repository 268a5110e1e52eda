"""ROAD, deletion and insertion against direct computations on a linear network."""

import numpy as np
import pytest
import torch

from engine import specs
from engine.measures.scores.infill import fill
from engine.specs.schema import SpecError
from engine.specs.scores.removal import ORDERS
from tests.engine.measures.scores.conftest import Linear

LOGIT = specs.GradientXInput(quantity="logit", input_range="unit", target=0)
# All products differ, so that there are no ties.
WEIGHTS = torch.linspace(-2.0, 2.0, 30)[
    torch.randperm(30, generator=torch.Generator().manual_seed(5))
]


@pytest.fixture
def linear():
    return Linear(WEIGHTS.view(1, 6, 5))


def order_of(image, weight):
    """Return the pixels of an image by the size of gradient times input, largest first."""
    return torch.argsort((image * weight).abs().flatten(), descending=True)


@pytest.mark.parametrize("kind", [specs.Deletion, specs.Insertion])
@pytest.mark.parametrize("grey", ["black", "white"])
def test_that_the_area_is_that_below_the_probabilities(kind, grey, linear, some_images, scored):
    score = kind(attribution=LOGIT, fill=grey, steps=5)
    found = scored(score, linear, some_images)
    other = torch.full_like(some_images[0], {"black": 0.0, "white": 1.0}[grey])
    for index, image in enumerate(some_images):
        order = order_of(image, linear.weight)
        before, after = (other, image) if kind is specs.Insertion else (image, other)
        curve = []
        for step in range(6):
            changed = before.flatten().clone()
            changed[order[: 6 * step]] = after.flatten()[order[: 6 * step]]
            curve.append(float(linear(changed.view(1, 1, 6, 5)).softmax(1)[0, 0]))
        area = (sum(curve) - (curve[0] + curve[-1]) / 2) / 5
        assert found.arrays[score.kind][index] == pytest.approx(area, abs=1e-5)
    curves = found.arrays[f"curves/{score.label}/map"]
    assert curves.shape == (3, 6)
    assert np.trapezoid(curves[0], found.arrays["curves/x"]) == pytest.approx(
        found.numbers[score.kind]
    )


def test_that_road_is_the_area_between_both_orders(linear, some_images, scored):
    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    score = specs.Road(attribution=LOGIT, fractions=(0.2, 0.5), noise=0.0)
    found = scored(score, linear, some_images, labels)
    for index, (image, label) in enumerate(zip(some_images, labels, strict=True)):
        order, right = order_of(image, linear.weight), []
        for direction in (order, order.flip(0)):
            curve = [float(linear(image[None]).argmax() == label)]
            for count in (6, 15):
                hidden = torch.zeros(30, dtype=torch.bool)
                hidden[direction[:count]] = True
                filled = fill(image[None], hidden.view(1, 6, 5))
                curve.append(float(linear(filled).argmax() == label))
            right.append(np.array(curve))
        area = np.trapezoid(right[1] - right[0], [0, 0.2, 0.5]) / 0.5
        assert found.arrays["road"][index] == pytest.approx(area, abs=1e-9)
    first, last = (found.arrays[f"curves/{order}/map"] for order in ORDERS)
    between = np.trapezoid(last[0] - first[0], found.arrays["curves/x"]) / 0.5
    assert between == pytest.approx(found.numbers["road"])
    assert (first[1] <= first[0]).all()
    assert (first[2] >= first[0]).all()


def test_that_images_without_a_label_are_left_out_of_road(linear, some_images, scored):
    labels = torch.tensor([0, -1, 1, -1, 0, -1])
    assert scored(specs.Road(), linear, some_images, labels).numbers["images"] == 3
    with pytest.raises(SpecError, match="none of the test images has a label, which ROAD needs"):
        scored(specs.Road(), linear, some_images, torch.full((6,), -1))


def test_that_the_class_of_a_curve_is_the_one_that_the_map_explains(linear, some_images, scored):
    def area(target):
        method = specs.Gradient(target=target)
        return scored(specs.Deletion(attribution=method), linear, some_images).arrays["deletion"]

    assert area(0) + area(1) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("name", ["mean", "blurred", "black", "grey", "white"])
@pytest.mark.parametrize("kind", [specs.Deletion, specs.Insertion])
def test_that_every_filling_stands_at_one_end(kind, name, linear, some_images, scored):
    score = kind(fill=name, steps=3)
    found = scored(score, linear, some_images).arrays[f"curves/{score.label}/map"][0]
    whole = found[0 if kind is specs.Deletion else -1]
    seen = linear(some_images).softmax(1).amax(1).mean()
    assert whole == pytest.approx(float(seen), abs=1e-6)
    assert found[0] != found[-1]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: specs.Road(fractions=()), r"fractions is \[\], must hold at least one share"),
        (
            lambda: specs.Road(fractions=(0.0, 0.5)),
            "fractions is 0.0, must be a list, each item a number above 0",
        ),
        (
            lambda: specs.Road(fractions=(0.5, 1.0)),
            "fractions is 1.0, must be a list, each item a number above 0",
        ),
        (lambda: specs.Road(fractions=(0.5, 0.1)), "must rise from one share to the next"),
        (lambda: specs.Road(noise=-0.1), "noise is -0.1, must be a number at least 0"),
        (
            lambda: specs.Road(attribution=specs.Gradient(explained="true")),
            "attribution.explained is 'true', must be 'predicted'",
        ),
        (lambda: specs.Deletion(steps=0), "steps is 0, must be a whole number at least 1"),
        (lambda: specs.Insertion(fill="red"), "must be one of mean, blurred, black, grey, white"),
    ],
)
def test_that_impossible_removals_get_one_sentence(make, sentence):
    with pytest.raises(SpecError, match=sentence):
        make()
