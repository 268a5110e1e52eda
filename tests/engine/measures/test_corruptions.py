"""Corruptions against their definitions, and the accuracy on them."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from engine import specs
from engine.jobs.context import Context
from engine.measures.corruptions import CONSTANTS, CORRUPT, corrupt, corrupted_accuracy
from engine.specs.measures import CORRUPTIONS, SEVERITIES
from engine.specs.schema import SpecError
from tests.engine.conftest import GLYPHS


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images():
    smooth = gaussian_filter(np.random.default_rng(0).random((6, 3, 24, 24)), (0, 0, 2, 2))
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return torch.from_numpy(smooth).float()


def test_that_every_corruption_has_a_function_and_five_constants_for_each_size():
    assert tuple(CORRUPT) == tuple(CONSTANTS) == CORRUPTIONS
    assert {len(values) for sizes in CONSTANTS.values() for values in sizes} == {SEVERITIES}


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_that_damage_grows_with_severity(images, name, channels):
    clean = images[:, :channels]
    damage = [
        float((corrupt(clean, name, severity, drawn()) - clean).square().mean())
        for severity in range(1, 1 + SEVERITIES)
    ]
    assert damage == sorted(damage)
    assert damage[0] > 0
    found = corrupt(clean, name, 5, drawn())
    assert found.shape == clean.shape
    assert 0 <= found.min() <= found.max() <= 1


def test_that_noise_has_its_deviation():
    grey = torch.full((50, 1, 32, 32), 0.5)
    noise = corrupt(grey, "gaussian_noise", 1, drawn()) - 0.5
    assert float(noise.std()) == pytest.approx(0.04, rel=0.02)
    large = corrupt(torch.full((4, 1, 96, 96), 0.5), "gaussian_noise", 1, drawn()) - 0.5
    assert float(large.std()) == pytest.approx(0.08, rel=0.02)


def test_that_the_blur_is_scipys(images):
    for severity, deviation in ((1, 0.4), (5, 1.0)):
        found = corrupt(images, "gaussian_blur", severity, drawn())
        sigma = (0, 0, deviation, deviation)
        expected = gaussian_filter(images.numpy(), sigma, mode="nearest", truncate=4)
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


def test_that_brightness_keeps_hue_and_saturation():
    pixel = torch.tensor([0.2, 0.1, 0.4]).reshape(1, 3, 1, 1)
    found = corrupt(pixel, "brightness", 2, drawn()).flatten()
    np.testing.assert_allclose(found, [0.25, 0.125, 0.5], rtol=1e-6)
    black = corrupt(torch.zeros(1, 3, 1, 1), "brightness", 2, drawn()).flatten()
    np.testing.assert_allclose(black, [0.1] * 3)


def test_that_contrast_keeps_the_mean(images):
    found = corrupt(images, "contrast", 5, drawn())
    np.testing.assert_allclose(found.mean((2, 3)), images.mean((2, 3)), atol=1e-6)
    np.testing.assert_allclose(found.std((2, 3)), 0.15 * images.std((2, 3)), rtol=1e-4)


class Mean(torch.nn.Module):
    """Two classes: dark and bright images."""

    def forward(self, images):
        mean = images.flatten(1).mean(1)
        return torch.stack([0.5 - mean, mean - 0.5], 1)


def test_that_accuracy_is_measured_at_every_severity(study):
    context = Context(GLYPHS, study, torch.device("cpu"), lambda event: None)
    dark = torch.full((10, 1, 8, 8), 0.35)
    images, labels = torch.cat([dark, 1 - dark]), torch.arange(20) // 10
    found = corrupted_accuracy(Mean(), images, labels, specs.CorruptedAccuracy(), context)
    table = found.arrays["corruptions"]
    assert table.shape == (5, 6)
    assert (table[:, 0] == 1).all()
    row = CORRUPTIONS.index("brightness")  # the dark become bright once 0.15 is exceeded
    assert table[row].tolist() == [1, 1, 1, 1, 0.5, 0.5]
    assert found.numbers["brightness_accuracy"] == pytest.approx(0.8)
    assert found.numbers["mean_corrupted_accuracy"] == pytest.approx(table[:, 1:].mean())
    with pytest.raises(SpecError, match="images have 2 channels"):
        corrupted_accuracy(
            Mean(), images.expand(-1, 2, -1, -1), labels, specs.CorruptedAccuracy(), context
        )
