import re

import numpy as np
import pytest
import torch
from torch import nn

from engine import specs
from engine.attacks.hyperplane import to_hyperplane
from engine.jobs.context import Cancelled, Context
from engine.measures.strong import CLEAN_WRONG, STANDS, strong_accuracy
from engine.specs.measures import LEVELS
from engine.tradeoff.robustness import robustness
from engine.tradeoff.verdicts import SIGNS, findings
from tests.engine.conftest import training
from tests.engine.small_networks import seeded

COUNT = 30
LABELS = torch.zeros(COUNT, dtype=torch.int64)


@pytest.fixture
def images():
    """Images that a linear network classifies with margins from -0.02 to 0.45 in L-inf."""
    margins = torch.linspace(-0.02, 0.45, COUNT).view(-1, 1, 1, 1)
    return (0.5 - margins).expand(COUNT, 1, 2, 2).contiguous()


class Linear(nn.Module):
    """Class 0 wins where the mean pixel is below 0.5."""

    def forward(self, images):
        mean = images.flatten(1).mean(1)
        return torch.stack([0.5 - mean, mean - 0.5, mean * 0 - 9, mean * 0 - 9], dim=1)


class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, images):
        return self.factor * Linear()(images)


class Masked(nn.Module):
    """Rounds its input by a sigmoid so steep that nearly all of its gradient is 0."""

    def forward(self, images):
        return Linear()(torch.sigmoid(1e4 * (images - 0.5)))


class Random(nn.Module):
    def forward(self, images):
        return Linear()(images) + 0.01 * torch.rand(len(images), 4, generator=seeded())


class Broken(nn.Module):
    """Answers NaN, which argmax takes for the largest logit."""

    def forward(self, images):
        return Linear()(images) * torch.nan


def measured(model, images, study, level="quick", eps=0.15, emit=lambda event: None):
    spec = specs.StrongAccuracy(eps=eps, level=level)
    of = specs.Measurement(classifier=training(), metric=spec, test_images=COUNT)
    context = Context(of, study, torch.device("cpu"), emit)
    return strong_accuracy(model, images, LABELS, spec, context)


def failed(numbers):
    return [finding.name for finding in findings(numbers, SIGNS) if not finding.passed]


@pytest.mark.parametrize("level", LEVELS)
def test_that_a_linear_network_loses_what_lies_within_eps(level, images, study):
    result = measured(Linear(), images, study, level)
    margins = 0.5 - images.flatten(1)[:, 0]
    assert result.arrays["broken_by"][0] == CLEAN_WRONG
    assert ((result.arrays["broken_by"] == STANDS) == (margins > 0.15).numpy()).all()
    assert result.numbers["accuracy"] == pytest.approx(float((margins > 0.15).float().mean()))
    assert failed(result.numbers) == []


@pytest.mark.parametrize("factor", [1e3, 1e6, 1e-6])
def test_that_the_scale_of_the_logits_changes_no_verdict(factor, images, study):
    plain = measured(Linear(), images, study)
    scaled = measured(Scaled(factor), images, study)
    assert (scaled.arrays["broken_by"] == STANDS).tolist() == (
        plain.arrays["broken_by"] == STANDS
    ).tolist()


def test_that_a_masked_network_is_told_by_its_zero_pixels(images, study):
    numbers = measured(Masked(), images, study).numbers
    assert numbers["accuracy"] > 0.6
    assert {"zero pixels", "no gradient"} <= set(failed(numbers))


def test_that_square_breaks_what_a_masked_network_hides(images, study):
    numbers = measured(Masked(), images, study, "autoattack").numbers
    assert numbers["accuracy"] == pytest.approx(
        measured(Linear(), images, study).numbers["accuracy"]
    )
    assert "without gradients" in failed(numbers)


def test_that_a_network_that_answers_nan_is_right_nowhere(images, study):
    numbers = measured(Broken(), images, study).numbers
    assert numbers["accuracy"] == numbers["clean_accuracy"] == 0
    assert "finite answers" in failed(numbers)


def test_that_random_answers_are_found_out(images, study):
    model = Random()
    noise = iter(range(10**6))
    model.forward = lambda x: (
        Linear()(x) + 0.01 * torch.rand(len(x), 4, generator=seeded(next(noise)))
    )
    assert "repeatable" in failed(measured(model, images, study).numbers)


def test_that_an_interrupted_cascade_ends_as_an_uninterrupted_one(images, study, monkeypatch):
    monkeypatch.setattr("engine.measures.strong.SAVED_EVERY", 0.0)
    monkeypatch.setattr("engine.measures.strong.BATCH", 7)
    whole = measured(Linear(), images, study, "autoattack")
    spec = specs.StrongAccuracy(eps=0.15, level="autoattack")
    of = specs.Measurement(classifier=training(), metric=spec, test_images=COUNT)
    study.drop_checkpoint(of)  # as the scheduler does once the record is stored
    for stop in (150, 400):
        context = Context(of, study, torch.device("cpu"), lambda event: None)
        asked = iter(range(10**9))

        def check(asked=asked, stop=stop):
            if next(asked) == stop:
                raise Cancelled

        context.check_cancelled = check
        with pytest.raises(Cancelled):
            strong_accuracy(Linear(), images, LABELS, spec, context)
        assert context.checkpoint() is not None
    again = strong_accuracy(
        Linear(), images, LABELS, spec, Context(of, study, torch.device("cpu"), lambda event: None)
    )
    assert np.array_equal(again.arrays["broken_by"], whole.arrays["broken_by"])
    assert again.documents == whole.documents


def test_that_survivors_are_told_while_it_runs(images, study):
    events = []
    measured(Linear(), images, study, emit=events.append)
    shares = [e.values["standing"] for e in events if hasattr(e, "values")]
    assert len(shares) == len(LEVELS["quick"]("linf", 0.1))
    assert shares == sorted(shares, reverse=True)
    told = [e.what for e in events if hasattr(e, "what")]
    assert any(re.match(r"[\d,]+ of [\d,]+ stand, ", what) for what in told)


def test_that_a_study_shows_the_lowest_accuracy_and_says_unchecked_before(computed, study):
    base = training(epochs=2)
    (before,) = computed(base)
    known = robustness(study)[base.key]
    assert (known.verdict, known.strong) == ("unchecked", None)
    assert known.lowest.accuracy == before.numbers["robust_accuracy"]
    ball = base.evaluation
    metric = specs.StrongAccuracy(norm=ball.norm, eps=ball.eps)
    (check,) = computed(specs.Measurement(classifier=base, metric=metric, test_images=100))
    known = robustness(study)[base.key]
    assert known.verdict == "ok", known.findings
    assert known.strong.accuracy == check.numbers["accuracy"]
    assert known.strong.attack == "PGD-20 + targeted margin"
    assert known.lowest.accuracy == min(check.numbers["accuracy"], known.own.accuracy)
    elsewhere = metric.replace("eps", ball.eps * 2)
    computed(specs.Measurement(classifier=base, metric=elsewhere, test_images=100))
    assert robustness(study)[base.key] == known


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_that_the_way_to_a_hyperplane_is_the_shortest_in_the_box(norm):
    """Against bisection of the dual, one image after another."""
    points = torch.rand(20, 30, generator=seeded(), dtype=torch.float64)
    normals = torch.randn(20, 30, generator=seeded(1), dtype=torch.float64)
    normals[3, :15] = 0
    gaps = torch.randn(20, generator=seeded(2), dtype=torch.float64) * 3
    gaps[5] = 1e6  # out of the box's reach
    moves = to_hyperplane(points, normals, gaps, norm)
    assert (points + moves).min() >= -1e-12
    assert (points + moves).max() <= 1 + 1e-12
    for move, point, normal, gap in zip(moves, points, normals, gaps, strict=True):
        towards = normal * gap.sign()
        room = torch.where(towards > 0, 1 - point, point)
        pace = (towards.abs() > 0).double() if norm == "linf" else towards.abs()
        low, high = 0.0, 1e7
        for _ in range(200):
            middle = (low + high) / 2
            reached = (towards.abs() * torch.minimum(middle * pace, room)).sum()
            low, high = (middle, high) if reached < gap.abs() else (low, middle)
        expected = torch.minimum(high * pace, room) * towards.sign()
        torch.testing.assert_close(move, expected, rtol=0, atol=1e-6)
