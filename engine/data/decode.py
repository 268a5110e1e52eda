"""Decode the bytes of an image file to 8-bit pixels, by the same rules for every format.

Grey stays grey, everything else becomes RGB. 16-bit and floating-point values are scaled, never
clipped. Transparent pixels are blended with white. The EXIF orientation is always applied. Of
several frames only the first is used. ``rules`` lists the applied rules to show to the user.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Import the last two to register their formats; without it, Pillow would not know them when asked.
from PIL import Image, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from engine.data.safety.bounds import (
    FEW_BYTES,
    FEW_PIXELS,
    TooCostly,
    bands,
    bounded,
    release,
    reserve,
    strips,
)
from engine.specs.images import Channels, ImageFit

FORMATS: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "BMP": (".bmp", ".dib"),
    WebPImagePlugin.WebPImageFile.format: (".webp",),
    TiffImagePlugin.TiffImageFile.format: (".tif", ".tiff"),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}
SUFFIXES = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)

# Below Pillow's own limit of 89 million, so this limit applies first, before decoding.
PIXEL_CAP = 80_000_000
# Pillow warns at its limit and refuses images only at twice that; make the warning refuse too.
warnings.simplefilter("error", Image.DecompressionBombWarning)
# One damaged file can warn thousands of times; what is wrong with it is listed with the file.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.\w+")

SCALED_16 = "16-bit values were scaled to 8 bits"
SCALED_UNIT = "floating-point values in [0, 1] were scaled to 8 bits"
ROUNDED = "values in [0, 255] were rounded to 8 bits"
STRETCHED = "values were stretched from the image's own minimum and maximum to 8 bits"
ON_WHITE = "transparency was laid over white"
UPRIGHT = "the EXIF orientation was applied"
FROM_CMYK = "CMYK was converted to RGB"
FIRST_FRAME = "only the first of several frames was taken"

# Factor by which an image stays larger than its final size after a JPEG is decoded at a reduced
# scale, or after the coarse step of a resize. According to Pillow's documentation, the result with
# a factor of 3 is almost indistinguishable from that without such a step.
GAP = 3

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Matches Pillow's raw modes with 16 bits per channel that it reduces to 8. It does not match
# "BGR;16", which has 16 bits for all three channels together.
_HIGH_BYTES = re.compile(";16[BLN]")
# Headers of JPEGs of all kinds. 0xC4, 0xC8 and 0xCC between them mark other segments.
_HEADER = re.compile(b"\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf]")
_GREY_MODES = ("1", "L", "LA", "La", "I", "F")


class UnreadableImage(ValueError):
    """The bytes are not a usable image; the message is a short reason for the user."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An image at full size.

    Parameters
    ----------
    pixels
        (H, W, 3) RGB or (H, W, 1) grey, uint8.
    rules
        The rules that were applied in addition to plain decoding.
    """

    pixels: NDArray[np.uint8]
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """An image converted to the size and channels of a set.

    Parameters
    ----------
    pixels
        S * S * C bytes in the order (row, column, channel).
    size
        Width and height stored in the file.
    grey
        Whether the image in the file is grey.
    rules
        The rules that were applied in addition to decoding and fitting.
    """

    pixels: bytes
    size: tuple[int, int]
    grey: bool
    rules: tuple[str, ...]


def decode(data: bytes) -> Decoded:
    """Decode the bytes of a JPEG, PNG, BMP, WebP, TIFF, GIF or PPM file.

    Raises
    ------
    UnreadableImage
        For anything else, and for damaged, truncated, empty or too large images.
    """
    with _as_unreadable():
        image = _open(data)
        rules = _frames(image)
        image = _plain(image, rules)
        return Decoded(np.atleast_3d(np.asarray(image)), tuple(rules))


def decode_fitted(data: bytes, *, image_size: int, channels: Channels, fit: ImageFit) -> Fitted:
    """Decode an image and resize it to ``image_size`` x ``image_size`` pixels.

    A much larger JPEG is decoded at a reduced scale, to at least three times ``image_size``.

    Raises
    ------
    UnreadableImage
        As :func:`decode`.
    """
    side, mode = (image_size, image_size), "L" if channels == "grey" else "RGB"
    plain = _plain_jpeg(data, GAP * image_size)
    if plain is not None and plain.size == side and plain.mode == mode:
        return Fitted(plain.tobytes(), side, channels == "grey", ())
    with _as_unreadable():
        image, size, rules = _decoded_near(data, GAP * image_size, plain)
        grey = image.mode == "L"
        image = _in_mode(image, mode)
        if image.size != side:
            image = FITS[fit](image, image_size)
        return Fitted(image.tobytes(), size, grey, tuple(rules))


def _decoded_near(
    data: bytes, side: int, plain: Image.Image | None
) -> tuple[Image.Image, tuple[int, int], list[str]]:
    """Decode an image, a JPEG at the smallest scale above ``side``; return image, size, rules."""
    if plain is not None:
        return plain, plain.size, []
    image = _open(data)
    size = image.size
    rules = _frames(image)
    image.draft(None, (side, side))
    return _plain(image, rules), size, rules


def measure(data: bytes) -> tuple[tuple[int, int], bool]:
    """Return width and height, and whether the image is grey; read only the header.

    Raises
    ------
    UnreadableImage
        As :func:`decode`, but only for problems that the header shows.
    """
    with _as_unreadable():
        image = _open(data)
        return image.size, _is_grey(image)


@contextmanager
def _as_unreadable() -> Iterator[None]:
    """Convert any exception of Pillow into :class:`UnreadableImage` with a short reason."""
    try:
        yield
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage("not an image of a known format") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage(_too_large()) from error
    except TooCostly as error:
        raise UnreadableImage(str(error)) from None
    except MemoryError as error:
        raise UnreadableImage("too large for the memory") from error
    # On damaged input, Pillow's decoders raise many unrelated types (struct.error, KeyError,
    # SyntaxError, zlib.error, ...), and other versions may raise further ones.
    except Exception as error:
        reason = "truncated" if "truncated" in str(error).lower() else "damaged"
        raise UnreadableImage(reason) from error
    finally:
        release()


def _too_large() -> str:
    return f"more than {PIXEL_CAP // 1_000_000} million pixels"


def _open(data: bytes) -> Image.Image:
    if not data:
        raise UnreadableImage("empty file")
    image = Image.open(bounded(data), formats=tuple(FORMATS))
    if image.width * image.height > PIXEL_CAP:
        raise UnreadableImage(_too_large())
    return image


def _frames(image: Image.Image) -> list[str]:
    # A phone's JPEG may have a second frame with depth or a preview; do not report it.
    if image.format in ("JPEG", "MPO"):
        return []
    try:
        several = bool(getattr(image, "is_animated", False))
    except Exception:  # later frames are damaged, but only the first is used
        several = True
    return [FIRST_FRAME] if several else []


def _is_grey(image: Image.Image) -> bool:
    return image.mode in _GREY_MODES or image.mode.startswith("I;16")


def _plain(image: Image.Image, rules: list[str]) -> Image.Image:
    """Return the loaded image upright, in mode "L" or "RGB"; add to ``rules`` what was applied."""
    # Pillow rotates a TIFF while loading and removes the tag, so read the tag before. For other
    # formats read it afterwards: reading it may load the image, and then load() hides an error.
    before = _orientation(image) if image.format == "TIFF" else 1
    deep = _HIGH_BYTES.search(str(getattr(image, "tile", ""))) is not None
    reserve(image)
    image.load()
    orientation = _orientation(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image, rule = _eight_bits(image)
        rules.append(rule)
    elif deep:  # Pillow has reduced 16 bits to the high 8
        rules.append(SCALED_16)
    if image.has_transparency_data:
        image = _on_white(image, rules)
    elif image.mode not in ("L", "RGB"):
        if image.mode == "CMYK":
            rules.append(FROM_CMYK)
        image = _in_mode(image, "L" if image.mode == "1" else "RGB")
    if orientation in _TURNS:
        image = image.transpose(_TURNS[orientation])
    if orientation in _TURNS or before in _TURNS:
        rules.append(UPRIGHT)
    return image


def _orientation(image: Image.Image) -> int:
    if image.format == "JPEG" and not ("exif" in image.info or "xmp" in image.info):
        return 1  # asking Pillow would take a tenth of the time of a small image
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a damaged EXIF block does not affect the pixels
        return 1


def _eight_bits(image: Image.Image) -> tuple[Image.Image, str]:
    """Convert 16-bit, 32-bit and floating-point grey to 8 bits; return image and applied rule."""
    ranges = []
    for _, values in strips(image):
        if not np.isfinite(values).all():
            raise UnreadableImage("values that are not finite")
        ranges.append((float(values.min()), float(values.max())))
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    scaled: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    if image.mode.startswith("I;16") or (image.mode == "I" and low >= 0 and high <= 65535):
        scaled, rule = (lambda values: values / 257.0), SCALED_16
    elif image.mode == "F" and low >= 0 and high <= 1:
        scaled, rule = (lambda values: values * 255.0), SCALED_UNIT
    elif low >= 0 and high <= 255:
        scaled, rule = (lambda values: values), ROUNDED
    else:
        span = max(high - low, 1e-300)
        scaled, rule = (lambda values: (values - low) / span * 255.0), STRETCHED
    levels = np.empty((image.height, image.width), np.uint8)
    for top, values in strips(image):
        levels[top : top + len(values)] = np.rint(scaled(values.astype(np.float64)))
    image.close()
    return Image.fromarray(levels), rule


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert an image and free it; return it as it is if it has the mode."""
    if image.mode == mode:
        return image
    converted = image.convert(mode)
    image.close()
    return converted


def _on_white(image: Image.Image, rules: list[str]) -> Image.Image:
    mode = "L" if _is_grey(image) else "RGB"
    flat = Image.new(mode, image.size)
    see_through = False
    for box in bands(image):
        rgba = image.crop(box).convert("RGBA")
        lowest, _ = rgba.getchannel("A").getextrema()
        if lowest != 255:
            see_through = True
            paper = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
            rgba = Image.alpha_composite(paper, rgba)
        flat.paste(rgba.convert(mode), box)
    if see_through:
        rules.append(ON_WHITE)
    image.close()
    return flat


def _plain_jpeg(data: bytes, limit: int) -> Image.Image | None:
    """Decode a small JPEG that needs none of the rules; None if it may need one, or is damaged.

    Calls Pillow's decoder directly, which gives the same pixels. For an image of 32 x 32, half of
    Pillow's usual time is spent on objects around the decoder.
    """
    header = _jpeg_header(data) if len(data) <= FEW_BYTES else None
    if header is None:
        return None
    width, height, layers = header
    # Decode a JPEG that is at least twice too large at a reduced scale instead.
    if not 0 < width * height <= FEW_PIXELS or min(width, height) >= 2 * limit:
        return None
    mode = {1: "L", 3: "RGB"}.get(layers)
    if mode is None:
        return None
    try:
        return Image.frombytes(mode, (width, height), data, "jpeg", mode, "")
    except (ValueError, OSError):
        return None


def _jpeg_header(data: bytes) -> tuple[int, int, int] | None:
    """Return width, height and number of channels, or None if decoding needs more than these.

    Whoever reads a JPEG takes what follows one of the markers of ``_HEADER`` for its header. So a
    file in which these two bytes stand once, wherever that is, cannot be read in two ways; all
    others are left to Pillow, as are files with EXIF or XMP (marker 0xE1) or Adobe's colour
    transform (0xEE). Compressed data has no markers: there zero follows 0xFF, or a restart marker.
    """
    if data[:3] != b"\xff\xd8\xff" or b"\xff\xe1" in data or b"\xff\xee" in data:
        return None
    found = _HEADER.findall(data)
    place = data.find(found[0]) if len(found) == 1 else -1
    head = data[place + 4 : place + 10]
    if place < 0 or found[0][1] > 0xC2 or len(head) < 6 or head[0] != 8:
        return None
    return head[3] << 8 | head[4], head[1] << 8 | head[2], head[5]


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
