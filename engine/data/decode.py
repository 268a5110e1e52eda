"""Decode the bytes of an image file to 8-bit pixels, by the same rules for every format.

Grey stays grey, everything else becomes RGB. Values of more than 8 bits are scaled by the rule of
the whole set (:mod:`engine.data.values`). Transparent pixels are blended with white. The EXIF
orientation is always applied, colour profiles and gamma never are. Of several frames only the first
is used. ``rules`` lists the applied rules to show to the user.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# Import the plugins to register their formats; without it, Pillow would not know them when asked.
from PIL import Image, ImageFile, TiffImagePlugin, UnidentifiedImageError
from PIL.AvifImagePlugin import AvifImageFile
from PIL.WebPImagePlugin import WebPImageFile

from engine.data import deep, values
from engine.data.fits import FITS, GAP
from engine.data.heic import decoder as heic
from engine.data.jpeg import plain_jpeg
from engine.data.safety.bounds import (
    TooCostly,
    bands,
    bounded,
    release,
    reserve,
)
from engine.data.safety.intact import coding_rules, crop_rules, is_intact, is_intact_jpeg
from engine.data.traits import MODES, Traits, ignored, mode_words
from engine.data.values import OffScale, Scale, Undecided
from engine.specs.images import Channels, ImageFit

FORMATS: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "BMP": (".bmp", ".dib"),
    WebPImageFile.format: (".webp",),
    AvifImageFile.format: (".avif",),
    TiffImagePlugin.TiffImageFile.format: (".tif", ".tiff"),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    heic.FORMAT: heic.SUFFIXES,
}
SUFFIXES = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)

# Below Pillow's own limit of 89 million, so this limit applies first, before decoding.
PIXEL_CAP = 80_000_000
# Pillow warns at its limit and refuses images only at twice that; make the warning refuse too.
warnings.simplefilter("error", Image.DecompressionBombWarning)
# One damaged file can warn thousands of times; what is wrong with it is listed with the file.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.\w+")

ON_WHITE = "transparency was laid over white"
UPRIGHT = "the EXIF orientation was applied"
FROM_CMYK = "CMYK was converted to RGB"
IN_PART = "damaged: a part of it is missing"
FIRST_FRAME = "only the first of several frames was taken"

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
_GREY_MODES = ("1", "L", "LA", "La", "I", "F")
_PROFILE_MARK = b"\xff\xe2"  # the segments of a JPEG that hold one


class UnreadableImage(ValueError):
    """The bytes are not a usable image; the message is a short reason for the user."""


@dataclass
class _Notes:
    """What is found out about an image while it is decoded."""

    mode: str = ""
    values: str = ""
    rules: list[str] = field(default_factory=list)


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
    grey
        Whether the image in the file is grey.
    traits
        How the image is stored.
    """

    pixels: bytes
    grey: bool
    traits: Traits

    @property
    def size(self) -> tuple[int, int]:
        """Width and height stored in the file."""
        return self.traits.size

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that were applied in addition to decoding and fitting."""
        return self.traits.rules


def decode(data: bytes, scale: Scale | None = None) -> Decoded:
    """Decode the bytes of a file of one of the ``FORMATS``.

    Parameters
    ----------
    scale
        The rule for values of more than 8 bits; None: the rule of a set of this one file.

    Raises
    ------
    UnreadableImage
        For anything else, and for damaged, truncated, empty or too large images.
    """
    try:
        with _as_unreadable():
            image = _open(data)
            notes = _Notes(rules=_frames(data, image))
            plain = _plain(data, image, notes, scale or Scale(settling=True))
            return Decoded(np.atleast_3d(np.asarray(plain)), tuple(notes.rules))
    except Undecided as found:
        return decode(data, values.decided(Scale(), [found.range]))


def decode_fitted(
    data: bytes, *, image_size: int, channels: Channels, fit: ImageFit, scale: Scale | None = None
) -> Fitted:
    """Decode an image and resize it to ``image_size`` x ``image_size`` pixels.

    A much larger JPEG is decoded at a reduced scale, to at least three times ``image_size``.

    Parameters
    ----------
    scale
        The rule for values of more than 8 bits; None: as a spec that holds none.

    Raises
    ------
    UnreadableImage
        As :func:`decode`.
    Undecided
        If the scale is being settled, and this image needs one.
    """
    side, mode = (image_size, image_size), "L" if channels == "grey" else "RGB"
    plain = None if _PROFILE_MARK in data else plain_jpeg(data, GAP * image_size)
    if plain is not None and not is_intact_jpeg(data, plain.width * plain.height):
        raise UnreadableImage(IN_PART)
    if plain is not None and plain.size == side and plain.mode == mode:
        return Fitted(plain.tobytes(), channels == "grey", Traits("JPEG", MODES[mode], size=side))
    with _as_unreadable():
        image, traits = _decoded_near(data, GAP * image_size, plain, scale or Scale())
        grey = image.mode == "L"
        image = _in_mode(image, mode)
        if image.size != side:
            image = FITS[fit](image, image_size)
        return Fitted(image.tobytes(), grey, traits)


def value_range(data: bytes) -> values.ValueRange | None:
    """Return the values of an image of more than 8 bits; None for others and unreadable ones."""
    try:
        with _as_unreadable():
            if _may_be_deep(data):
                _plain(data, _open(data), _Notes(), Scale(settling=True))
    except Undecided as found:
        return found.range
    except UnreadableImage:
        return None
    return None


def _may_be_deep(data: bytes) -> bool:
    """Return whether the first bytes allow more than 8 bits; only such files need decoding."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        # A header that stands elsewhere, or twice, is left to Pillow, which takes the last one.
        sure = data[12:16] == b"IHDR" and data.count(b"IHDR") == 1
        return not sure or data[24:25] == b"\x10"
    return data[:2] in (b"II", b"MM") or data[:1] == b"P"


def _decoded_near(
    data: bytes, side: int, plain: Image.Image | None, scale: Scale
) -> tuple[Image.Image, Traits]:
    """Decode an image, a JPEG at the smallest scale above ``side``."""
    if plain is not None:
        return plain, Traits("JPEG", MODES[plain.mode], size=plain.size)
    image = _open(data)
    size, kind = image.size, "JPEG" if image.format == "MPO" else str(image.format)
    notes = _Notes(rules=_frames(data, image))
    image.draft(None, (side, side))
    made = _plain(data, image, notes, scale)
    return made, Traits(kind, notes.mode, notes.values, size, tuple(notes.rules))


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
    except (UnreadableImage, Undecided):
        raise
    except OffScale as error:
        raise UnreadableImage(str(error)) from error
    except UnidentifiedImageError as error:
        raise UnreadableImage("not an image of a known format") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImage(_too_large()) from error
    except (TooCostly, heic.UnreadablePhotograph) as error:
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


def _open(data: bytes) -> ImageFile.ImageFile:
    if not data:
        raise UnreadableImage("empty file")
    try:
        image = Image.open(bounded(data), formats=tuple(FORMATS))
    except UnidentifiedImageError:
        if kind := deep.unread_tiff(data):
            raise UnreadableImage(kind) from None
        raise
    if image.width * image.height > PIXEL_CAP:
        raise UnreadableImage(_too_large())
    return image


def _frames(data: bytes, image: ImageFile.ImageFile) -> list[str]:
    # A phone's JPEG may have a second frame with depth or a preview; do not report it.
    if image.format in ("JPEG", "MPO"):
        return []
    try:
        several = bool(getattr(image, "is_animated", False))
    except Exception:  # later frames are damaged, but only the first is used
        several = True
    return [FIRST_FRAME] * several + [deep.TO_EIGHT_BITS] * deep.is_rounded(data, image)


def _is_grey(image: Image.Image) -> bool:
    return image.mode in _GREY_MODES or image.mode.startswith("I;16")


def _plain(data: bytes, file: ImageFile.ImageFile, notes: _Notes, scale: Scale) -> Image.Image:
    """Return the loaded image upright, in mode "L" or "RGB"; note what was found and applied."""
    # Pillow rotates a TIFF while loading and removes the tag, so read the tag before. For other
    # formats read it afterwards: reading it may load the image, and then load() hides an error.
    before = _orientation(file) if file.format == "TIFF" else 1
    halved = deep.has_high_bytes_only(file)
    notes.mode = mode_words(file, halved)
    deep.prepare(file)
    reserve(file)
    file.load()
    if not is_intact(file, data):
        raise UnreadableImage(IN_PART)
    image: Image.Image = file
    orientation = _orientation(image)
    unheeded = ignored(image) + coding_rules(image, data) + crop_rules(image, data)
    if deep.is_deep(image) or halved:
        in_eight = values.eight_bit_colour(data, image, scale) if halved else None
        image, rules, notes.values = in_eight or values.eight_bits(image, scale)
        notes.rules += rules
    if image.has_transparency_data:
        image = _on_white(image, notes.rules)
    elif image.mode not in ("L", "RGB"):
        if image.mode == "CMYK":
            notes.rules.append(FROM_CMYK)
        image = _in_mode(image, "L" if image.mode == "1" else "RGB")
    if orientation in _TURNS:
        image = image.transpose(_TURNS[orientation])
    if orientation in _TURNS or before in _TURNS:
        notes.rules.append(UPRIGHT)
    notes.rules += unheeded
    return image


def _orientation(image: Image.Image) -> int:
    if image.format == "JPEG" and not ("exif" in image.info or "xmp" in image.info):
        return 1  # asking Pillow would take a tenth of the time of a small image
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a damaged EXIF block does not affect the pixels
        return 1


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
