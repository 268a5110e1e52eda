"""Bound the memory and the work of decoding one image file, before its pixels are decoded.

A file of a few bytes can ask for gigabytes or for hours: a large animation, thousands of scans,
chunks, comments or strips. What the file asks for is taken from Pillow's own reading of its
header, so that nothing here can understand a header otherwise than the decoder does. The one
exception, the count of scans, is a search for two bytes, and can only find too many.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator

from PIL import Image

# Bytes that decoding may need for one file, and for all files that are decoded at one time.
MEMORY_CAP = 768 * 2**20
# Bytes and pieces of a header. Pillow joins some pieces one by one, in quadratic time.
HEADER_BYTES = 4 * 2**20
HEADER_READS = 12_000
# Pieces of a whole file: chunks, blocks, runs. Each costs about a microsecond in Python.
READS = 2_000_000
# A scan passes over all pixels, at about 0.4 ns each, even where it changes none.
SCANS = 1000
SCAN_PIXELS = 8_000_000_000
TILES = 100_000
# Values that a decoder written in Python (PPM as text, or with odd maxima) may read.
PYTHON_VALUES = 4_000_000
# No file of so few bytes has as many pieces as a header may have; it is read without counting,
# which would take a tenth of the time of a picture of 32 x 32.
FEW_BYTES = 8192
# A picture of so few pixels and bytes costs little in these formats, whatever it holds.
FEW_PIXELS = 2**16
_NEVER_COSTLY = ("JPEG", "PNG", "GIF")
# Decoding that needs less takes no share of the common memory.
SMALL = 4 * 2**20
STRIP_PIXELS = 2**20

_BYTES_A_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
_ONE_BYTE_AFTER = ("1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_ROWS_PER_STRIP, _TILE_WIDTH, _TILE_LENGTH, _BITS_PER_SAMPLE = 278, 322, 323, 258
# libwebp keeps two pictures of the canvas, and hands out a copy of one.
_WEBP_MORE = 12
# libavif keeps planes of up to two bytes for four channels, twice while a frame is made of tiles,
# and hands out a copy of one of eight bits.
_AVIF_MORE = 20
# Another process decodes these, within a limit of its own, and sends a copy. Measured: 9.5 bytes a
# pixel for eight bits with colour at half the resolution, as phones store it.
_HEIF_MORE = 12


class TooCostly(Exception):
    """Decoding would need too much memory or time; the message is a short reason for the user."""


class BoundedFile(io.BytesIO):
    """The bytes of a file, of which a decoder may read a limited number of pieces.

    Attributes
    ----------
    in_header
        Whether the header is being read, which has narrower limits than the rest.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.in_header = True
        self._reads = 0
        self._bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as any file does.

        Raises
        ------
        TooCostly
            If the file consists of too many pieces, or its header is too large.
        """
        found = super().read(size)
        self._reads += 1
        if self._reads > READS:
            raise TooCostly("made of too many pieces")
        if self.in_header:
            # WebP reads the whole file, in one piece and without a size; that is no header.
            self._bytes += len(found) if size is not None and size >= 0 else 0
            if self._reads > HEADER_READS or self._bytes > HEADER_BYTES:
                raise TooCostly("its header is too large")
        return found


def bounded(data: bytes) -> io.BytesIO:
    """Return the bytes of a file for a decoder, with a limit on the pieces that it may read."""
    return BoundedFile(data) if len(data) > FEW_BYTES else io.BytesIO(data)


def reserve(image: Image.Image, *, beside: int = 0) -> None:
    """Check what decoding an opened image will cost, and wait until there is memory for it.

    Call it once the scale of a JPEG is chosen, right before the pixels are loaded. What it takes is
    held by this thread until :func:`release`.

    Parameters
    ----------
    beside
        Bytes that an earlier decoding of the same file still takes.

    Raises
    ------
    TooCostly
        If it would take too much memory or time.
    """
    file = image.fp  # type: ignore[attr-defined]
    few = not isinstance(file, BoundedFile)
    if few and image.format in _NEVER_COSTLY and image.width * image.height <= FEW_PIXELS:
        return
    data = file.getvalue() if isinstance(file, io.BytesIO) else b""
    _check_work(image, data)
    need = memory_of(image, data) + beside
    if need > MEMORY_CAP:
        raise TooCostly(
            f"decoding it needs {need >> 20:,} MB of memory, more than {MEMORY_CAP >> 20} MB"
        )
    if isinstance(file, BoundedFile):
        file.in_header = False
    _SHARES.take(need if need > SMALL else 0)


def release() -> None:
    """Give back what this thread took by :func:`reserve`, if it took any."""
    _SHARES.give_back()


def _check_work(image: Image.Image, data: bytes) -> None:
    if len(getattr(image, "tile", [])) > TILES:
        raise TooCostly(f"made of more than {TILES:,} strips or tiles")
    codec = _codec(image)
    values = image.width * image.height * len(image.getbands())
    if codec in ("ppm", "ppm_plain") and values > PYTHON_VALUES:
        raise TooCostly(f"more than {PYTHON_VALUES // 10**6} million values in a slow form")
    if codec == "jpeg" or image.info.get("compression") == "jpeg":
        width, height = _unit(image)
        scans = _scans(data)
        many = codec == "jpeg" and scans > SCANS
        if many or scans * width * height > SCAN_PIXELS:
            raise TooCostly("too many scans")


def memory_of(image: Image.Image, data: bytes) -> int:
    """Return an upper bound in bytes of what decoding an opened image needs at one time."""
    pixels = image.width * image.height
    decoded = pixels * _BYTES_A_PIXEL.get(image.mode, 4)
    converted = pixels * (1 if image.mode in _ONE_BYTE_AFTER else 4)
    # The image and its converted form, or that and its turned form.
    steps = max(decoded + converted, 2 * converted)
    if image.mode in ("L", "RGB"):
        steps = 2 * decoded
    return steps + _more(image, data) + len(data)


def _more(image: Image.Image, data: bytes) -> int:
    """Return the bytes that the decoder of a format needs beside the decoded image."""
    pixels = image.width * image.height
    if image.format == "WEBP":
        return pixels * _WEBP_MORE
    if image.format == "AVIF":
        return pixels * _AVIF_MORE
    if image.format == "HEIF":
        return pixels * _HEIF_MORE
    codec = _codec(image)
    if codec == "jpeg":
        # A file of several scans is kept whole, as coefficients of two bytes.
        width, height = _unit(image)
        whole = "progressive" in image.info or _scans(data) > 1
        return width * height * 2 * int(getattr(image, "layers", 4)) if whole else 0
    if codec == "libtiff":
        width, height = _unit(image)
        bits = _tag(image, _BITS_PER_SAMPLE, default=(8,))
        return width * height * max(4, sum(bits) // 8) + len(data)
    return 3 * pixels if codec == "bmp_rle" else 0


def _codec(image: Image.Image) -> str:
    tiles = getattr(image, "tile", [])
    return str(tiles[0][0]) if tiles else ""


def _unit(image: Image.Image) -> tuple[int, int]:
    """Return width and height of what is decoded at once: the image, or a strip or tile of it.

    Of a JPEG that is read at a reduced scale this is the size in the file, rounded up.
    """
    if image.format != "TIFF":
        times = (getattr(image, "decoderconfig", ()) or (1,))[0]
        return image.width * times, image.height * times
    (rows,) = _tag(image, _ROWS_PER_STRIP, default=(image.height,))
    (width,) = _tag(image, _TILE_WIDTH, default=(image.width,))
    (height,) = _tag(image, _TILE_LENGTH, default=(min(rows, image.height),))
    return width, height


def _tag(image: Image.Image, tag: int, default: tuple[int, ...]) -> tuple[int, ...]:
    found = image.tag_v2.get(tag, default)  # type: ignore[attr-defined]
    values = found if isinstance(found, tuple) else (found,)
    if not all(isinstance(value, int) and value >= 0 for value in values):
        raise TooCostly("damaged")
    return values


def bands(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Yield boxes (left, top, right, bottom) of rows that hold about a million pixels each."""
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def _scans(data: bytes) -> int:
    """Return at least the number of scans of a JPEG; it also counts those of its thumbnails."""
    return data.count(b"\xff\xda")


class _Shares:
    """Memory that the threads which decode share; who finds too little left waits."""

    def __init__(self, total: int) -> None:
        self._left = total
        self._changed = threading.Condition()
        self._own = threading.local()

    def take(self, share: int) -> None:
        """Wait for a share, of at most the total; a thread holds one at a time."""
        self.give_back()
        if share:
            with self._changed:
                self._changed.wait_for(lambda: self._left >= share)
                self._left -= share
            self._own.share = share

    def give_back(self) -> None:
        share = getattr(self._own, "share", 0)
        if share:
            self._own.share = 0
            with self._changed:
                self._left += share
                self._changed.notify_all()


_SHARES = _Shares(MEMORY_CAP)
