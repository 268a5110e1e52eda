"""The rules of the experiment against simulated tables whose truth is known, at its own numbers."""

import itertools

import numpy as np
import pytest

from engine.tradeoff.frontier_verdicts import VANISHED
from engine.tradeoff.resampling import (
    MARGIN,
    dominance,
    front_probability,
    on_front,
    paired_limits,
    relation,
    samples,
)

SEEDS = 5
LITE, FULL = ((1, 2, 2, 2, 1), 2), ((1, 3, 3, 3, 3, 3, 3), 3)
PHOTOGRAPHS = ((1, 1, 1, 2, 1, 1), 1)  # the fewest cells, of frontier-cifar10
"""Cells of each scheme, and activations."""
TABLES = 300


class Tables:
    """Draws tables of cells and seeds in which outcome and robustness share only the controls.

    Parameters
    ----------
    share
        Share of a cell's variance that its scheme decides.
    effect
        What robustness adds to the outcome beyond the controls.
    """

    def __init__(self, design, share, effect=0.0, seed=0):
        counts, activations = design
        self.rng = np.random.default_rng(seed)
        self.scheme = np.repeat(np.arange(len(counts)), np.array(counts) * activations)
        self.schemes = [f"scheme {number}" for number in self.scheme]
        self.activation = np.resize(np.arange(activations), len(self.scheme)).astype(float)
        self.share, self.effect = share, effect

    def _cells(self):
        of_scheme = self.rng.standard_normal(self.scheme.max() + 1)[self.scheme]
        own = self.rng.standard_normal(len(self.scheme))
        return np.sqrt(self.share) * of_scheme + np.sqrt(1 - self.share) * own

    def _seen(self, values):
        noise = self.rng.standard_normal((SEEDS, len(values)))
        return values + 0.2 * noise + 0.3 * self.rng.standard_normal((SEEDS, 1))

    def draw(self):
        """Return robustness, outcome and controls."""
        clean, coarse = self._cells(), self._cells()
        robust = self._cells() + 0.5 * clean - 0.3 * coarse
        outcome = self._cells() + self.effect * robust + 0.5 * clean + 0.7 * coarse
        outcome += 0.3 * self.activation
        controls = [self._seen(clean), self._seen(coarse), self.activation]
        return self._seen(robust), self._seen(outcome), controls


def share_of_verdicts(design, share, effect=0.0, *, given=True):
    tables = Tables(design, share, effect)
    sides = []
    for _ in range(TABLES):
        robust, outcome, controls = tables.draw()
        if not given:  # two values that have nothing in common
            robust = tables._seen(tables._cells())
        sides.append(relation(robust, outcome, tables.schemes, controls if given else []).side)
    return np.mean(np.array(sides) != 0), np.mean(np.array(sides) > 0)


@pytest.mark.parametrize("design", [LITE, FULL, PHOTOGRAPHS], ids=["lite", "full", "photographs"])
@pytest.mark.parametrize(("share", "given"), [(0.0, True), (0.9, True), (0.5, False), (0.9, False)])
def test_that_unrelated_values_get_a_verdict_in_no_more_than_5_percent(design, share, given):
    found, _ = share_of_verdicts(design, share, given=given)
    error = np.sqrt(0.05 * 0.95 / TABLES)
    assert found <= 0.05 + 2 * error


def test_that_an_interval_over_seeds_alone_would_take_most_unrelated_values_for_related():
    """Why a verdict needs both intervals: seeds repeat whatever is peculiar to the cells."""
    tables, wrong = Tables(LITE, 0.5), 0
    for _ in range(100):
        robust, outcome, controls = tables.draw()
        low, high = relation(robust, outcome, tables.schemes, controls).over_seeds
        wrong += not low <= 0 <= high
    assert wrong > 50


def test_that_a_strong_relation_is_found_in_most_full_tables_with_its_sign():
    found, above = share_of_verdicts(FULL, 0.5, effect=2.0)
    assert found > 0.9
    assert above == found


@pytest.mark.parametrize("design", [LITE, FULL, PHOTOGRAPHS], ids=["lite", "full", "photographs"])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_that_a_trade_off_that_is_there_is_called_gone_in_5_percent_at_most(design, share):
    """The hardest truth: what is seen of a cell is correlated by just the limit."""
    tables = Tables(design, share)
    noise = 1 + 0.2**2  # variance of what is seen within a seed, that of the cells being 1
    r, gone = VANISHED * noise, 0
    for _ in range(TABLES):
        clean, other = tables._cells(), tables._cells()
        score = r * clean + np.sqrt(1 - r**2) * other
        found = relation(tables._seen(clean), tables._seen(score), tables.schemes)
        gone += found.above(VANISHED)
    assert gone / TABLES <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / TABLES)


def test_that_the_samples_of_the_seeds_are_all_there_are():
    counts, chances = samples(3)
    assert len(counts) == 10
    assert chances.sum() == pytest.approx(1)
    every = [tuple(np.bincount(one, minlength=3)) for one in itertools.product(range(3), repeat=3)]
    for one, chance in zip(counts, chances, strict=True):
        assert chance == pytest.approx(every.count(tuple(one.astype(int))) / 27)


def test_that_many_units_are_sampled_the_same_each_time():
    counts, chances = samples(12)
    samples.cache_clear()
    again, _ = samples(12)
    assert (counts == again).all()
    assert (counts.sum(1) == 12).all()
    assert chances.sum() == pytest.approx(1)


def test_that_a_partial_correlation_is_the_one_of_residuals_within_seeds():
    rng = np.random.default_rng(3)
    x, y, control = rng.standard_normal((3, 4, 9))
    y += 0.5 * x + control + rng.standard_normal((4, 1)) * 10
    found = relation(x, y, ["a"] * 9, [control])
    rows = [np.concatenate(v - v.mean(1, keepdims=True)) for v in (x, y, control)]
    unexplained = [v - rows[2] * (v @ rows[2]) / (rows[2] @ rows[2]) for v in rows[:2]]
    assert found.value == pytest.approx(np.corrcoef(unexplained)[0, 1])
    assert found.over_schemes is None
    assert found.side == 0  # one scheme is no evidence


def test_that_a_value_without_variation_has_no_correlation():
    found = relation(np.ones((3, 5)), np.random.default_rng(0).random((3, 5)), list("abcde"))
    assert found.value is None
    assert found.side == 0


def test_that_the_front_leaves_out_what_another_point_dominates():
    points = [[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.9, 0.5], [1.0, 0.0, 0.5]]
    assert on_front(points).tolist() == [True, True, False, True]  # equal points do not dominate


def test_that_the_probability_of_the_front_counts_samples_of_seeds():
    # The second point is better with two of three seeds, by as much as it is worse with the third.
    points = np.array([[[1.0], [2.0]], [[1.0], [2.0]], [[4.0], [2.0]]])
    # Sums 1 * (3 - k) + 4 k against 6: the first point wins from k = 2 on, ties at k = 1.
    chance_of = {0: 8 / 27, 1: 12 / 27, 2: 6 / 27, 3: 1 / 27}
    first, second = front_probability(points)
    assert first == pytest.approx(chance_of[1] + chance_of[2] + chance_of[3])
    assert second == pytest.approx(chance_of[0] + chance_of[1])


@pytest.mark.parametrize("points", [55, 227])
def test_that_no_point_dominates_by_chance_in_more_than_5_percent(points):
    """The hardest truth: two axes are clearly better, and one is worse by just the margin."""
    rng, wrong, studies = np.random.default_rng(0), 0, 400
    shift = np.array([0.05, 0.05, -MARGIN])
    for _ in range(studies):
        reference = 0.8 + 0.01 * rng.standard_normal((SEEDS, 3))
        drawn = 0.8 + 0.01 * rng.standard_normal((points, SEEDS, 3)) + shift
        wrong += any(dominance(point, reference, points).holds for point in drawn)
    assert wrong / studies <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / studies)


def test_that_a_point_that_is_better_in_one_axis_and_equal_in_the_others_dominates():
    rng = np.random.default_rng(0)
    reference = 0.8 + 0.005 * rng.standard_normal((SEEDS, 3))
    point = reference + np.array([0.0, 0.0, 0.1])
    assert dominance(point, reference, 55).holds
    assert not dominance(reference, reference, 55).holds
    assert not dominance(point - np.array([0.05, 0.0, 0.0]), reference, 55).holds


def test_that_the_interval_of_a_paired_difference_covers_it():
    rng = np.random.default_rng(0)
    limits = np.array([paired_limits(0.3 + rng.standard_normal(SEEDS)) for _ in range(1000)])
    assert ((limits[:, 0] <= 0.3) & (limits[:, 1] >= 0.3)).mean() == pytest.approx(0.95, abs=0.02)
