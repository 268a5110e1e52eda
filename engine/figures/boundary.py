"""Charts of the 2-D lab: the plane, its boundaries and attacks, and the tilt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.boundary.lab import Tilt, best_linear
from engine.figures.charts import INK, NEUTRAL, ChartData, Floats, Series, series_colour
from engine.figures.images.regions import Regions
from engine.specs import AttackSpec, Gaussians2D

MOST_POINTS = 300
ALONG = "line through the centroids"
AWAY = "mean normal of the boundary"


def plane_chart(arrays: Mapping[str, NDArray[Any]], title: str, attack: AttackSpec) -> ChartData:
    """Return a boundary record as a chart, in the paper's [-1, 1] units."""
    # Negative values belong to class 0.
    values = arrays["grid_logits"][..., 1] - arrays["grid_logits"][..., 0]
    begin, end = (signed(arrays[name]) for name in ("attacked_points", "adv_points"))
    points, labels = signed(arrays["points"]), arrays["labels"]
    along, away = directions(points, labels, arrays["normal"])
    return ChartData(
        series=(
            Series("attacked", end[:, 0], end[:, 1], colour=INK, style="none", symbol="cross"),
            *(_class_series(points, labels, label) for label in (0, 1)),
            Series(ALONG, along[:, 0], along[:, 1], colour=NEUTRAL, style="dash"),
            Series(AWAY, away[:, 0], away[:, 1], colour=series_colour(2)),
        ),
        title=title,
        x_label="x1",
        y_label="x2",
        caption=(
            f"Decision boundaries, test points, and where a {attack_name(attack)} attack "
            "moves them; the tilt is the angle between the mean normal of the boundary and the "
            "line through the centroids. Coordinates as in the paper, in [−1, 1]."
        ),
        x_range=(-1.0, 1.0),
        y_range=(-1.0, 1.0),
        regions=Regions(signed(arrays["grid_axis"]), np.asarray(values, dtype=np.float64)),
        segments=np.concatenate([begin, end], axis=1),
        equal_aspect=True,
    )


def directions(
    points: Floats, labels: NDArray[Any], normal: NDArray[Any], length: float = 0.48
) -> tuple[Floats, Floats]:
    """Return the line through the centroids and the mean normal, each (2, 2), to be drawn.

    Each array has two rows x, y: the start and the end point. The line extends by twice ``length``
    to both sides of the midpoint of the centroids. The normal starts at the midpoint, has length
    ``length`` and points to the side of class 0.
    """
    left, right = (points[labels == label].mean(0) for label in (1, 0))
    middle, along = (left + right) / 2, length * _unit(right - left)
    line = np.stack([middle - 2 * along, middle + 2 * along])
    return line, np.stack([middle, middle + length * _unit(normal.astype(np.float64))])


def tilt_chart(found: Sequence[Tilt]) -> ChartData:
    """Return tilt against training radius: every training, and the best straight boundary."""
    radii = np.linspace(0.0, 0.5, 101)
    linear = best_linear(radii.tolist(), Gaussians2D())
    eps = np.array([2 * tilt.eps for tilt in found])
    mean, spread = (
        np.array([getattr(tilt, name) for tilt in found]) for name in ("mean", "spread")
    )
    return ChartData(
        series=(
            Series(
                "best straight boundary",
                radii,
                np.array([line.angle_degrees for line in linear]),
                colour=NEUTRAL,
                style="dash",
            ),
            Series(
                "networks",
                eps,
                mean,
                mean - spread,
                mean + spread,
                colour=series_colour(0),
                style="none",
                symbol="circle",
            ),
        ),
        title="Tilt of the boundary",
        x_label="Training eps (L2, in the paper's [−1, 1] units)",
        y_label="Tilt in degrees",
        caption=tilt_caption(),
    )


def tilt_caption() -> str:
    """Return the caption of a chart of tilts."""
    return (
        "Angle between the mean normal of the boundary and the line through the centroids; mean "
        "and standard deviation over seeds. Dashed: the straight boundary that is best against an "
        "adversary of that radius."
    )


def attack_name(spec: AttackSpec) -> str:
    """Return an attack's title with its radius in the paper's [-1, 1] units."""
    return f"{spec.title} (eps {2 * spec.eps:g} in [−1, 1])"


def signed(values: NDArray[Any]) -> Floats:
    """Return coordinates in the paper's [-1, 1], from ours in [0, 1]."""
    return np.asarray(2.0 * values.astype(np.float64) - 1.0)


def _unit(way: Floats) -> Floats:
    return np.asarray(way / max(float(np.linalg.norm(way)), 1e-12))


def _class_series(points: Floats, labels: NDArray[Any], label: int) -> Series:
    own = points[labels == label]
    shown = own[:: max(1, -(-len(own) // MOST_POINTS))]
    return Series(
        f"class {label}",
        shown[:, 0],
        shown[:, 1],
        colour=series_colour(label),
        style="none",
        symbol="circle",
    )
