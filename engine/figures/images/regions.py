"""Functions on a plane as backgrounds of charts: two sides of a boundary, classes, or a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Regions:
    """A function on the plane, drawn as a background.

    Parameters
    ----------
    axis
        (g,) the coordinates of the grid, evenly spaced, the same along both axes.
    values
        (g, g), row by row along y. Without ``colours`` their sign says on which side of a boundary
        a point lies; the boundary is where they are 0.
    colours
        "#rrggbb" from the lowest value to the highest, or one for each class; empty for two sides.
    limits
        The values that have the first and the last colour; values beyond are drawn in these. Only
        with ``colours``.
    opacity
        Of the colours, in [0, 1]. Only with ``colours``.
    """

    axis: Floats
    values: Floats
    colours: tuple[str, ...] = ()
    limits: tuple[float, float] = (0.0, 1.0)
    opacity: float = 1.0

    @property
    def extent(self) -> tuple[float, float]:
        """Where the background begins and ends: each value is the middle of its pixel."""
        half = float(self.axis[1] - self.axis[0]) / 2
        return float(self.axis[0]) - half, float(self.axis[-1]) + half

    def pixels(self) -> NDArray[np.uint8]:
        """Return the colour of every value, (g, g, 3); values that are no number have the first."""
        low, high = self.limits
        last = len(self.colours) - 1
        share = (self.values - low) / (high - low if high > low else 1.0)
        places = np.rint(np.nan_to_num(share * last, nan=0.0, posinf=last, neginf=0.0))
        return rgb_of(self.colours)[np.clip(places, 0, last).astype(np.intp)]


def rgb_of(colours: Sequence[str]) -> NDArray[np.uint8]:
    """Return colours "#rrggbb" as bytes (n, 3)."""
    return np.array([list(bytes.fromhex(colour[1:])) for colour in colours], dtype=np.uint8)


def draw_regions(ax: Axes, regions: Regions, sides: Sequence[str], ink: str) -> None:
    """Draw a background, with ``sides`` and ``ink`` for two sides and the line between them."""
    axis, values = regions.axis, regions.values
    if regions.colours:
        ends = regions.extent
        look: dict[str, Any] = {"origin": "lower", "interpolation": "nearest"}
        ax.imshow(regions.pixels(), extent=(*ends, *ends), alpha=regions.opacity, **look)
        return
    levels = [-np.inf, 0.0, np.inf]
    ax.contourf(axis, axis, values, levels, colors=sides[:2], alpha=0.16)
    if values.min() < 0 < values.max():
        ax.contour(axis, axis, values, [0.0], colors=ink, linewidths=0.9)
