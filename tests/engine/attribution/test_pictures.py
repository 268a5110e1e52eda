import numpy as np
import pytest

from engine.attribution.colormaps import COLORMAPS
from engine.attribution.pictures import (
    MapError,
    blurriness,
    colour,
    finite,
    image_rgb,
    picture,
    symmetric_limit,
)


def test_that_channels_are_summed_with_their_sign():
    attribution = np.array([[[1.0, 2.0], [3.0, -4.0]], [[1.0, -2.0], [1.0, -4.0]]])
    expected = [[2 / 8, 0], [4 / 8, -1]]
    np.testing.assert_allclose(picture(attribution, percentile=100), expected)


def test_that_a_map_is_clipped_to_its_percentiles():
    """Of 0, 1, ... 100 the 10th and 90th percentiles are 10 and 90."""
    attribution = np.arange(101.0).reshape(1, 1, 101)
    drawn = picture(attribution, percentile=90)[0]
    assert drawn[0] == pytest.approx(10 / 90)
    assert drawn[50] == pytest.approx(50 / 90)
    assert (drawn[90:] == 1).all()


def test_that_zero_stays_zero_and_the_scale_is_the_same_on_both_sides():
    attribution = np.array([[[-8.0, 0.0], [2.0, 4.0]]])
    np.testing.assert_allclose(picture(attribution, percentile=100), [[-1, 0], [0.25, 0.5]])


def test_that_every_image_has_a_scale_of_its_own():
    one = np.array([[[1.0, -2.0, 0.5]]])
    both = picture(np.stack([one, 1000 * one]))
    assert both.shape == (2, 1, 3)
    np.testing.assert_allclose(both[0], both[1])
    np.testing.assert_allclose(both[0], picture(one))


def test_that_a_given_limit_replaces_the_percentiles():
    attribution = np.array([[[1.0, -2.0, 8.0]]])
    np.testing.assert_allclose(picture(attribution, limit=4), [[0.25, -0.5, 1]])
    pair = picture(np.stack([attribution, attribution]), limit=[4, 16])
    np.testing.assert_allclose(pair[1], [[1 / 16, -1 / 8, 1 / 2]])


def test_that_the_symmetric_limit_is_what_is_drawn_as_one():
    attribution = np.random.default_rng(0).normal(size=(3, 2, 6, 4))
    limits = symmetric_limit(attribution)
    assert limits.shape == (3,)
    np.testing.assert_allclose(picture(attribution, limit=limits), picture(attribution), atol=0.02)
    assert symmetric_limit(np.array([[[-3.0, 1.0]]]), percentile=100) == 3


def test_that_a_single_pixel_is_not_hidden_by_the_percentiles():
    attribution = np.zeros((1, 30, 40))
    attribution[0, 7, 9] = -1e-20
    drawn = picture(attribution)
    assert drawn[7, 9] == -1
    assert np.count_nonzero(drawn) == 1


@pytest.mark.parametrize("scale", [1e-300, 1e-40, 1e30, 1e300])
def test_that_tiny_and_huge_maps_are_drawn_like_others(scale):
    attribution = np.array([[[1.0, -0.5], [0.25, 0.0]]])
    np.testing.assert_allclose(picture(scale * attribution), picture(attribution), rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_that_a_map_that_is_not_finite_is_drawn_as_zeros_and_named(bad):
    attribution = np.ones((3, 2, 2, 3))
    attribution[1, 1, 0, 2] = bad
    drawn = picture(attribution)
    assert finite(attribution).tolist() == [True, False, True]
    assert (drawn[1] == 0).all()
    assert (drawn[[0, 2]] == 1).all()


def test_that_all_nan_and_all_zero_maps_are_drawn_as_zeros_without_warning(recwarn):
    for value in (np.nan, 0.0):
        attribution = np.full((3, 4, 5), value)
        assert (picture(attribution) == 0).all()
        assert symmetric_limit(attribution) == 0
        assert np.isnan(blurriness(attribution))
        assert bool(finite(attribution)) == (value == 0)
    assert not recwarn.list


def test_that_a_constant_map_is_drawn_at_full_strength():
    assert (picture(np.full((1, 2, 3), -0.25)) == -1).all()


def test_that_pictures_of_wide_images_stay_wide():
    attribution = np.zeros((2, 3, 4, 7))
    assert picture(attribution).shape == (2, 4, 7)
    assert colour(picture(attribution)).shape == (2, 4, 7, 3)
    assert picture(attribution).dtype == np.float32


@pytest.mark.parametrize("shape", [(2, 2), (1, 1, 1, 2, 2), (1, 0, 5)])
def test_that_an_array_that_is_no_map_is_refused_with_its_shape(shape):
    with pytest.raises(MapError, match=r"must be \(C, H, W\) or \(N, C, H, W\)") as refused:
        picture(np.zeros(shape))
    assert str(shape) in str(refused.value)


@pytest.mark.parametrize("name", COLORMAPS)
def test_that_a_colormap_has_256_entries_with_a_neutral_middle(name):
    table = COLORMAPS[name]
    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    assert table[128].tolist() == table[127].tolist()
    assert np.ptp(table[128].astype(int)) == 0
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 0


def test_that_colours_follow_the_sign():
    negative, zero, positive = colour(np.array([[-1.0, 0.0, 1.0]]))[0].astype(int)
    assert negative[2] > negative[0]
    assert zero.tolist() == [255, 255, 255]
    assert positive[0] > positive[2]
    assert colour(np.array([[-1.0, 1.0]]), "grey")[0].tolist() == [[0, 0, 0], [255, 255, 255]]


@pytest.mark.parametrize("name", ["blue_white_red", "blue_orange", "purple_green"])
def test_that_a_diverging_colormap_darkens_evenly_to_both_sides(name):
    brightness = COLORMAPS[name].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness[:128]) >= 0).all()
    assert (np.diff(brightness[128:]) <= 0).all()
    assert abs(brightness[:128] - brightness[:127:-1]).max() < 30


def test_that_values_outside_are_clipped_and_nan_is_neutral():
    drawn = colour(np.array([[-9.0, np.nan, 9.0, np.inf]]))
    expected = colour(np.array([[-1.0, 0.0, 1.0, 1.0]]))
    assert np.array_equal(drawn, expected)


def test_that_images_become_rgb_with_rows_and_columns_in_place():
    image = np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4)
    rgb = image_rgb(image)
    assert rgb.shape == (2, 4, 3)
    assert rgb[1, 2].tolist() == [6, 14, 22]
    assert image_rgb(image[:1])[1, 3].tolist() == [7, 7, 7]
    assert image_rgb(image[None]).shape == (1, 2, 4, 3)
    rgb[:] = 0
    assert image[0, 0, 1] == 1


@pytest.mark.parametrize("image", [np.zeros((2, 4, 4), np.uint8), np.zeros((1, 4, 4), np.float32)])
def test_that_what_is_no_image_is_refused(image):
    with pytest.raises(MapError, match="must be"):
        image_rgb(image)


def waves(period, height=16, width=32):
    rows = np.cos(2 * np.pi * np.arange(width) / period)
    return np.tile(rows, (height, 1))[None]


def test_that_waves_longer_than_8_pixels_are_blurry_and_shorter_ones_are_not():
    assert blurriness(waves(16)) == pytest.approx(1)
    assert blurriness(waves(8)) == pytest.approx(1)
    assert blurriness(waves(4)) == pytest.approx(0)
    assert blurriness(np.swapaxes(waves(16), 1, 2)) == pytest.approx(1)


def test_that_the_blurriness_of_a_mixture_is_its_share_of_energy():
    """Energies are squared amplitudes: 9 of the long wave, 1 of the short one."""
    assert blurriness(5 + 3 * waves(16) + waves(4)) == pytest.approx(0.9)


def test_that_noise_has_about_the_blurriness_of_the_discs_area():
    noise = np.random.default_rng(0).normal(size=(20, 1, 40, 30))
    assert blurriness(noise).shape == (20,)
    assert blurriness(noise).mean() == pytest.approx(np.pi / 64, abs=0.01)
    np.testing.assert_allclose(blurriness(1e200 * noise), blurriness(noise))
