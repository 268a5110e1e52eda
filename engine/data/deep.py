"""Get the numbers of images with more than 8 bits, as their files mean them, out of Pillow.

Of HEIC, AVIF and colour in PPM, the decoders give 8 bits only, which is said. Pillow does not
invert 16-bit and floating-point TIFFs in which zero is white, reads unsigned 32 bits and signed 8
bits with the wrong sign, compressed big-endian numbers in the wrong order, and of 16-bit colour
only the upper bytes.
"""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin

from engine.data.safety.bounds import bounded, reserve

_PHOTOMETRIC, _SAMPLE_FORMAT, _BITS = 262, 339, 258
_SIGNED, _WHITE_IS_ZERO = 2, 0
# Matches Pillow's raw modes with 16 bits per channel that it reduces to 8. It does not match
# "BGR;16", which has 16 bits for all three channels together.
_HIGH_BYTES = re.compile(r";16([BLN])$")
_BIG_NUMBERS = re.compile(r"^[IF];(16|32|64)B[SF]?$")
_LITTLE, _BIG = b"II", b"MM"
# Sample formats of a TIFF, in words.
NUMBERS = {1: "whole", 2: "signed", 3: "floating-point"}

TO_EIGHT_BITS = "more than 8 bits were rounded to 8 by the decoder"
# The box of an AVIF that tells how its pixels are coded: size, name, marker and version, profile
# and level, and a byte whose second bit stands for more than 8 bits.
# Source: "AV1 Codec ISO Media File Format Binding", section 2.3.3.
_CODING = re.compile(rb"av1C\x81.([\x00-\xff])", re.DOTALL)
_HIGH_BIT_DEPTH = 0x40

# Layouts that Pillow can unpack but does not list: big-endian 16 bits in which zero is white,
# big-endian unsigned 32 bits, and floating-point numbers of 64 bits. The key is byte order,
# photometric interpretation, sample format, fill order, bits and extra samples.
TiffImagePlugin.OPEN_INFO.update(
    {
        (_BIG, 0, (1,), 1, (16,), ()): ("I;16B", "I;16B"),
        (_LITTLE, 0, (3,), 1, (64,), ()): ("F", "F;64F"),
        (_LITTLE, 1, (3,), 1, (64,), ()): ("F", "F;64F"),
        (_BIG, 0, (3,), 1, (64,), ()): ("F", "F;64BF"),
        (_BIG, 1, (3,), 1, (64,), ()): ("F", "F;64BF"),
        (_BIG, 1, (1,), 1, (32,), ()): ("I", "I;32B"),
    }
)


class Numbers:
    """The values of an image as its file means them, taken out by rows, so that few are copied.

    Parameters
    ----------
    image
        A loaded deep grey image.
    """

    def __init__(self, image: Image.Image):
        self._image = image
        self.shape: tuple[int, ...] = (image.height, image.width)
        tags = _tags(image)
        bits, signed = _first(tags.get(_BITS, 0)), _is_signed_byte(image)
        unsigned = image.mode == "I" and bits == 32 and _first(tags.get(_SAMPLE_FORMAT, 1)) == 1
        self._meant = np.int8 if signed else np.uint32 if unsigned else None
        self._fills_twelve = bits == 12

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        values = _crop(self._image, rows)
        if self._fills_twelve:  # the file says 12 bits, so spread them over 16
            return (values << 4 | values >> 8).astype(np.uint16)
        return values if self._meant is None else values.view(self._meant)


class DeepColour:
    """16-bit colour as uint16 (H, W, 3), put together from two bytes where it is sliced.

    Parameters
    ----------
    upper, lower
        Loaded images of the upper and lower bytes; or one of both, of grey with transparency.
    """

    def __init__(self, upper: Image.Image, lower: Image.Image, *, interleaved: bool = False):
        self._upper, self._lower = upper, lower
        self._at = ([0] * 3, [1] * 3) if interleaved else ([0, 1, 2], [0, 1, 2])
        self.shape: tuple[int, ...] = (upper.height, upper.width, 3)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> NDArray[np.uint16]:
        made = _crop(self._upper, rows)[..., self._at[0]].astype(np.uint16)
        made <<= 8
        made |= _crop(self._lower, rows)[..., self._at[1]]
        return made


def _crop(image: Image.Image, rows: slice) -> NDArray[Any]:
    start, stop, _ = rows.indices(image.height)
    return np.asarray(image.crop((0, start, image.width, stop)))


def prepare(image: ImageFile.ImageFile) -> None:
    """Correct how a TIFF that is not loaded yet will be unpacked.

    libtiff gives numbers in the machine's order; Pillow expects them in the file's.
    """
    mended = []
    for tile in image.tile if image.format == "TIFF" else ():
        mode = _raw_mode(tile)
        if tile.codec_name == "libtiff" and _BIG_NUMBERS.match(mode) and _is_little():
            rest = tile.args[1:] if isinstance(tile.args, tuple) else ()
            tile = tile._replace(args=(mode.replace("B", "", 1), *rest))
        mended.append(tile)
    if mended:
        image.tile = mended


def has_high_bytes_only(image: ImageFile.ImageFile) -> bool:
    """Return whether an image that is not loaded yet will lose its lower bytes."""
    return any(_HIGH_BYTES.search(_raw_mode(tile)) for tile in image.tile) and (
        not image.mode.startswith("I")
    )


def is_rounded(data: bytes, image: ImageFile.ImageFile) -> bool:
    """Return whether the decoder of an image, not loaded yet, gives 8 bits of more in its file.

    The box of an AVIF is searched, not parsed, because nothing but a sentence depends on it.
    """
    if image.format == "AVIF":
        return any(found[1][0] & _HIGH_BIT_DEPTH for found in _CODING.finditer(data))
    if image.format == "PPM" and image.mode == "RGB":
        most = [tile.args[-1] for tile in image.tile if isinstance(tile.args, tuple)]
        return any(isinstance(one, int) and one > 255 for one in most)
    return not image.mode.startswith("I") and int(image.info.get("bit_depth", 8)) > 8


def whole_colour(data: bytes, image: Image.Image) -> DeepColour | None:
    """Return the colour of a loaded image with both bytes, without transparency.

    None if only the upper bytes can be had: where colour was multiplied by transparency, and CMYK.
    """
    again = Image.open(bounded(data), formats=(str(image.format),))
    modes = {_raw_mode(tile) for tile in again.tile}
    if image.mode not in ("RGB", "RGBA") or any("RGBa" in mode for mode in modes):
        return None
    reserve(again, beside=4 * image.width * image.height)
    again.tile = [tile._replace(args=_lower(tile.args)) for tile in again.tile]
    if modes == {"LA;16B"}:  # as four plain bytes: grey, grey, transparency, transparency
        again.load()
        return DeepColour(again, again, interleaved=True)
    again.load()
    return DeepColour(image, again)


def is_deep(image: Image.Image) -> bool:
    """Return whether an image has grey values that 8 unsigned bits do not hold."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16") or _is_signed_byte(image)


def has_depth(image: Image.Image) -> bool:
    """Return whether deep grey values are unsigned 16-bit numbers."""
    # Pillow gives 16-bit PGM as 32-bit numbers that fill 16 bits.
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")


def is_inverted(image: Image.Image) -> bool:
    """Return whether zero stands for white in a deep image, which Pillow leaves so."""
    return bool(_first(_tags(image).get(_PHOTOMETRIC, 1)) == _WHITE_IS_ZERO)


def _is_signed_byte(image: Image.Image) -> bool:
    return image.mode == "L" and _first(_tags(image).get(_SAMPLE_FORMAT, 1)) == _SIGNED


def _lower(args: Any) -> Any:
    """Return the arguments of a tile with a raw mode that takes the lower byte for the upper."""
    if isinstance(args, tuple):
        return (_lower(args[0]), *args[1:])
    found = _HIGH_BYTES.search(args)
    if args == "LA;16B" or found is None:
        return "RGBA" if found else args
    upper = found[1] if found[1] != "N" else "L" if _is_little() else "B"
    return args[: found.start()] + (";16B" if upper == "L" else ";16L")


def _raw_mode(tile: Any) -> str:
    args = tile.args
    return str(args[0] if isinstance(args, tuple) and args else args)


def _is_little() -> bool:
    return sys.byteorder == "little"


def _tags(image: Image.Image) -> Any:
    return getattr(image, "tag_v2", {})


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and value else value


def unread_tiff(data: bytes) -> str:
    """Return which numbers a TIFF that Pillow cannot open holds, or "" if it is no such file.

    Its directory is read with Pillow, as in opening it.
    """
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return ""
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
        stream = io.BytesIO(data)
        stream.seek(tags.next)
        tags.load(stream)
        bits = [int(value) for value in tags.get(_BITS, (1,))[:9]]
        kinds = [int(value) for value in tags.get(_SAMPLE_FORMAT, (1,))[:9]]
    except Exception:  # Pillow raises many unrelated types on damaged directories
        return ""
    what = NUMBERS.get(kinds[0] if kinds else 1)
    if what is None or len(set(bits)) != 1:
        return ""
    each = f"number{'s' * (len(bits) > 1)} of {bits[0]} bits a pixel"
    return f"TIFF with {len(bits)} {what} {each}, not supported"
