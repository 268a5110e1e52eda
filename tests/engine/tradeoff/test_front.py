"""A network is dominated by one that is as good in everything and better in something."""

import numpy as np
import pytest

from engine.tradeoff.front import dominated


@pytest.mark.parametrize(
    ("values", "better", "expected"),
    [
        ([[1, 1], [2, 2]], (1, 1), [True, False]),
        ([[1, 2], [2, 1]], (1, 1), [False, False]),
        ([[1, 1], [1, 1]], (1, 1), [False, False]),
        ([[1, 1], [1, 2]], (1, 1), [True, False]),
        ([[1, 1], [2, 0]], (1, -1), [True, False]),
        ([[1, 1], [2, 0]], (1, 0), [True, False]),
        ([[1, 1], [2, 0]], (0, 0), [False, False]),
        ([[1, np.nan], [2, 2]], (1, 1), [False, False]),
    ],
)
def test_that_a_point_is_dominated_by_a_better_one(values, better, expected):
    assert dominated(values, better).tolist() == expected


def test_that_no_points_are_no_front():
    assert dominated(np.empty((0, 3)), (1, 1, 1)).tolist() == []
