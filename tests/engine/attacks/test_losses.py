from typing import get_args

import pytest
import torch
from torch.nn import functional

from engine.attacks.losses import CAP, LOSSES, cw, cw_capped, xent
from engine.specs import Loss

LOGITS = torch.tensor([[3.0, 1.0, 0.5], [0.0, 2.0, -1.0]])
LABELS = torch.tensor([0, 2])


def gradient_of(loss, logits, labels):
    leaf = logits.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(leaf, labels).sum(), leaf)
    return gradient


def test_that_there_is_a_loss_for_every_choice_of_the_specs():
    assert set(LOSSES) == set(get_args(Loss))


def test_that_the_margin_is_the_best_other_class_minus_the_label():
    assert cw(LOGITS, LABELS).tolist() == [-2.0, 3.0]


def test_that_the_margin_ignores_the_label_where_it_has_the_highest_logit():
    assert cw(torch.tensor([[9.0, 1.0, 4.0]]), torch.tensor([0])).item() == -5.0


def test_that_the_capped_margin_stops_rising_at_the_cap():
    logits = torch.tensor([[0.0, CAP + 7], [0.0, CAP - 7]], dtype=torch.float64)
    labels = torch.tensor([0, 0])
    assert cw_capped(logits, labels).tolist() == [CAP, CAP - 7]
    assert gradient_of(cw_capped, logits, labels).tolist() == [[0, 0], [-1, 1]]


def test_that_the_capped_margin_is_the_papers_loss_up_to_its_constant():
    generator = torch.Generator().manual_seed(0)
    logits = 600 * torch.randn(200, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(5, (200,), generator=generator)
    true = logits.gather(1, labels[:, None])[:, 0]
    others = logits.masked_fill(functional.one_hot(labels, 5).bool(), -torch.inf).amax(1)
    papers = -functional.relu(true - others + 500)
    torch.testing.assert_close(cw_capped(logits, labels), papers + 500)
    assert (papers == 0).any()
    assert (papers < 0).any()


def test_that_xent_is_the_cross_entropy_and_has_its_gradient():
    generator = torch.Generator().manual_seed(0)
    logits = 5 * torch.randn(100, 10, generator=generator, dtype=torch.float64)
    labels = torch.randint(10, (100,), generator=generator)

    def usual(logits, labels):
        return functional.cross_entropy(logits, labels, reduction="none")

    torch.testing.assert_close(xent(logits, labels), usual(logits, labels))
    torch.testing.assert_close(
        gradient_of(xent, logits, labels), gradient_of(usual, logits, labels)
    )


@pytest.mark.parametrize("lead", [20.0, 50.0, 85.0])
def test_that_xent_of_a_certain_network_keeps_its_gradient(lead):
    """p_label is 1 in float32, and the usual form loses the label's own share."""
    logits = torch.tensor([[lead, 0.0, -1.0]])
    exact = gradient_of(xent, logits.double(), torch.tensor([0]))
    found = gradient_of(xent, logits, torch.tensor([0])).double()
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=0)
    assert found[0, 0] < 0
    assert xent(logits, torch.tensor([0])).item() > 0


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_that_a_loss_is_taken_image_by_image(loss):
    together = loss(LOGITS, LABELS)
    alone = [loss(LOGITS[i : i + 1], LABELS[i : i + 1]).item() for i in range(2)]
    assert together.shape == (2,)
    assert together.tolist() == alone


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_that_a_loss_stays_finite_and_leaves_the_logits_alone(loss):
    logits = torch.tensor([[1e4, -1e4], [-1e4, 1e4]])
    before = logits.clone()
    labels = torch.tensor([0, 0])
    assert loss(logits, labels).isfinite().all()
    assert gradient_of(loss, logits, labels).isfinite().all()
    assert torch.equal(logits, before)
