"""A few batches tell how long a training will take, and leave the thread as it was."""

import pytest
import torch

from engine import specs
from engine.jobs.context import Cancelled
from engine.plan import forecast as forecasts
from engine.plan.cost import Rates
from engine.plan.slots import Slots
from engine.plan.timing import seconds_per_pass


def timed(network, **changes):
    values = {"shape": (1, 28, 28), "classes": 10, "batch_size": 8, "threads": 1}
    return seconds_per_pass(network, device=torch.device("cpu"), **{**values, **changes})


def test_that_a_far_larger_network_takes_longer(monkeypatch):
    monkeypatch.setattr("engine.plan.timing.TIMED_SECONDS", 0.05)
    assert timed(specs.SmallCNN(width=64)) > timed(specs.SmallCNN(width=2)) > 0


def test_that_a_network_too_slow_for_a_whole_batch_is_timed_on_fewer_images(monkeypatch):
    monkeypatch.setattr("engine.plan.timing.TIMED_SECONDS", 0.0)
    monkeypatch.setattr("engine.plan.timing.BATCH_SECONDS", 1e-6)
    seen = []
    monkeypatch.setattr("engine.plan.timing.layout", lambda images: seen.append(images) or images)
    assert timed(specs.SmallCNN(width=64), batch_size=100) > 0
    assert max(len(images) for images in seen) == 2


@pytest.mark.parametrize("slow", [1, 3])
def test_that_a_few_slow_batches_of_a_busy_machine_do_not_make_it_time_small_ones(
    monkeypatch, slow
):
    """Two images take hardly less time than a batch: a forecast was 48 h instead of 11 min."""
    monkeypatch.setattr("engine.plan.timing.TIMED_SECONDS", 0.0)
    left = [1.0] * slow
    monkeypatch.setattr(
        "engine.plan.timing._seconds", lambda batch: left.pop() if left else batch() or 0.001
    )
    seen = []
    monkeypatch.setattr("engine.plan.timing.layout", lambda images: seen.append(images) or images)
    assert timed(specs.SmallCNN(width=2), batch_size=100) == 0.001 / 100
    assert len(seen[-1]) == 100


@pytest.mark.parametrize("network", [specs.Torchvision(name="googlenet"), specs.TradesCNN()])
def test_that_networks_with_dropout_are_timed(monkeypatch, network):
    monkeypatch.setattr("engine.plan.timing.TIMED_SECONDS", 0.0)
    before = torch.random.get_rng_state()
    assert timed(network, batch_size=2) > 0
    assert torch.equal(torch.random.get_rng_state(), before)


def test_that_the_number_of_threads_is_given_back(monkeypatch):
    monkeypatch.setattr("engine.plan.timing.TIMED_SECONDS", 0.0)
    torch.set_num_threads(1)
    timed(specs.SmallCNN(width=2), threads=2)
    assert torch.get_num_threads() == 1


def test_that_it_can_be_cancelled():
    def cancel():
        raise Cancelled

    with pytest.raises(Cancelled):
        timed(specs.SmallCNN(width=2), check_cancelled=cancel)


def test_that_a_plan_asked_for_again_times_no_network_again(monkeypatch):
    asked = []

    def seconds_per_pass(network, **settings):
        asked.append(network)
        return 0.25

    monkeypatch.setattr(forecasts, "seconds_per_pass", seconds_per_pass)
    monkeypatch.setattr(forecasts, "_MEASURED", {})
    images = specs.Glyphs(train=100_000, test=100)
    plan = [
        specs.Training(images=images, network=specs.SmallCNN(width=width), epochs=2)
        for width in (4, 8)
    ]
    slots = Slots(torch.device("cpu"), 1, 1)
    first, second = (forecasts.forecast(plan, slots, Rates(), lambda _: None) for _ in range(2))
    assert asked == [one.network for one in plan]
    assert first.seconds == second.seconds > 2 * 2 * 100_000 * 0.25
    # Elsewhere, or after a while, it may be another one.
    forecasts.forecast(plan, Slots(torch.device("cpu"), 1, 2), Rates(), lambda _: None)
    assert len(asked) == 4
    monkeypatch.setattr(forecasts, "KEPT_SECONDS", 0.0)
    forecasts.forecast(plan, slots, Rates(), lambda _: None)
    assert len(asked) == 6
