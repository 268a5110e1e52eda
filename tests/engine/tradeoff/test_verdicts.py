"""How certain a finding is follows from a written rule."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from engine.tradeoff.robustness import UNCHECKED, sentence, wilson
from engine.tradeoff.verdicts import (
    CHECKS,
    LIKELY,
    MISLED_SHARE,
    RESTART_GAP,
    SIGNS,
    SLACK,
    findings,
)


def test_that_a_failed_check_is_measured_or_likely_and_a_passed_one_says_neither():
    found = findings({"zero_pixel_share": 0.97, "nonfinite_images": 3, "passes_differ": 0.0})
    said = {one.name: sentence(one) for one in found}
    assert said["zero pixels"].endswith("(likely)")
    assert said["finite answers"].endswith("(measured)")
    assert (
        said["repeatable"] == "Repeatable: yes. Passes over the same images give the same outputs."
    )


def test_that_what_was_not_checked_is_suspected():
    assert UNCHECKED.endswith("(suspected)")


def test_that_signs_that_are_only_likely_are_checks():
    assert {*CHECKS, *SIGNS} >= LIKELY


def false_alarms(images, differing, allowed):
    """Return how often one of two equally strong attacks leaves more than is allowed.

    On a share ``differing`` of the images the two disagree, each time either way by chance; the
    number of these is binomial itself. Exact.
    """
    total = 0.0
    for count in range(images + 1):
        chance = binom.pmf(count, images, differing)
        if chance > 1e-12:
            # One leaves b images more than the other if it keeps (count + b) / 2 of them.
            least = (count + allowed * images) / 2
            total += chance * binom.sf(int(least + 1e-9), count, 0.5)
    return total


def test_the_false_alarms_of_a_small_example():
    # Of 4 images all differ; more than 2 of difference are left if one keeps all 4.
    assert false_alarms(4, 1.0, 0.5) == pytest.approx(1 / 16)
    assert false_alarms(4, 0.0, 0.5) == 0.0


@pytest.mark.parametrize(("images", "differing"), [(500, 0.02), (1000, 0.035), (10_000, 0.3)])
def test_that_equal_attacks_pass_the_slack_in_5_percent_at_most(images, differing):
    assert false_alarms(images, differing, SLACK) <= 0.05


def test_that_a_hundred_images_are_few_for_the_slack():
    assert false_alarms(100, 0.02, SLACK) == pytest.approx(0.13, abs=0.005)


@pytest.mark.parametrize(("images", "differing"), [(100, 0.08), (300, 0.2), (1000, 0.6)])
def test_that_equal_attacks_pass_the_gap_of_restarts_in_5_percent_at_most(images, differing):
    assert false_alarms(images, differing, RESTART_GAP) <= 0.05


@pytest.mark.parametrize("images", [1, 7, 1000])
def test_that_the_interval_has_the_bits_of_scipys(images):
    for right in range(images + 1):
        found = binomtest(right, images).proportion_ci(method="wilson")
        assert wilson(right, images) == (found.low, found.high)


@pytest.mark.parametrize("images", [100, 200, 500, 1000])
def test_that_the_interval_of_an_accuracy_covers_it(images):
    """Exact, for every accuracy from 1 to 99 %; nearer to 0 and to 1 it can cover less."""
    limits = np.array([wilson(right, images) for right in range(images + 1)])
    for truth in np.linspace(0.01, 0.99, 99):
        covers = (limits[:, 0] <= truth) & (truth <= limits[:, 1])
        covered = binom.pmf(np.arange(images + 1), images, truth)[covers].sum()
        assert 0.92 <= covered <= 0.98


def test_that_kinks_in_few_images_are_not_taken_for_misleading_gradients():
    # 0.06 is the largest share measured on 61 networks that show their gradient.
    assert binom.sf(int(MISLED_SHARE * 50), 50, 0.06) < 0.02
