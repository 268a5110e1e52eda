"""Curves of seeds as a mean with a band."""

import numpy as np
import pytest
from scipy import stats

from engine import specs
from engine.tradeoff.seeds import but_for_seed, by_seeds, name_of_all, seed_band
from tests.engine.conftest import robust, training


def test_that_the_band_is_the_t_interval_of_the_mean_at_each_point():
    curves = np.array([[0.9, 0.5, 0.2], [0.8, 0.6, 0.3], [0.85, 0.4, 0.25], [0.95, 0.5, 0.1]])
    band = seed_band(curves)
    expected = stats.t.interval(0.95, 3, curves.mean(0), stats.sem(curves, axis=0))
    np.testing.assert_allclose(band.mean, curves.mean(0))
    np.testing.assert_allclose([band.low, band.high], np.clip(expected, 0, 1))
    assert band.words == "mean of 4 seeds, 95 % t-interval"


def test_that_two_seeds_have_their_range():
    band = seed_band([[0.9, 0.5], [0.8, 0.6]])
    np.testing.assert_allclose(band.low, [0.8, 0.5])
    np.testing.assert_allclose(band.high, [0.9, 0.6])
    assert band.words == "mean of 2 seeds, range"


def test_that_no_band_leaves_what_an_accuracy_can_be():
    band = seed_band([[1.0, 0.0], [0.9, 0.1], [0.8, 0.0]])
    assert band.high[0] == 1.0
    assert band.low[1] == 0.0


def test_that_networks_are_one_group_only_if_nothing_but_the_seed_differs():
    networks = [
        training(),
        robust(),
        training(seed=1),
        training(seed=2, epochs=3),
        robust(seed=7),
        training(seed=2),
    ]
    assert by_seeds(networks) == [[0, 2, 5], [1, 4], [3]]


def test_that_an_imported_network_stands_alone():
    pair = [
        specs.Imported(
            name=name, digest=digit * 64, images=specs.Glyphs(), network=specs.SmallCNN()
        )
        for name, digit in (("a", "1"), ("b", "2"))
    ]
    assert len({but_for_seed(one) for one in pair}) == 2


@pytest.mark.parametrize(
    ("title", "seed", "name"),
    [
        ("Standard, seed 0", 0, "Standard"),
        ("Standard, seed 10, best epoch", 10, "Standard, best epoch"),
        ("mine", 0, "mine"),
        ("Standard, seed 10", 1, "Standard, seed 10"),
    ],
)
def test_that_the_name_of_all_seeds_has_none(title, seed, name):
    assert name_of_all(title, training(seed=seed)) == name
