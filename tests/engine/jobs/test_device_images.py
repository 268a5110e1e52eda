"""Image sets on the device: one copy, statistics in bounded blocks, kept in mind between jobs."""

import numpy as np
import pytest
import torch

from engine.data.image_set import ImageSet
from engine.jobs import device_images
from engine.jobs.context import Cache, Context
from engine.jobs.device_images import _channel_statistics
from engine.networks.gradients import as_unit
from tests.engine.conftest import GLYPHS


def context_for(study, cache):
    return Context(GLYPHS, study, torch.device("cpu"), lambda event: None, cache=cache)


def drawn(count, channels, side, seed=0):
    draws = np.random.default_rng(seed)
    return torch.from_numpy(draws.integers(0, 256, (count, channels, side, side), dtype=np.uint8))


def as_released(images):
    """Return mean and deviation as they were computed in blocks of 5,000 images of any size."""
    total = torch.zeros(images.shape[1], dtype=torch.float64)
    squares = torch.zeros_like(total)
    for block in torch.split(images, 5000):
        pixels = as_unit(block).double()
        total += pixels.sum((0, 2, 3))
        squares += pixels.square().sum((0, 2, 3))
    mean = total / (images.numel() // images.shape[1])
    std = (squares / (images.numel() // images.shape[1]) - mean.square()).clamp_min(1e-12).sqrt()
    return mean.float(), std.float()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("count", "channels", "side"), [(5200, 1, 28), (5100, 3, 32), (300, 3, 224)]
)
def test_that_statistics_have_the_bits_that_records_were_computed_with(count, channels, side, seed):
    images = drawn(count, channels, side, seed)
    for ours, released in zip(_channel_statistics(images), as_released(images), strict=True):
        assert torch.equal(ours, released)


def test_that_statistics_take_blocks_of_bounded_bytes(monkeypatch):
    sizes = []

    def seen(images):
        sizes.append(images.numel())
        return as_unit(images)

    monkeypatch.setattr(device_images, "as_unit", seen)
    _channel_statistics(torch.zeros((400, 3, 224, 224), dtype=torch.uint8))
    assert sum(sizes) == 400 * 3 * 224 * 224
    assert 8 * max(sizes) <= 128 * 2**20


def test_that_the_pixels_lie_in_memory_once(study):
    context = context_for(study, Cache())
    images = device_images.image_set(context, GLYPHS)
    found = device_images.device_images(context, GLYPHS)
    for tensor, array in ((found.train, images.train_images), (found.test, images.test_images)):
        assert tensor.data_ptr() == array.__array_interface__["data"][0]
        assert np.array_equal(tensor.numpy(), array)


def test_that_ten_jobs_read_a_set_once_though_it_is_large_for_the_cache(study, monkeypatch):
    read, real = [], device_images.load
    monkeypatch.setattr(device_images, "load", lambda *a, **k: read.append(a[0]) or real(*a, **k))
    size = real(GLYPHS, study.locate).nbytes
    cache = Cache(limit=size * 3 // 2)
    for _ in range(10):
        context = context_for(study, cache)
        device_images.device_images(context, GLYPHS)
        device_images.image_set(context, GLYPHS)
        cache.put("record/of something", object(), size // 4)
    assert read == [GLYPHS]


def test_that_a_mapped_set_leaves_the_cache_to_others(study, monkeypatch):
    monkeypatch.setattr(ImageSet, "own_bytes", 0)
    cache = Cache(limit=1000)
    cache.put("first", object(), 900)
    device_images.device_images(context_for(study, cache), GLYPHS)
    assert cache.get("first", lambda: None, lambda _: 0) is not None


def test_that_one_set_within_the_share_of_memory_fits_the_cache(monkeypatch):
    monkeypatch.setattr("engine.jobs.context.image_memory", lambda: 9 << 30)
    assert Cache().limit == 9 << 30
    monkeypatch.setattr("engine.jobs.context.image_memory", lambda: 1 << 30)
    assert Cache().limit == 4 << 30
