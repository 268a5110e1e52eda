"""Simulations of the intervals over test images; their true differences are known."""

import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from engine.manifold import order

SIMULATIONS = 600
SLACK = 3 * math.sqrt(0.95 * 0.05 / SIMULATIONS)


def curve(eps, values, counted):
    return order.Distances(
        name=str(eps),
        key="",
        classifier="",
        level=str(eps),
        eps=eps,
        values=values[counted],
        every=values,
        counted=counted,
        x=np.zeros(0),
        density=np.zeros(0),
        mode=math.nan,
        mean=float(values[counted].mean()),
    )


@pytest.mark.parametrize("images", [100, 1000])
@pytest.mark.parametrize("counting", [1.0, 0.6])
def test_that_intervals_of_all_steps_hold_at_once(images, counting):
    """Skewed distances, an image alike hard for all networks; attacks that fail do not count."""
    random = np.random.default_rng(0)
    count = 0
    for _ in range(SIMULATIONS):
        hard = 0.4 * random.standard_normal(images)
        curves = []
        for place, eps in enumerate((-1.0, 0.3, 0.2, 0.1, 0.0)):
            own = 0.3 * random.standard_normal(images)
            values = np.exp(hard + own) + 0.1 * place
            counted = random.random(images) < (counting if eps >= 0 else 1.0)
            curves.append(curve(eps, values, counted))
        found = order.steps(curves)
        count += all(step.low < 0.1 < step.high for step in found)
    covered = count / SIMULATIONS
    assert 0.92 - SLACK <= covered <= 0.98 + SLACK


def test_that_an_interval_is_students_for_paired_differences():
    random = np.random.default_rng(1)
    near, far = random.standard_normal((2, 30))
    every = np.ones(30, bool)
    (step,) = order.steps([curve(-1.0, near, every), curve(0.0, far, every)])
    expected = ttest_1samp(far - near, 0).confidence_interval(0.95)
    assert (step.low, step.high) == pytest.approx((expected.low, expected.high))


def test_that_a_network_without_counted_images_has_no_interval():
    values = np.linspace(0, 1, 5)
    every, none = np.ones(5, bool), np.zeros(5, bool)
    other = order.Distances(**{**curve(0.0, values, every).__dict__, "counted": none})
    (step,) = order.steps([curve(-1.0, values, every), other])
    assert math.isnan(step.low)
    assert step.side == 0
