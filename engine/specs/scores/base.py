"""What every score of maps has: a method whose maps it judges, and what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from engine.specs.attributions import AttributionSpec, Gradient
from engine.specs.measures import MetricSpec
from engine.specs.schema import param

BASELINES: Mapping[str, str] = MappingProxyType(
    {
        "random": "random map",
        "sobel": "Sobel edges",
        "blurred": "the map blurred",
        "whole": "random direction",
        "baseline": "a random direction's expected",
    }
)
"""What is scored beside a method's own maps, and its names in legends.

random: independent noise; sobel: the strength of the image's edges, which knows no network;
blurred: the map under a Gaussian filter of :data:`engine.specs.retraining.CONTROL_BLUR` pixels,
which adds no information. Where directions are scored, and no maps, whole is one that is not
divided, and baseline what is expected of one. Source: Hooker 2019; Song, Cha, Seo 2023.
"""


@dataclass(frozen=True, kw_only=True)
class ScoreSpec(MetricSpec):
    """A number for each image that judges the maps of a method, beside maps of no network.

    Attributes
    ----------
    compares_pixels
        Whether it means nothing for images of a single pixel, such as points of the plane.
    curve_x, curve_y
        Labels of the axes of its curves; "" for a score without one.
    """

    baselines: ClassVar[tuple[str, ...]] = ("random", "sobel", "blurred")
    compares_pixels: ClassVar[bool] = True
    curve_x: ClassVar[str] = ""
    curve_y: ClassVar[str] = ""

    attribution: AttributionSpec = param(Gradient(), help="The method whose maps are judged")

    @property
    def title(self) -> str:
        return f"{self.label} of {self.method}"

    @property
    def method(self) -> str:
        """The name of the method whose maps are judged."""
        return self.attribution.title
