"""Published values of the paper, to compare with one's own. Source: Kim, Seo, Jeon 2019.

The trade-off figures show CIFAR-10 with 21 networks per group: a standard one and 20 with
increasing eps. The correlations are from the legends of the published figures; the points were read
off the figures, to about 0.001.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from engine.specs import FolderImages, ImagesSpec, Mode

NETWORKS = 21
# The largest eps of the published sweeps, in [0, 1] units.
LARGEST = {"l2": 0.8, "linf": 0.02}
NAMES = {"l2": "L2 ", "linf": "L-inf "}

# (mode, norm, loss, attribution) -> Pearson and Spearman against accuracy, then against strength.
_CORRELATIONS: dict[tuple[str, str, str, str], tuple[float, float, float, float]] = {
    ("roar", "l2", "xent", "gradient_x_input"): (-0.9765, -0.9584, 0.9488, 0.9455),
    ("roar", "linf", "xent", "gradient_x_input"): (-0.9597, -0.9377, 0.9505, 0.9351),
    ("roar", "l2", "xent", "gradient"): (-0.9699, -0.9701, 0.9457, 0.9727),
    ("roar", "linf", "xent", "gradient"): (-0.9352, -0.9091, 0.9114, 0.8857),
    ("roar", "l2", "cw", "gradient_x_input"): (-0.9636, -0.9273, 0.9503, 0.9571),
    ("roar", "linf", "cw", "gradient_x_input"): (-0.9585, -0.9701, 0.9744, 0.9870),
    ("roar", "l2", "cw", "gradient"): (-0.9686, -0.9597, 0.9600, 0.9883),
    ("roar", "linf", "cw", "gradient"): (-0.9402, -0.9740, 0.9603, 0.9857),
    ("kar", "l2", "xent", "gradient_x_input"): (-0.6505, -0.5623, 0.6284, 0.6260),
    ("kar", "linf", "xent", "gradient_x_input"): (-0.8261, -0.8169, 0.8911, 0.8766),
    ("kar", "l2", "xent", "gradient"): (0.4931, 0.4805, -0.5294, -0.4623),
    ("kar", "linf", "xent", "gradient"): (-0.5062, -0.5156, 0.5578, 0.5779),
    ("kar", "l2", "cw", "gradient_x_input"): (-0.5565, -0.5922, 0.5316, 0.5597),
    ("kar", "linf", "cw", "gradient_x_input"): (-0.6547, -0.6494, 0.6957, 0.6701),
    ("kar", "l2", "cw", "gradient"): (0.7215, 0.7390, -0.7680, -0.7844),
    ("kar", "linf", "cw", "gradient"): (-0.1934, -0.2494, 0.2541, 0.2909),
}

# (mode, attribution) -> name, test accuracy, strength and score of networks, read off the figures.
_POINTS: dict[tuple[str, str], tuple[tuple[str, float, float, float], ...]] = {
    ("roar", "gradient"): (
        ("standard", 0.7366, 0.0, 0.019),
        ("L2 cross-entropy, largest eps", 0.62, 1.0, 0.066),
        ("L-inf cross-entropy, largest eps", 0.61, 1.0, 0.064),
    ),
    ("roar", "gradient_x_input"): (
        ("standard", 0.7366, 0.0, 0.037),
        ("L2 cross-entropy, largest eps", 0.62, 1.0, 0.0725),
        ("L-inf cross-entropy, largest eps", 0.61, 1.0, 0.0745),
    ),
    ("kar", "gradient"): (("standard", 0.7366, 0.0, -0.005),),
    ("kar", "gradient_x_input"): (("standard", 0.7366, 0.0, 0.0075),),
}


@dataclass(frozen=True)
class PublishedPoint:
    """One network of the paper, read off its figures."""

    name: str
    clean_accuracy: float
    strength: float
    score: float


def correlations(
    mode: Mode, norm: str, loss: str, attribution: str, x: str
) -> tuple[float, float] | None:
    """Return the paper's Pearson and Spearman correlation of a group, or None if not published.

    The paper's training loss with the floor of 500 corresponds to "cw" and "cw_capped" here.

    Parameters
    ----------
    x
        "clean_accuracy" or "strength".
    """
    found = _CORRELATIONS.get((mode, norm, loss.removesuffix("_capped"), attribution))
    if found is None:
        return None
    return found[:2] if x == "clean_accuracy" else found[2:]


def points(mode: Mode, attribution: str) -> list[PublishedPoint]:
    """Return the networks whose values were read off the published figures."""
    return [PublishedPoint(*values) for values in _POINTS.get((mode, attribution), ())]


def same_strengths(point: PublishedPoint, largest: Mapping[str, float]) -> bool:
    """Return whether a strength of 1 stands for the eps of a published network here too.

    Parameters
    ----------
    largest
        The largest eps of the sweeps drawn, by norm.
    """
    norm = next((norm for norm, name in NAMES.items() if point.name.startswith(name)), "")
    return not norm or math.isclose(largest.get(norm, 0.0), LARGEST[norm], rel_tol=0.01)


def same_images(images: ImagesSpec) -> bool:
    """Return whether images are those of the paper, CIFAR-10, by the name of their folder."""
    if not isinstance(images, FolderImages) or images.channels != "rgb" or images.image_size != 32:
        return False
    return re.match(r"cifar10(?!0)", re.sub(r"[^a-z0-9]", "", images.name.lower())) is not None


@dataclass(frozen=True)
class LinearOptimum:
    """The best straight boundary between the paper's two Gaussians, under an L2 adversary.

    Attributes
    ----------
    eps
        The adversary's radius, in the paper's [-1, 1] units.
    angle_degrees
        Angle between the boundary's normal and the line through the centroids.
    robust_accuracy
        Accuracy on all points, under that adversary.
    """

    eps: float
    angle_degrees: float
    robust_accuracy: float


# Not printed in the paper, but derived from the published settings of the boundary tilting
# experiment (means, covariance, 3000 points per class, one scale to [-1, 1]).
# engine.boundary.lab.best_linear computes them.
BEST_LINEAR = (
    LinearOptimum(0.0, 76.5, 1.0),
    LinearOptimum(0.05, 73.2, 1.0),
    LinearOptimum(0.1, 49.2, 0.9997),
    LinearOptimum(0.25, 11.3, 0.978),
    LinearOptimum(0.5, 0.3, 0.543),
)
