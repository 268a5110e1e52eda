"""Sparseness and complexity against their definitions, written out."""

import numpy as np
import pytest
import scipy.stats
import torch

from engine import specs
from engine.measures.scores.shape import entropy, gini


@pytest.fixture
def rows():
    return torch.rand(5, 40, generator=torch.Generator().manual_seed(2), dtype=torch.float64) ** 3


def test_that_the_gini_index_is_half_the_relative_mean_difference(rows):
    direct = [np.abs(row[:, None] - row).mean() / (2 * row.mean()) for row in rows.numpy()]
    assert gini(rows).numpy() == pytest.approx(direct, rel=1e-9)


def test_that_the_gini_index_is_that_of_quantus_on_values_far_above_its_added_constant(rows):
    """Formula of Quantus 0.5, ``Sparseness.evaluate_instance``."""
    for row, ours in zip(rows.numpy(), gini(rows).numpy(), strict=True):
        a = np.sort(row + 1e-7)
        theirs = np.sum((2 * np.arange(1, 41) - 40 - 1) * a) / (40 * np.sum(a))
        assert ours == pytest.approx(theirs, abs=1e-5)


def test_that_the_gini_index_does_not_depend_on_the_scale(rows):
    assert gini(rows * 1e-12).numpy() == pytest.approx(gini(rows).numpy(), rel=1e-9)


def test_that_one_pixel_is_sparsest_and_equal_ones_are_not_sparse():
    one = torch.zeros(1, 8, dtype=torch.float64)
    one[0, 3] = 2.0
    assert float(gini(one)) == pytest.approx(1 - 1 / 8)
    assert float(gini(torch.ones(1, 8, dtype=torch.float64))) == pytest.approx(0)
    assert float(entropy(one)) == pytest.approx(0)
    assert float(entropy(torch.ones(1, 8, dtype=torch.float64))) == pytest.approx(np.log(8))


def test_that_a_map_of_zeros_has_no_shape():
    zeros = torch.zeros(2, 8, dtype=torch.float64)
    assert gini(zeros).isnan().all()
    assert entropy(zeros).isnan().all()


def test_that_complexity_is_the_entropy_of_shares(rows):
    direct = [scipy.stats.entropy(row / row.sum()) for row in rows.numpy()]
    assert entropy(rows).numpy() == pytest.approx(direct, rel=1e-9)


def test_that_channels_are_summed_up_before_pixels_are_compared(scored, curved):
    class Red(torch.nn.Module):
        def forward(self, images):
            total = images[:, 0, 2, 1] - 3 * images[:, 1, 2, 1]
            return torch.stack([total, -total], 1)

    images = torch.rand(3, 2, 5, 4, generator=torch.Generator().manual_seed(0))
    found = scored(specs.Sparseness(), Red(), images)
    assert found.arrays["sparseness"] == pytest.approx(1 - 1 / 20)
    assert found.numbers["sparseness_blurred"] < found.numbers["sparseness"]
