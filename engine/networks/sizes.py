"""Which images an architecture can take; needs no torch, so that forms can ask at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

Shape = tuple[int, int, int]
COLOURS = (1, 3)  # what a network for colour images takes: grey images are repeated


@dataclass(frozen=True)
class Sizes:
    """Which images an architecture takes.

    Attributes
    ----------
    least
        Smallest height and width in pixels. In smaller images, pooling would leave no pixels, or
        one filter would be larger than the image.
    multiple
        Height and width must be multiples of it.
    square
        Whether height and width must be equal.
    colour
        Whether images must have three channels, or one that is repeated.
    """

    least: int = 1
    multiple: int = 1
    square: bool = False
    colour: bool = False

    def fault(self, shape: Shape, name: str) -> str:
        """Return the sentence on why images (C, H, W) cannot be taken, or ""."""
        channels, height, width = shape
        if self.colour and channels not in COLOURS:
            return f"images have {channels} channels, {name} takes 1 or 3"
        fits = min(height, width) >= self.least and not height % self.multiple | (
            width % self.multiple
        )
        if fits and (height == width or not self.square):
            return ""
        return f"images are {width}x{height} px, {name} needs {self.words(shape)}"

    def words(self, shape: Shape) -> str:
        """Return in words which sizes are taken, with an example near images (C, H, W)."""
        side = self.nearest(shape)
        if self.multiple == 1 and not self.square:
            return f"at least {self.least}x{self.least} px"
        kind = "square images" if self.square else "images"
        whose = "" if self.multiple == 1 else f" whose sides are multiples of {self.multiple} px"
        least = f", at least {self.least}" if self.least > self.multiple else ""
        return f"{kind}{whose}{least}, such as {side}x{side} px"

    def nearest(self, shape: Shape) -> int:
        """Return the side in pixels of the square images that are taken, nearest from above."""
        wanted = max(self.least, *shape[1:])
        return self.multiple * math.ceil(wanted / self.multiple)
