"""A curve that grows while a training runs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

CurvePoints = NDArray[np.float64]
FIRST_ROOM = 64


class GrowingCurve:
    """Points of a curve; appending one takes amortized constant time."""

    def __init__(self) -> None:
        self._points = np.empty((2, FIRST_ROOM))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, step: float, value: float) -> None:
        """Add a point, after removing all points at or beyond its step.

        A resumed training repeats the values of steps that it reported before it was stopped.
        """
        while self._count and self._points[0, self._count - 1] >= step:
            self._count -= 1
        if self._count == self._points.shape[1]:
            self._points = np.concatenate([self._points, np.empty_like(self._points)], axis=1)
        self._points[:, self._count] = step, value
        self._count += 1

    def replace(self, steps: ArrayLike, values: ArrayLike) -> None:
        """Replace all points by these steps, in ascending order, and values, (n,) each."""
        self._points = np.array([steps, values], dtype=np.float64).reshape(2, -1)
        self._count = self._points.shape[1]
        if not self._count:
            self._points = np.empty((2, FIRST_ROOM))

    def last_until(self, step: float) -> tuple[float, float] | None:
        """Return step and value of the last point at or before a step; None if there is none."""
        steps, values = self.points()
        place = int(np.searchsorted(steps, step, side="right"))
        return (float(steps[place - 1]), float(values[place - 1])) if place else None

    def points(self) -> tuple[CurvePoints, CurvePoints]:
        """Return steps and values, (n,) each."""
        return self._points[0, : self._count], self._points[1, : self._count]
