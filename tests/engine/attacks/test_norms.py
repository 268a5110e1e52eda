import math
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.attacks.norms import NORMS, has_gradient, norms, project, random_start, step_direction
from engine.specs import Norm

EACH_NORM = pytest.mark.parametrize("norm", NORMS)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_that_there_is_a_geometry_for_every_norm_of_the_specs():
    assert set(NORMS) == set(get_args(Norm))


def test_that_norms_are_taken_per_image():
    delta = torch.tensor([[3.0, -4.0], [0.0, 1.0]]).reshape(2, 1, 1, 2)
    assert norms(delta, "linf").tolist() == [4, 1]
    assert norms(delta, "l2").tolist() == [5, 1]


def test_that_directions_are_the_sign_and_the_unit_vector():
    gradient = torch.tensor([[3.0, -4.0], [0.0, 2.0]]).reshape(2, 1, 1, 2)
    assert step_direction(gradient, "linf").flatten(1).tolist() == [[1, -1], [0, 1]]
    expected = torch.tensor([[0.6, -0.8], [0.0, 1.0]])
    torch.testing.assert_close(step_direction(gradient, "l2").flatten(1), expected)


@EACH_NORM
@pytest.mark.parametrize("size", [1e-36, 1e-20, 1.0, 1e30])
def test_that_no_gradient_is_too_small_or_too_large_for_a_full_step(norm, size):
    gradient = size * torch.randn(4, 3, 5, 7, generator=seeded())
    torch.testing.assert_close(norms(step_direction(gradient, norm), norm), torch.ones(4))


@EACH_NORM
def test_that_a_zero_gradient_gives_no_step_and_is_counted(norm):
    gradient = torch.zeros(3, 1, 2, 2)
    gradient[1, 0, 0, 0] = 1e-30
    direction = step_direction(gradient, norm)
    assert direction[[0, 2]].abs().sum() == 0
    assert direction[1].abs().sum() == 1
    assert has_gradient(gradient).tolist() == [False, True, False]


@EACH_NORM
def test_that_entries_that_are_not_finite_count_as_zero(norm):
    gradient = torch.tensor([[math.nan, 2.0], [math.inf, -math.inf]]).reshape(2, 1, 1, 2)
    assert step_direction(gradient, norm).flatten(1).tolist() == [[0, 1], [0, 0]]
    assert has_gradient(gradient).tolist() == [True, False]


def test_that_projection_shortens_a_delta_and_keeps_its_l2_direction():
    images = torch.full((1, 1, 1, 2), 0.5)
    adv_images = images + torch.tensor([0.3, -0.4])
    moved = project(adv_images, images, "l2", 0.25)
    torch.testing.assert_close(moved.flatten(), torch.tensor([0.65, 0.3]))
    moved = project(adv_images, images, "linf", 0.35)
    torch.testing.assert_close(moved.flatten(), torch.tensor([0.8, 0.15]))


def test_that_projection_comes_before_clipping():
    """The other way round the l2 result would be (1.0, 0.5)."""
    images = torch.tensor([0.9, 0.5]).reshape(1, 1, 1, 2)
    adv_images = images + torch.tensor([0.6, 0.8])
    moved = project(adv_images, images, "l2", 0.5)
    torch.testing.assert_close(moved.flatten(), torch.tensor([1.0, 0.9]))


@EACH_NORM
def test_that_projection_leaves_what_is_inside_and_its_arguments(norm):
    images = torch.rand(3, 2, 4, 5, generator=seeded(), dtype=torch.float64)
    adv_images = (images + 0.001).clamp(0, 1)
    before = images.clone(), adv_images.clone()
    torch.testing.assert_close(project(adv_images, images, norm, 1.0), adv_images)
    assert torch.equal(images, before[0])
    assert torch.equal(adv_images, before[1])


@EACH_NORM
def test_that_projection_onto_a_ball_of_radius_zero_returns_the_image(norm):
    images = torch.rand(3, 1, 2, 3, generator=seeded())
    assert torch.equal(project(images.clone(), images, norm, 0.0), images)
    assert torch.equal(project(torch.rand_like(images), images, norm, 0.0), images)


@EACH_NORM
@given(
    seed=st.integers(0, 2**32),
    eps=st.floats(0, 3),
    reach=st.floats(0, 100),
    shape=st.tuples(*[st.integers(1, 4)] * 3),
    black_and_white=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_that_a_projected_image_lies_in_the_ball_and_in_the_range(
    norm, seed, eps, reach, shape, black_and_white
):
    generator = seeded(seed)
    images = torch.rand(5, *shape, generator=generator)
    if black_and_white:
        images = images.round()
    adv_images = images + reach * torch.randn(images.shape, generator=generator)
    moved = project(adv_images, images, norm, eps)
    assert moved.min() >= 0
    assert moved.max() <= 1
    rounding = 1e-7 * math.sqrt(math.prod(shape)) if norm == "l2" else 1e-7
    assert norms(moved - images, norm).max() <= eps * (1 + 1e-6) + rounding
    torch.testing.assert_close(project(moved, images, norm, eps), moved, rtol=0, atol=1e-6)


@EACH_NORM
def test_that_a_random_start_lies_in_the_ball_and_in_the_range(norm):
    images = torch.rand(50, 3, 4, 5, generator=seeded(1))
    start = random_start(images, norm, 0.3, seeded(2))
    assert norms(start - images, norm).max() <= 0.3 + 1e-6
    assert start.min() >= 0
    assert start.max() <= 1
    assert torch.equal(start, random_start(images, norm, 0.3, seeded(2)))
    assert not torch.equal(start, random_start(images, norm, 0.3, seeded(3)))


@EACH_NORM
def test_that_a_random_start_is_uniform_in_the_ball(norm):
    """In d dimensions a share of r^d of a ball's volume lies within r of its radius."""
    images = torch.full((20_000, 1, 1, 3), 0.5)
    length = norms(random_start(images, norm, 0.4, seeded()) - images, norm) / 0.4
    for share in (0.1, 0.5, 0.9):
        # The standard deviation of the counted share is at most 0.0036.
        assert (length <= share ** (1 / 3)).double().mean().item() == pytest.approx(share, abs=0.02)


@EACH_NORM
def test_that_a_random_start_has_no_preferred_side(norm):
    images = torch.full((20_000, 1, 1, 2), 0.5)
    delta = random_start(images, norm, 0.4, seeded()) - images
    assert delta.mean(0).abs().max() < 0.01
    assert (delta[:, 0, 0, 0] * delta[:, 0, 0, 1]).mean().abs() < 0.002


@EACH_NORM
def test_that_a_random_start_takes_nothing_from_the_global_generator(norm):
    state = torch.get_rng_state()
    random_start(torch.rand(2, 1, 3, 3, generator=seeded()), norm, 0.1, seeded())
    assert torch.equal(torch.get_rng_state(), state)
