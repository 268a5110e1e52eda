import time

import numpy as np
import pytest

from engine.data import reading as module
from engine.data.reading import ColourFound, Wish, compact, read_images
from engine.data.sources import FolderSource, ImagesError, never, silent
from tests.image_files import encoded, picture, png, write

WISH = Wish(8, "rgb", "resize")


def read(root, rows=None, wish=WISH, check=never, progress=silent):
    source = FolderSource([root], never, silent)
    entries = source.listing.entries
    rows = list(range(len(entries))) if rows is None else rows
    return read_images(source, entries, rows, wish, check_cancelled=check, progress=progress)


def many(root, count):
    return write(root, {f"{k:04}.png": png(k) for k in range(count)})


def test_that_every_image_lands_in_its_row(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BATCH_FILES", 3)
    rows = [4, -1, 0, 3, 1, 2, -1]
    reading = read(many(tmp_path, 7), rows)
    for k, row in enumerate(rows):
        if row >= 0:
            expected = np.asarray(picture(k)).transpose(2, 0, 1)
            np.testing.assert_array_equal(reading.pixels[row], expected)
    assert reading.is_read.all()
    assert len(set(reading.hashes)) == 7


def test_that_bytes_are_hashed_also_where_no_pixels_are_wanted_or_had(tmp_path):
    write(tmp_path, {"1.png": b"no image", "2.png": png(1)})
    reading = read(tmp_path, [0, -1])
    assert None not in reading.hashes
    assert reading.is_read.tolist() == [False]
    assert [item.path for item in reading.skipped] == ["1.png"]


def test_that_sizes_and_rules_are_counted(tmp_path):
    rotated = picture(size=(8, 4))
    exif = rotated.getexif()
    exif[0x0112] = 6
    write(tmp_path, {"1.png": png(), "2.png": encoded(rotated, exif=exif), "3.png": png(1)})
    reading = read(tmp_path)
    assert reading.sizes == {(8, 8): 2, (8, 4): 1}
    assert list(reading.rules.values()) == [1]


def test_that_colour_among_grey_images_ends_the_reading_if_asked(tmp_path):
    write(tmp_path, {"1.png": png(mode="L"), "2.png": png()})
    wish = Wish(8, "grey", "resize")
    assert read(tmp_path, wish=wish).pixels.shape == (2, 1, 8, 8)
    with pytest.raises(ColourFound):
        read(tmp_path, wish=Wish(8, "grey", "resize", grey_only=True))


def test_that_progress_rises_to_the_total(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BATCH_FILES", 3)
    seen = []
    read(many(tmp_path, 10), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3, 10), (6, 10), (9, 10), (10, 10)]


def test_that_a_cancelled_reading_ends_in_the_middle_of_a_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BATCH_FILES", 20)
    decoded = []
    decode = module.decode_fitted

    def slow(*args, **options):
        decoded.append(1)
        time.sleep(0.02)
        return decode(*args, **options)

    monkeypatch.setattr(module, "decode_fitted", slow)
    looks = []

    def cancel():
        looks.append(1)
        if len(looks) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(many(tmp_path, 60), check=cancel)
    assert len(decoded) < 20
    assert len(looks) == 2


def test_that_images_that_do_not_fit_into_the_memory_are_refused(tmp_path, monkeypatch):
    def refuse(*_):
        raise MemoryError

    many(tmp_path, 1)
    monkeypatch.setattr(np, "empty", refuse)
    with pytest.raises(ImagesError, match="image_size is 8, must be smaller"):
        read(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99, 1.0])
def test_that_rows_are_moved_to_the_front_in_place(share):
    generator = np.random.default_rng(0)
    array = generator.integers(0, 256, (3000, 1, 2, 2), dtype=np.uint8)
    keep = generator.random(3000) < share
    expected = array[keep]
    kept = compact(array, keep)
    np.testing.assert_array_equal(kept, expected)
    assert np.shares_memory(kept, array) or not len(kept)
