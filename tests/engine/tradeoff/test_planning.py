import math

import numpy as np
import pytest

from engine.tradeoff import inference, planning
from engine.tradeoff.planning import Plan, Scatter

SIMULATIONS = 4000
SLACK = 3 * math.sqrt(0.8 * 0.2 / SIMULATIONS)
STRENGTHS = np.linspace(0, 1, 4)
WIDTH = STRENGTHS.std(ddof=1)


def correlated(x, y):
    a, b = (values - values.mean(-1, keepdims=True) for values in (x, y))
    return (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))


def power_over_seeds(effect, seeds, points=1.0, shared=0.0, slopes=0.0):
    """Return how often both intervals lie above 0, in studies of 4 strengths."""
    random = np.random.default_rng(0)
    shape = (SIMULATIONS, seeds, 4)
    own = effect + math.sqrt(slopes) * random.standard_normal((SIMULATIONS, seeds, 1))
    y = own * STRENGTHS / WIDTH + math.sqrt(points - shared) * random.standard_normal(shape)
    y += math.sqrt(shared) * random.standard_normal((SIMULATIONS, 1, 4))
    y += 3 * random.standard_normal((SIMULATIONS, seeds, 1))
    x = np.broadcast_to(STRENGTHS, shape)
    over_seeds = inference.seed_confidence(inference.seed_slopes(x, y), 0.0)
    means = correlated(STRENGTHS, y.mean(1))
    over_networks = inference.sweep_confidence(means, 4, 0.0)
    return np.mean((over_seeds < 0.025) & (over_networks < 0.025))


@pytest.mark.parametrize("effect", [0.5, 0.8, 1.2])
def test_that_the_planned_seeds_have_the_power(effect):
    found = Scatter(effect, points=1.0, shared=0.0, slopes=1 / 3, strengths=4)
    seeds = planning.seeds_for(found)
    power = power_over_seeds(effect, seeds)
    assert 0.8 - SLACK <= power <= 0.95  # the product of both powers is the least that both have
    assert power_over_seeds(effect, seeds // 2) < 0.8


def test_that_what_seeds_share_asks_for_more_of_them():
    plain = Scatter(1.2, points=1.0, shared=0.0, slopes=1 / 3, strengths=4)
    bent = Scatter(1.2, points=1.0, shared=0.1, slopes=0.9 / 3, strengths=4)
    seeds = planning.seeds_for(bent)
    assert seeds > planning.seeds_for(plain)
    assert 0.8 - SLACK <= power_over_seeds(1.2, seeds, shared=0.1) <= 0.95
    hopeless = Scatter(1.0, points=1.0, shared=1.0, slopes=0.01, strengths=4)
    assert planning.seeds_for(hopeless) is None


@pytest.mark.parametrize("correlation", [0.4, 0.6, 0.9])
def test_that_the_planned_networks_have_the_power(correlation):
    random = np.random.default_rng(1)
    effect = correlation / math.sqrt(1 - correlation**2)
    count = planning.networks_for(effect)
    found = []
    for n in (count, count - 1):
        x = np.linspace(0, 1, n)
        y = effect * x / x.std(ddof=1) + random.standard_normal((SIMULATIONS, n))
        found.append(np.mean(inference.sweep_confidence(correlated(x, y), n, 0.0) < 0.025))
    assert found[0] >= 0.8 - SLACK
    assert found[1] <= 0.8 + SLACK
    assert planning.networks_for(0.01) is None


def test_that_the_planned_retrainings_have_the_power():
    """Scatter of variance 1 with 2 retrainings, of which they make up 0.6; with 8 of them, 0.55."""
    found = Scatter(0.6, points=1.0, shared=0.0, slopes=1 / 3, strengths=4)
    saved = 1.2 * (1 / 2 - 1 / 8)
    seeds = planning.seeds_for(found, saved)
    assert seeds < planning.seeds_for(found)
    assert 0.8 - SLACK <= power_over_seeds(0.6, seeds, points=1.0 - saved) <= 0.95


def test_that_the_planned_seeds_of_an_order_have_the_power():
    random = np.random.default_rng(2)
    means = np.array([2.0, 1.0, 1.5, 3.0])
    sample = means + np.array([[-1.0], [0.0], [1.0]])  # of standard deviation 1
    seeds = planning.steps_for(sample)
    values = means + random.standard_normal((SIMULATIONS, seeds, 4))
    errors = values.std(1, ddof=1) / math.sqrt(seeds)
    low, _ = inference.mean_limits(values.mean(1), errors, seeds - 1, comparisons=4)
    assert np.mean((low > 0).all(1)) >= 0.8 - SLACK
    assert planning.steps_for(sample - 1.5) is None


def test_that_scatter_is_divided_into_what_seeds_share_and_what_not():
    random = np.random.default_rng(3)
    seeds, levels = np.repeat(np.arange(400), 4), np.tile(STRENGTHS, 400)
    bend = np.array([0.5, -0.5, -0.5, 0.5])  # at a right angle to the line: variance 1 / 2
    y = 2 * levels / WIDTH + np.tile(bend, 400) + random.standard_normal(1600)
    found = planning.scatter_of(levels, y, seeds, levels)
    assert found.effect == pytest.approx(2, abs=0.1)
    assert found.points == pytest.approx(1.5, abs=0.15)
    assert found.shared == pytest.approx(0.5, abs=0.1)
    assert found.slopes == pytest.approx(1 / 3, abs=0.1)


def test_that_points_on_a_line_have_no_plan():
    x = np.arange(5.0)
    assert planning.plan(x, 2 * x, np.zeros(5), x) is None
    assert planning.plan(x[:2], x[:2], np.zeros(2), x[:2]) is None


def test_that_more_retrainings_are_planned_where_their_spread_is_known():
    x = np.arange(5.0)
    y = x + np.array([2.0, -1.0, 0.0, 2.0, -1.0])
    zeros = np.zeros(5)
    one = planning.plan(x, y, zeros, x, spread=None, retrainings=1)
    assert (one.retrainings, one.seeds_then) == (None, None)
    several = planning.plan(x, y, zeros, x, spread=1.5, retrainings=2)
    assert several.retrainings == 8
    assert several.seeds_then < several.seeds == one.seeds


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (Plan(4, 7, 11), "7 seeds of these 4 strengths, or 11 networks in one sweep"),
        (
            Plan(4, 9, None, 8, 4),
            "9 seeds of these 4 strengths (4 with 8 retrainings a point), or more than 400 "
            "networks in one sweep",
        ),
        (Plan(4, None, 5), "more than 100 seeds of these 4 strengths, or 5 networks in one sweep"),
        (Plan(3, 7, 11), "at least 4 strengths, or 11 networks in one sweep"),
    ],
)
def test_that_a_plan_is_a_sentence(plan, text):
    assert plan.sentence == text
