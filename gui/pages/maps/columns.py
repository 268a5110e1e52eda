"""Turn results into the columns of the Maps page: values, pictures and the numbers below them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.attribution import pictures
from engine.texts import percent
from engine.tradeoff.correlation import fit

MapValues = NDArray[np.float32]
UNNAMED = ("probability",)
# Short names, because a small picture leaves little room for text; the tooltip explains them.
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
        Whether all pictures of a column have one scale, instead of one each.
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
        Key of the network; "" if the column belongs to none.
    title, method
        Its heading.
    series
        Number of the network's colour.
    classes
        Names of the network's classes; classes without a name are shown by number.
    arrays
        Arrays of a :class:`engine.specs.Maps` result; empty until it arrives.
    failure
        One sentence if the computation failed, else "".
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

    def values(self, drawing: Drawing) -> MapValues | None:
        """Return the pictures' values, (N, H, W) in [-1, 1]; None if there is no result."""
        if not self.arrays:
            return None
        attributions, percentile = self.arrays["attributions"], drawing.percentile
        limit = None
        if drawing.shared:
            limits = pictures.symmetric_limit(attributions, percentile=percentile)
            limit = np.full(len(limits), limits.max())
        return pictures.picture(attributions, percentile=percentile, limit=limit)

    def drawable(self, row: int) -> bool:
        """Return whether the map of an image has arrived and has finite values only."""
        return bool(self.arrays) and bool(pictures.finite(self.arrays["attributions"][row]))

    def note(self, row: int) -> str:
        """Return the network's prediction for an image, and the numbers of its map."""
        if not self.arrays:
            return ""
        predicted = int(self.arrays["predicted"][row])
        says = self.classes[predicted] if predicted < len(self.classes) else str(predicted)
        if "probability" in self.arrays:
            says += f", {percent(float(self.arrays['probability'][row]))}"
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


def joined(parts: Sequence[tuple[Mapping[str, Any], Sequence[int]]]) -> Mapping[str, Any]:
    """Return the arrays of one column whose images belong to several sets.

    Parameters
    ----------
    parts
        Arrays of a :class:`engine.specs.Maps` result, and the row of the column of each of their
        images. Arrays that one of the parts lacks are left out.

    Returns
    -------
    The arrays in the order of the rows; empty until those of all parts are there, or without parts.
    """
    if len(parts) == 1:
        return parts[0][0]
    if not parts or not all(arrays for arrays, _ in parts):
        return {}
    rows = np.concatenate([np.asarray(rows, dtype=np.intp) for _, rows in parts])
    order = np.argsort(rows)
    names = [name for name in parts[0][0] if all(name in arrays for arrays, _ in parts)]
    return {name: np.concatenate([arrays[name] for arrays, _ in parts])[order] for name in names}


def _one_number_each(values: Any) -> bool:
    return bool(np.ndim(values) == 1 and np.issubdtype(values.dtype, np.floating))


@dataclass(frozen=True, eq=False)
class Difference:
    """The difference between two columns of maps.

    Attributes
    ----------
    values
        (N, H, W) in [-1, 1]: first minus second, divided by ``limit``.
    limit
        (N,) the difference drawn in full colour, in units of the pictures; 0 for equal pictures.
    spearman
        (N,) rank correlation of the two maps over their pixels, NaN where one is constant.
    """

    values: MapValues
    limit: NDArray[np.float64]
    spearman: NDArray[np.float64]


def difference(
    first: MapValues, second: MapValues, percentile: float = pictures.PERCENTILE
) -> Difference:
    """Subtract two columns of pictures, and scale the difference by its own symmetric limits.

    Parameters
    ----------
    first, second
        (N, H, W) in [-1, 1], each on its own scale. Raw gradients of two networks may differ in
        size by a factor of 1000, so that their difference would show the larger one only.
    percentile
        Percentile at which the difference is clipped.
    """
    gap = (first.astype(np.float64) - second)[:, None]
    limit = pictures.symmetric_limit(gap, percentile=percentile)
    ranked = [fit(a, b).spearman for a, b in zip(first, second, strict=True)]
    return Difference(
        pictures.picture(gap, limit=limit),
        limit,
        np.array([np.nan if found is None else found for found in ranked]),
    )
