import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from engine import specs
from engine.training.loop import make_optimizer
from engine.training.optimizers import EagerAdam, EagerSGD, TensorFlowAdam

GRADIENTS = ([1e-9, -3e-8, 0.2], [2e-9, 1e-7, -0.1], [0.0, -2e-8, 0.3])


def by_hand(start, rate, beta1, beta2, epsilon_hat):
    """Return the weights after the gradients above, by the formula with epsilon hat."""
    w, m, v = np.array(start, dtype=np.float64), np.zeros(3), np.zeros(3)
    for t, g in enumerate(map(np.array, GRADIENTS), 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        step = rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
        w = w - step * m / (np.sqrt(v) + epsilon_hat)
    return w


def stepped(optimizer, weight):
    for gradient in GRADIENTS:
        weight.grad = torch.tensor(gradient, dtype=weight.dtype)
        optimizer.step()
    return weight.detach().numpy()


@pytest.mark.parametrize("beta2", [0.9, 0.999])
def test_that_a_step_is_tensorflows(beta2):
    weight = nn.Parameter(torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64))
    optimizer = TensorFlowAdam([weight], lr=1e-3, betas=(0.9, beta2), fused=True)
    expected = by_hand([0.1, 0.2, 0.3], 1e-3, 0.9, beta2, 1e-8)
    np.testing.assert_allclose(stepped(optimizer, weight), expected, rtol=1e-9)


def test_that_the_spec_chooses_it_and_that_it_differs_for_small_gradients():
    found = {}
    for form in ("corrected", "released"):
        model = nn.Linear(3, 1, bias=False)
        with torch.no_grad():
            model.weight.fill_(0.0)
        optimizer = make_optimizer(specs.Adam(form=form), model)
        model.weight.grad = torch.tensor([[1e-8, 0.1, -0.1]])
        optimizer.step()
        found[form] = model.weight.detach()[0].tolist()
    # First step: m / (1 - b1) = g, v / (1 - b2) = g^2, sqrt(1 - b2) = 0.0316.
    assert found["corrected"] == pytest.approx([-0.5e-3, -1e-3, 1e-3], rel=1e-3)
    small = -1e-3 * 1e-8 / (1e-8 + 1e-8 / 0.001**0.5)
    assert found["released"] == pytest.approx([small, -1e-3, 1e-3], rel=1e-3)


def test_that_parts_of_a_network_count_their_own_steps():
    first, second = (nn.Parameter(torch.zeros(1, dtype=torch.float64)) for _ in range(2))
    optimizer = TensorFlowAdam([first, second], lr=1e-3, fused=True)
    for _ in range(3):
        first.grad, second.grad = torch.ones_like(first), None
        optimizer.step()
    first.grad, second.grad = None, torch.full_like(second, 1e-8)
    optimizer.step()
    expected = -1e-3 * 1e-8 / (1e-8 + 1e-8 / 0.001**0.5)
    assert second.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (EagerAdam, torch.optim.Adam, {"lr": 1e-2, "betas": (0.9, 0.99), "weight_decay": 1e-3}),
        (EagerSGD, torch.optim.SGD, {"lr": 1e-2, "momentum": 0.9, "nesterov": True}),
    ],
)
@pytest.mark.parametrize("fused", [True, False])
def test_that_steps_are_torchs_own_to_the_last_bit(ours, theirs, options, fused):
    found = []
    for kind in (ours, theirs):
        weight = nn.Parameter(torch.tensor([0.1, 0.2, 0.3]))
        optimizer = kind([weight], fused=fused, **options)
        stepped(optimizer, weight)
        again = nn.Parameter(weight.detach().clone())  # from a checkpoint, as after a stop
        other = kind([again], fused=fused, **options)
        other.load_state_dict(optimizer.state_dict())
        optimizer.zero_grad()
        assert weight.grad is None
        found.append([weight.detach(), torch.tensor(stepped(other, again))])
        assert not other.state_dict()["state"][0].get("step", torch.zeros(1)).requires_grad
    assert all(map(torch.equal, *found))


TRAINS = """
import sys, torch
from engine import specs
from engine.training.loop import make_optimizer
model = torch.nn.Linear(3, 1)
for spec in (specs.Adam(), specs.Adam(form="released"), specs.SGD()):
    optimizer = make_optimizer(spec, model)
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
print("torch._dynamo" in sys.modules)
"""


def test_that_an_optimiser_does_not_import_torchs_compiler():
    done = subprocess.run([sys.executable, "-c", TRAINS], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
