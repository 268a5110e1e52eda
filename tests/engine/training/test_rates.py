"""Learning rates step by step against torch's own schedulers."""

import pytest
import torch
from torch.optim import lr_scheduler

from engine import specs
from engine.specs.schema import SpecError
from engine.training.rates import rate_factor

STEPS, EPOCHS = 40, 8


def ours(**fields):
    spec = specs.SGD(learning_rate=1.0, **fields)
    return [rate_factor(spec, step / STEPS, EPOCHS) for step in range(STEPS)]


def theirs(make):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    found = []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def warmed(optimizer, steps, then):
    first = lr_scheduler.LinearLR(optimizer, start_factor=0.01, total_iters=steps)
    return lr_scheduler.SequentialLR(optimizer, [first, then], milestones=[steps])


def test_that_a_cosine_is_torchs():
    expected = theirs(lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS))
    assert ours(schedule="cosine") == pytest.approx(expected)


def test_that_a_warm_up_and_a_cosine_after_it_are_torchs():
    expected = theirs(lambda o: warmed(o, 10, lr_scheduler.CosineAnnealingLR(o, STEPS - 10)))
    assert ours(schedule="cosine", rate_warmup=2.0) == pytest.approx(expected)


def test_that_a_warm_up_before_a_constant_rate_is_torchs():
    expected = theirs(lambda o: lr_scheduler.LinearLR(o, start_factor=0.01, total_iters=10))
    assert ours(rate_warmup=2.0) == pytest.approx(expected)


def test_that_steps_are_those_of_torchs_multi_step_schedule():
    expected = theirs(lambda o: lr_scheduler.MultiStepLR(o, [12, 24, 32], gamma=0.2))
    found = ours(schedule="step", milestones=(0.3, 0.6, 0.8), rate_drop=0.2)
    assert found == pytest.approx(expected)


def test_that_one_cycle_is_torchs():
    # torch's last step has the lowest rate, ours ends on it: one step more, and the top in place.
    share = (0.3 * STEPS + 1) / (STEPS + 1)
    expected = theirs(
        lambda o: lr_scheduler.OneCycleLR(
            o, 1.0, total_steps=STEPS + 1, pct_start=share, cycle_momentum=False
        )
    )
    assert ours(schedule="one_cycle") == pytest.approx(expected)


def test_that_a_warm_up_longer_than_the_run_only_rises():
    found = ours(schedule="cosine", rate_warmup=16.0)
    assert found == sorted(found)
    assert found[-1] < 0.5


@pytest.mark.parametrize("schedule", ["cyclic", "one_cycle"])
@pytest.mark.parametrize("optimizer", [specs.SGD, specs.Adam])
def test_that_a_schedule_with_its_own_warm_up_takes_no_other(schedule, optimizer):
    with pytest.raises(SpecError, match="rate_warmup is 1, must be 0"):
        optimizer(schedule=schedule, rate_warmup=1)
