from itertools import pairwise

import pytest

from engine.manifold.order import OrderStep
from engine.manifold.seeds import NO_SEEDS, seed_order


def step(nearer, farther, of_seeds):
    return OrderStep(nearer, farther, 0.0, 0.0, 0.0, (nearer, farther), of_seeds)


def steps(*columns):
    """Return the steps test data < strong < ... with these differences by seed."""
    names = ["test data", "strong", "weak", "standard"]
    pairs = pairwise(names)
    return [step(*pair, column) for pair, column in zip(pairs, columns, strict=False)]


def test_that_an_order_beyond_the_spread_of_seeds_holds():
    found = seed_order([steps({0: 1.0, 1: 1.01, 2: 0.99}, {0: 0.5, 1: 0.51, 2: 0.52})])
    assert (found.order, found.seeds, found.agreeing) == ("holds", 3, (3, 3))
    assert found.means == pytest.approx((1.0, 0.51))
    # t with 2 degrees of freedom at 1 - 0.05 / 4 is 6.205; the standard error of both is 0.0058.
    assert found.limits[0] == pytest.approx((1 - 0.0358, 1 + 0.0358), abs=1e-3)
    assert found.sentence.startswith("Over 3 seeds with one generator, every step has the claimed")


def test_that_an_order_within_the_spread_is_undetermined_and_planned_for():
    found = seed_order([steps({0: 1.0, 1: 1.01, 2: 0.99}, {0: 0.2, 1: 0.5, 2: 0.9})])
    assert found.order == "undetermined"
    assert "undetermined (strong < weak)" in found.sentence
    assert found.sentence.endswith(f" Needed for 80 % power at 5 %: {found.needed} seeds.")
    assert 3 < found.needed < 20


def test_that_a_reversed_step_breaks_the_order():
    found = seed_order([steps({0: 1.0, 1: 1.01, 2: 0.99}, {0: -0.5, 1: -0.51, 2: -0.52})])
    assert (found.order, found.agreeing, found.needed) == ("does not hold", (3, 0), None)
    assert "strong < weak has the claimed sign in 0 of 3" in found.sentence
    assert "Needed" not in found.sentence


def test_that_two_seeds_are_too_few_and_one_says_nothing():
    assert seed_order([steps({0: 1.0, 1: 1.01})]).sentence.endswith("too few to judge.")
    single = seed_order([steps({0: 1.0})])
    assert (single.seeds, single.order) == (1, "undetermined")
    assert single.sentence == "Seeds: 1, which says nothing of other trainings."
    assert seed_order([]) == NO_SEEDS
    none = seed_order([steps({0: 1.0}, {1: 1.0})])
    assert none.sentence == "No seed has every step: nothing is known of other trainings."


def test_that_only_seeds_with_every_step_count():
    found = seed_order([steps({0: 1.0, 1: 1.1, 2: 1.2}, {0: 1.0, 1: 1.0})])
    assert found.seeds == 2


def test_that_another_generator_is_no_further_seed():
    one = steps({0: 1.0, 1: 1.2, 2: 1.1})
    other = steps({0: 3.0, 1: 3.2, 2: 3.1})
    found = seed_order([one, other])
    assert (found.seeds, found.generators) == (3, 2)
    assert found.means == pytest.approx((2.1,))
