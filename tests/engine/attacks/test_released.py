"""The forms of the paper's released code, against the same facts written out in numpy."""

import numpy as np
import pytest
import torch
from torch import nn

from engine import specs
from engine.attacks.losses import LOSSES, LOSSES_OF, RELEASED_LOSSES, cw, released_cw
from engine.attacks.norms import norms, project_, random_start, step_direction
from engine.attacks.table import attack


def with_gradient(loss, logits, label):
    leaf = torch.tensor([logits], requires_grad=True)
    value = loss(leaf, torch.tensor([label]))
    (gradient,) = torch.autograd.grad(value.sum(), leaf)
    return value.item(), gradient[0].tolist()


def test_that_every_loss_has_a_released_form():
    assert set(RELEASED_LOSSES) == set(LOSSES)
    assert LOSSES_OF["corrected"] is LOSSES


def test_that_the_released_margin_counts_a_zero_at_the_label():
    # All rivals below 0: the maximum is the 0 that the mask leaves, and no rival has a gradient.
    value, gradient = with_gradient(released_cw, [5.0, -1.0, -3.0], 0)
    assert value == -5.0
    assert gradient == [-1.0, 0.0, 0.0]
    value, gradient = with_gradient(cw, [5.0, -1.0, -3.0], 0)
    assert value == -6.0
    assert gradient == [-1.0, 1.0, 0.0]
    # One rival above 0: both forms are the margin.
    for loss in (cw, released_cw):
        assert with_gradient(loss, [5.0, 2.0, -3.0], 0) == (-3.0, [-1.0, 1.0, 0.0])


def test_that_the_released_cap_ends_the_gradient_where_its_relu_does():
    capped = RELEASED_LOSSES["cw_capped"]
    below = with_gradient(capped, [0.0, 499.0, -1.0], 0)
    assert below == (499.0, [-1.0, 1.0, 0.0])
    assert with_gradient(capped, [0.0, 501.0, -1.0], 0) == (500.0, [0.0, 0.0, 0.0])


@pytest.mark.parametrize("lead", [3.0, 12.0, 30.0, 110.0])
def test_that_the_released_cross_entropy_has_the_gradient_of_a_float32_softmax(lead):
    logits = [lead, 0.0, -1.0]
    _, gradient = with_gradient(RELEASED_LOSSES["xent"], logits, 0)
    shifted = np.exp(np.float32(logits) - np.float32(lead), dtype=np.float32)
    softmax = shifted / shifted.sum(dtype=np.float32)
    expected = softmax - np.float32([1, 0, 0])
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1.2e-7)
    if lead == 30:
        _, exact = with_gradient(LOSSES["xent"], logits, 0)
        assert gradient[0] == 0  # the label's term is lost
        assert exact[0] == pytest.approx(-(exact[1] + exact[2]), rel=1e-5)
        assert exact[0] < 0


@pytest.mark.parametrize("size", [1e-9, 1e-7, 1e-3, 1.0])
def test_that_the_released_l2_step_is_shortened_by_its_term(size):
    ours = np.array([[3.0, 4.0]]) * size / 5
    theirs = ours / 2  # the same gradient where pixels lie in [-1, 1]
    expected = theirs / (np.linalg.norm(theirs) + 1e-8)
    found = step_direction(torch.tensor(ours, dtype=torch.float32), "l2", "released")
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)
    exact = step_direction(torch.tensor(ours, dtype=torch.float32), "l2")
    np.testing.assert_allclose(exact.numpy(), [[0.6, 0.8]], rtol=1e-5)


@pytest.mark.parametrize(("delta", "eps"), [(3e-8, 0.5), (3e-8, 1e-8), (0.3, 0.5), (0.8, 0.5)])
def test_that_the_released_l2_projection_has_its_term_too(delta, eps):
    moved = np.array([[0.6, -0.8]]) * delta
    theirs = 2 * moved
    length = np.linalg.norm(theirs)
    expected = theirs / (length + 1e-8) * min(2 * eps, length) / 2
    zero = torch.zeros(1, 2, dtype=torch.float64)
    # Against a clean image of 1 and 0, so that no clipping to [0, 1] interferes.
    clean = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    found = project_(clean + torch.tensor(moved), clean, "l2", eps, "released") - clean
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, atol=1e-15)
    assert not torch.equal(found, zero)


def test_that_a_released_random_start_lies_on_the_sphere():
    images = torch.full((200, 1, 5, 5), 0.5)
    start = random_start(images, "l2", 0.3, torch.Generator().manual_seed(0), "released")
    lengths = norms(start - images, "l2")
    assert lengths.min() == pytest.approx(0.3, abs=1e-6)
    assert lengths.max() == pytest.approx(0.3, abs=1e-6)
    inside = random_start(images, "l2", 0.3, torch.Generator().manual_seed(0))
    assert norms(inside - images, "l2").min() < 0.29


def test_that_linf_has_one_form():
    gradient = torch.tensor([[1e-12, -3.0]])
    same = step_direction(gradient, "linf", "released"), step_direction(gradient, "linf")
    assert torch.equal(*same)


def released_pgd(weight, image, label, loss, eps, step_size, steps):
    """Attack a linear network as the released code does, in its own units, in numpy."""
    x = clean = 2 * image - 1
    for _ in range(steps):
        logits = (weight @ x).astype(np.float32)
        if loss == "xent":
            p = np.exp(logits - logits.max(), dtype=np.float32)
            towards = p / p.sum() - np.eye(len(logits))[label]
        else:
            masked = logits * (1 - np.eye(len(logits))[label])
            rival = masked.argmax()
            towards = -np.eye(len(logits))[label]
            towards = towards + (rival != label) * np.eye(len(logits))[rival]
        g = weight.T @ towards
        moved = x + step_size * g / (np.linalg.norm(g) + 1e-8) - clean
        length = np.linalg.norm(moved)
        x = np.clip(clean + moved / (length + 1e-8) * min(eps, length), -1, 1)
    return (x + 1) / 2


@pytest.mark.parametrize("loss", ["xent", "cw"])
@pytest.mark.parametrize("scale", [1.0, 6.0])
def test_that_an_attack_in_the_released_form_follows_the_released_iteration(loss, scale):
    random = np.random.RandomState(0)
    weight = scale * random.standard_normal((4, 6))
    image = random.uniform(0.3, 0.7, 6)
    label = int((weight @ (2 * image - 1)).argmax())
    weight[[k for k in range(4) if k != label]] -= 0.2 * scale
    linear = nn.Linear(6, 4, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(weight))
    model = nn.Sequential(Signed(), linear)
    spec = specs.PGD(norm="l2", eps=0.15, step_size=0.05, steps=5, loss=loss, form="released")
    images = torch.tensor(image, dtype=torch.float32)[None]
    found = attack(model, images, torch.tensor([label]), spec)[0].numpy()
    expected = released_pgd(weight, image, label, loss, 0.3, 0.1, 5)
    np.testing.assert_allclose(found, expected, atol=2e-5)


class Signed(nn.Module):
    """The first layer of the program's networks: [0, 1] to [-1, 1]."""

    def forward(self, images):
        return 2 * images - 1


def test_that_the_two_forms_part_where_every_rival_is_below_zero():
    weight = torch.tensor([[1.0, 0.0], [0.0, -1.0], [-1.0, 0.0]])
    model = nn.Sequential(nn.Linear(2, 3, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(weight)
    images, labels = torch.tensor([[0.8, 0.2]]), torch.tensor([0])
    spec = specs.FGSM(norm="l2", eps=0.1, loss="cw")
    released = attack(model, images, labels, spec.replace("form", "released")) - images
    assert released[0].tolist() == pytest.approx([-0.1, 0.0], abs=1e-6)
    corrected = attack(model, images, labels, spec) - images
    expected = [-0.1 / 2**0.5, -0.1 / 2**0.5]
    assert corrected[0].tolist() == pytest.approx(expected, abs=1e-6)
