"""Find files that were copied in part, whose decoders do not notice it.

A copy that was broken off, or of which parts are still missing, has zeros in their place. Pillow
does not compare the checksums of a PNG's pixels, and to the decoders of JPEG, WebP, AVIF and
compressed TIFF zeros are pixels: a part of the picture is black, grey or a smear.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

from PIL import Image

CODING = "the file's colour coding (wide or HDR) was ignored"
CROP = "the file's crop to a part of its picture was ignored"
# The box of an AVIF with the size that is to be shown, as two fractions; its size and name.
_CROP = b"\0\0\0\x28clap"

_PNG_BEGIN = 8  # bytes before the first chunk
_LEAST_HOLE = 64  # bytes
# Share of a file. The most that a whole file was seen to have: 5.5 %, a WebP of one colour.
_HOLE = 1 / 12
# Bytes of zeros a pixel; a whole JPEG of one colour has at most 0.0117, where one bit means "as
# before" (6 bits for 8 x 8 pixels of three channels).
_HOLE_OF_JPEG = 1 / 80
# Primaries and transfers (ITU-T H.273) of pixels as sRGB has them, or so old that nobody tells.
_USUAL_PRIMARIES = (1, 2, 5, 6)
_USUAL_TRANSFERS = (1, 2, 4, 5, 6, 13, 14, 15)


def is_intact(image: Image.Image, data: bytes) -> bool:
    """Return whether a file that was decoded has all of its pixels, as far as that can be told.

    In an uncompressed file, zeros may be black pixels.
    """
    if image.format == "PNG":
        return all(_is_whole(data, place) for name, place in _chunks(data) if name == b"IDAT")
    if image.format in ("JPEG", "MPO"):
        times = (getattr(image, "decoderconfig", ()) or (1,))[0]  # read at a reduced scale
        return is_intact_jpeg(data, image.width * image.height * times**2)
    compressed = image.format in ("WEBP", "AVIF", "HEIF") or (
        image.format == "TIFF" and image.info.get("compression", "raw") != "raw"
    )
    if not compressed:
        return True
    end = min(len(data), _END[image.format or ""](image, data))  # more may stand behind it
    return data.find(bytes(max(_LEAST_HOLE, int(end * _HOLE))), 0, end) < 0


def _end_of_riff(_: Image.Image, data: bytes) -> int:
    return 8 + int.from_bytes(data[4:8], "little")


def _end_of_boxes(_: Image.Image, data: bytes) -> int:
    place = 0
    for _number in range(_MOST_BOXES):
        if place + 8 > len(data) or data[place + 4] < ord(" "):
            break
        length = int.from_bytes(data[place : place + 4], "big")
        if length == 1:
            length = int.from_bytes(data[place + 8 : place + 16], "big")
        if length < 8:  # 0: to the end of the file
            return len(data)
        place += length
    return place


def _end_of_strips(image: Image.Image, data: bytes) -> int:
    tags = image.tag_v2  # type: ignore[attr-defined]
    for offsets, lengths in _STRIPS_AND_TILES:
        if offsets in tags and lengths in tags:
            return max(map(sum, zip(tags[offsets], tags[lengths], strict=False)), default=0)
    return len(data)


_MOST_BOXES = 1000  # of the outermost; a photograph has less than ten
_STRIPS_AND_TILES = ((273, 279), (324, 325))
_END: dict[str, Callable[[Image.Image, bytes], int]] = {
    "WEBP": _end_of_riff,
    "AVIF": _end_of_boxes,
    "HEIF": _end_of_boxes,
    "TIFF": _end_of_strips,
}


def is_intact_jpeg(data: bytes, pixels: int) -> bool:
    """Return whether the pixels of a JPEG, so many of them, have no large hole.

    Where the headers cannot be followed, nothing is searched, and nothing behind the picture.
    """
    place = 2
    while data[place : place + 1] == b"\xff" and data[place + 1 : place + 2] != b"\xda":
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    if data[place : place + 2] != b"\xff\xda":
        return True
    end = data.find(b"\xff\xd9", place)
    end = len(data) if end < 0 else end
    hole = max(_LEAST_HOLE, int((end - place) * _HOLE), int(pixels * _HOLE_OF_JPEG))
    return data.find(bytes(hole), place, end) < 0


def coding_rules(image: Image.Image, data: bytes) -> list[str]:
    """Return the remark on a PNG, AVIF or HEIC whose header names a colour coding unlike sRGB's."""
    found: tuple[int, ...] = ()
    if image.format == "PNG":
        places = [place for name, place in _chunks(data, b"IDAT") if name == b"cICP"]
        found = tuple(data[places[0] + 8 : places[0] + 10]) if places else ()
    elif image.format in ("AVIF", "HEIF"):
        place = data.find(b"colrnclx", 0, 65_536)
        found = struct.unpack(">HH", data[place + 8 : place + 12]) if place > 0 else ()
    if len(found) < 2:
        return []
    usual = found[0] in _USUAL_PRIMARIES and found[1] in _USUAL_TRANSFERS
    return [] if usual else [CODING]


def crop_rules(image: Image.Image, data: bytes) -> list[str]:
    """Return the remark on an AVIF of which only a part is to be shown; its decoder gives all."""
    place = data.find(_CROP, 0, 65_536) if image.format == "AVIF" else -1
    if place < 0 or len(data) < place + 24:
        return []
    width, over_width, height, over_height = struct.unpack_from(">4I", data, place + len(_CROP))
    whole = image.width * over_width == width and image.height * over_height == height
    return [] if whole else [CROP]


def _chunks(data: bytes, until: bytes = b"IEND") -> Iterator[tuple[bytes, int]]:
    """Yield the name of each chunk of a PNG and where it begins, before the first named so."""
    place = _PNG_BEGIN
    while place + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        if name == until:
            return
        yield name, place
        place += 12 + length


def _is_whole(data: bytes, place: int) -> bool:
    """Return whether the content of a chunk has the checksum behind it."""
    (length,) = struct.unpack_from(">I", data, place)
    end = place + 8 + length
    own = zlib.crc32(memoryview(data)[place + 4 : end])
    return data[end : end + 4] == struct.pack(">I", own)
