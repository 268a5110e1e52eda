"""Simulations of the rules in engine.tradeoff.inference, in the designs that the program makes.

Each has SIMULATIONS studies of known truth. The binomial standard error of a coverage of 95 % is
then 0.35 %, and SLACK, three of it, is allowed at the ends of what is asked for.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.tradeoff import inference
from engine.tradeoff.inference import NO_INTERVAL, Judged, judge, sign

SIMULATIONS = 4000
SLACK = 3 * math.sqrt(0.95 * 0.05 / SIMULATIONS)
CORRELATIONS = (0.0, 0.3, 0.6, 0.9, 0.97)
SWEEPS = range(4, 22)
SEEDED = [(4, 3), (3, 5), (7, 3), (4, 5), (4, 10), (21, 3), (4, 20)]


def correlated(x, y):
    a, b = (values - values.mean(-1, keepdims=True) for values in (x, y))
    return (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))


def strengths(k):
    """Return k strengths, the standard network's first, of mean 0 and standard deviation 1."""
    eps = np.linspace(0, 1, k)
    return (eps - eps.mean()) / eps.std(ddof=1)


def effect_of(correlation):
    return correlation / math.sqrt(1 - correlation**2)


def assert_covers(confidence):
    covered = float(np.mean((confidence > 0.025) & (confidence < 0.975)))
    assert 0.92 - SLACK <= covered <= 0.98 + SLACK


def accuracies(random, shape, bend=False):
    """Return accuracies that fall with strength, shift with the seed and scatter; and their fall.

    Four fifths of their variance within a seed are due to strength.
    """
    k = shape[-1]
    fall = -(np.linspace(0, 1, k) ** 2 if bend else strengths(k))
    fall = (fall - fall.mean()) / fall.std(ddof=1) * math.sqrt(0.8)
    shared = 2 * random.standard_normal((*shape[:-1], 1))
    return fall + math.sqrt(0.2) * random.standard_normal(shape) + shared, fall


@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_that_intervals_of_one_sweep_against_strength_cover(correlation):
    random = np.random.default_rng(0)
    for n in SWEEPS:
        x = strengths(n)
        y = effect_of(correlation) * x + random.standard_normal((SIMULATIONS, n))
        assert_covers(inference.sweep_confidence(correlated(x, y), n, correlation))


@pytest.mark.parametrize("bend", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_that_intervals_of_one_sweep_against_accuracy_cover(share, bend):
    random = np.random.default_rng(1)
    for n in SWEEPS:
        x, fall = accuracies(random, (SIMULATIONS, n), bend)
        y = math.sqrt(share) * strengths(n) + math.sqrt(1 - share) * random.standard_normal(x.shape)
        true = math.sqrt(share) * (fall * strengths(n)).sum() / (n - 1)
        assert_covers(inference.sweep_confidence(correlated(x, y), n, true))


@pytest.mark.parametrize(("k", "seeds"), SEEDED)
def test_that_intervals_over_seeds_cover_although_a_seed_shares_errors(k, seeds):
    random = np.random.default_rng(2)
    shape = (SIMULATIONS, seeds, k)
    x = np.broadcast_to(strengths(k), shape)
    for correlation in CORRELATIONS:
        shared = 3 * random.standard_normal((SIMULATIONS, seeds, 1))
        y = effect_of(correlation) * x + random.standard_normal(shape) + shared
        found = inference.seed_slopes(x, y)
        assert_covers(inference.seed_confidence(found, correlation))


@pytest.mark.parametrize(("k", "seeds"), SEEDED)
def test_that_intervals_over_seeds_against_accuracy_cover(k, seeds):
    random = np.random.default_rng(3)
    for share in (0.0, 0.5, 0.9):
        x, fall = accuracies(random, (SIMULATIONS, seeds, k))
        shared = 2 * random.standard_normal((SIMULATIONS, seeds, 1))
        noise = math.sqrt(1 - share) * random.standard_normal(x.shape)
        y = math.sqrt(share) * strengths(k) + noise + shared
        true = math.sqrt(share) * (fall * strengths(k)).sum() / (k - 1)
        assert_covers(inference.seed_confidence(inference.seed_slopes(x, y), true))


@pytest.mark.parametrize(("k", "seeds"), SEEDED)
def test_that_intervals_over_seeds_cover_where_each_seed_has_its_own_slope(k, seeds):
    random = np.random.default_rng(4)
    shape = (SIMULATIONS, seeds, k)
    slopes = 2 * random.standard_normal((SIMULATIONS, seeds, 1))
    x = np.broadcast_to(strengths(k), shape)
    y = slopes * x + random.standard_normal(shape)
    assert_covers(inference.seed_confidence(inference.seed_slopes(x, y), 0.0))


@pytest.mark.parametrize(("k", "seeds"), [(8, 1), (12, 1), (21, 1), (4, 3), (7, 3), (5, 5)])
@pytest.mark.parametrize("tied", [0.0, 0.7, 0.95])
def test_that_intervals_at_equal_blurriness_cover(k, seeds, tied):
    """``tied`` is the correlation of strength and blurriness; blurriness also moves the score."""
    random = np.random.default_rng(5)
    shape = (SIMULATIONS, seeds, k)
    x = np.broadcast_to(strengths(k), shape)
    blurred = tied * x + math.sqrt(1 - tied**2) * random.standard_normal(shape)
    own = blurred - blurred.mean(-1, keepdims=True)
    size = (own * own).sum((-2, -1), keepdims=True)
    rest = x - own * (own * x).sum((-2, -1), keepdims=True) / size
    rest = rest / np.sqrt((rest**2).sum((-2, -1), keepdims=True) / (seeds * (k - 1) - 1))
    for correlation in (0.0, 0.5, 0.9):
        shared = 3 * random.standard_normal((SIMULATIONS, seeds, 1))
        y = effect_of(correlation) * rest + 2 * blurred + random.standard_normal(shape) + shared
        if seeds > 1:
            found = inference.seed_slopes(x, y, blurred)
            assert_covers(inference.seed_confidence(found, correlation))
            continue
        xy, xc, yc = correlated(x, y), correlated(x, blurred), correlated(y, blurred)
        r = (xy - xc * yc) / np.sqrt((1 - xc**2) * (1 - yc**2))
        assert_covers(inference.sweep_confidence(r[:, 0], k, correlation, controls=1))


def test_that_limits_are_where_the_confidence_reaches_both_tails():
    random = np.random.default_rng(6)
    r = np.array([-0.99, -0.3, 0.0, 0.8])
    low, high = inference.sweep_limits(r, 7)
    assert inference.sweep_confidence(r, 7, low) == pytest.approx(np.full(4, 0.025), abs=1e-6)
    assert inference.sweep_confidence(r, 7, high) == pytest.approx(np.full(4, 0.975), abs=1e-6)
    found = inference.seed_slopes(*random.standard_normal((2, 50, 3, 4)))
    for limit, tail in zip(inference.seed_limits(found), (0.025, 0.975), strict=True):
        confidence = inference.seed_confidence(found, limit)
        assert confidence == pytest.approx(np.full(50, tail), abs=1e-6)


def sides(confidence):
    """Return 1 or -1 where an interval lies above or below 0, by the confidence in at most 0."""
    return (confidence < 0.025).astype(int) - (confidence > 0.975)


@pytest.mark.parametrize("kind", ["noise", "networks", "seeds"])
def test_that_noise_has_a_sign_in_at_most_five_percent(kind):
    """4 networks x 3 seeds without an effect: noise, a network's own level, or a seed's."""
    random = np.random.default_rng(7)
    shape = (SIMULATIONS, 3, 4)
    x = np.tile(strengths(4), (SIMULATIONS, 3, 1))
    if kind == "seeds":
        x, _ = accuracies(random, shape)
    y = random.standard_normal(shape)
    if kind == "networks":
        y += 3 * random.standard_normal((SIMULATIONS, 1, 4))
    if kind == "seeds":
        y += 3 * random.standard_normal((SIMULATIONS, 3, 1))
    flat = correlated(x.reshape(SIMULATIONS, 12), y.reshape(SIMULATIONS, 12))
    pooled = sides(inference.sweep_confidence(flat, 12, 0.0))
    over_seeds = sides(inference.seed_confidence(inference.seed_slopes(x, y), 0.0))
    means = correlated(x.mean(1), y.mean(1))
    over_networks = sides(inference.sweep_confidence(means, 4, 0.0))
    judged = np.where(over_seeds == over_networks, over_seeds, 0)
    assert np.mean(judged != 0) <= 0.05 + SLACK
    if kind != "noise":
        assert np.mean(pooled != 0) > 0.2  # what the rule is there for
    for each in [*range(10), *np.flatnonzero(judged)[:5]]:
        levels, seeds = np.tile(np.arange(4), 3), np.repeat(np.arange(3), 4)
        assert judge(x[each].ravel(), y[each].ravel(), seeds, levels).side == judged[each]


def test_that_pooled_networks_of_several_seeds_have_no_interval_of_their_own():
    random = np.random.default_rng(8)
    x, y = random.standard_normal((2, 12))
    seeds, levels = np.repeat(np.arange(3), 4), np.tile(np.arange(4), 3)
    found = judge(x, y, seeds, levels)
    assert (found.strengths, found.seeds, found.method) == (4, 3, inference.OVER_SEEDS)
    assert found.interval[0] < found.within < found.interval[1]
    assert len(found.of_seeds) == 3
    two = judge(x[:8], y[:8], seeds[:8], levels[:8])
    assert (two.method, two.interval, two.side) == (inference.NO_INTERVAL, None, 0)


def test_that_strengths_that_a_seed_lacks_are_not_compared():
    random = np.random.default_rng(9)
    x, y = random.standard_normal((2, 16))
    seeds, levels = np.repeat(np.arange(3), [6, 5, 5]), np.r_[0:6, 0:5, 0:5]
    found = judge(x, y, seeds, levels)
    kept = levels < 5
    assert found == replace(judge(x[kept], y[kept], seeds[kept], levels[kept]), left_out=1)
    assert (found.strengths, found.left_out) == (5, 1)
    assert judge(x, y, seeds, np.arange(16)).method == inference.NO_INTERVAL


def test_that_standard_networks_of_further_seeds_do_not_undo_a_sweep():
    random = np.random.default_rng(12)
    x, y = random.standard_normal((2, 8))
    seeds, levels = np.r_[np.zeros(6), 1, 2], np.r_[0:6, 0, 0]
    found, alone = judge(x, y, seeds, levels), judge(x[:6], y[:6], seeds[:6], levels[:6])
    assert (found.interval, found.side) == (alone.interval, alone.side)
    assert (found.seeds, found.strengths, found.left_out) == (1, 6, 2)
    assert found.within == pytest.approx(correlated(x[:6], y[:6]))


@pytest.mark.parametrize("n", [2, 3])
def test_that_few_networks_have_no_sign(n):
    found = judge(np.arange(n), np.array([0.0, 1.0, 3.0])[:n], np.zeros(n), np.arange(n))
    assert (found.interval, found.side) == (None, 0)
    assert sign(found, 0.95, 21) == "undetermined"


def test_that_a_sign_needs_both_intervals_on_one_side_and_enough_strengths():
    def judged(over_seeds, over_networks, strengths=4):
        return Judged(strengths, 3, inference.OVER_SEEDS, over_seeds, over_networks)

    above, below, around = (0.2, 0.9), (-0.9, -0.2), (-0.1, 0.9)
    assert sign(judged(above, above), 0.95, 21) == "agrees"
    assert sign(judged(below, below), 0.95, 21) == "opposite"
    assert sign(judged(above, above), -0.1934, 21) == "undetermined"  # the published one holds 0
    assert sign(judged(above, above), None, 21) is None
    for pair in ((above, around), (above, None), (None, above), (above, below)):
        assert sign(judged(*pair), 0.95, 21) == "undetermined"
    assert sign(judged(above, above, strengths=3), 0.95, 21) == "undetermined"


def test_that_a_partial_correlation_needs_eight_networks():
    random = np.random.default_rng(10)
    for n in (7, 8):
        x, y, control = random.standard_normal((3, n))
        found = judge(x, y, np.zeros(n), np.arange(n), control)
        assert (found.interval is None) == (n < 8)


def test_that_intervals_of_several_differences_hold_all_at_once():
    random = np.random.default_rng(11)
    values = random.standard_normal((SIMULATIONS, 3, 4))
    errors = values.std(1, ddof=1) / math.sqrt(3)
    low, high = inference.mean_limits(values.mean(1), errors, 2, comparisons=4)
    covered = float(np.mean(((low < 0) & (high > 0)).all(1)))
    assert 0.95 - SLACK <= covered <= 0.98 + SLACK


@pytest.mark.parametrize(
    ("limits", "verdict"),
    [
        ([(0.1, 0.2), (0.1, 0.3)], "holds"),
        ([(0.1, 0.2), (-0.1, 0.3)], "undetermined"),
        ([(-0.2, -0.1), (-0.1, 0.3)], "does not hold"),
        ([(0.1, 0.2), None], "undetermined"),
        ([], "undetermined"),
    ],
)
def test_that_an_order_holds_only_if_every_step_does(limits, verdict):
    assert inference.order_of(limits) == verdict


@pytest.mark.parametrize("k", [4, 8])
@pytest.mark.parametrize("seeds", [3, 5])
def test_that_seeds_without_a_difference_have_no_interval_of_their_own(k, seeds):
    """Copies of one sweep would have an interval of no width between seeds, far from 0."""
    levels, noise = np.arange(k, dtype=float), np.random.default_rng(0).normal(size=k)
    of_seed, of_level = np.repeat(np.arange(seeds), k), np.tile(levels, seeds)
    copies = judge(of_level, np.tile(noise, seeds), of_seed, of_level)
    assert (copies.interval, copies.method) == (None, NO_INTERVAL)
    assert sign(copies, 0.5, 21) == "undetermined"
    line = np.tile(levels, seeds) + np.tile(noise, seeds)
    assert judge(of_level, line, of_seed, of_level).interval is None
    apart = np.tile(noise, seeds) + 1e-3 * np.random.default_rng(1).normal(size=k * seeds)
    assert judge(of_level, apart, of_seed, of_level).interval is not None
