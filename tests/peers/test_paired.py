"""The rules by which two programs are compared on the same images: how often they are wrong."""

import numpy as np
import pytest
from scipy.stats import multinomial

from tests.benchmarks.paired import Paired, at_most, differing

IMAGES, TRIES = 1000, 3000


def chances_to_stand(generator):
    """Most images stand or fall whatever is drawn; of a tenth it is open, as just above an eps."""
    chances = np.where(np.arange(IMAGES) < 300, 1.0, 0.0)
    open_ones = generator.choice(IMAGES, IMAGES // 10, replace=False)
    chances[open_ones] = generator.beta(0.7, 0.7, len(open_ones))
    return chances


def judged(first, second, generator):
    """Return the comparisons of many draws of two programs."""
    ours, theirs = (generator.random((TRIES, IMAGES)) < chances for chances in (first, second))
    return [Paired.of(a, b) for a, b in zip(ours, theirs, strict=True)]


def test_that_equal_programs_are_told_apart_in_5_percent_at_most():
    generator = np.random.default_rng(0)
    chances = chances_to_stand(generator)
    found = judged(chances, chances, generator)
    assert 10 < np.mean([one.first_only + one.second_only for one in found]) < 60
    false_alarms = np.mean([one.p <= 0.05 for one in found])
    assert 0.02 < false_alarms <= 0.055, "3,000 draws: 5 % and its own chance"
    covered = np.mean([one.limits[0] <= 0 <= one.limits[1] for one in found])
    assert 0.94 <= covered <= 0.98


def test_that_a_weaker_program_is_found():
    generator = np.random.default_rng(0)
    chances = chances_to_stand(generator)
    weaker = np.where(chances > 0, np.minimum(chances + 0.25, 1), 0)
    found = judged(weaker, chances, generator)
    true = (weaker - chances).mean()
    assert 0.01 < true < 0.025
    assert np.mean([one.p <= 0.05 and one.first_only > one.second_only for one in found]) > 0.8
    assert 0.93 <= np.mean([one.limits[0] <= true <= one.limits[1] for one in found]) <= 0.98


@pytest.mark.parametrize("count", [60, 120, 250, 500, 1000])
@pytest.mark.parametrize(
    ("more", "less"), [(0.011, 0.011), (0.016, 0.006), (0.03, 0.02), (0.005, 0.03)]
)
def test_that_the_interval_covers_the_truth(count, more, less):
    """Exactly, over all outcomes that have a chance."""
    outcomes = np.array([(a, b) for a in range(61) for b in range(61) if a + b <= count])
    rest = count - outcomes.sum(1, keepdims=True)
    chances = multinomial(count, [more, less, 1 - more - less]).pmf(np.hstack([outcomes, rest]))
    limits = np.array([Paired(count, int(a), int(b)).limits for a, b in outcomes])
    covers = (limits[:, 0] <= more - less) & (more - less <= limits[:, 1])
    assert chances.sum() > 0.999
    assert 0.935 <= (chances * covers).sum() <= 1.0


def test_the_numbers_of_a_comparison():
    ours = np.array([True, True, True, False, False])
    theirs = np.array([True, False, False, True, False])
    found = Paired.of(ours, theirs)
    assert (found.count, found.first_only, found.second_only) == (5, 2, 1)
    assert found.p == 1.0
    assert Paired(1000, 7, 0).p == pytest.approx(2 * 0.5**7)
    assert Paired(1000, 0, 0).p == 1.0
    low, high = Paired(1000, 0, 0).limits
    assert -0.005 < low < 0 < high < 0.005, "nothing differs, and 1,000 images bound it"
    assert "2 only the first, 1 only the second" in found.said


def test_three_answers_and_several_rows():
    assert [
        at_most(limits, 0.005) for limits in ((-0.01, 0.004), (0.006, 0.02), (-0.01, 0.02))
    ] == [
        "met",
        "not met",
        "undecided",
    ]
    assert differing({"a": 0.01, "b": 0.02, "c": 0.9}) == {"a", "b"}
    assert differing({"a": 0.02, "b": 0.03, "c": 0.04}) == set(), "each alone would be"
    assert differing({}) == set()
