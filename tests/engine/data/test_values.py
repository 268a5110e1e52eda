"""The values of deep images: each kind alone, and one rule for a set."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.data import values as module
from engine.data.decode import UnreadableImage, decode, decode_fitted, value_range
from engine.data.images import ingest, load
from engine.data.values import CLIPPED, FLAT, INVERTED, Scale
from engine.specs import FolderImages
from engine.specs.schema import SpecError
from tests.image_files import encoded, picture, png16, tiff, write

SIDE = 16
UNIT = np.linspace(0, 1, SIDE * SIDE).reshape(SIDE, SIDE)
LEVELS = np.rint(UNIT * 255)


def ramp(kind, low, high):
    """Return a ramp between two values, whole where the type is."""
    numbers = low + UNIT * (float(high) - low)
    return (numbers if np.dtype(kind).kind == "f" else np.rint(numbers)).astype(kind)


def packed(values, tags=()):
    return encoded(Image.fromarray(values), "TIFF", compression="tiff_lzw", tiffinfo=dict(tags))


def tiff12(values):
    """Return a TIFF that says it has 12 bits, two values in three bytes."""
    first, second = values.reshape(-1, 2).astype(int).T
    triples = [first >> 4, (first & 15) << 4 | second >> 8, second & 255]
    data = tiff(np.stack(triples, 1).astype("u1").reshape(SIDE, -1))
    wide = data.replace(
        struct.pack("<HHIHH", 258, 3, 1, 8, 0), struct.pack("<HHIHH", 258, 3, 1, 12, 0)
    )
    return wide.replace(
        struct.pack("<HHII", 256, 4, 1, SIDE * 3 // 2), struct.pack("<HHII", 256, 4, 1, SIDE)
    )


def colour(values):
    return np.stack([values] * 3, axis=2)


def grey_in_colour(values, opacity=65535):
    return np.dstack([values, np.full_like(values, opacity)])


# Every kind holds the same ramp from black to white.
RAMPS = {
    "float in [0, 1]": tiff(ramp("f4", 0, 1)),
    "float that overshoots by 1e-6": tiff(ramp("f4", 0, 1.000001)),
    "float that undershoots by 1e-6": tiff(ramp("f4", -0.000001, 1)),
    "float in [-1, 1]": tiff(ramp("f4", -1, 1)),
    "float in [-1, 1] that overshoots": tiff(ramp("f4", -1.00001, 1.00001)),
    "float in [0, 255]": tiff(ramp("f4", 0, 255)),
    "float in [0, 255] that overshoots": tiff(ramp("f4", -0.01, 255.01)),
    "float of 12 bits": tiff(np.rint(ramp("f4", 0, 4095))),
    "float in a range of its own": tiff(ramp("f4", 271.5, 305.25)),
    "float in a negative range": tiff(ramp("f4", -1024.5, -3.5)),
    "float of 64 bits": tiff(ramp("f8", 0, 1)),
    "big-endian float": tiff(ramp("f4", 0, 1), order=">"),
    "big-endian float of 64 bits": tiff(ramp("f8", 0, 1), order=">"),
    "big-endian float of 64 bits in which zero is white": tiff(ramp("f8", 1, 0), 0, ">"),
    "compressed float": packed(ramp("f4", 0, 1)),
    "float in which zero is white": tiff(ramp("f4", 1, 0), 0),
    "16 bits": png16(ramp("u2", 0, 65535)),
    "12 bits in 16": png16(ramp("u2", 0, 4095)),
    "10 bits in 16": png16(ramp("u2", 0, 1023)),
    "8 bits in 16": png16(ramp("u2", 0, 255)),
    "16 bits of TIFF": tiff(ramp("u2", 0, 65535)),
    "big-endian 16 bits": tiff(ramp("u2", 0, 65535), order=">"),
    "12 bits in a compressed TIFF": packed(ramp("u2", 0, 4095)),
    "16 bits in which zero is white": tiff(ramp("u2", 65535, 0), 0),
    "big-endian 16 bits in which zero is white": tiff(ramp("u2", 65535, 0), 0, ">"),
    "compressed 16 bits in which zero is white": packed(ramp("u2", 65535, 0), {262: 0}),
    "8 bits in which zero is white": tiff(ramp("u1", 255, 0), 0),
    "signed 8 bits": tiff(ramp("i1", -128, 127)),
    "signed 16 bits": tiff(ramp("i2", -1000, 3000)),
    "big-endian signed 16 bits": tiff(ramp("i2", -1000, 3000), order=">"),
    "int32 of 16 bits": tiff(ramp("i4", 0, 65535)),
    "int32 of 12 bits": tiff(ramp("i4", 0, 4095)),
    "int32 of 8 bits": tiff(ramp("i4", 0, 255)),
    "int32 in a range of its own": tiff(ramp("i4", -70_000, 2_000_000)),
    "uint32": tiff(ramp("u4", 0, 2**32 - 1)),
    "big-endian uint32": tiff(ramp("u4", 0, 2**32 - 1), order=">"),
    "packed 12 bits": tiff12(ramp("u2", 0, 4095)),
    "16-bit PGM": encoded(Image.fromarray(ramp("u2", 0, 65535)), "PPM"),
    "colour of 16 bits": png16(colour(ramp("u2", 0, 65535))),
    "colour of 12 bits in 16": png16(colour(ramp("u2", 0, 4095))),
    "opaque colour of 12 bits in 16": png16(
        np.dstack([colour(ramp("u2", 0, 4095)), np.full((SIDE, SIDE), 65535)])
    ),
    "opaque grey of 12 bits in 16": png16(grey_in_colour(ramp("u2", 0, 4095))),
}


@pytest.mark.parametrize("kind", RAMPS)
def test_that_every_kind_of_values_gives_the_ramp_that_it_holds(kind, tmp_path):
    write(tmp_path, {"x.png": RAMPS[kind]})
    spec, images = ingest(tmp_path, channels="grey", image_size=SIDE)
    assert np.abs(images.test_images[0, 0] - LEVELS).max() <= 1, images.notes
    assert np.abs(decode(RAMPS[kind]).pixels[..., 0] - LEVELS).max() <= 1
    again = load(spec, lambda _: tmp_path)
    np.testing.assert_array_equal(again.test_images, images.test_images)
    assert (again.notes, again.scale) == (images.notes, images.scale)


@pytest.mark.parametrize(
    ("values", "level"),
    [(6553, 230), (65535, 0), (0, 255), (3277, 242), (32768, 127)],
)
@pytest.mark.parametrize("order", "<>")
def test_that_ink_on_white_is_light(values, level, order):
    decoded = decode(tiff(np.full((4, 4), values, np.uint16), 0, order))
    assert np.abs(decoded.pixels.astype(int) - level).max() <= 1
    assert INVERTED in decoded.rules
    plain = decode(tiff(np.full((4, 4), values, np.uint16), 1, order))
    assert np.abs(plain.pixels.astype(int) - (255 - level)).max() <= 1


def test_that_twelve_bits_in_which_zero_is_white_are_inverted_within_twelve_bits():
    data = tiff(ramp("u2", 4095, 0), 0)
    pixels = decode(data, Scale(bit_depth=12)).pixels[..., 0]
    assert np.abs(pixels - LEVELS).max() <= 1


def test_that_a_file_that_says_twelve_bits_is_believed_whatever_its_values():
    pixels = decode(tiff12(np.full((SIDE, SIDE), 2048))).pixels
    assert abs(int(pixels[0, 0, 0]) - 128) <= 1


def test_that_large_images_are_scaled_in_blocks_to_the_same_pixels(monkeypatch):
    data = [RAMPS["float in [-1, 1]"], RAMPS["colour of 12 bits in 16"], RAMPS["signed 8 bits"]]
    whole = [decode(one).pixels for one in data]
    monkeypatch.setattr(module, "BLOCK", 40)
    for one, pixels in zip(data, whole, strict=True):
        np.testing.assert_array_equal(decode(one).pixels, pixels)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_that_a_file_with_a_value_that_is_not_finite_is_listed(tmp_path, bad, kind):
    values = ramp(kind, 0, 1)
    values[3, 5] = bad
    write(tmp_path, {"bad.tif": tiff(values), "good.tif": tiff(ramp(kind, 0, 1))})
    _, images = ingest(tmp_path, image_size=SIDE)
    assert images.test_files == ("good.tif",)
    assert np.abs(images.test_images[0, 0] - LEVELS).max() <= 1
    assert [(item.path, item.reason) for item in images.skipped] == [("bad.tif", module.NOT_FINITE)]


def test_that_a_transparent_value_of_sixteen_bits_is_laid_over_white():
    values = np.full((2, 2), 1000, np.uint16)
    values[0, 0] = 0
    decoded = decode(png16(values, (b"tRNS", b"\x03\xe8")), Scale(bit_depth=16))
    assert decoded.pixels[..., 0].tolist() == [[0, 255], [255, 255]]


# ----------------------------------------------------------------------------- one rule for a set


def folder(root, *files):
    return write(root, {f"{k}.png": data for k, data in enumerate(files)})


def test_that_an_overshoot_changes_no_picture_alone_and_in_a_set(tmp_path):
    unit, over = RAMPS["float in [0, 1]"], RAMPS["float that overshoots by 1e-6"]
    both = folder(tmp_path / "both", unit, over)
    alone = [folder(tmp_path / name, data) for name, data in (("unit", unit), ("over", over))]
    spec, together = ingest(both)
    assert (spec.black, spec.white, spec.beyond) == (0, 1, "skip")
    first, second = together.test_images
    np.testing.assert_array_equal(first, second)
    for place in alone:
        spec, images = ingest(place)
        assert (spec.black, spec.white) == (0, 1)
        np.testing.assert_array_equal(images.test_images[0], first)
    assert f"1 image: {CLIPPED}: 1.png." in together.notes


@pytest.mark.parametrize("photometric", [0, 1])
@settings(max_examples=40, deadline=None)
@given(
    bits=st.sampled_from([8, 10, 12, 16]),
    share=st.floats(0.55, 1.0),
    seeds=st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=4),
)
def test_that_sets_of_every_depth_are_scaled_alike(photometric, bits, share, seeds):
    top = 2**bits - 1
    files = [np.random.default_rng(seed).integers(0, top, (8, 8), "u2") for seed in seeds]
    files[0][0, :2] = 0, round(top * share)
    files[-1][0, 0] = top
    ranges = [
        module.ValueRange(True, float(f.min()), float(f.max()), inverted=not photometric)
        for f in files
    ]
    rule = module.decided(Scale(), ranges)
    # Scans in which zero is white use few of their values, so their 16 bits are believed.
    depth = bits if photometric else 16
    assert rule == Scale(bit_depth=depth)
    for values in files:
        level = values / (2**depth - 1) * 255
        pixels = decode(tiff(values, photometric), rule).pixels[..., 0]
        assert np.abs(pixels - (level if photometric else 255 - level)).max() <= 1


@settings(max_examples=60, deadline=None)
@given(
    ends=st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)]),
    overshoots=st.lists(st.floats(0.0, 0.09), min_size=1, max_size=5),
    seed=st.integers(0, 1000),
)
def test_that_overshoots_never_change_the_rule_of_a_set(ends, overshoots, seed):
    low, high = ends
    span, generator = high - low, np.random.default_rng(seed)
    files = []
    for overshoot in overshoots:
        values = generator.uniform(low, high, (6, 6))
        values[0, :2] = low - overshoot * span, high + overshoot * span
        files.append(values)
    rule = module.decided(
        Scale(), [module.ValueRange(False, f.min(), f.max(), False) for f in files]
    )
    assert (rule.black, rule.white) == ends
    for values in files:
        expected = np.clip((values - low) / span, 0, 1) * 255
        pixels = decode(tiff(values.astype("f4")), rule).pixels[..., 0]
        assert np.abs(pixels - expected).max() <= 1


def test_that_images_of_a_set_keep_their_brightness_to_each_other(tmp_path):
    bright, dim = ramp("f4", 0, 5000), ramp("f4", 0, 500)
    _, images = ingest(folder(tmp_path, tiff(bright), tiff(dim)))
    assert [int(image.max()) for image in images.test_images] == [255, 26]
    _, images = ingest(folder(tmp_path / "dark", tiff(bright), tiff(bright), tiff(dim / 20)))
    assert f"1 image: {FLAT}: 2.png." in images.notes


def test_that_a_file_of_another_scale_is_left_out_and_listed(tmp_path):
    files = [tiff(ramp("f4", 0, 1))] * 3 + [tiff(ramp("f4", 0, 255))]
    spec, images = ingest(folder(tmp_path, *files))
    assert (spec.black, spec.white) == (0, 1)
    assert len(images.test_images) == 3
    assert [(item.path, item.reason) for item in images.skipped] == [
        ("3.png", "values 0 to 255, the set's are 0 to 1")
    ]
    kept = load(spec.replace("beyond", "clip"), lambda _: tmp_path)
    assert len(kept.test_images) == 4
    assert f"1 image: {CLIPPED}: 3.png." in kept.notes


def test_that_one_absurd_value_does_not_blacken_a_set(tmp_path):
    hot = ramp("f4", 280, 300)
    hot[0, 0] = 1e30
    files = [tiff(ramp("f4", 280, 300 + k)) for k in range(4)] + [tiff(hot)]
    spec, images = ingest(folder(tmp_path, *files))
    assert (spec.black, spec.white) == (280, 303)
    assert [item.path for item in images.skipped] == ["4.png"]


def test_that_the_rule_does_not_depend_on_which_images_are_selected(tmp_path):
    for k, high in enumerate((1, 1, 40, 1)):
        for name in "ab":
            write(tmp_path, {f"{name}/{k}.tif": tiff(ramp("f4", -40, high))})
    rules = set()
    for limit in (1, 2, None):
        spec, _ = ingest(tmp_path, max_train=limit, max_test=limit)
        rules.add((spec.black, spec.white))
    assert rules == {(-40.0, 40.0)}


def test_that_the_user_decides_depth_and_range(tmp_path):
    write(tmp_path, {"x.png": png16(ramp("u2", 0, 65535)), "y.tif": tiff(ramp("f4", 0, 100))})
    spec, images = ingest(tmp_path, bit_depth=14, black=25, white=75)
    assert (spec.bit_depth, spec.black, spec.white, spec.beyond) == (14, 25, 75, "clip")
    sixteen, wide = images.test_images[:, 0].astype(float)
    assert np.abs(sixteen - np.clip(UNIT * 4, 0, 1) * 255).max() <= 1
    assert np.abs(wide - np.clip(UNIT * 2 - 0.5, 0, 1) * 255).max() <= 1
    other = spec.replace("bit_depth", 16)
    assert other.key != spec.key
    again = load(other, lambda _: tmp_path)
    assert np.abs(again.test_images[0, 0] - LEVELS).max() <= 1
    assert images.scale == (
        "1 image: 16-bit values from 0 to 16,383 (14 bits) were scaled to 8 bits.",
        "1 image: values from 25 to 75 were scaled to 8 bits.",
    )


def test_that_twelve_bits_among_sixteen_are_pointed_out(tmp_path):
    files = [png16(ramp("u2", 0, high)) for high in (4000, 3000, 4095, 60_000)]
    spec, images = ingest(folder(tmp_path, *files))
    assert spec.bit_depth == 16
    assert any("3 images of 16 bits use no value above 4,095" in note for note in images.notes)


def test_that_images_from_0_to_1_among_others_that_begin_below_0_are_named(tmp_path):
    low_high = ((-1, 1), (0, 1), (-1, 1), (-0.9, 0.9))
    files = [tiff(ramp("f4", low, high)) for low, high in low_high]
    spec, images = ingest(folder(tmp_path, *files))
    assert (spec.black, spec.white) == (-1, 1)
    (said,) = (note for note in images.notes if "too bright" in note)
    assert said.startswith("1 image has values from 0 to 1")
    _, alike = ingest(folder(tmp_path / "alike", *files[2:]))
    assert not any("too bright" in note for note in alike.notes)


def test_that_a_set_of_plain_images_has_the_key_it_had(tmp_path):
    spec, images = ingest(folder(tmp_path, encoded(picture()), encoded(picture(1))))
    assert spec == FolderImages(name=tmp_path.name, digest=spec.digest, image_size=8)
    assert images.scale == ("2 images: 8-bit values were kept.",)
    assert images.notes == (
        "The images have no class folders: they are unlabelled, and all are test images.",
    )


def test_that_an_image_set_of_version_0_1_keeps_its_pixels_and_says_so(tmp_path):
    over = tiff(ramp("f4", 0, 1.000001))
    spec, _ = ingest(folder(tmp_path, over, tiff(ramp("f4", 0, 1))), image_size=SIDE)
    old = FolderImages(name=spec.name, digest=spec.digest, image_size=SIDE, channels=spec.channels)
    images = load(old, lambda _: tmp_path)
    assert images.test_images[0].max() == 1  # as it was read then: rounded, black
    assert np.abs(images.test_images[1, 0] - LEVELS).max() <= 1
    assert any("Add the images again" in note for note in images.notes)


def test_that_a_range_without_two_ends_is_refused():
    plain = {"name": "x", "digest": ""}
    with pytest.raises(SpecError, match="white is missing"):
        FolderImages(**plain, black=0.0)
    with pytest.raises(SpecError, match="must be above black"):
        FolderImages(**plain, black=1.0, white=1.0)


def test_that_a_file_that_changes_between_two_readings_is_left_out(tmp_path, monkeypatch):
    place = folder(tmp_path, tiff(ramp("f4", 0, 1)), tiff(ramp("f4", 0, 0.9)))
    before = module.decided

    def decided(*given):
        (place / "1.png").write_bytes(tiff(ramp("f4", 0, 0.5)))
        return before(*given)

    monkeypatch.setattr("engine.data.reading.decided", decided)
    _, images = ingest(place)
    assert [(item.path, item.reason) for item in images.skipped] == [
        ("1.png", "changed while the images were read")
    ]


def test_that_a_deep_image_beyond_the_given_range_has_a_short_reason():
    data = tiff(ramp("f4", -1e30, 1.23456789e30))
    with pytest.raises(UnreadableImage) as error:
        decode_fitted(
            data, image_size=8, channels="grey", fit="resize", scale=Scale(None, 0, 1, "skip")
        )
    assert 3 < len(str(error.value)) < 80


def png_chunk(kind, content):
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize("how", ["usual", "a text before it", "another header before it"])
def test_that_a_png_tells_its_values_wherever_its_header_stands(how):
    data = png16(np.rint(UNIT * 4095))
    shallow = png_chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0))
    before = {
        "usual": b"",
        "a text before it": png_chunk(b"tEXt", b"Comment\0deep"),
        "another header before it": shallow,
    }
    odd = data[:8] + before[how] + data[8:]
    found = value_range(odd)
    assert found is not None
    assert (found.deep, found.low, found.high) == (True, 0, 4095)


@pytest.mark.parametrize(
    ("one", "other"),
    [((-1000, 999), (0, 999)), ((0, 30_000), (0, 3_000)), ((-7.5, 7.5), (-0.01, 7.5))],
)
def test_that_classes_of_other_ranges_raise_an_alarm(one, other, tmp_path):
    chance = np.random.default_rng(0)
    for name, (low, high) in (("a", one), ("b", other)):
        for k in range(6):
            values = low + chance.random((SIDE, SIDE)) * (high - low)
            values.flat[:2] = low, high
            write(tmp_path / "set", {f"{name}/{k}.tif": packed(values.astype(np.float32))})
    _, images = ingest(tmp_path / "set")
    assert any("have values" in alarm for alarm in images.alarms)
    assert images.train_images.shape[0] + images.test_images.shape[0] == 12
