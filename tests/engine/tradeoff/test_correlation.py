import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engine.tradeoff.correlation import correlation, fit, partial

FIELDS = ("slope", "intercept", "pearson", "spearman")


def test_that_fits_agree_with_scipy():
    rng = np.random.default_rng(0)
    x = rng.normal(size=21).round(1)  # rounded: some ranks are tied
    y = x + rng.normal(size=21)
    found = fit(x, y)
    line, pearson = stats.linregress(x, y), stats.pearsonr(x, y)
    assert (found.slope, found.intercept) == pytest.approx((line.slope, line.intercept))
    assert found.pearson == pytest.approx(pearson.statistic)
    assert found.spearman == pytest.approx(stats.spearmanr(x, y).statistic)


def test_that_ranks_ignore_how_far_apart_points_are():
    found = fit([1, 2, 3, 4, 5], [1, 2, 4, 8, 1000])
    assert found.spearman == 1.0
    assert found.pearson < 0.8


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_that_few_points_have_no_correlation(n):
    found = fit(range(n), [0.3, 0.1, 0.2][:n])
    assert found.n == n
    assert (found.pearson is None) == (n < 2)
    assert (found.slope is None) == (n < 2)


def test_that_constant_values_have_no_correlation():
    flat = fit([1, 2, 3, 4], [5, 5, 5, 5])
    assert flat.slope == 0
    assert flat.intercept == 5
    assert flat.pearson is flat.spearman is None
    steep = fit([2, 2, 2, 2], [1, 2, 3, 4])
    assert steep.slope is steep.intercept is steep.pearson is None


def test_that_points_on_a_line_have_a_correlation_of_one():
    found = fit([0, 1, 2, 3, 4], [1, 3, 5, 7, 9])
    assert found.pearson == 1.0
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


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1]), ([1, math.nan], [1, 2])])
def test_that_a_fit_refuses_what_is_not_pairs_of_numbers(x, y):
    with pytest.raises(ValueError, match="must be equally many and finite"):
        fit(x, y)


def test_that_a_partial_correlation_is_that_of_what_is_left_of_both_values():
    x, y, control = np.random.default_rng(0).normal(size=(3, 9))
    left = []
    for values in (x, y):
        line = fit(control, values)
        left.append(values - line.intercept - line.slope * control)
    assert partial(x, y, control) == pytest.approx(correlation(*left))
    assert partial(x, y, x) is None
    assert partial(x, y, np.ones(9)) is None
