"""Files of which a part is missing are listed, also where their decoders read zeros as pixels."""

import contextlib
import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from engine.data.decode import IN_PART, UnreadableImage, decode, decode_fitted
from engine.data.safety.intact import CODING, CROP
from tests.avif_files import avif
from tests.image_files import encoded
from tests.reliability.bad_images import chunk

WAYS = {
    "png": ("PNG", {}),
    "stored.png": ("PNG", {"compress_level": 0}),
    "jpg": ("JPEG", {}),
    "progressive.jpg": ("JPEG", {"progressive": True}),
    "optimized.jpg": ("JPEG", {"optimize": True, "subsampling": 0}),
    "gif": ("GIF", {}),
    "webp": ("WEBP", {}),
    "lossless.webp": ("WEBP", {"lossless": True}),
    "avif": ("AVIF", {"speed": 10}),
}


def photograph(side):
    rng = np.random.default_rng(side)
    y, x = np.mgrid[:side, :side] / side
    waves = [128 + 90 * np.sin(9 * x + 3 * k * y) + rng.normal(0, 12, x.shape) for k in range(3)]
    return Image.fromarray(np.stack(waves, -1).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("side", [48, 300])
@pytest.mark.parametrize("way", WAYS)
def test_that_zeros_in_place_of_a_part_are_found(way, side):
    kind, options = WAYS[way]
    whole = encoded(photograph(side), kind, **options)
    decode(whole)
    for begin, end in ((0.3, 1.0), (0.5, 1.0), (0.85, 1.0), (0.4, 0.6)):
        first, last = int(begin * len(whole)), int(end * len(whole))
        holed = whole[:first] + bytes(last - first) + whole[last:]
        with pytest.raises(UnreadableImage):
            decode(holed)
        with pytest.raises(UnreadableImage):  # a JPEG at a reduced scale, or by the short way
            decode_fitted(holed, image_size=16, channels="rgb", fit="resize")


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "jpeg", "tiff_lzw", "packbits"])
def test_that_zeros_in_a_tiff_whose_directory_is_whole_are_found(compression):
    whole = encoded(photograph(48), "TIFF", compression=compression)
    (directory,) = struct.unpack("<I", whole[4:8])
    half = (8 + directory) // 2
    with pytest.raises(UnreadableImage):
        decode(whole[:half] + bytes(directory - half) + whole[directory:])


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 60, 20)])
@pytest.mark.parametrize("way", WAYS)
def test_that_plain_pictures_are_whole(way, colour):
    kind, options = WAYS[way]
    for size in ((1, 1), (32, 32), (1500, 1200)):
        plain = encoded(Image.new("RGB", size, colour), kind, **options)
        decode(plain)
        decode_fitted(plain + bytes(5000), image_size=16, channels="rgb", fit="resize")


@pytest.mark.parametrize("way", ["jpg", "progressive.jpg", "optimized.jpg", "webp", "avif"])
def test_that_pictures_with_a_plain_half_are_whole(way):
    kind, options = WAYS[way]
    for side in (48, 300, 1000):
        picture = Image.new("RGB", (side, side))
        picture.paste(photograph(side).crop((0, 0, side, side // 2)))
        for quality in (20, 95):
            decode(encoded(picture, kind, quality=quality, **options))


def test_that_one_changed_bit_in_the_pixels_of_a_png_is_found():
    """Pillow does not compare their checksum, and finds a wrong one in one of three cases only."""
    whole = encoded(photograph(48))
    start = whole.index(b"IDAT") + 4
    for place in range(start + 10, len(whole) - 20, 397):
        changed = bytearray(whole)
        changed[place] ^= 4
        with pytest.raises(UnreadableImage):
            decode(bytes(changed))


def test_that_pixels_in_several_chunks_and_what_stands_behind_the_end_are_whole():
    image = photograph(32)
    rows = b"".join(b"\0" + bytes(row) for row in np.asarray(image).reshape(32, -1))
    packed = zlib.compress(rows)
    head = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    parts = [chunk(b"IDAT", packed[k : k + 100]) for k in range(0, len(packed), 100)]
    body = chunk(b"IHDR", head) + chunk(b"IDAT", b"") + b"".join(parts) + chunk(b"IEND", b"")
    found = decode(b"\x89PNG\r\n\x1a\n" + body + bytes(5000)).pixels
    np.testing.assert_array_equal(found, np.asarray(image))


def test_that_millions_of_boxes_behind_a_picture_cost_no_time():
    whole = encoded(photograph(16), "AVIF", speed=10)
    behind = whole + struct.pack(">I4s", 8, b"free") * 2_000_000
    before = time.process_time()
    with contextlib.suppress(UnreadableImage):
        decode(behind)
    assert time.process_time() - before < 2


def test_that_the_reason_is_said():
    whole = encoded(photograph(48), "WEBP")
    with pytest.raises(UnreadableImage, match=IN_PART):
        decode(whole[: len(whole) // 2] + bytes(len(whole) // 2))


@pytest.mark.parametrize(
    ("primaries", "transfer", "said"),
    [(1, 13, False), (1, 1, False), (2, 2, False), (9, 16, True), (12, 13, True), (1, 18, True)],
)
def test_that_a_colour_coding_unlike_that_of_srgb_is_said(primaries, transfer, said):
    png = encoded(photograph(16))
    coded = chunk(b"cICP", bytes([primaries, transfer, 0, 1]))
    assert (CODING in decode(png[:33] + coded + png[33:]).rules) is said
    avif = io.BytesIO()
    photograph(16).save(avif, "AVIF", speed=10)
    data = avif.getvalue()
    place = data.index(b"colrnclx") + 8
    data = data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]
    assert (CODING in decode(data).rules) is said


@pytest.mark.parametrize(
    ("width", "height", "said"), [(8, 4, True), (8, 16, True), (16, 16, False)]
)
def test_that_a_crop_which_the_decoder_does_not_apply_is_said(width, height, said):
    data = avif("crop8")
    data = data.replace(
        struct.pack(">4s4I", b"clap", 8, 1, 4, 1),
        struct.pack(">4s4I", b"clap", width, 1, height, 1),
    )
    found = decode(data)
    assert found.pixels.shape[:2] == (16, 16)
    assert (CROP in found.rules) is said
