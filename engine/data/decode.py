"""One image file's bytes to 8-bit pixels, every format by the same stated rules.

Grey stays grey, everything else becomes RGB; 16-bit and floating-point values are scaled, never
clipped; transparency is laid over white; the EXIF orientation is always applied; of several
frames the first is taken. What was applied is named in ``rules``, for the user to see.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The last two register formats that Pillow would otherwise not know when it is asked for them.
from PIL import Image, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

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

# Below Pillow's own limit of 89 million, so that ours decides, before anything is decoded.
PIXEL_CAP = 80_000_000
# Pillow only warns at its limit and refuses at twice that; as an error the warning refuses too.
warnings.simplefilter("error", Image.DecompressionBombWarning)

SCALED_16 = "16-bit values were scaled to 8 bits"
SCALED_UNIT = "floating-point values in [0, 1] were scaled to 8 bits"
ROUNDED = "values in [0, 255] were rounded to 8 bits"
STRETCHED = "values were stretched from the image's own minimum and maximum to 8 bits"
ON_WHITE = "transparency was laid over white"
UPRIGHT = "the EXIF orientation was applied"
FROM_CMYK = "CMYK was converted to RGB"
FIRST_FRAME = "only the first of several frames was taken"

# How much larger than asked a JPEG must stay when it is decoded at a reduced scale, and any image
# after the coarse step of a resize: Pillow's documentation calls 3 almost indistinguishable.
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
# How Pillow names 16-bit colour of which it keeps 8 bits ("BGR;16" is 16 bits for all three).
_HIGH_BYTES = re.compile(";16[BLN]")
_GREY_MODES = ("1", "L", "LA", "La", "I", "F")


class UnreadableImage(ValueError):
    """Bytes that are no usable image; its text is a short reason for the user."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """An image at full size.

    Parameters
    ----------
    pixels
        (H, W, 3) RGB or (H, W, 1) grey, uint8.
    rules
        What was applied beyond plain decoding.
    """

    pixels: NDArray[np.uint8]
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """An image brought to the size and channels of a set.

    Parameters
    ----------
    pixels
        S * S * C bytes, row by row, the channels of a pixel side by side.
    size
        Width and height before, as they are stored.
    grey
        Whether the file itself is grey.
    rules
        What was applied beyond decoding and fitting.
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
    """Decode an image and bring it to ``image_size`` x ``image_size`` pixels.

    A JPEG that is far larger is decoded at a reduced scale, at least three times the size asked.

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
        image = image.convert(mode)
        if image.size != side:
            image = FITS[fit](image, image_size)
        return Fitted(image.tobytes(), size, grey, tuple(rules))


def _decoded_near(
    data: bytes, side: int, plain: Image.Image | None
) -> tuple[Image.Image, tuple[int, int], list[str]]:
    """Decode a JPEG no larger than ``side`` needs; return its full size and the rules, too."""
    if plain is not None:
        return plain, plain.size, []
    image = _open(data)
    size = image.size
    rules = _frames(image)
    image.draft(None, (side, side))
    return _plain(image, rules), size, rules


def measure(data: bytes) -> tuple[tuple[int, int], bool]:
    """Return width and height, and whether the image is grey, from the header alone.

    Raises
    ------
    UnreadableImage
        As :func:`decode`, as far as the header shows it.
    """
    with _as_unreadable():
        image = _open(data)
        return image.size, _is_grey(image)


@contextmanager
def _as_unreadable() -> Iterator[None]:
    """Turn whatever Pillow raises into one error with a short reason."""
    try:
        yield
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage("not an image of a known format") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage(_too_large()) from error
    except MemoryError as error:
        raise UnreadableImage("too large for the memory") from error
    # Its decoders raise a dozen unrelated types (struct.error, KeyError, SyntaxError, zlib.error,
    # ...) on damaged input, and another one in the next version.
    except Exception as error:
        reason = "truncated" if "truncated" in str(error).lower() else "damaged"
        raise UnreadableImage(reason) from error


def _too_large() -> str:
    return f"more than {PIXEL_CAP // 1_000_000} million pixels"


def _open(data: bytes) -> Image.Image:
    if not data:
        raise UnreadableImage("empty file")
    image = Image.open(io.BytesIO(data), formats=tuple(FORMATS))
    if image.width * image.height > PIXEL_CAP:
        raise UnreadableImage(_too_large())
    return image


def _frames(image: Image.Image) -> list[str]:
    # A phone's JPEG may carry a second picture for depth or a preview: not worth a word.
    if image.format in ("JPEG", "MPO"):
        return []
    try:
        several = bool(getattr(image, "is_animated", False))
    except Exception:  # the first frame counts, however damaged the rest is
        several = True
    return [FIRST_FRAME] if several else []


def _is_grey(image: Image.Image) -> bool:
    return image.mode in _GREY_MODES or image.mode.startswith("I;16")


def _plain(image: Image.Image, rules: list[str]) -> Image.Image:
    """Return the loaded image upright, in mode "L" or "RGB"; add to ``rules`` what was applied."""
    # TIFF is turned by Pillow while it loads, and then no longer says so. For other formats the
    # tag is read afterwards: reading it may load, and a second load hides the error of the first.
    before = _orientation(image) if image.format == "TIFF" else 1
    deep = _HIGH_BYTES.search(str(getattr(image, "tile", ""))) is not None
    image.load()
    orientation = _orientation(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image, rule = _eight_bits(image)
        rules.append(rule)
    elif deep:  # Pillow kept the high bytes
        rules.append(SCALED_16)
    if image.has_transparency_data:
        image = _on_white(image, rules)
    elif image.mode not in ("L", "RGB"):
        if image.mode == "CMYK":
            rules.append(FROM_CMYK)
        image = image.convert("L" if image.mode == "1" else "RGB")
    if orientation in _TURNS:
        image = image.transpose(_TURNS[orientation])
    if orientation in _TURNS or before in _TURNS:
        rules.append(UPRIGHT)
    return image


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # the pixels are whole even where the EXIF block is damaged
        return 1


def _eight_bits(image: Image.Image) -> tuple[Image.Image, str]:
    """Bring 16-bit, 32-bit and floating-point grey to 8 bits, and say by which rule."""
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise UnreadableImage("values that are not finite")
    low, high = float(values.min()), float(values.max())
    if image.mode.startswith("I;16") or (image.mode == "I" and low >= 0 and high <= 65535):
        scaled, rule = values / 257.0, SCALED_16
    elif image.mode == "F" and low >= 0 and high <= 1:
        scaled, rule = values * 255.0, SCALED_UNIT
    elif low >= 0 and high <= 255:
        scaled, rule = values, ROUNDED
    else:
        scaled, rule = (values - low) / max(high - low, 1e-300) * 255.0, STRETCHED
    return Image.fromarray(np.rint(scaled).astype(np.uint8)), rule


def _on_white(image: Image.Image, rules: list[str]) -> Image.Image:
    mode = "L" if _is_grey(image) else "RGB"
    rgba = image.convert("RGBA")
    lowest, _ = rgba.getchannel("A").getextrema()
    if lowest == 255:
        return rgba.convert(mode)
    rules.append(ON_WHITE)
    paper = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    return Image.alpha_composite(paper, rgba).convert(mode)


def _plain_jpeg(data: bytes, limit: int) -> Image.Image | None:
    """Decode a JPEG that needs none of the rules; None if it may need one, or is damaged.

    Half of the time that Pillow takes for an image of 32 x 32 goes into objects around its
    decoder; calling the decoder directly gives the same pixels.
    """
    try:
        header = _jpeg_header(data)
    except IndexError:
        return None
    if header is None:
        return None
    width, height, layers = header
    # An image this large is better decoded at a reduced scale.
    if not 0 < width * height <= PIXEL_CAP or min(width, height) >= 2 * limit:
        return None
    mode = {1: "L", 3: "RGB"}.get(layers)
    if mode is None:
        return None
    try:
        return Image.frombytes(mode, (width, height), data, "jpeg", mode, "")
    except (ValueError, OSError):
        return None


def _jpeg_header(data: bytes) -> tuple[int, int, int] | None:
    """Return width, height and number of layers, or None where more than these matters.

    Within the compressed data the byte 0xFF is followed by zero or a restart marker only, so a
    search finds the markers of EXIF or XMP (0xE1) and of Adobe's colour transform (0xEE).
    """
    if data[:3] != b"\xff\xd8\xff" or b"\xff\xe1" in data or b"\xff\xee" in data:
        return None
    place = 2
    while data[place] == 0xFF:
        marker = data[place + 1]
        if marker in (0xC0, 0xC1, 0xC2):
            head = data[place + 4 : place + 10]
            deep = head[0] != 8
            return None if deep else (head[3] << 8 | head[4], head[1] << 8 | head[2], head[5])
        if marker < 0xC0:
            return None
        place += 2 + (data[place + 2] << 8 | data[place + 3])
    return None


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


# How an image of another shape becomes square: stretched; its middle cut out; or set on black.
FITS: dict[str, Callable[[Image.Image, int], Image.Image]] = {
    "resize": _stretched,
    "crop": _cropped,
    "pad": _padded,
}
