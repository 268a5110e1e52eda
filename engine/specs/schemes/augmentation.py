"""Spec of the random changes of training images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.specs.schema import Spec, param


@dataclass(frozen=True, kw_only=True)
class Augmentation(Spec, kind="augmentation", label="Augmentation"):
    """Random changes of every training image, before any attack; pixels stay in [0, 1].

    In this order: crop, flip, RandAugment, colour jitter. Every image of a batch is changed by
    random numbers of its own. Source: Cubuk 2020, "RandAugment"; its 14 operations and strengths
    as in torchvision, resampled bilinearly.
    """

    flip: bool = param(True, help="Half of the images are mirrored, left for right")
    padding: int = param(
        4,
        low=0,
        high=512,
        label="crop after padding",
        unit="px",
        help="Every image is padded by so many pixels and cut out again at a random place; 0: not",
    )
    border: Literal["black", "reflect"] = param(
        "black", help="What it is padded with: black, or the image mirrored at its border"
    )
    brightness: float = param(0.0, low=0.0, high=1.0, help="Factor between 1 - this and 1 + this")
    contrast: float = param(
        0.0, low=0.0, high=1.0, help="Factor on the distance from the mean grey level"
    )
    saturation: float = param(
        0.0, low=0.0, high=1.0, help="Factor on the distance from the grey image"
    )
    hue: float = param(
        0.0, low=0.0, high=0.5, help="Largest turn of the colour wheel; 0.5 is half a turn"
    )
    operations: int = param(
        0, low=0, high=10, label="RandAugment", help="So many random operations per image; 0: none"
    )
    magnitude: int = param(9, low=0, high=30, help="Strength of these operations, 30 the strongest")

    @property
    def title(self) -> str:
        """Name what is done."""
        jitter = (self.brightness, self.contrast, self.saturation, self.hue)
        parts = [
            "flip" if self.flip else "",
            f"crop {self.padding}" if self.padding else "",
            f"RandAugment {self.operations}, {self.magnitude}" if self.operations else "",
            "colour " + "/".join(f"{value:g}" for value in jitter) if any(jitter) else "",
        ]
        return ", ".join(part for part in parts if part) or "none"
