"""A folder of images as they are found in the wild, and what must become of each.

Every kind is a file under ``c/``; ``LOADED`` gives the colour that a kind must have when it is
read, ``REFUSED`` a part of the reason that must stand beside it. ``SILENT`` are passed over.
"""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.heic_files import crashing, photograph
from tests.image_files import encoded, png, raw_tiff
from tests.reliability.costly_images import ANIMATION, many_scans, two_headers

COLOUR = (200, 60, 20)
GREY = (100, 100, 100)
WHITE = (255, 255, 255)
SIDE = 12
FORMATS = {"png": "PNG", "jpg": "JPEG", "gif": "GIF", "bmp": "BMP", "tif": "TIFF", "webp": "WEBP"}


def plain(size=(SIDE, SIDE), mode="RGB"):
    return Image.new("RGB", size, COLOUR).convert(mode)


def grey(size=(SIDE, SIDE)):
    return Image.new("L", size, 100)


def array(values, kind="TIFF"):
    return encoded(Image.fromarray(values), kind)


def chunk(name: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def png_of(width, height, data=b"", depth=8, colour=2) -> bytes:
    """Return a PNG whose header says what it likes."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def deep_png() -> bytes:
    row = b"\0" + struct.pack(">HHH", *(value * 257 for value in COLOUR)) * SIDE
    return png_of(SIDE, SIDE, row * SIDE, depth=16)


def turned(orientation: int, kind: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(plain((20, 12)), kind, exif=exif)


def transparent(kind="PNG") -> bytes:
    return encoded(Image.new("RGBA", (SIDE, SIDE), (*COLOUR, 0)), kind)


def frames(kind: str) -> bytes:
    other = Image.new("RGB", (SIDE, SIDE), (0, 0, 255))
    return encoded(plain(), kind, save_all=True, append_images=[other, other])


def palette_with_transparency() -> bytes:
    image = Image.new("P", (SIDE, SIDE), 1)
    image.putpalette([0, 0, 0, *COLOUR])
    return encoded(image, transparency=0)


def zip_inside() -> bytes:
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("x.png", png())
    return stream.getvalue()


def exif_of_garbage() -> bytes:
    return encoded(plain(), "JPEG", exif=b"Exif\0\0" + b"\xff" * 200)


COLOURS = np.full((SIDE, SIDE, 3), 100 / 255, np.float32)
UNIT = np.full((SIDE, SIDE), 100 / 255, np.float32)
LOADED: dict[str, tuple[bytes, tuple[int, int, int]]] = {
    "raw float.tif": (raw_tiff(UNIT), GREY),
    **{f"plain.{end}": (encoded(plain(), kind), COLOUR) for end, kind in FORMATS.items()},
    "plain.ppm": (encoded(plain(), "PPM"), COLOUR),
    "grey.pgm": (encoded(grey(), "PPM"), GREY),
    "grey.png": (encoded(grey()), GREY),
    "grey.jpg": (encoded(grey(), "JPEG"), GREY),
    "upper case.PNG": (encoded(plain()), COLOUR),
    "really a jpeg.png": (encoded(plain(), "JPEG"), COLOUR),
    "really a png.jpg": (encoded(plain()), COLOUR),
    "really a gif.bmp": (encoded(plain(), "GIF"), COLOUR),
    "one pixel.png": (encoded(plain((1, 1))), COLOUR),
    "one row.png": (encoded(plain((30_000, 2))), COLOUR),
    "one column.jpg": (encoded(plain((2, 30_000)), "JPEG"), COLOUR),
    "16 bit grey.png": (array(np.full((SIDE, SIDE), 25_700, np.uint16), "PNG"), GREY),
    "16 bit grey.tif": (array(np.full((SIDE, SIDE), 25_700, np.uint16)), GREY),
    "16 bit colour.png": (deep_png(), COLOUR),
    "float unit.tif": (array(UNIT), GREY),
    "bilevel.png": (encoded(Image.new("1", (SIDE, SIDE), 1)), WHITE),
    "bilevel.tif": (encoded(Image.new("1", (SIDE, SIDE), 1), "TIFF", compression="group4"), WHITE),
    "palette.png": (encoded(plain(mode="P")), COLOUR),
    "palette with alpha.png": (palette_with_transparency(), COLOUR),
    "alpha.png": (transparent(), WHITE),
    "alpha.webp": (transparent("WEBP"), WHITE),
    "alpha.tif": (transparent("TIFF"), WHITE),
    "opaque alpha.png": (encoded(Image.new("RGBA", (SIDE, SIDE), (*COLOUR, 255))), COLOUR),
    "grey with alpha.png": (encoded(Image.new("LA", (SIDE, SIDE), (100, 255))), GREY),
    "cmyk.jpg": (encoded(plain(mode="CMYK"), "JPEG"), COLOUR),
    "cmyk.tif": (encoded(plain(mode="CMYK"), "TIFF"), COLOUR),
    "ycbcr.tif": (encoded(plain(mode="YCbCr"), "TIFF"), COLOUR),
    "lzw.tif": (encoded(plain(), "TIFF", compression="tiff_lzw"), COLOUR),
    "deflate.tif": (encoded(plain(), "TIFF", compression="tiff_adobe_deflate"), COLOUR),
    "progressive.jpg": (encoded(plain((99, 99)), "JPEG", progressive=True), COLOUR),
    "animated.gif": (frames("GIF"), COLOUR),
    "animated.webp": (frames("WEBP"), COLOUR),
    "animated.png": (frames("PNG"), COLOUR),
    "pages.tif": (frames("TIFF"), COLOUR),
    **{f"turned {k}.jpg": (turned(k, "JPEG"), COLOUR) for k in (2, 3, 6, 8, 99)},
    "turned 6.png": (turned(6, "PNG"), COLOUR),
    "turned 6.tif": (turned(6, "TIFF"), COLOUR),
    "exif of garbage.jpg": (exif_of_garbage(), COLOUR),
    "two headers.jpg": (two_headers(plain(), (600, 16, 3), 1, 0xC000), COLOUR),
    "two headers, one of grey.jpg": (two_headers(plain(), (1, 16, 1), 0, 3), COLOUR),
    "more behind the end.png": (encoded(plain()) + b"more" * 1000, COLOUR),
    "more behind the end.jpg": (encoded(plain(), "JPEG") + bytes(5000), COLOUR),
    "日本語 写真.png": (encoded(plain()), COLOUR),
    "🦊🌲.png": (encoded(plain()), COLOUR),
    "e\u0301te\u0301.png": (encoded(plain()), COLOUR),
    "عربي.png": (encoded(plain()), COLOUR),
    "éte\u0301.png": (encoded(plain()), COLOUR),
    os.fsdecode(b"B\xe4r.png"): (encoded(plain()), COLOUR),
    os.fsdecode(b"B\xf6r.png"): (encoded(plain()), COLOUR),
    "turned\u202egnp.png": (encoded(plain()), COLOUR),
    "un\u200bseen.png": (encoded(plain()), COLOUR),
    "Plain.PNG": (encoded(plain()), COLOUR),
    "back\\slash.png": (encoded(plain()), COLOUR),
    "two\nlines.png": (encoded(plain()), COLOUR),
    "'; DROP TABLE x; --.png": (encoded(plain()), COLOUR),
    "%s {0} $HOME.png": (encoded(plain()), COLOUR),
    "-rf.png": (encoded(plain()), COLOUR),
    "x" * 251 + ".png": (encoded(plain()), COLOUR),
    "/".join(["deep" * 12] * 8) + "/x.png": (encoded(plain()), COLOUR),
}


def cut(end: str, kind: str) -> dict[str, bytes]:
    """Return a picture with detail, cut at every tenth of its length."""
    noise = Image.effect_noise((40, 40), 90).convert("RGB")
    data = encoded(noise, kind)
    return {f"cut at {k} tenths.{end}": data[: len(data) * k // 10] for k in range(1, 10)}


REFUSED: dict[str, tuple[bytes, str]] = {
    **{
        name: (data, "")
        for end in ("png", "jpg", "bmp")
        for name, data in cut(end, FORMATS[end]).items()
    },
    "half floats.tif": (raw_tiff(UNIT.astype(np.float16)), "1 floating-point number of 16 bits"),
    "half colour.tif": (raw_tiff(COLOURS.astype(np.float16)), "3 floating-point numbers of 16"),
    "float colour.tif": (raw_tiff(COLOURS), "3 floating-point numbers of 32"),
    "double colour.tif": (raw_tiff(COLOURS.astype(np.float64)), "3 floating-point numbers of 64"),
    "empty.png": (b"", "empty file"),
    "zeros.png": (bytes(1000), "not an image"),
    "text.jpg": (b"hello, this is no picture", "not an image"),
    "page.png": (b"<!DOCTYPE html><html></html>", "not an image"),
    "drawing.png": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
    "archive.png": (zip_inside(), "not an image"),
    "program.png": (b"\x7fELF" + bytes(100), "not an image"),
    "bomb.png": (png_of(20_000, 20_000, bytes(20_000)), "million pixels"),
    "larger bomb.png": (png_of(2**31 - 1, 2**31 - 1), ""),
    "no height.png": (png_of(5, 0), ""),
    "absurd depth.png": (png_of(5, 5, bytes(99), depth=77), ""),
    "no data.png": (png_of(5, 5), ""),
    "wrong checksum.png": (encoded(plain())[:40] + b"\0" + encoded(plain())[41:], ""),
    "bomb.bmp": (
        b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 60_000, 60_000, 1, 24) + bytes(24),
        "",
    ),
    "bomb.gif": (b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + bytes(20), ""),
    "bomb.ppm": (b"P6 90000 90000 255\n" + bytes(100), "million pixels"),
    "header alone.jpg": (b"\xff\xd8\xff\xe0\x00\x10JFIF", ""),
    "float 255 among unit.tif": (array(UNIT * 255), "the set's are 0 to 1"),
    "not finite.tif": (array(np.full((SIDE, SIDE), np.nan, np.float32)), "not finite"),
    "animation of 148 bytes.webp": (ANIMATION, "MB of memory"),
    "scans.jpg": (many_scans(20_000), "many scans"),
    "notes.txt": (b"notes", "not an image file"),
    "table.csv": (b"a,b", "not an image file"),
    "sequence.heics": (bytes(100), "a sequence of HEIC photographs"),
    "no photograph.heic": (bytes(100), "not an image of a known format"),
    "truncated.heic": (photograph("colour.heic")[:600], "damaged"),
    "crashes its decoder.heic": (crashing(), "damaged"),
    "picture.svg": (b"<svg/>", "not an image file"),
    "no suffix": (png(), "not an image file"),
    "inside.zip": (zip_inside(), "archive among other files"),
}
SILENT = (".DS_Store", "Thumbs.db", "desktop.ini", "._plain.png", ".hidden.png")


def make(root: Path) -> dict[str, tuple[int, int, int] | str]:
    """Write all kinds below ``root/c``, and good ones below ``root/d``; return what must be."""
    expected: dict[str, tuple[int, int, int] | str] = {}
    for table in (LOADED, REFUSED):
        for name, (data, outcome) in table.items():
            place = root / "c" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            expected[f"c/{name}"] = outcome
    for name in SILENT:
        (root / "c" / name).write_bytes(png())
    (root / "d").mkdir()
    for k in range(3):
        (root / "d" / f"{k}.png").write_bytes(encoded(plain()))
        expected[f"d/{k}.png"] = COLOUR
    if os.name != "nt":
        expected.update(_special(root))
    return expected


def _special(root: Path) -> dict[str, str]:
    """Make what is neither file nor folder, and what may not be read."""
    folder = root / "c"
    os.mkfifo(folder / "pipe.png")
    (folder / "itself.png").symlink_to("itself.png")
    (folder / "nowhere.png").symlink_to("no such file")
    (folder / "device.png").symlink_to("/dev/zero")
    (folder / "loop").symlink_to("..")
    (folder / "secret.png").write_bytes(png())
    (folder / "secret.png").chmod(0)
    (folder / "closed").mkdir()
    (folder / "closed" / "x.png").write_bytes(png())
    (folder / "closed").chmod(0)
    return {
        "c/pipe.png": "neither a file",
        "c/itself.png": "leads nowhere",
        "c/nowhere.png": "leads nowhere",
        "c/device.png": "neither a file",
        "c/loop": "read already",
        "c/secret.png": "permission",
        "c/closed": "permission",
    }
