"""The alarm where the way in which images are stored tells their class."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from engine.data.images import ingest
from engine.data.traits import GAMMA, PROFILE, Traits, coincidences
from engine.data.values import CLIPPED
from tests.image_files import encoded, picture, png16, tiff, write

COUNT = 12


def two_classes(root, one, other, count=COUNT):
    """Write images of two classes, each made by a function of a seed."""
    for name, make, start in (("one", one, 0), ("other", other, 1000)):
        write(root, {f"{name}/{k:02}.png": make(start + k) for k in range(count)})
    return root


def plain(seed):
    return encoded(picture(seed, mode="L"))


def turned(seed):
    exif = Image.Exif()
    exif[0x0112] = 3
    return encoded(picture(seed, mode="L"), exif=exif)


def noise(seed):
    return np.random.default_rng(seed).random((8, 8), np.float32)


def linear(seed):
    values = deep(seed)
    return png16(values, (b"gAMA", (100_000).to_bytes(4, "big")))


def deep(seed, top=65535):
    return (noise(seed) * top).astype(np.uint16)


STORED = {
    "type of file": (lambda s: encoded(picture(s, mode="L"), "BMP"), "are BMP files"),
    "colour": (lambda s: encoded(picture(s, mode="L").convert("RGB")), "are stored as colour"),
    "palette": (lambda s: encoded(picture(s, mode="L").convert("P")), "are stored as a palette"),
    "depth": (lambda s: png16(deep(s)), "are stored as 16-bit grey"),
    "size": (lambda s: encoded(picture(s, (9, 8), "L")), "pixels large"),
    "rotation": (turned, "came under the rule: the EXIF orientation was applied"),
    "profile": (
        lambda s: encoded(picture(s, mode="L"), icc_profile=b"Display P3"),
        f"came under the rule: {PROFILE}",
    ),
}


@pytest.mark.parametrize("kind", STORED)
def test_that_a_way_of_storing_that_coincides_with_a_class_raises_an_alarm(tmp_path, kind):
    make, phrase = STORED[kind]
    _, images = ingest(two_classes(tmp_path, plain, make))
    assert any(phrase in text for text in images.alarms), images.alarms
    assert images.notes[: len(images.alarms)] == images.alarms


def test_that_a_gamma_or_profile_that_is_not_followed_is_said(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    write(
        tmp_path,
        {
            "gamma.png": linear(0),
            "srgb.png": encoded(picture(1), icc_profile=srgb),
            "srgb.jpg": encoded(picture(2), "JPEG", icc_profile=srgb),
            "p3.jpg": encoded(picture(3), "JPEG", icc_profile=b"Display P3"),
            "usual.png": png16(deep(4), (b"gAMA", (45_455).to_bytes(4, "big"))),
        },
    )
    _, images = ingest(tmp_path)
    assert f"1 image: {GAMMA}." in images.notes
    assert f"1 image: {PROFILE}." in images.notes


@pytest.mark.parametrize("kind", STORED)
def test_that_the_same_ways_mixed_over_the_classes_raise_none(tmp_path, kind):
    make, _ = STORED[kind]

    def mixed(seed):
        return (plain, make)[seed % 2](seed)

    _, images = ingest(two_classes(tmp_path, mixed, mixed))
    assert images.alarms == ()


VALUES = {
    "overshoot by 1e-6": (lambda v: v, lambda v: v / v.max() * np.float32(1.000001), CLIPPED),
    "signed": (lambda v: v, lambda v: v * 2 - 1, "have values from "),
    "bits": (
        lambda v: (v * 65535).astype("u2"),
        lambda v: (v * 4095).astype("u2"),
        "have values up to ",
    ),
    "white is zero": (
        lambda v: (v * 65535).astype("u2"),
        lambda v: ((1 - v) * 65535).astype("u2"),
        "inverted",
    ),
}


@pytest.mark.parametrize("kind", VALUES)
def test_that_values_that_coincide_with_a_class_raise_an_alarm(tmp_path, kind):
    one, other, phrase = VALUES[kind]
    inverted = 0 if kind == "white is zero" else 1
    root = two_classes(
        tmp_path, lambda s: tiff(one(noise(s))), lambda s: tiff(other(noise(s)), inverted)
    )
    _, images = ingest(root)
    assert any(phrase in text for text in images.alarms), images.alarms


def linear_accuracy(images):
    """Return the test accuracy of a linear network, which learns any difference in brightness."""
    torch.manual_seed(0)
    train, test = (torch.tensor(part / 255.0) for part in (images.train_images, images.test_images))
    labels, answers = (torch.tensor(part) for part in (images.train_labels, images.test_labels))
    # The first pixel holds the overshoot itself, which is white in one class only.
    train, test = (part.float().flatten(1)[:, 1:] for part in (train, test))
    inputs, outputs = (torch.cat([x, x.mean(1, keepdim=True)], 1) for x in (train, test))
    network = torch.nn.Linear(inputs.shape[1], 2)
    optimizer = torch.optim.Adam(network.parameters(), 0.05, weight_decay=0.01)
    for _ in range(200):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(inputs), labels).backward()
        optimizer.step()
    return float((network(outputs).argmax(1) == answers).float().mean()), len(answers)


def test_that_two_classes_of_noise_of_which_one_overshoots_stay_near_chance(tmp_path):
    def over(seed):
        values = noise(seed)
        values[0, 0] = 1.000001
        return tiff(values)

    root = two_classes(tmp_path, lambda s: tiff(noise(s)), over, count=300)
    _, images = ingest(root, test_fraction=0.5)
    accuracy, count = linear_accuracy(images)
    assert count == 300
    assert abs(accuracy - 0.5) < 3.5 * (0.25 / count) ** 0.5
    assert any(CLIPPED in text and "'other'" in text for text in images.alarms)


# ------------------------------------------------------------------------------- the rule alone


def stored(*shares, count=20, trait="PNG"):
    """Return labels and traits: of each class, a share of the images is of another format."""
    return [
        (label, Traits("BMP" if k < share * count else trait))
        for label, share in enumerate(shares)
        for k in range(count)
    ]


@pytest.mark.parametrize(
    ("shares", "marked"),
    [
        ((0, 1), ["'b'"]),
        ((0, 0.95), ["'b'"]),
        ((0.05, 1), ["'b'"]),
        ((1, 1, 0, 0), ["classes"]),
        ((0, 0, 1, 0), ["'c'"]),
        ((1, 1, 0, 1), ["'c'"]),
        ((0.3, 0.6), []),
        ((0, 0), []),
        ((1, 1), []),
        ((0.5, 1), []),
    ],
)
def test_which_shares_of_a_trait_are_an_alarm(shares, marked):
    found = coincidences(stored(*shares), "abcd")
    assert len(found) == len(marked)
    assert all(names in text for names, text in zip(marked, found, strict=True))


def test_that_few_images_do_not_raise_an_alarm_by_chance():
    assert coincidences(stored(0, 1, count=2), "ab") == ()
    assert coincidences(stored(0, 1, count=4), "ab") != ()


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5])
@pytest.mark.parametrize(("classes", "count"), [(2, 4), (2, 10), (5, 4), (10, 20)])
def test_that_shuffled_images_raise_an_alarm_in_10_percent_at_most(classes, count, share):
    generator, sets = np.random.default_rng(0), 300
    images = classes * count
    formats = ["BMP"] * max(1, round(share * images)) + ["PNG"] * images
    alarmed = 0
    for _ in range(sets):
        mixed = generator.permutation(formats[:images])
        traits = [(place // count, Traits(str(one))) for place, one in enumerate(mixed)]
        alarmed += bool(coincidences(traits, [str(k) for k in range(classes)]))
    assert alarmed / sets <= 0.1 + 2 * (0.1 * 0.9 / sets) ** 0.5


def test_that_sizes_of_photographs_raise_no_alarm():
    generator = np.random.default_rng(0)
    sizes = [(500, 375), (375, 500), (500, 333), (640, 480)]
    for _ in range(20):
        traits = [
            (label, Traits("JPEG", "colour", size=sizes[generator.integers(len(sizes))]))
            for label in range(100)
            for _ in range(int(generator.integers(1, 8)))
        ]
        assert coincidences(traits, [str(k) for k in range(100)]) == ()


def test_that_an_alarm_is_a_sentence_that_counts():
    (text,) = coincidences(stored(0, 1), ["cat", "dog"])
    assert text == (
        "Alarm: 20 of 20 images of class 'dog' and 0 of 20 others are BMP files. A network can "
        "tell the classes by this, whatever the pictures show."
    )
