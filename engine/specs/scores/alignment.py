"""Spec of alignment: how far a map points along the image itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.specs.attributions import AttributionSpec, Gradient
from engine.specs.passes import FORWARD
from engine.specs.schema import param
from engine.specs.scores.base import ScoreSpec

WINNING = Gradient(quantity="logit")
"""The gradient of the winning logit, of which alignment is defined."""


@dataclass(frozen=True, kw_only=True)
class Alignment(ScoreSpec, kind="alignment", label="Gradient alignment"):
    """|<x, g>| / ||g|| and its cosine, g the gradient of the winning logit. Source: Etmann 2019."""

    headline: ClassVar[tuple[str, ...]] = ("alignment",)
    compares_pixels: ClassVar[bool] = False
    caveat: ClassVar[str] = (
        "It does not show that a map means anything: it grows with the brightness of the image, "
        "and a map of positive values, such as edges or a blurred one, has a high cosine."
    )

    attribution: AttributionSpec = param(WINNING, help="The method whose maps are judged")

    @property
    def title(self) -> str:
        if self.attribution == WINNING:
            return self.label
        return f"Alignment of {self.method}"

    @property
    def passes(self) -> float:
        """The map, and its class."""
        return FORWARD + self.attribution.passes
