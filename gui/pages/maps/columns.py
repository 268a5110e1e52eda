"""From results to what the Maps page draws: values, pictures and the numbers below them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.attribution import pictures
from engine.tradeoff.correlation import fit

Values = NDArray[np.float32]
UNNAMED = ("probability",)
# Below a small picture there is room for few letters; the tooltip explains them.
SHORT = {"completeness_gap": "gap"}


@dataclass(frozen=True)
class Drawing:
    """How maps are drawn.

    Attributes
    ----------
    percentile
        Values beyond this percentile of a picture are clipped.
    colormap
        A key of :data:`engine.attribution.colormaps.COLORMAPS`.
    shared
        One scale for all pictures of a column, instead of one for each.
    """

    percentile: float = pictures.PERCENTILE
    colormap: str = "blue_white_red"
    shared: bool = False


@dataclass(frozen=True, eq=False)
class MapColumn:
    """One attribution method of one network: a column of pictures.

    Attributes
    ----------
    key
        Of the network, "" where the column belongs to none.
    title, method
        Its heading.
    series
        Number of the network's colour.
    classes
        Names of the network's classes; numbers stand in where there are none.
    arrays
        Of a :class:`engine.specs.Maps` result; empty while it is not there.
    failure
        One sentence, where there will be none.
    """

    key: str
    title: str
    method: str
    series: int
    classes: tuple[str, ...] = ()
    arrays: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""

    @property
    def name(self) -> str:
        """Network and method in one line."""
        return f"{self.title}, {self.method}"

    def values(self, drawing: Drawing) -> Values | None:
        """Return what is drawn, (N, H, W) in [-1, 1], or None where there is no result."""
        if not self.arrays:
            return None
        attributions, percentile = self.arrays["attributions"], drawing.percentile
        limit = None
        if drawing.shared:
            limits = pictures.symmetric_limit(attributions, percentile=percentile)
            limit = np.full(len(limits), limits.max())
        return pictures.picture(attributions, percentile=percentile, limit=limit)

    def drawable(self, row: int) -> bool:
        """Whether the map of an image is there, with finite values only."""
        return bool(self.arrays) and bool(pictures.finite(self.arrays["attributions"][row]))

    def note(self, row: int) -> str:
        """Return what the network says of the image, and the numbers of its map."""
        if not self.arrays:
            return ""
        predicted = int(self.arrays["predicted"][row])
        says = self.classes[predicted] if predicted < len(self.classes) else str(predicted)
        if "probability" in self.arrays:
            says += f", {100 * float(self.arrays['probability'][row]):.1f} %"
        numbers = [
            f"{SHORT.get(name, name.replace('_', ' '))} {float(values[row]):.3g}"
            for name, values in self.arrays.items()
            if name not in UNNAMED and _one_number_each(values) and np.isfinite(values[row])
        ]
        return "\n".join([says, *numbers])

    def raw(self, row: int, y: int, x: int) -> str:
        """Return the attribution of one pixel, channel by channel."""
        channels = self.arrays["attributions"][row][:, y, x]
        total = f"{float(channels.sum()):+.4g}"
        if len(channels) == 1:
            return total
        return f"{total} = " + " ".join(f"{float(value):+.3g}" for value in channels)


def _one_number_each(values: Any) -> bool:
    return bool(np.ndim(values) == 1 and np.issubdtype(values.dtype, np.floating))


@dataclass(frozen=True, eq=False)
class Difference:
    """What one column of maps has and another has not.

    Attributes
    ----------
    values
        (N, H, W) in [-1, 1]: first minus second, over ``limit``.
    limit
        (N,) the difference that is drawn strongest, in units of the pictures' own; 0 where equal.
    spearman
        (N,) rank correlation of the two maps over their pixels, NaN where one is constant.
    """

    values: Values
    limit: NDArray[np.float64]
    spearman: NDArray[np.float64]


def difference(
    first: Values, second: Values, percentile: float = pictures.PERCENTILE
) -> Difference:
    """Compare two columns of pictures; the difference has symmetric limits of its own.

    Parameters
    ----------
    first, second
        (N, H, W) in [-1, 1], each on its own scale: raw gradients of two networks may differ a
        thousandfold in size, and the larger one would be all there is to see.
    percentile
        Where the difference is clipped.
    """
    gap = (first.astype(np.float64) - second)[:, None]
    limit = pictures.symmetric_limit(gap, percentile=percentile)
    ranked = [fit(a, b).spearman for a, b in zip(first, second, strict=True)]
    return Difference(
        pictures.picture(gap, limit=limit),
        limit,
        np.array([np.nan if found is None else found for found in ranked]),
    )
