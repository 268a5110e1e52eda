"""Filled pixels solve the linear system of the source."""

import numpy as np
import pytest
import torch

from engine.measures.scores.infill import fill


def directly(image, hidden):
    """Solve the system of one image (C, H, W) pixel by pixel, as it stands in the paper."""
    channels, height, width = image.shape
    places = [(r, c) for r in range(height) for c in range(width) if hidden[r, c]]
    matrix, right = np.zeros((len(places),) * 2), np.zeros((len(places), channels))
    for row, (r, c) in enumerate(places):
        for down in (-1, 0, 1):
            for across in (-1, 0, 1):
                y, x = r + down, c + across
                inside = 0 <= y < height and 0 <= x < width
                if (down, across) == (0, 0) or not inside:
                    continue
                weight = 1 / 6 if 0 in (down, across) else 1 / 12
                matrix[row, row] += weight
                if hidden[y, x]:
                    matrix[row, places.index((y, x))] -= weight
                else:
                    right[row] += weight * image[:, y, x]
    found = image.copy()
    for (r, c), value in zip(places, np.linalg.solve(matrix, right), strict=True):
        found[:, r, c] = value
    return found


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.97])
def test_that_filled_pixels_solve_the_linear_system(share):
    generator = torch.Generator().manual_seed(3)
    images = torch.rand(5, 3, 9, 7, generator=generator)
    order = torch.rand(5, 63, generator=generator).argsort(1).argsort(1)
    hidden = (order < round(share * 63)).view(5, 9, 7)
    found = fill(images, hidden)
    for image, holes, ours in zip(images.double().numpy(), hidden.numpy(), found, strict=True):
        assert ours.numpy() == pytest.approx(directly(image, holes), abs=1e-6)


def test_that_a_constant_image_stays_itself():
    images = torch.full((2, 1, 8, 8), 0.3)
    hidden = torch.ones(2, 8, 8, dtype=torch.bool)
    hidden[:, 0, 0] = False
    assert fill(images, hidden).numpy() == pytest.approx(0.3, abs=1e-6)


def test_that_a_ramp_stays_itself_inside():
    ramp = torch.linspace(0, 1, 9).expand(1, 1, 9, 9).clone()
    hidden = torch.zeros(1, 9, 9, dtype=torch.bool)
    hidden[:, 2:7, 3:6] = True
    assert fill(ramp, hidden).numpy() == pytest.approx(ramp.numpy(), abs=1e-6)


def test_that_noise_is_on_filled_pixels_only():
    images = torch.full((1, 1, 40, 40), 0.5)
    hidden = torch.zeros(1, 40, 40, dtype=torch.bool)
    hidden[:, :20] = True
    found = fill(images, hidden, 0.05, torch.Generator().manual_seed(0))
    assert torch.equal(found[:, :, 20:], images[:, :, 20:])
    assert float(found[:, :, :20].std()) == pytest.approx(0.05, rel=0.1)
    assert float(images.std()) == 0


def test_that_large_images_are_filled_in_blocks_that_can_be_cancelled():
    images = torch.full((20, 1, 512, 512), 0.25)
    hidden = torch.zeros(20, 512, 512, dtype=torch.bool)
    hidden[:, 100:110, 100:110] = True
    asked = []

    def check():
        asked.append(None)
        if len(asked) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fill(images, hidden, check_cancelled=check)
    whole = fill(images, hidden)
    assert whole.numpy() == pytest.approx(0.25, abs=1e-6)
