import hashlib

import numpy as np
import pytest
import torch

from engine.data import glyphs
from engine.data.glyphs import (
    CLASSES,
    FACTORS,
    draw,
    draw_set,
    factors_of,
    jacobian,
    sample_factors,
    tangent_basis,
)
from engine.specs import Glyphs

SMALL = Glyphs(train=203, test=50)
DIGITS = torch.arange(10)
PLAIN = torch.zeros(10, 8)


def varied(count=20, dtype=torch.float64):
    labels = torch.arange(count) % 10
    generator = torch.Generator().manual_seed(0)
    return labels, sample_factors(labels, 1.0, generator).to(dtype)


def test_that_images_are_28_pixels_in_the_unit_range():
    images = draw(*varied(40, torch.float32))
    assert images.shape == (40, 1, 28, 28)
    assert images.dtype == torch.float32
    assert images.min() == 0
    assert 0.9 < images.max() <= 1


def test_that_plain_digits_have_full_ink_on_an_empty_ground():
    images = draw(DIGITS, PLAIN)
    assert (images.amax((1, 2, 3)) > 0.95).all()
    assert images[:, :, 0].max() == 0
    ink = images.mean((1, 2, 3))
    assert ink.min() > 0.05
    assert ink.max() < 0.3


def test_that_digits_differ_from_each_other():
    flat = draw(DIGITS, PLAIN).flatten(1)
    distance = torch.cdist(flat, flat) + 100 * torch.eye(10)
    assert distance.min() > 3


def test_that_an_image_does_not_depend_on_its_neighbours():
    labels, factors = varied(200, torch.float32)
    together = draw(labels, factors)
    for index in (0, 7, 199):
        alone = draw(labels[index : index + 1], factors[index : index + 1])
        torch.testing.assert_close(alone[0], together[index], rtol=0, atol=0)


def test_that_shift_moves_the_picture_by_whole_pixels():
    factors = PLAIN.clone()
    factors[:, FACTORS.index("shift_x")] = 2
    factors[:, FACTORS.index("shift_y")] = -1
    moved = draw(DIGITS, factors)
    expected = draw(DIGITS, PLAIN).roll((-1, 2), (2, 3))
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-5)


def test_that_a_quarter_turn_turns_the_picture():
    factors = PLAIN.clone()
    factors[:, FACTORS.index("rotation")] = torch.pi / 2
    turned = draw(DIGITS, factors)
    torch.testing.assert_close(turned, draw(DIGITS, PLAIN).rot90(-1, (2, 3)), rtol=0, atol=1e-4)


def test_that_contrast_multiplies_the_picture():
    factors = PLAIN.clone()
    factors[:, FACTORS.index("log_contrast")] = np.log(0.5)
    torch.testing.assert_close(draw(DIGITS, factors), 0.5 * draw(DIGITS, PLAIN))


@pytest.mark.parametrize("name", ["log_scale", "log_stroke"])
def test_that_scale_and_stroke_add_ink(name):
    factors = PLAIN.clone()
    factors[:, FACTORS.index(name)] = 0.2
    assert (draw(DIGITS, factors).sum((1, 2, 3)) > draw(DIGITS, PLAIN).sum((1, 2, 3))).all()


def test_that_the_jacobian_is_the_derivative_of_drawing():
    labels, factors = varied()
    step, found = 1e-6, jacobian(labels, factors)
    assert found.shape == (20, 784, 8)
    for factor in range(8):
        offset = torch.zeros(8, dtype=torch.float64)
        offset[factor] = step
        ahead, behind = draw(labels, factors + offset), draw(labels, factors - offset)
        expected = ((ahead - behind) / (2 * step)).flatten(1)
        torch.testing.assert_close(found[:, :, factor], expected, rtol=0, atol=2e-5)


def test_that_drawing_is_differentiable_by_autograd_and_agrees_with_the_jacobian():
    labels, factors = varied()
    free = factors.clone().requires_grad_()
    weights = torch.linspace(-1, 1, 784, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((draw(labels, free).flatten(1) @ weights).sum(), free)
    expected = jacobian(labels, factors).mT @ weights
    torch.testing.assert_close(gradient, expected)


def test_that_the_derivative_has_no_jumps():
    labels = DIGITS.repeat_interleave(41)
    factors = torch.zeros(410, 8, dtype=torch.float64)
    path = torch.linspace(0, 0.02, 41, dtype=torch.float64).repeat(10)
    factors[:, 0], factors[:, 2] = path, path
    along = jacobian(labels, factors).view(10, 41, 784, 8)
    one_step = (along[:, 1:] - along[:, :-1]).abs().amax((1, 2, 3))
    whole = (along[:, 0] - along[:, -1]).abs().amax((1, 2))
    # A jump would take place within one of the forty steps.
    assert (one_step < whole / 10).all()


def test_that_the_jacobian_works_where_gradients_are_switched_off():
    labels, factors = varied()
    with torch.no_grad():
        found = jacobian(labels, factors)
    assert not found.requires_grad
    torch.testing.assert_close(found, jacobian(labels, factors), rtol=0, atol=0)


def test_that_the_tangent_basis_is_orthonormal_and_spans_the_jacobian():
    found = jacobian(*varied())
    basis = tangent_basis(found)
    gram = basis.mT @ basis
    torch.testing.assert_close(gram, torch.eye(8, dtype=torch.float64).expand_as(gram))
    torch.testing.assert_close(basis @ (basis.mT @ found), found)


def test_that_a_lost_direction_leaves_a_projector_of_lower_rank():
    found = jacobian(*varied(6))
    found[:2, :, 3] = 2 * found[:2, :, 2]
    found[2:4, :, 4] = 0
    basis = tangent_basis(found)
    projector = basis @ basis.mT
    rank = projector.diagonal(dim1=1, dim2=2).sum(1)
    expected = torch.tensor([7.0] * 4 + [8.0] * 2, dtype=torch.float64)
    torch.testing.assert_close(rank, expected)
    torch.testing.assert_close(projector @ projector, projector)
    torch.testing.assert_close(projector @ found, found)


def test_that_random_vectors_have_the_expected_share_in_the_tangent_space():
    basis = tangent_basis(jacobian(*varied()))
    vectors = torch.randn(
        20, 784, 50, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    share = ((basis.mT @ vectors).square().sum(1) / vectors.square().sum(1)).mean()
    # Mean 8/784; its standard error over 1000 vectors is about 0.00016.
    assert abs(share - 8 / 784) < 0.001


def test_that_the_same_spec_gives_the_same_bytes():
    first = draw_set(SMALL)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3 if threads == 1 else 1)
        second = draw_set(SMALL)
    finally:
        torch.set_num_threads(threads)
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_that_plain_digits_never_change():
    images = draw_set(Glyphs(train=10, test=10, variation=0.0))
    in_order = images.train_images[np.argsort(images.train_labels)]
    digest = hashlib.sha256(in_order.tobytes()).hexdigest()[:16]
    assert digest == "b69c2043ad9533a9", (
        "the released drawing changed: every stored study would be wrong"
    )


def test_that_varied_digits_never_change():
    digest = hashlib.sha256(draw_set(SMALL).test_images.tobytes()).hexdigest()[:16]
    assert digest == "4fee6f5e2b0efdb4", (
        "the released drawing changed: every stored study would be wrong"
    )


def test_that_drawing_leaves_the_process_generator_alone():
    before = torch.random.get_rng_state()
    draw_set(SMALL)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_that_a_set_has_the_declared_form():
    images = draw_set(SMALL)
    assert images.train_images.shape == (203, 1, 28, 28)
    assert images.test_images.shape == (50, 1, 28, 28)
    assert images.train_images.dtype == np.uint8
    assert images.train_labels.dtype == np.int64
    assert images.classes == CLASSES == tuple("0123456789")


def test_that_labels_are_balanced_and_shuffled():
    images = draw_set(SMALL)
    counts = np.bincount(images.train_labels, minlength=10)
    assert counts.max() - counts.min() <= 1
    assert not np.array_equal(images.train_labels, np.arange(203) % 10)
    assert len(set(images.test_labels[:20])) > 5


def test_that_training_and_test_images_are_other_draws():
    images = draw_set(SMALL)
    train = {image.tobytes() for image in images.train_images}
    test = {image.tobytes() for image in images.test_images}
    assert len(train) == 203
    assert len(test) == 50
    assert not train & test


def test_that_another_seed_gives_other_images():
    other = draw_set(Glyphs(train=203, test=50, seed=1))
    assert not np.array_equal(other.test_images, draw_set(SMALL).test_images)


def test_that_any_seed_a_spec_takes_can_be_drawn():
    assert len(draw_set(Glyphs(train=10, test=10, seed=2**63 - 1)).test_labels) == 10


@pytest.mark.parametrize("split", ["train", "test"])
def test_that_the_factors_of_every_image_are_recovered(split):
    labels, factors = factors_of(SMALL, split)
    images = draw_set(SMALL)
    expected = (draw(labels, factors) * 255).round().to(torch.uint8).numpy()
    np.testing.assert_array_equal(getattr(images, f"{split}_labels"), labels.numpy())
    np.testing.assert_array_equal(getattr(images, f"{split}_images"), expected)


def test_that_a_large_set_is_drawn_in_blocks_without_a_seam(monkeypatch):
    whole = draw_set(SMALL).train_images
    monkeypatch.setattr(glyphs, "BLOCK", 64)
    np.testing.assert_array_equal(draw_set(SMALL).train_images, whole)


def test_that_variation_scales_every_factor():
    generators = [torch.Generator().manual_seed(2) for _ in range(3)]
    full, half, none = (
        sample_factors(torch.zeros(500), variation, generator)
        for variation, generator in zip((1.0, 0.5, 0.0), generators, strict=True)
    )
    torch.testing.assert_close(half, full / 2)
    assert none.abs().max() == 0


def test_that_factors_fill_their_intervals_and_contrast_stays_below_one():
    factors = sample_factors(torch.zeros(2000), 1.0, torch.Generator().manual_seed(3))
    spread, centre = torch.tensor(glyphs.SPREAD), torch.tensor(glyphs.CENTRE)
    assert ((factors - centre).abs() <= spread + 1e-6).all()
    assert ((factors - centre).abs().amax(0) > 0.98 * spread).all()
    assert factors[:, FACTORS.index("log_contrast")].max() <= 0
