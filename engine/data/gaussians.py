"""The paper's 2-D data: two thin Gaussians, as images of two channels and one pixel.

Source: Kim, Seo, Jeon 2019, boundary tilting experiment. Directions below are unit vectors of the
plane; they are the same in raw, [-1, 1] and [0, 1] coordinates, which differ by one scale.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.data.image_set import ImageSet
from engine.specs import Gaussians2D

Direction = tuple[float, float]
Points = NDArray[np.float64]

MEANS = ((1.2, 0.1), (-1.2, -0.1))  # class 0, class 1
COVARIANCE = ((0.1, -0.01), (-0.01, 0.002))
CLASSES = ("right", "left")


def draw_points(spec: Gaussians2D) -> ImageSet:
    """Draw training points, and equally many test points from the same distribution.

    Uses numpy's ``RandomState(seed)`` as the paper does; numpy guarantees that its random stream
    never changes. With seed 0 and 3000 points per class, the training points are the paper's own.
    The classes alternate, so the first points of a part include both.

    Returns
    -------
    ImageSet of float32 images (2 * per_class, 2, 1, 1) in [0, 1]: (x + 1) / 2 of the paper's
    coordinates. One scale for both coordinates maps the smallest and largest value of the training
    points to 0 and 1; test points outside this range are clipped.
    """
    train, test = _raw_points(spec)
    low, high = train.min(), train.max()
    labels = np.arange(2 * spec.per_class, dtype=np.int64) % 2
    return ImageSet(
        train_images=_as_images(train, low, high),
        train_labels=labels,
        test_images=_as_images(test, low, high),
        test_labels=labels,
        classes=CLASSES,
    )


def unit_scale(spec: Gaussians2D) -> float:
    """Return the length of one raw unit in the [-1, 1] coordinates of a spec."""
    train, _ = _raw_points(spec)
    return float(2.0 / (train.max() - train.min()))


def centroid_direction() -> Direction:
    """Return the direction from the left class's mean to the right one's."""
    return _unit(*MEANS[0])


def fisher_normal() -> Direction:
    """Return the normal of Fisher's linear discriminant: inverse covariance times mean."""
    (xx, xy), (_, yy) = COVARIANCE
    x, y = MEANS[0]
    return _unit(yy * x - xy * y, xx * y - xy * x)


def angle_between(first: Direction, second: Direction) -> float:
    """Return the angle between two lines, in degrees from 0 to 90."""
    cosine = abs(first[0] * second[0] + first[1] * second[1])
    sine = abs(first[0] * second[1] - first[1] * second[0])
    return math.degrees(math.atan2(sine, cosine))


def half_distance(direction: Direction) -> float:
    """Return half the distance between the two means along a unit direction, in raw units."""
    x, y = MEANS[0]
    return abs(direction[0] * x + direction[1] * y)


def _raw_points(spec: Gaussians2D) -> tuple[Points, Points]:
    """Draw (2 * per_class, 2) training and test points, the classes alternating."""
    random = np.random.RandomState(spec.seed)
    shape = (spec.per_class, 2)
    long, short = _axes()
    # Use only sums and products: a library's matrix product may round differently elsewhere.
    drawn = [random.standard_normal(shape) for _ in range(4)]
    clouds = [normal[:, :1] * long + normal[:, 1:] * short for normal in drawn]
    train, test = (
        np.stack([clouds[part] + MEANS[0], clouds[part + 1] + MEANS[1]], axis=1).reshape(-1, 2)
        for part in (0, 2)
    )
    return train, test


def _axes() -> Points:
    """Return the principal axes, (2, 2), each as long as the standard deviation along it.

    Uses a closed form, because the signs of a library's eigenvectors depend on the machine. The
    signs here are those that numpy gives on common machines, and therefore those of the paper.
    """
    (xx, xy), (_, yy) = COVARIANCE
    half_trace, radius = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    long, short = math.sqrt(half_trace + radius), math.sqrt(half_trace - radius)
    angle = 0.5 * math.atan2(2 * xy, xx - yy)
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[-cos * long, -sin * long], [-sin * short, cos * short]])


def _as_images(points: Points, low: float, high: float) -> NDArray[np.float32]:
    scaled = (points - low) / (high - low)
    return scaled.clip(0.0, 1.0).astype(np.float32).reshape(-1, 2, 1, 1)


def _unit(x: float, y: float) -> Direction:
    length = math.hypot(x, y)
    return x / length, y / length
