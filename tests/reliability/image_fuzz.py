"""Made-up image sets and costly files for :mod:`tests.reliability.fuzz`."""

import io
import os
import random
import shutil
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from engine.data.decode import decode_fitted
from engine.data.images import ingest
from tests import image_files
from tests.reliability import costly_images as costly

LETTERS = (
    *("a", "A", "b", ".", " ", "-", "é", "e\u0301", "日", "🦊", "\u202e", "\u200b", "\ufe0f"),
    *("\udce4", "\udcf6", "\\", "\\xe4", "\n", "\t", "<b>", "'", "%s", "train", "test", "val"),
)
SUFFIXES = (".png", ".jpg", ".PNG", ".tif", ".webp", ".gif", ".bmp", ".pgm", ".txt", "", ".png ")


def name(chance: random.Random) -> str:
    found = "".join(chance.choice(LETTERS) for _ in range(chance.choice((1, 2, 3, 5))))
    return found if found not in (".", "..") else "x"


def costly_files() -> list[bytes]:
    """Return files that ask for much, to begin mutations from."""
    return [
        costly.ANIMATION,
        costly.large_tile(3000),
        costly.many_strips(500),
        costly.many_pages(200),
        costly.many_scans(50, (300, 300)),
        costly.gif_comments(50),
        costly.gif_frames(50),
        costly.many_chunks(b"tEXt", b"a\0b", 100),
        costly.segments(b"\xff\xe1", b"Exif\0\0" + costly.directory(300, 4000), 2),
        costly.segments(b"\xff\xe2", b"MPF\0" + costly.directory(300, 4000), 1),
        costly.bmp_runs(2),
        costly.png(16, 2, 6 * 500, 500, costly.turned()),
        costly.two_headers(costly.Image.new("RGB", (40, 30)), (600, 16, 3), 2, 100),
        b"P2 40 40 1000\n" + b"7 " * 1600,
        b"P5 40 40 200\n" + bytes(1600),
    ]


def read_costly(data: bytes, chance: random.Random) -> None:
    side, channels = chance.choice((8, 64)), chance.choice(("rgb", "grey"))
    decode_fitted(data, image_size=side, channels=channels, fit=chance.choice(("crop", "pad")))


def read_set(home: Path, pictures: list[bytes], chance: random.Random) -> None:
    """Read a folder, or a tar of it, whose names and files are made up.

    Raises
    ------
    AssertionError
        If two files become one, a file is neither read nor listed, or a name cannot be stored.
    """
    root = home / "made up"
    shutil.rmtree(root, ignore_errors=True)
    for _ in range(chance.choice((1, 2, 3, 4))):
        folder = root.joinpath(*(name(chance) for _ in range(chance.choice((0, 1, 1, 2)))))
        if any(part.is_file() for part in (folder, *folder.parents)):
            continue  # a file has this name
        folder.mkdir(parents=True, exist_ok=True)
        for _ in range(chance.choice((0, 1, 4))):
            place = folder / (name(chance) + chance.choice(SUFFIXES))
            if not place.is_dir():  # a name may be taken by a folder
                place.write_bytes(chance.choice(pictures))
    files = [
        os.path.join(at, file)
        for at, _, found in os.walk(root)
        for file in found
        if not any(part.startswith(".") for part in Path(at, file).relative_to(root).parts)
    ]
    place = _tar_of(root, files, home / "made up.tar") if chance.random() < 0.3 else root
    _, images = ingest(place, image_size=8, channels=chance.choice(("rgb", "grey", None)))
    read = [*images.train_files, *images.test_files, *images.validation_files]
    assert len(set(read)) == len(read), "two files became one"
    listed = {item.path for item in images.skipped}
    assert len(read) + len(listed) >= len(files), "a file was lost"
    assert all(text.encode() and "\n" not in text for text in (*read, *listed, *images.classes))


def picture(chance: random.Random) -> bytes:
    """Return a picture of any type, depth and range that a set may hold, or of none that it may."""
    random_of = np.random.default_rng(chance.randrange(2**32))
    height, width = chance.choice((1, 7, 8, 16)), chance.choice((1, 7, 8, 40))
    unit = random_of.random((height, width))
    grey = Image.fromarray((unit * 255).astype(np.uint8))
    top = chance.choice((1, 1.000001, 255, 4095, 65535, 1e30, 0, float("nan"), float("inf")))
    low = chance.choice((0, 0, -1, 1e-30))
    match chance.randrange(8):
        case 0:
            with np.errstate(all="ignore"):
                values = (unit * (top - low) + low).astype(np.float32)
            return image_files.tiff(values, chance.choice((0, 1)), chance.choice("<>"))
        case 1:
            most = chance.choice((255, 1023, 4095, 65535))
            values = (unit * most).astype(chance.choice((np.uint16, np.int16, np.int32, np.uint8)))
            return image_files.tiff(values, chance.choice((0, 1)), chance.choice("<>"))
        case 2:
            channels = chance.choice((1, 2, 3, 4))
            most = chance.choice((1, 255, 1023, 65535))
            values = (random_of.random((height, width, channels)) * most).astype(np.uint16)
            return image_files.png16(values[..., 0] if channels == 1 else values)
        case 3:
            return image_files.encoded(grey.convert(chance.choice(("1", "P", "L", "RGBA"))), "PNG")
        case 4:
            return image_files.encoded(grey.convert(chance.choice(("RGB", "CMYK", "L"))), "JPEG")
        case 5:
            return b"P5 %d %d 4095\n" % (width, height) + (unit * 4095).astype(">u2").tobytes()
        case 6:
            return image_files.encoded(grey.convert("RGB"), chance.choice(("WEBP", "GIF", "BMP")))
        case _:
            return b"<!doctype html>" + bytes(chance.randrange(40))


def read_mixed(home: Path, chance: random.Random) -> None:
    """Read a set of class folders whose files differ in type, depth, range and size.

    Raises
    ------
    AssertionError
        If a file is neither read nor listed, or reading it again gives other pixels.
    """
    root = home / "mixed"
    shutil.rmtree(root, ignore_errors=True)
    alike = picture(chance) if chance.random() < 0.3 else None
    count = 0
    for label in range(chance.choice((1, 2, 3))):
        folder = root / (f"{label}-" + name(chance).replace("/", ""))
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(chance.choice((1, 3, 8))):
            (folder / f"{number}{chance.choice(SUFFIXES[:8])}").write_bytes(
                alike or picture(chance)
            )
            count += 1
    options = {
        "image_size": chance.choice((8, 16)),
        "channels": chance.choice(("rgb", "grey", None)),
        "bit_depth": chance.choice((None, None, 8, 12, 16)),
        "beyond": chance.choice(("clip", "skip", None)),
    }
    if chance.random() < 0.2:
        options |= {"black": chance.choice((0.0, -1.0)), "white": chance.choice((1.0, 1e30))}
    _, images = ingest(root, **{k: v for k, v in options.items() if v is not None})
    _, again = ingest(root, **{k: v for k, v in options.items() if v is not None})
    read = [*images.train_files, *images.test_files, *images.validation_files]
    assert len(set(read)) == len(read), "two files became one"
    assert len(read) + len({item.path for item in images.skipped}) >= count, "a file was lost"
    assert np.array_equal(images.train_images, again.train_images), "other pixels"
    assert images.train_images.dtype == np.uint8


def _tar_of(root: Path, files: list[str], target: Path) -> Path:
    with tarfile.open(target, "w", encoding="utf-8", errors="surrogateescape") as archive:
        for file in files:
            data = Path(file).read_bytes()
            member = tarfile.TarInfo(os.path.relpath(file, root))
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return target
