"""Make images square, in one of the ways that a spec names."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

# Factor by which an image stays larger than its final size after a JPEG is decoded at a reduced
# scale, or after the coarse step of a resize. According to Pillow's documentation, the result with
# a factor of 3 is almost indistinguishable from that without such a step.
GAP = 3


def _stretched(image: Image.Image, side: int) -> Image.Image:
    return image.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=GAP)


def _cropped(image: Image.Image, side: int) -> Image.Image:
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    box = (left, top, left + edge, top + edge)
    return image.resize((side, side), Image.Resampling.BICUBIC, box, reducing_gap=GAP)


def _padded(image: Image.Image, side: int) -> Image.Image:
    scale = side / max(image.size)
    width, height = (max(1, round(edge * scale)) for edge in image.size)
    inner = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=GAP)
    square = Image.new(image.mode, (side, side))
    square.paste(inner, ((side - width) // 2, (side - height) // 2))
    return square


# How to make an image square: stretch it, crop its middle, or pad it with black.
FITS: dict[str, Callable[[Image.Image, int], Image.Image]] = {
    "resize": _stretched,
    "crop": _cropped,
    "pad": _padded,
}
