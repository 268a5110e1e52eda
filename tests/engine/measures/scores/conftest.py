"""Networks small enough to know their scores, and a context to compute scores in."""

import pytest
import torch
from torch import nn

from engine import specs
from engine.jobs.context import Context
from engine.measures.scores.table import SCORES
from tests.engine.conftest import study, training

__all__ = ["study"]  # a fixture


class Linear(nn.Module):
    """Logits (w . x, 0)."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(torch.as_tensor(weight), requires_grad=False)

    def forward(self, images):
        first = (images * self.weight).flatten(1).sum(1)
        return torch.stack([first, torch.zeros_like(first)], 1)


@pytest.fixture
def some_images():
    return torch.rand(6, 1, 6, 5, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def curved():
    """Return a small network with a curved answer, in float32."""
    generator = torch.Generator().manual_seed(1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(30, 8), nn.Softplus(), nn.Linear(8, 3))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.5, generator=generator)
    return model.eval().requires_grad_(False)


@pytest.fixture
def context_of(study):
    """Return a function that makes the context of a score on a small training."""

    def make(score, emit=lambda event: None):
        spec = specs.Measurement(classifier=training(), metric=score)
        return Context(spec, study, torch.device("cpu"), emit)

    return make


@pytest.fixture
def scored(context_of):
    """Return a function that computes a score of a network on images, all labelled 0."""

    def run(score, model, images, labels=None, context=None):
        truth = torch.zeros(len(images), dtype=torch.int64) if labels is None else labels
        return SCORES[score.kind](model, images, truth, score, context or context_of(score))

    return run
