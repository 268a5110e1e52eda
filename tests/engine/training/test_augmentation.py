"""Augmentation: pixels stay in [0, 1], images are changed each by itself, and as stated."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as peer

from engine.specs import Augmentation
from engine.specs.schema import SpecError
from engine.training.augmenting import colours, rand_augment
from engine.training.augmenting.augmentation import augment, check_fits
from tests.engine.small_networks import seeded

NOTHING = Augmentation(flip=False, padding=0)
EVERYTHING = Augmentation(
    padding=3, border="reflect", brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, operations=3
)
ONES = torch.ones(1, 1, 1, 1)
SHAPES = [(3, 9, 14), (1, 16, 12), (4, 8, 8)]


def images_of(count=40, shape=(3, 9, 14), seed=0):
    return torch.rand(count, *shape, generator=seeded(seed))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("magnitude", [0, 9, 30])
def test_that_pixels_stay_in_range_and_shape_and_the_given_images_as_they_are(shape, magnitude):
    images = images_of(200, shape)
    images[0], images[1] = 0.0, 1.0
    before = images.clone()
    found = augment(images, replace(EVERYTHING, magnitude=magnitude), seeded())
    assert found.shape == images.shape
    assert found.dtype == torch.float32
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1
    assert torch.equal(images, before)
    assert not torch.equal(found, images)


def test_that_nothing_is_nothing():
    images = images_of()
    assert torch.equal(augment(images, NOTHING, seeded()), images)


def test_that_a_seed_gives_the_same_bits_and_another_one_others():
    images = images_of()
    first, again, other = (augment(images, EVERYTHING, seeded(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_that_half_of_the_images_are_flipped():
    images = images_of(1000, (1, 2, 3))
    found = augment(images, replace(NOTHING, flip=True), seeded())
    flipped = (found == images.flip(-1)).flatten(1).all(1)
    kept = (found == images).flatten(1).all(1)
    assert bool((flipped ^ kept).all())
    assert 440 < int(flipped.sum()) < 560  # 4 standard deviations


@pytest.mark.parametrize("border", ["black", "reflect"])
def test_that_a_crop_is_a_window_of_the_padded_image_and_every_window_occurs(border):
    images = images_of(600, (2, 5, 6))
    found = augment(images, replace(NOTHING, padding=2, border=border), seeded())
    mode = {"black": "constant", "reflect": "reflect"}[border]
    padded = np.pad(images.numpy(), [(0, 0), (0, 0), (2, 2), (2, 2)], mode=mode)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 6), (2, 3))
    equal = (windows == found.numpy()[:, :, None, None]).all((1, 4, 5))
    assert equal.any((1, 2)).all()
    assert equal.any(0).all()


@pytest.mark.parametrize(
    ("name", "ours", "theirs"),
    [
        ("brightness", colours.brighter, peer.adjust_brightness),
        (
            "contrast",
            lambda i, f: colours.blended(i, colours.grey(i).mean((2, 3), keepdim=True), f),
            peer.adjust_contrast,
        ),
        (
            "saturation",
            lambda i, f: colours.blended(i, colours.grey(i), f),
            peer.adjust_saturation,
        ),
        (
            "sharpness",
            lambda i, f: colours.blended(i, colours.smoothed(i), f),
            peer.adjust_sharpness,
        ),
    ],
)
@pytest.mark.parametrize("factor", [0.1, 1.0, 1.7])
def test_that_factors_act_as_in_torchvision(name, ours, theirs, factor):
    images = images_of()
    torch.testing.assert_close(
        ours(images, factor * ONES), theirs(images, factor), atol=3e-6, rtol=0
    )


@pytest.mark.parametrize("turn", [-0.5, -0.1, 0.0, 0.25, 0.5])
def test_that_hues_turn_as_in_torchvision(turn):
    images = images_of()
    images[0] = images[0, :1]  # grey: no hue
    found = colours.shifted_hue(images, turn * ONES)
    torch.testing.assert_close(found, peer.adjust_hue(images, turn), atol=1e-5, rtol=0)


def test_that_levels_change_as_in_torchvision():
    eight = torch.randint(256, (30, 3, 11, 13), generator=seeded(), dtype=torch.uint8)
    eight[0] = 7  # flat
    eight[1, 0, :8] = 200  # one level holds most pixels
    images = eight.float() / 255

    def levels(values):
        return (values * 255).round().to(torch.uint8)

    assert torch.equal(levels(colours.equalized(images)), peer.equalize(eight))
    for bits in (4, 7, 8):
        assert torch.equal(levels(colours.posterized(images, bits)), peer.posterize(eight, bits))
    for threshold in (0.0, 0.3, 1.0):
        torch.testing.assert_close(
            colours.solarized(images, threshold), peer.solarize(images, threshold)
        )
    torch.testing.assert_close(colours.stretched(images), peer.autocontrast(images))


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_that_images_move_as_in_torchvision(sign, strength):
    images = images_of(4, (3, 20, 15))

    def theirs(angle=0.0, translate=(0, 0), shear=(0.0, 0.0), center=None):
        return peer.affine(
            images, angle, list(translate), 1.0, list(shear), 2, center=center  # bilinear
        )  # fmt: skip

    degrees = math.degrees(math.atan(sign * 0.3 * strength))
    wide, high = (int(150 / 331 * side * strength) for side in (15, 20))
    expected = {
        "shear_x": theirs(shear=(degrees, 0.0), center=[0, 0]),
        "shear_y": theirs(shear=(0.0, degrees), center=[0, 0]),
        "translate_x": theirs(translate=(sign * wide, 0)),
        "translate_y": theirs(translate=(0, sign * high)),
        "rotate": theirs(angle=sign * 30 * strength),
    }
    for name, moved in expected.items():
        operation = rand_augment.OPERATIONS[name]
        # A sign is drawn evenly, so which of the two directions it stands for is free.
        found = [operation(images, s * torch.ones(4, 1, 1, 1), strength) for s in (-1.0, 1.0)]
        apart = [float((one - moved).abs().max()) for one in found]
        assert min(apart) < 1e-4, name
        assert max(apart) > 0.1, name


def test_that_every_operation_occurs_and_an_image_has_its_own(monkeypatch):
    seen = dict.fromkeys(rand_augment.OPERATIONS, 0)

    def counting(name, operation):
        def counted(images, signs, strength):
            seen[name] += len(images)
            return operation(images, signs, strength)

        return counted

    table = {name: counting(name, op) for name, op in rand_augment.OPERATIONS.items()}
    monkeypatch.setattr(rand_augment, "OPERATIONS", table)
    rand_augment.operate(images_of(1400, (3, 4, 4)), 9, seeded())
    assert sum(seen.values()) == 1400
    assert min(seen.values()) > 60  # 100 expected, standard deviation 9.6


@pytest.mark.parametrize(
    ("spec", "shape", "words"),
    [
        (Augmentation(padding=9), (3, 8, 12), "padding is 9, must be at most 8"),
        (Augmentation(padding=8, border="reflect"), (3, 8, 12), "at most 7"),
        (Augmentation(), (2, 1, 1), "points of the plane"),
    ],
)
def test_that_what_does_not_fit_is_refused_in_a_sentence(spec, shape, words):
    with pytest.raises(SpecError, match=words):
        check_fits(spec, shape)
