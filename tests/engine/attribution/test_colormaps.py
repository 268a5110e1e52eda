import numpy as np
import pytest

from engine.attribution.colormaps import COLORMAPS

TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
# What a person without M cones sees, in linear RGB. Source: Machado, Oliveira, Fernandes 2009.
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)


def lab_of(table, seen=None):
    """Return sRGB colours (N, 3) in CIELAB, by the textbook's formulas."""
    share = table / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    linear = linear if seen is None else np.clip(linear @ seen.T, 0, 1)
    xyz = linear @ TO_XYZ.T / [0.95047, 1.0, 1.08883]
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack(
        [
            116 * root[:, 1] - 16,
            500 * (root[:, 0] - root[:, 1]),
            200 * (root[:, 1] - root[:, 2]),
        ],
        axis=1,
    )


def steps_of(table):
    """Return the visible distance of entries 16 apart, so that rounding to 8 bits counts little."""
    lab = lab_of(table)
    return np.linalg.norm(lab[16:] - lab[:-16], axis=1)


def test_that_equal_steps_of_the_even_map_look_equally_large():
    low, high = (steps_of(COLORMAPS["blue_orange"][half]) for half in np.split(np.arange(256), 2))
    for steps in (low, high):
        assert steps.max() / steps.min() < 1.25
    assert low.mean() == pytest.approx(high.mean(), rel=0.05)


def test_that_both_ends_of_the_even_map_are_equally_dark():
    lightness = lab_of(COLORMAPS["blue_orange"])[:, 0]
    assert lightness[0] == pytest.approx(lightness[-1], abs=1.5)
    assert lightness[127] > 95


@pytest.mark.parametrize("name", [name for name in COLORMAPS if name != "grey"])
def test_that_the_two_signs_are_told_apart_without_seeing_red_and_green_as_two(name):
    ends = lab_of(COLORMAPS[name][[40, 215]], DEUTERANOPIA)
    assert np.linalg.norm(ends[0] - ends[1]) > 25
