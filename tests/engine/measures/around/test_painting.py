"""Painting a class: the frames of a targeted attack of large radius."""

import numpy as np
import pytest
import torch

from engine import specs
from engine.attacks.norms import norms
from engine.attacks.pgd import pgd
from engine.jobs.context import Cancelled, Context
from engine.measures.around.painting import paint, painting
from engine.networks.gradients import InputError
from engine.specs.schema import SpecError
from tests.engine.conftest import training

PAINTER = specs.PGD(norm="l2", eps=6.0, step_size=0.6, steps=30, target=3)


def linear():
    layer = torch.nn.Linear(40, 3)
    with torch.no_grad():
        layer.weight.normal_(generator=torch.Generator().manual_seed(0))
        layer.bias.zero_()
    return torch.nn.Sequential(torch.nn.Flatten(), layer).eval().requires_grad_(False)


def begin():
    return torch.rand(1, 2, 5, 4, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("norm", "eps"), [("l2", 2.0), ("linf", 0.3)])
def test_that_every_frame_lies_in_the_ball_and_in_the_cube(norm, eps):
    found = paint(linear(), begin(), 2, norm=norm, eps=eps, steps=40, step_size=eps / 8, frames=10)
    assert len(found) == 11
    assert float(found.min()) >= 0.0
    assert float(found.max()) <= 1.0
    assert float(norms(found - begin(), norm).max()) <= eps + 1e-5
    assert torch.equal(found[:1], begin())


def test_that_the_pieces_make_the_attack_as_it_is_in_one():
    # Short of certainty: beyond it the gradient is rounding, which any order of sums changes.
    options = {"norm": "l2", "eps": 0.4, "steps": 12, "step_size": 0.05}
    whole = pgd(linear(), begin(), torch.zeros(1, dtype=torch.long), target=1, **options)
    found = paint(linear(), begin(), 1, frames=5, **options)
    np.testing.assert_allclose(found[-1:], whole, atol=1e-5)
    assert len(paint(linear(), begin(), 1, frames=50, **options)) == 13


def test_that_the_target_becomes_ever_more_probable_for_a_linear_network():
    model = linear()
    found = paint(model, begin(), 2, norm="l2", eps=3.0, steps=20, step_size=0.3, frames=5)
    share = model(found).softmax(1)[:, 2]
    assert (share.diff() > -1e-6).all()
    assert share[-1] > 0.9


def test_that_it_stops_between_steps():
    def cancel():
        raise Cancelled

    with pytest.raises(Cancelled):
        paint(
            linear(),
            begin(),
            0,
            norm="l2",
            eps=1.0,
            steps=3,
            step_size=1.0,
            check_cancelled=cancel,
        )


def run(study, spec, **options):
    context = Context(spec, study, torch.device("cpu"), lambda event: None)
    return painting(spec, context, **options)


@pytest.mark.parametrize("start", ["image", "grey", "noise"])
def test_that_it_begins_where_it_is_told_to(computed, study, start):
    base = training()
    computed(base)
    spec = specs.AdversarialExamples(classifier=base, attack=PAINTER, indices=(2,))
    found = run(study, spec, start=start, frames=6)
    frames = found.arrays["frames"]
    assert frames.shape == (7, 1, 28, 28)
    assert found.arrays["logits"].shape == (7, 10)
    first = {"grey": lambda: (frames[0] == 0.5).all(), "noise": lambda: 0.2 < frames[0].std() < 0.4}
    assert first.get(start, lambda: (frames[0] == 0).any() or frames[0].std() > 0)()
    assert found.numbers["distance"] <= 6.0 + 1e-4
    assert found.arrays["logits"][-1, 3] > found.arrays["logits"][0, 3]
    assert 0 <= found.numbers["probability"] <= 1


def test_that_the_noise_is_the_same_for_every_network(computed, study):
    pair = [training(), training(seed=1)]
    computed(*pair)
    firsts = [
        run(study, specs.AdversarialExamples(classifier=one, attack=PAINTER), start="noise")
        for one in pair
    ]
    np.testing.assert_array_equal(*(found.arrays["frames"][0] for found in firsts))


def test_that_what_cannot_be_painted_is_said(computed, study):
    base = training()
    computed(base)
    for attack, words in (
        (PAINTER.replace("target", None), "must be a PGD with a target"),
        (specs.FGSM(target=1), "must be a PGD with a target"),
        (PAINTER.replace("eps", 0.0), "eps is 0"),
    ):
        with pytest.raises(SpecError, match=words):
            run(study, specs.AdversarialExamples(classifier=base, attack=attack))
    beyond = specs.AdversarialExamples(classifier=base, attack=PAINTER.replace("target", 10))
    with pytest.raises(InputError, match="target is 10, must be at most 9"):
        run(study, beyond)
