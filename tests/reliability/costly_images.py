"""Small files that ask for much memory or time, and what must become of each.

``COSTLY`` gives a function that makes the file, and what is allowed: a part of the reason for which
it is refused, or ``READ`` if it must be read within the bounds.
"""

import base64
import struct
import zlib
from functools import partial

import numpy as np
from PIL import Image

from tests.image_files import encoded

SIDE = 8900  # squared, just below the cap on pixels
READ = "read"

SHORT, LONG = 3, 4  # types of TIFF entries
STRIPS_OF_ROWS = 89


def plain(size=(40, 40), mode="RGB", kind="PNG", **options):
    return encoded(Image.new(mode, size), kind, **options)


def chunk(name: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + checksum


def zeros(count: int) -> bytes:
    """Return so many zeros, compressed, without having them all at once."""
    packer = zlib.compressobj(1)
    whole, rest = divmod(count, 1 << 20)
    pieces = [packer.compress(bytes(1 << 20)) for _ in range(whole)]
    return b"".join([*pieces, packer.compress(bytes(rest)), packer.flush()])


def png(depth: int, colour: int, row: int, side: int = SIDE, more: bytes = b"") -> bytes:
    """Return a black PNG; ``row`` is the number of bytes of a row, without its filter."""
    header = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, 0)
    data = zeros((row + 1) * side)
    body = chunk(b"IHDR", header) + more + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return chunk(b"eXIf", exif.tobytes()[6:])


def tiff(tags: dict[int, tuple[int, ...]], data: bytes = b"", pages: int = 1) -> bytes:
    """Return a TIFF of pages that are all alike: entries of LONGs, and data from byte 8 on."""
    start = 8 + len(data) + len(data) % 2
    lists, entries = b"", b""
    head = start + pages * (6 + 12 * len(tags))
    for tag, values in sorted(tags.items()):
        place = values[0]
        if len(values) > 1:
            place = head + len(lists)
            lists += struct.pack(f"<{len(values)}I", *values)
        entries += struct.pack("<HHII", tag, LONG, len(values), place)
    size = 6 + len(entries)
    out = b"II*\0" + struct.pack("<I", start) + data.ljust(start - 8, b"\0")
    for page in range(pages):
        following = start + (page + 1) * size if page < pages - 1 else 0
        out += struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return out + lists


def deep_tiff(bits: int, kind: int, samples: int = 1) -> bytes:
    """Return an image of SIDE x SIDE, all of whose strips are one and the same."""
    data = zeros(SIDE * STRIPS_OF_ROWS * samples * bits // 8)
    count = SIDE // STRIPS_OF_ROWS
    tags = {
        256: (SIDE,),
        257: (SIDE,),
        258: (bits,) * samples,
        259: (8,),
        262: (2 if samples > 1 else 1,),
        273: (8,) * count,
        277: (samples,),
        278: (STRIPS_OF_ROWS,),
        279: (len(data),) * count,
        339: (kind,) * samples,
    }
    return tiff(tags, data)


def many_strips(count: int) -> bytes:
    tags = {256: (40,), 257: (count,), 258: (8,), 259: (1,), 262: (1,), 277: (1,), 278: (1,)}
    return tiff({**tags, 273: (8,) * count, 279: (40,) * count}, bytes(40))


def large_tile(side: int) -> bytes:
    data = zlib.compress(bytes(1000))
    tags = {256: (40,), 257: (40,), 258: (8,), 259: (8,), 262: (1,), 277: (1,)}
    return tiff({**tags, 322: (side,), 323: (side,), 324: (8,), 325: (len(data),)}, data)


def many_pages(count: int) -> bytes:
    tags = {256: (4,), 257: (4,), 258: (8,), 259: (1,), 262: (1,), 273: (8,), 277: (1,)}
    return tiff({**tags, 278: (4,), 279: (16,)}, bytes(range(16)), count)


def many_scans(count: int, size=(2000, 2000), **options) -> bytes:
    """Return a progressive JPEG whose last scan comes again and again."""
    data = plain(size, "L", "JPEG", progressive=True, **options)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + b"\xff\xd9"


def scans_in_a_tiff() -> bytes:
    data = many_scans(4000)
    tags = {256: (2000,), 257: (2000,), 258: (8,), 259: (7,), 262: (1,), 273: (8,), 277: (1,)}
    return tiff({**tags, 278: (2000,), 279: (len(data),)}, data)


def many_chunks(name: bytes, data: bytes, count: int, after: bool = False) -> bytes:
    whole = plain()
    at = len(whole) - 12 if after else 33
    return whole[:at] + chunk(name, data) * count + whole[at:]


def segments(marker: bytes, data: bytes, count: int) -> bytes:
    whole = plain(kind="JPEG")
    return whole[:2] + (marker + struct.pack(">H", len(data) + 2) + data) * count + whole[2:]


def directory(entries: int, size: int) -> bytes:
    """Return an EXIF block whose entries all point to the whole block."""
    head = b"II*\0" + struct.pack("<IH", 8, entries)
    body = b"".join(struct.pack("<HHII", 1000 + k, SHORT, size // 2, 8) for k in range(entries))
    return (head + body).ljust(size, b"\1")


def gif_comments(blocks: int) -> bytes:
    whole = plain(kind="GIF")
    comment = b"\x21\xfe" + (b"\xff" + b"a" * 255) * blocks + b"\0"
    at = 13 + (3 * (2 << (whole[10] & 7)) if whole[10] & 0x80 else 0)
    return whole[:at] + comment + whole[at:]


def gif_frames(count: int) -> bytes:
    """Return a GIF whose one frame comes again and again."""
    whole = plain(kind="GIF")
    at = whole.index(b"\x2c", 13 + (3 * (2 << (whole[10] & 7)) if whole[10] & 0x80 else 0))
    return whole[:-1] + whole[at:-1] * count + b";"


def bmp_runs(width: int) -> bytes:
    """Return a BMP of runs of one pixel each, which a decoder in Python reads."""
    rows = (b"\1\5" * width + b"\0\0") * 1000 + b"\0\1"
    start = 54 + 1024
    head = struct.pack("<IHHI", start + len(rows), 0, 0, start)
    about = struct.pack("<IiiHHIIiiII", 40, width, 1000, 1, 8, 1, len(rows), 0, 0, 256, 0)
    return b"BM" + head + about + bytes(1024) + rows


ANIMATION = base64.b64decode(
    "UklGRowAAABXRUJQVlA4WAoAAAASAAAAwyIAwyIAQU5JTQYAAAAAAAAAAABBTk1GJgAAAAAAAAAAAMMiAMMiAAAAAAJW"
    "UDhMDQAAAC/D4rAYBxAREYiI/gcAQU5NRjIAAAAAAAAAAADDIgDDIgAAAAACVlA4TBoAAAAvw+KwGAdQgSYoBBAABQ2B"
    "pC3e9sdHRPQ/AA=="
)
MEMORY, HEADER, PIECES, SCANS = "MB of memory", "header is too large", "many pieces", "many scans"
SLOW, TILES = "slow form", "strips or tiles"
MILLION = 1_000_000

COSTLY = {
    "animation of 148 bytes.webp": (lambda: ANIMATION, MEMORY),
    "16 bit.png": (partial(png, 16, 0, 2 * SIDE), READ),
    "16 bit colour.png": (partial(png, 16, 2, 6 * SIDE), READ),
    "alpha turned.png": (lambda: png(8, 6, 4 * SIDE, more=turned()), READ),
    "grey with alpha.png": (partial(png, 8, 4, 2 * SIDE), READ),
    "float.tif": (partial(deep_tiff, 32, 3), READ),
    "16 bit.tif": (partial(deep_tiff, 16, 1), READ),
    "32 bit.tif": (partial(deep_tiff, 32, 2), READ),
    "colour.tif": (partial(deep_tiff, 8, 1, 3), READ),
    "strips.tif": (partial(many_strips, MILLION), HEADER),
    "fewer strips.tif": (partial(many_strips, 200_000), TILES),
    "tile.tif": (partial(large_tile, 46_000), MEMORY),
    "smaller tile.tif": (partial(large_tile, 20_000), MEMORY),
    "pages.tif": (partial(many_pages, 20_000), READ),
    "scans.jpg": (partial(many_scans, 20_000), SCANS),
    "scans of a small one.jpg": (partial(many_scans, 20_000, (200, 200)), SCANS),
    "scans.tif": (scans_in_a_tiff, SCANS),
    "comments.gif": (partial(gif_comments, 60_000), HEADER),
    "frames.gif": (partial(gif_frames, 50_000), READ),
    "text.png": (partial(many_chunks, b"tEXt", b"a\0b", MILLION), HEADER),
    "text after.png": (partial(many_chunks, b"tEXt", b"a\0b", MILLION, True), PIECES),
    "packed text.png": (
        lambda: many_chunks(b"zTXt", b"a\0\0" + zlib.compress(bytes(MILLION)), 60),
        READ,
    ),
    "profile.png": (
        lambda: many_chunks(b"iCCP", b"a\0\0" + zlib.compress(bytes(300 * MILLION)), 1),
        "",
    ),
    "exif.png": (lambda: many_chunks(b"eXIf", directory(43_000, 640_000), 1), READ),
    "exif.jpg": (lambda: segments(b"\xff\xe1", b"Exif\0\0" + directory(5000, 64_000), 1), READ),
    "exif in segments.jpg": (
        lambda: segments(b"\xff\xe1", b"Exif\0\0" + bytes(65_000), 1500),
        HEADER,
    ),
    "frames.jpg": (lambda: segments(b"\xff\xe2", b"MPF\0" + directory(5000, 64_000), 1), READ),
    "comments.jpg": (lambda: segments(b"\xff\xfe", bytes(65_000), 1500), HEADER),
    "text.ppm": (lambda: b"P2 8000 1000 255\n" + b"1 " * 8 * MILLION, SLOW),
    "odd maximum.pgm": (lambda: b"P5 8000 1000 200\n" + bytes(8 * MILLION), SLOW),
    "runs.bmp": (partial(bmp_runs, 4000), PIECES),
}


def two_headers(image: Image.Image, false: tuple[int, int, int], fill: int, at: int) -> bytes:
    """Return a JPEG that also holds a false header, behind so many fill bytes before the real one.

    Parameters
    ----------
    false
        Width, height and number of channels that the false header declares.
    at
        How many bytes into a comment the false header begins.
    """
    data = encoded(image, "JPEG", quality=60)
    place = next(data.index(mark) for mark in (b"\xff\xc0", b"\xff\xc2") if mark in data)
    width, height, layers = false
    parts = b"".join(bytes((k + 1, 0x11, 0)) for k in range(layers))
    header = b"\xff\xc0" + struct.pack(">HBHHB", 8 + 3 * layers, 8, height, width, layers) + parts
    comment = bytes(at) + header + bytes(16)
    comment = b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment
    data = data[:place] + b"\xff" * fill + data[place:]
    scan = data.index(b"\xff\xda", place)
    return data[:scan] + comment + data[scan:]


def pixels(image: Image.Image) -> np.ndarray:
    """Return what a JPEG of an image decodes to."""
    import io

    with Image.open(io.BytesIO(encoded(image, "JPEG", quality=60))) as found:
        return np.atleast_3d(np.asarray(found))
