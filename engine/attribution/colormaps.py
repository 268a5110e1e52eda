"""Colour tables for signed maps, with zero in the middle. Needs numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Lab = tuple[float, float, float]
"""Lightness (0 ... 100), chroma and hue (degrees) in CIELAB."""

WHITE_POINT = np.array([0.95047, 1.0, 1.08883])
TO_LINEAR = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)


def _ramp(*colours: tuple[int, int, int]) -> Bytes:
    """Return 256 colours that interpolate the given ones; the two middle entries are equal.

    An even number of entries has no single middle entry. Repeating the middle colour draws zero in
    the neutral colour, and equal magnitudes of either sign equally strong.
    """
    half = len(colours) // 2
    places = np.concatenate([np.linspace(0, 127, half + 1), np.linspace(128, 255, half + 1)])
    through = np.array([*colours[: half + 1], *colours[half:]], dtype=np.float64)
    channels = [np.interp(np.arange(256), places, through[:, channel]) for channel in range(3)]
    return _table(np.stack(channels, axis=1))


def _even(low: Lab, middle: float, high: Lab) -> Bytes:
    """Return 256 colours on two straight lines in CIELAB that meet in a grey of lightness middle.

    Equal steps in value then look equally large. Both sides of zero also look equally strong if
    both ends have the same lightness and chroma.
    """
    ends = []
    for lightness, chroma, hue in (low, high):
        angle = np.deg2rad(hue)
        end = np.array([lightness, chroma * np.cos(angle), chroma * np.sin(angle)])
        share = np.linspace(0.0, 1.0, 128)[:, None]
        ends.append(end + share * (np.array([middle, 0.0, 0.0]) - end))
    return _table(_rgb_of(np.concatenate([ends[0], ends[1][::-1]])))


def _rgb_of(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return CIELAB colours (N, 3), under D65, as sRGB in 0 ... 255. Source: IEC 61966-2-1."""
    root = (lab[:, 0] + 16.0) / 116.0
    roots = np.stack([root + lab[:, 1] / 500.0, root, root - lab[:, 2] / 200.0], axis=1)
    xyz = np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29)) * WHITE_POINT
    linear = np.clip(xyz @ TO_LINEAR.T, 0.0, 1.0)
    curved: NDArray[np.float64] = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return 255.0 * curved


def _table(colours: NDArray[np.float64]) -> Bytes:
    table: Bytes = np.rint(colours).astype(np.uint8)
    table.setflags(write=False)
    return table


COLORMAPS: Mapping[str, Bytes] = MappingProxyType(
    {
        "blue_white_red": _ramp(
            (8, 40, 110), (58, 124, 200), (255, 255, 255), (222, 88, 70), (120, 8, 24)
        ),
        "blue_orange": _even((40.0, 46.0, 280.0), 97.0, (40.0, 46.0, 60.0)),
        "purple_green": _ramp(
            (74, 20, 110), (158, 110, 184), (248, 248, 248), (104, 176, 104), (0, 74, 36)
        ),
        "grey": _ramp((0, 0, 0), (128, 128, 128), (255, 255, 255)),
    }
)
"""Name -> 256 RGB colours, uint8 (256, 3), for values from -1 to 1."""
