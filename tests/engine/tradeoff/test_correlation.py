import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.tradeoff.correlation import fit, interval

FIELDS = ("slope", "intercept", "pearson", "pearson_low", "pearson_high", "spearman")


@pytest.mark.parametrize(
    ("correlation", "low", "high"),
    [(0.95, 0.88, 0.98), (0.63, 0.27, 0.83), (0.25, -0.20, 0.62)],
)
def test_that_intervals_of_21_points_are_those_we_quote(correlation, low, high):
    found = interval(correlation, 21)
    assert found == pytest.approx((low, high), abs=0.0051)
    assert interval(-correlation, 21) == pytest.approx((-high, -low), abs=0.0051)


def test_that_fits_agree_with_scipy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=21).round(1)  # rounded: some ranks are tied
    y = x + rng.normal(size=21)
    found = fit(x, y)
    line, pearson = stats.linregress(x, y), stats.pearsonr(x, y)
    assert (found.slope, found.intercept) == pytest.approx((line.slope, line.intercept))
    assert found.pearson == pytest.approx(pearson.statistic)
    theirs = pearson.confidence_interval(0.95)
    assert (found.pearson_low, found.pearson_high) == pytest.approx((theirs.low, theirs.high))
    assert found.spearman == pytest.approx(stats.spearmanr(x, y).statistic)


def test_that_rank_intervals_use_the_wider_variance_of_bonett_and_wright():
    x = np.arange(10.0)
    y = x[[0, 2, 1, 3, 5, 4, 7, 6, 9, 8]]
    found = fit(x, y)
    reach = 1.96 * math.sqrt((1 + found.spearman**2 / 2) / 7)
    assert math.atanh(found.spearman_high) - math.atanh(found.spearman) == pytest.approx(
        reach, rel=1e-4
    )


def test_that_ranks_ignore_how_far_apart_points_are():
    found = fit([1, 2, 3, 4, 5], [1, 2, 4, 8, 1000])
    assert found.spearman == 1.0
    assert found.pearson < 0.8


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_that_few_points_have_no_interval(n):
    found = fit(range(n), [0.3, 0.1, 0.2][:n])
    assert found.n == n
    assert found.pearson_low is found.pearson_high is found.spearman_low is None
    assert (found.pearson is None) == (n < 2)
    assert (found.slope is None) == (n < 2)


def test_that_constant_values_have_no_correlation():
    flat = fit([1, 2, 3, 4], [5, 5, 5, 5])
    assert flat.slope == 0
    assert flat.intercept == 5
    assert flat.pearson is flat.spearman is flat.pearson_low is None
    steep = fit([2, 2, 2, 2], [1, 2, 3, 4])
    assert steep.slope is steep.intercept is steep.pearson is None


def test_that_points_on_a_line_have_a_correlation_of_one_and_no_interval():
    found = fit([0, 1, 2, 3, 4], [1, 3, 5, 7, 9])
    assert found.pearson == 1.0
    assert found.pearson_low is None
    assert (found.slope, found.intercept) == pytest.approx((2, 1))


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=12),
)
def test_that_no_number_is_ever_nan(points):
    x, y = [p[0] for p in points], [p[1] for p in points]
    found = fit(x, y)
    for name in FIELDS:
        value = getattr(found, name)
        assert value is None or math.isfinite(value)
    for value in (found.pearson, found.spearman):
        assert value is None or -1 <= value <= 1
    if found.pearson_low is not None:
        assert -1 <= found.pearson_low <= found.pearson <= found.pearson_high <= 1


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1]), ([1, math.nan], [1, 2])])
def test_that_a_fit_refuses_what_is_not_pairs_of_numbers(x, y):
    with pytest.raises(ValueError, match="must be equally many and finite"):
        fit(x, y)
