import contextlib
import io
import struct
import typing
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from engine.data import decode as module
from engine.data.decode import FITS, FORMATS, UnreadableImage, decode, decode_fitted, measure
from engine.data.values import SCALED_16
from engine.specs.images import ImageFit
from tests.image_files import encoded, picture

RAMP = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)


def pixels_of(image, kind="PNG", **options):
    return decode(encoded(image, kind, **options))


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_that_lossless_formats_give_their_pixels_back(kind, mode):
    image = picture(mode=mode, size=(7, 5))
    decoded = pixels_of(image, kind)
    expected = np.asarray(image).reshape(5, 7, -1)
    np.testing.assert_array_equal(decoded.pixels, expected)
    assert decoded.pixels.dtype == np.uint8
    assert decoded.rules == ()


def test_that_webp_is_read():
    image = picture()
    np.testing.assert_array_equal(pixels_of(image, "WEBP", lossless=True).pixels, image)


def test_that_avif_is_read():
    image = picture(size=(40, 24))
    found = pixels_of(image, "AVIF", quality=100, subsampling="4:4:4")
    apart = np.abs(found.pixels.astype(int) - np.asarray(image).astype(int))
    assert apart.max() <= 4  # its colours are stored as brightness and two differences
    assert found.rules == ()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(8, 8), (33, 17)])
def test_that_the_short_way_for_jpegs_gives_what_pillow_gives(mode, options, size):
    data = encoded(picture(size=size, mode=mode), "JPEG", **options)
    short = module.plain_jpeg(data, 100)
    assert short is not None
    assert short.mode == mode
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(short, image)


def test_that_the_short_way_is_not_taken_where_a_rule_may_be_needed():
    exif = Image.Exif()
    exif[0x0112] = 6
    plain = encoded(picture(), "JPEG")
    cmyk = picture(mode="RGB").convert("CMYK")
    assert module.plain_jpeg(encoded(picture(), "JPEG", exif=exif), 100) is None
    assert module.plain_jpeg(encoded(cmyk, "JPEG"), 100) is None
    assert module.plain_jpeg(encoded(picture(size=(64, 64)), "JPEG"), 32) is None
    assert module.plain_jpeg(plain, 100) is not None
    for mark in (b"\xff\xc0", b"\xff\xcf", b"\xff\xff\xc2"):
        assert module.plain_jpeg(plain + mark, 100) is None


def test_that_sixteen_bits_are_scaled_and_not_clipped():
    decoded = pixels_of(Image.fromarray(RAMP))
    np.testing.assert_array_equal(decoded.pixels[..., 0], np.rint(RAMP / 257))
    assert (decoded.pixels.min(), decoded.pixels.max()) == (0, 255)
    assert decoded.rules == (SCALED_16,)


def test_that_sixteen_bit_tiffs_are_scaled_in_either_byte_order():
    for order in ("<", ">"):
        decoded = decode(tiff16(RAMP, order))
        np.testing.assert_array_equal(decoded.pixels[..., 0], np.rint(RAMP / 257))


def tiff16(values, order):
    """Return an uncompressed 16-bit grey TIFF of the given byte order."""
    tags = [(256, 8), (257, 8), (258, 16), (259, 1), (262, 1), (273, 8), (277, 1), (279, 128)]
    body = values.astype(f"{order}u2").tobytes()
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8 + len(body))
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    return head + body + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


def test_that_sixteen_bit_colour_is_named_as_scaled():
    decoded = decode(png16())
    assert decoded.pixels.tolist() == [[[255, 127, 1]]]
    assert decoded.rules == (SCALED_16,)


def png16():
    """Return one pixel of 16-bit colour: 0xFFFF, 0x7F00, 0x01FF."""

    def chunk(name, body):
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0))
    row = chunk(b"IDAT", zlib.compress(bytes([0, 0xFF, 0xFF, 0x7F, 0x00, 0x01, 0xFF])))
    return b"\x89PNG\r\n\x1a\n" + header + row + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("values", "expected", "rule"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255], "values from 0 to 1 were scaled to 8 bits"),
        ([0.0, 100.4, 255.0], [0, 100, 255], "values from 0 to 255 were scaled to 8 bits"),
        ([-1.0, 0.5, 1.0], [0, 191, 255], "values from -1 to 1 were scaled to 8 bits"),
        ([7.0, 8.5, 10.0], [0, 128, 255], "values from 7 to 10 were scaled to 8 bits"),
    ],
)
def test_that_floating_point_tiffs_are_scaled_by_a_rule_that_is_named(values, expected, rule):
    decoded = pixels_of(Image.fromarray(np.array([values], np.float32)), "TIFF")
    assert decoded.pixels[0, :, 0].tolist() == expected
    assert decoded.rules == (rule,)


def test_that_values_that_are_not_finite_are_refused():
    image = Image.fromarray(np.array([[0, np.nan]], np.float32))
    with pytest.raises(UnreadableImage, match="not finite"):
        pixels_of(image, "TIFF")


def test_that_transparency_is_laid_over_white():
    image = Image.new("RGBA", (1, 3), (255, 0, 0, 0))
    image.putpixel((0, 1), (255, 0, 0, 255))
    image.putpixel((0, 2), (0, 0, 0, 51))
    decoded = pixels_of(image)
    assert decoded.pixels[:, 0].tolist() == [[255, 255, 255], [255, 0, 0], [204, 204, 204]]
    assert decoded.rules == (module.ON_WHITE,)


def test_that_an_opaque_alpha_channel_is_dropped_without_a_word():
    image = picture()
    opaque = image.copy()
    opaque.putalpha(255)
    decoded = pixels_of(opaque)
    np.testing.assert_array_equal(decoded.pixels, image)
    assert decoded.rules == ()


def test_that_grey_with_alpha_stays_grey():
    decoded = pixels_of(Image.new("LA", (2, 2), (0, 0)))
    assert decoded.pixels.tolist() == [[[255], [255]]] * 2


def test_that_palettes_are_expanded_with_their_transparency():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 0, 0, 0])
    image.putpixel((1, 0), 1)
    assert pixels_of(image).pixels.tolist() == [[[10, 20, 30], [0, 0, 0]]]
    assert pixels_of(image, transparency=1).pixels.tolist() == [[[10, 20, 30], [255, 255, 255]]]
    assert pixels_of(image, transparency=b"\x00\xff").pixels[0, 0].tolist() == [255, 255, 255]


def test_that_bilevel_images_become_black_and_white():
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    assert pixels_of(image).pixels.tolist() == [[[0], [255]]]


def test_that_cmyk_is_converted():
    decoded = pixels_of(Image.new("CMYK", (1, 1), (0, 255, 255, 0)), "TIFF")
    assert decoded.pixels.tolist() == [[[255, 0, 0]]]
    assert decoded.rules == (module.FROM_CMYK,)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize(
    ("orientation", "corner"),
    [
        *((1, (0, 0)), (2, (0, -1)), (3, (-1, -1)), (4, (-1, 0))),
        *((5, (0, 0)), (6, (0, -1)), (7, (-1, -1)), (8, (-1, 0))),
    ],
)
def test_that_the_exif_orientation_is_always_applied(kind, orientation, corner):
    image = Image.new("RGB", (32, 16))
    image.paste((255, 255, 255), (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = pixels_of(image, kind, exif=exif)
    assert decoded.pixels.shape[:2] == ((16, 32) if orientation < 5 else (32, 16))
    assert decoded.pixels[corner].min() > 200
    assert decoded.pixels.mean() < 64
    assert decoded.rules == ((module.UPRIGHT,) if orientation > 1 else ())


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_that_a_damaged_exif_block_does_not_cost_the_image():
    data = encoded(picture(), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    assert decode(data).pixels.shape == (8, 8, 3)


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP", "AVIF"])
def test_that_the_first_of_several_frames_is_taken(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    decoded = pixels_of(frames[0], kind, save_all=True, append_images=frames[1:])
    assert decoded.pixels[4, 4, 0] > 240
    assert decoded.pixels[4, 4, 2] < 15
    assert decoded.rules == (module.FIRST_FRAME,)


def test_that_the_content_counts_and_not_the_name():
    with pytest.raises(UnreadableImage, match="not an image"):
        decode(b"this is a text, whatever its file is called")
    with pytest.raises(UnreadableImage, match="empty"):
        decode(b"")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF", "AVIF"])
def test_that_a_truncated_file_is_refused(kind):
    data = encoded(picture(size=(64, 64)), kind)
    with pytest.raises(UnreadableImage):
        decode(data[: len(data) // 2])
    with pytest.raises(UnreadableImage):
        decode_fitted(data[: len(data) // 2], image_size=64, channels="rgb", fit="resize")


def test_that_pillow_is_never_told_to_load_truncated_images():
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [9_000, 10_000, 20_000])
def test_that_a_bomb_is_refused_before_it_is_unpacked(side):
    # One below Pillow's own limit, one where it warns, one where it refuses.
    data = encoded(Image.new("1", (8, 8)))
    size = struct.pack(">II", side, side)
    body = b"IHDR" + size + data[24:29]
    bomb = data[:12] + body + struct.pack(">I", zlib.crc32(body)) + data[33:]
    for read in (decode, measure):
        with pytest.raises(UnreadableImage, match="80 million pixels"):
            read(bomb)


def test_that_a_jpeg_bomb_does_not_take_the_short_way():
    data = encoded(picture(mode="L"), "JPEG")
    place = data.index(b"\xff\xc0") + 5
    bomb = data[:place] + struct.pack(">HH", 60_000, 60_000) + data[place + 4 :]
    with pytest.raises(UnreadableImage, match="80 million pixels"):
        decode_fitted(bomb, image_size=32, channels="grey", fit="resize")


def test_that_every_fit_of_the_specs_has_a_function():
    assert set(FITS) == set(typing.get_args(ImageFit))


def fitted(image, fit, side=8, channels="rgb"):
    done = decode_fitted(encoded(image), image_size=side, channels=channels, fit=fit)
    shape = (side, side, 3 if channels == "rgb" else 1)
    return np.frombuffer(done.pixels, np.uint8).reshape(shape)


def test_that_an_image_of_the_right_size_is_left_alone():
    image = picture()
    for fit in FITS:
        np.testing.assert_array_equal(fitted(image, fit), image)


def test_that_images_become_square_as_asked():
    wide = Image.new("RGB", (32, 16), (100, 100, 100))
    wide.paste((200, 200, 200), (0, 0, 8, 16))
    stretched, cropped, padded = (fitted(wide, fit) for fit in ("resize", "crop", "pad"))
    assert abs(int(stretched[4, 0, 0]) - 200) < 5
    assert abs(int(stretched[4, 7, 0]) - 100) < 5
    assert abs(cropped.astype(int) - 100).max() < 10
    assert padded[0].max() == padded[7].max() == 0
    assert abs(int(padded[4, 0, 0]) - 200) < 5


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("size", [(1, 50), (50, 1), (1, 1), (3, 1000)])
def test_that_every_shape_can_be_fitted(fit, size):
    assert fitted(picture(size=size), fit).shape == (8, 8, 3)


def test_that_channels_are_as_asked():
    grey = picture(mode="L")
    np.testing.assert_array_equal(fitted(grey, "pad")[..., 2], grey)
    colour = picture()
    np.testing.assert_array_equal(
        fitted(colour, "pad", channels="grey")[..., 0], np.asarray(colour.convert("L"))
    )


def test_that_a_large_jpeg_at_reduced_scale_looks_like_the_whole():
    ramp = np.add.outer(np.arange(400), np.arange(600)).astype(np.float64)
    image = Image.fromarray((ramp / ramp.max() * 255).astype(np.uint8)).convert("RGB")
    data = encoded(image, "JPEG", quality=95)
    done = decode_fitted(data, image_size=16, channels="rgb", fit="resize")
    exact = np.asarray(image.resize((16, 16), Image.Resampling.BICUBIC), np.int64)
    near = np.frombuffer(done.pixels, np.uint8).reshape(16, 16, 3)
    assert np.abs(near - exact).max() <= 3
    assert done.size == (600, 400)


def test_that_the_header_alone_tells_size_and_colour():
    assert measure(encoded(picture(size=(9, 5)), "JPEG")) == ((9, 5), False)
    assert measure(encoded(Image.fromarray(RAMP))) == ((8, 8), True)


SEEDS = [
    *(encoded(picture(), kind) for kind in FORMATS if kind not in ("GIF", "HEIF")),
    encoded(picture(mode="L"), "GIF"),
    encoded(Image.fromarray(RAMP)),
    encoded(picture().convert("P"), transparency=0),
]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    end=st.integers(0, 10_000),
    cut=st.booleans(),
)
def test_that_damaged_bytes_give_pixels_or_the_one_error(seed, edits, end, cut):
    data = bytearray(seed)
    for place, value in edits:
        data[place % len(data)] = value
    data = bytes(data[: end % len(data)] if cut else data)
    with contextlib.suppress(UnreadableImage):
        pixels = decode(data).pixels
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
    with contextlib.suppress(UnreadableImage):
        assert len(decode_fitted(data, image_size=8, channels="rgb", fit="pad").pixels) == 192
