import numpy as np
import pytest

from engine.data.gaussians import (
    COVARIANCE,
    MEANS,
    angle_between,
    centroid_direction,
    draw_points,
    fisher_normal,
    half_distance,
    unit_scale,
)
from engine.specs import Gaussians2D
from engine.specs.schema import SpecError

PAPER = Gaussians2D()


def plane(images):
    """Return points in the paper's [-1, 1] coordinates."""
    return 2 * images.reshape(-1, 2).astype(np.float64) - 1


def test_that_points_are_images_of_two_channels_and_one_pixel():
    points = draw_points(PAPER)
    assert points.train_images.shape == points.test_images.shape == (6000, 2, 1, 1)
    assert points.train_images.dtype == np.float32
    assert points.shape == (2, 1, 1)
    assert len(points.classes) == 2


def test_that_training_points_fill_the_unit_range_and_test_points_stay_inside():
    points = draw_points(PAPER)
    assert points.train_images.min() == 0
    assert points.train_images.max() == 1
    for seed in range(5):
        test = draw_points(Gaussians2D(per_class=50, seed=seed)).test_images
        assert test.min() >= 0
        assert test.max() <= 1


def test_that_the_training_points_are_the_paper_s():
    random = np.random.RandomState(0)
    raw = np.stack([random.multivariate_normal(mean, COVARIANCE, 3000) for mean in MEANS], axis=1)
    expected = (raw - raw.min()) / (raw.max() - raw.min()) * 2 - 1
    found = plane(draw_points(PAPER).train_images).reshape(3000, 2, 2)
    # A library's principal axes may point the other way on another machine: compare moments there.
    if not np.allclose(found, expected, atol=1e-6):
        np.testing.assert_allclose(found.mean((0, 1)), expected.mean((0, 1)), atol=0.01)
        np.testing.assert_allclose(np.cov(found[:, 0].T), np.cov(expected[:, 0].T), atol=1e-3)


@pytest.mark.parametrize("part", ["train", "test"])
def test_that_each_class_has_its_mean_and_covariance(part):
    points = draw_points(PAPER)
    scale = unit_scale(PAPER)
    found = plane(getattr(points, f"{part}_images"))
    labels = getattr(points, f"{part}_labels")
    middle = found.mean(0)  # both coordinates are shifted by the same common offset
    for label, mean in enumerate(MEANS):
        raw = (found[labels == label] - middle) / scale
        # Standard errors at n = 3000: 0.006 of the mean, 0.003 of the largest variance.
        np.testing.assert_allclose(raw.mean(0), mean, atol=0.025)
        np.testing.assert_allclose(np.cov(raw.T), COVARIANCE, atol=0.01)


def test_that_one_scale_is_used_for_both_coordinates():
    found = plane(draw_points(PAPER).train_images)
    spread = np.ptp(found, axis=0)
    assert spread[0] == pytest.approx(2)
    assert spread[1] < 0.3


def test_that_classes_alternate():
    points = draw_points(PAPER)
    assert points.train_labels[:4].tolist() == [0, 1, 0, 1]
    assert (points.train_images[0::2, 0] > points.train_images[1::2, 0]).mean() == 1


def test_that_the_same_spec_gives_the_same_points_and_test_points_are_others():
    first, second = draw_points(PAPER), draw_points(PAPER)
    np.testing.assert_array_equal(first.train_images, second.train_images)
    np.testing.assert_array_equal(first.test_images, second.test_images)
    assert not np.array_equal(first.train_images, first.test_images)
    other = draw_points(Gaussians2D(seed=1))
    assert not np.array_equal(first.train_images, other.train_images)


def test_that_the_process_generator_is_left_alone():
    np.random.seed(0)
    expected = np.random.random()
    np.random.seed(0)
    draw_points(PAPER)
    assert np.random.random() == expected


def test_that_a_seed_numpy_cannot_take_is_named():
    with pytest.raises(SpecError, match=r"seed is 4294967296, must be .* at most 4294967295"):
        draw_points(Gaussians2D(seed=2**32))


def test_that_the_fisher_normal_is_tilted_by_the_paper_s_angle():
    assert angle_between(centroid_direction(), fisher_normal()) == pytest.approx(76.5, abs=0.05)


def test_that_the_fisher_normal_solves_its_equation():
    expected = np.linalg.solve(COVARIANCE, MEANS[0])
    np.testing.assert_allclose(fisher_normal(), expected / np.linalg.norm(expected))


def test_that_half_distances_are_the_paper_s():
    scale = unit_scale(PAPER)
    assert half_distance(centroid_direction()) * scale == pytest.approx(0.515, abs=0.001)
    assert half_distance(fisher_normal()) * scale == pytest.approx(0.121, abs=0.001)


def test_that_half_distances_hold_in_the_sample():
    points = draw_points(PAPER)
    found = plane(points.train_images)
    right, left = (found[points.train_labels == label].mean(0) for label in (0, 1))
    for direction in (centroid_direction(), fisher_normal()):
        expected = half_distance(direction) * unit_scale(PAPER)
        assert abs((right - left) @ direction) / 2 == pytest.approx(expected, abs=0.005)


def test_that_both_directions_separate_the_training_points_perfectly():
    points = draw_points(PAPER)
    found = plane(points.train_images)
    for direction in (centroid_direction(), fisher_normal()):
        along = (found - found.mean(0)) @ np.array(direction)
        assert ((along > 0) == (points.train_labels == 0)).mean() > 0.999


@pytest.mark.parametrize(
    ("first", "second", "degrees"),
    [((1, 0), (0, 1), 90), ((1, 0), (-1, 0), 0), ((0, 1), (0.6, 0.8), 36.8699)],
)
def test_that_angles_are_between_lines(first, second, degrees):
    assert angle_between(first, second) == pytest.approx(degrees, abs=1e-4)
