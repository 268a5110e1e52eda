"""Occlusion and RISE against their definitions, and against networks whose answer is known."""

import pytest
import torch
from torch import nn

from engine.attribution import masking
from engine.attribution.masking import random_masks, windows
from engine.attribution.table import attribute
from engine.specs import OcclusionMap, Rise
from engine.specs.schema import SpecError
from tests.engine.small_networks import seeded


def linear(size=144):
    """Logits that are linear in the pixels, with the weights of class 0 returned beside them."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(size, 2)).double()
    model[1].weight.data = torch.randn(2, size, generator=seeded()).double()
    model[1].bias.data.zero_()
    return model, model[1].weight.data[0]


def images(count=3, shape=(1, 12, 12)):
    return torch.rand(count, *shape, generator=seeded(1)).double()


def test_that_windows_cover_a_side_and_end_at_its_border():
    assert windows(10, 0.2, 0.1)[:2] == [slice(0, 2), slice(1, 3)]
    assert len(windows(10, 0.2, 0.1)) == OcclusionMap().places == 9
    for side in (1, 2, 7, 10, 28, 224):
        for window, stride in ((0.2, 0.1), (0.3, 0.3), (1.0, 1.0), (0.05, 0.03)):
            found = windows(side, window, stride)
            covered = {pixel for one in found for pixel in range(one.start, one.stop)}
            assert covered == set(range(side)), (side, window, stride)
            assert len(found) == OcclusionMap(window=window, stride=stride).places


def test_that_occlusion_by_single_pixels_of_a_linear_network_is_weight_times_difference():
    model, weights = linear()
    spec = OcclusionMap(window=1 / 12, stride=1 / 12, quantity="logit", target=0, baseline="grey")
    expected = weights.view(1, 1, 12, 12) * (images() - 0.5)
    torch.testing.assert_close(attribute(model, images(), spec), expected)


def test_that_the_class_of_occlusion_is_that_of_the_whole_image():
    """Black where the image decides for class 0; the answer changes under the window."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).double()
    model[1].weight.data = torch.tensor([[3.0, 0, 0, 0], [0, 0, 0, 0]]).double()
    model[1].bias.data = torch.tensor([0.0, 1.0]).double()
    image = torch.ones(1, 1, 2, 2, dtype=torch.float64)
    spec = OcclusionMap(window=0.5, stride=0.5, quantity="logit", baseline="black")
    assert attribute(model, image, spec).flatten().tolist() == [3.0, 0.0, 0.0, 0.0]


def test_that_a_stride_that_leaves_pixels_out_is_refused():
    with pytest.raises(SpecError, match=r"stride is 0.5, must be at most window \(0.2\)"):
        OcclusionMap(stride=0.5)


def test_that_masks_lie_between_0_and_1_and_show_a_pixel_as_often_as_asked():
    masks = random_masks(4000, 4, 0.3, (12, 10), seeded())(slice(0, 4000))
    assert masks.shape == (4000, 1, 12, 10)
    assert 0 <= masks.min() < 0.01
    assert 0.99 < masks.max() <= 1
    # The standard error of a mean over 4,000 masks is at most 0.0073.
    assert (masks.mean(0) - 0.3).abs().max() < 5 * 0.0073


def test_that_rise_is_its_sum_by_hand():
    model, _ = linear()
    spec = Rise(masks=60, grid=3, probability=0.4, target=0)
    found = attribute(model, images(), spec)
    own = torch.Generator().manual_seed(spec.seed)
    masks = random_masks(60, 3, 0.4, (12, 12), own)(slice(0, 60)).double()
    with torch.no_grad():
        scores = torch.stack([model(images() * mask).softmax(1)[:, 0] for mask in masks], dim=1)
    uncentred = torch.einsum("nm,mhw->nhw", scores, masks[:, 0]) / (60 * 0.4)
    flat = scores.mean(1)[:, None, None] * masks[:, 0].mean(0) / 0.4
    torch.testing.assert_close(found[:, 0], uncentred - flat)


def test_that_rise_finds_the_pixels_that_the_class_hangs_on():
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, 2)).double()
    model[1].weight.data.zero_()
    model[1].weight.data.view(2, 12, 12)[0, 2:5, 3:6] = 1.0
    model[1].bias.data.zero_()
    bright = torch.ones(1, 1, 12, 12, dtype=torch.float64)
    found = attribute(model, bright, Rise(masks=2000, grid=6, target=0, quantity="logit"))[0, 0]
    highest = found.flatten().topk(9).indices
    inside = [2 <= int(at) // 12 < 5 and 3 <= int(at) % 12 < 6 for at in highest]
    assert sum(inside) >= 7
    assert abs(found[9:, 9:].mean()) < 0.1 * found.max()


def test_that_the_seed_draws_the_masks_and_a_constant_network_has_no_map():
    model, _ = linear()
    first, again, other = (
        attribute(model, images(), Rise(masks=50, seed=seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    model[1].weight.data.zero_()
    constant = attribute(model, images(), Rise(masks=50))
    assert constant.abs().max() < 1e-12


@pytest.mark.parametrize("spec", [OcclusionMap(), Rise(masks=50)], ids=lambda spec: spec.kind)
def test_that_blocks_of_masks_change_nothing(spec, monkeypatch):
    model, _ = linear()
    whole = attribute(model, images(), spec)
    monkeypatch.setattr(masking, "VALUES", 144 * 9)
    torch.testing.assert_close(attribute(model, images(), spec), whole)
    monkeypatch.setattr(masking, "AT_ONCE", 1)
    torch.testing.assert_close(attribute(model, images(), spec), whole)
