"""Where the labels of points have room: beside marks, off lines and off each other.

Used for figures and for the window, with points, pixels or any other unit. Whether the second
coordinate grows upwards or downwards makes no difference but to which side is tried first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Size = tuple[float, float]
# Where a label is tried, as shares of its own size and of the gap: right and left of the point,
# then at its corners, then above and below it.
SIDES = (
    (0.0, -0.5, 1.0, 0.0),
    (-1.0, -0.5, -1.0, 0.0),
    (0.0, 0.0, 0.7, 0.7),
    (0.0, -1.0, 0.7, -0.7),
    (-1.0, 0.0, -0.7, 0.7),
    (-1.0, -1.0, -0.7, -0.7),
    (-0.5, 0.0, 0.0, 1.0),
    (-0.5, -1.0, 0.0, -1.0),
)


@dataclass(frozen=True)
class Box:
    """A rectangle along the axes.

    Attributes
    ----------
    left, low, right, high
        Its sides; ``left <= right`` and ``low <= high``.
    """

    left: float
    low: float
    right: float
    high: float

    def overlaps(self, other: Box) -> bool:
        """Return whether the two have an area in common."""
        across = self.left < other.right and other.left < self.right
        return across and self.low < other.high and other.low < self.high

    def holds(self, other: Box) -> bool:
        """Return whether the other lies wholly in this one."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.low <= other.low and other.high <= self.high

    def has(self, points: Numbers) -> bool:
        """Return whether any of the points, (n, 2), lies in it."""
        x, y = points.T
        inside = (x > self.left) & (x < self.right) & (y > self.low) & (y < self.high)
        return bool(inside.any())

    def grown(self, by: float) -> Box:
        """Return the rectangle that is larger by so much at each side."""
        return Box(self.left - by, self.low - by, self.right + by, self.high + by)

    def crossed(self, lines: Numbers) -> bool:
        """Return whether any of the lines, (n, 4) from x, y to x, y, runs through it.

        By clipping each line at the four sides: what is left between is in the box.
        """
        start, way = lines[:, :2], lines[:, 2:] - lines[:, :2]
        first, last = np.zeros(len(lines)), np.ones(len(lines))
        for axis, low, high in ((0, self.left, self.right), (1, self.low, self.high)):
            with np.errstate(divide="ignore", invalid="ignore"):
                ends = (np.array([[low], [high]]) - start[:, axis]) / way[:, axis]
            still = way[:, axis] == 0
            inside = (start[:, axis] > low) & (start[:, axis] < high)
            ends[0, still], ends[1, still] = np.where(inside[still], [[-np.inf], [np.inf]], np.inf)
            first = np.maximum(first, ends.min(0))
            last = np.minimum(last, ends.max(0))
        return bool((first < last).any())


@dataclass(frozen=True)
class LabelPlace:
    """Where a label lies.

    Attributes
    ----------
    box
        What it covers.
    on_line
        No place is free of lines: it needs a ground of its own to be read.
    """

    box: Box
    on_line: bool = False


def places(
    points: Numbers,
    sizes: Sequence[Size],
    room: Box,
    gap: float,
    marks: Numbers | None = None,
    lines: Numbers | None = None,
) -> list[LabelPlace | None]:
    """Return where each label lies, those of earlier points first; None for one without room.

    Parameters
    ----------
    points
        The labelled points, (n, 2).
    sizes
        Width and height of each label.
    room
        What no label leaves.
    gap
        Distance between a point and its label, above 0; labels stay half of it off other marks.
    marks, lines
        Points, (m, 2), that no label covers, and pieces of lines, (k, 4), that they keep off where
        they can.
    """
    marks = _finite(points if marks is None else np.concatenate([points, marks]))
    lines = _finite(np.empty((0, 4)) if lines is None else lines)
    taken: list[Box] = []
    found: list[LabelPlace | None] = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        boxes = [
            _box(x + across * width + right * gap, y + up * height + above * gap, width, height)
            for across, up, right, above in SIDES
        ]
        free = [
            box
            for box in boxes
            if room.holds(box)
            and not any(map(box.overlaps, taken))
            and not box.grown(gap / 2).has(marks)
        ]
        clear = [box for box in free if not box.crossed(lines)]
        place = None
        if clear:
            place = LabelPlace(clear[0])
        elif any(box in free for box in boxes[:2]):  # beside its point, so that it is told whose
            place = LabelPlace(next(box for box in boxes[:2] if box in free), on_line=True)
        if place is not None:
            taken.append(place.box)
        found.append(place)
    return found


def pieces(x: Numbers, y: Numbers) -> Numbers:
    """Return the pieces, (n - 1, 4), of the line through points, (n,) each."""
    return np.stack([x[:-1], y[:-1], x[1:], y[1:]], axis=1)


def _box(left: float, low: float, width: float, height: float) -> Box:
    return Box(left, low, left + width, low + height)


def _finite(rows: Numbers) -> Numbers:
    return rows[np.isfinite(rows).all(axis=1)]
