"""Images that are shown beside the study's own."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from engine.data.images import ingest
from engine.specs import FolderImages, Glyphs
from gui.session import guests
from gui.session.guests import MOST, how_prepared, image_files, prepared_like, read, spread


def paint(path, size, *, left=200, middle=100):
    """Write a picture whose outer thirds have another colour than its middle third."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size[1], size[0], 3), left, np.uint8)
    pixels[:, size[0] // 3 : 2 * size[0] // 3] = middle
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("fit", ["resize", "crop", "pad"])
def test_that_an_image_is_prepared_exactly_as_the_training_set_was(tmp_path, fit):
    for name in ("train/a/1", "train/b/1", "test/a/1", "test/b/1"):
        paint(tmp_path / "set" / f"{name}.png", (90, 30))
    like, images = ingest(tmp_path / "set", image_size=24, channels="rgb", fit=fit)
    form = prepared_like(like, images.shape)
    alone = paint(tmp_path / "one.png", (90, 30))
    _, spec, found, total = read([alone], tmp_path / "copies", form, lambda: None)
    assert total == 1
    assert spec.fit == fit
    np.testing.assert_array_equal(found.test_images[0], images.test_images[0])
    assert like.title in how_prepared(like, images)


def test_that_each_way_of_making_square_has_its_own_words():
    images = replace(_images(1, ()), notes=("1 image of 90x30 pixels: stretched to 2x2.",))
    said = {how_prepared(FolderImages(name="x", digest="", fit=fit), images) for fit in FITS}
    assert len(said) == len(FITS)
    assert "brightness" in how_prepared(Glyphs(), images)


def test_that_an_image_of_the_right_size_is_not_said_to_be_stretched(tmp_path):
    form = {"image_size": 8, "channels": "rgb", "validation": 0.0}
    for side, words in ((8, "Kept at 8 x 8 px, the shape of"), (9, "Stretched to 8 x 8 px, the")):
        path = paint(tmp_path / f"{side}.png", (side, side))
        _, spec, images, _ = read([path], tmp_path / "copies", form, lambda: None)
        assert how_prepared(Glyphs(), images).startswith(words)
        assert "stretched" not in how_prepared(spec, images) or side == 9


def test_that_transparency_laid_over_white_is_said_where_the_image_is_used(tmp_path):
    clear = np.zeros((8, 8, 4), np.uint8)
    clear[..., :3] = 255  # white strokes of a drawing without a ground: nothing is left of them
    Image.fromarray(clear).save(tmp_path / "drawing.png")
    form = {"image_size": 8, "channels": "grey", "validation": 0.0}
    _, _, images, _ = read([tmp_path / "drawing.png"], tmp_path / "copies", form, lambda: None)
    assert (images.test_images == 255).all()
    said = how_prepared(Glyphs(), images)
    assert said.endswith("as those are no files. 1 image: transparency was laid over white.")


FITS = ("resize", "crop", "pad")


def test_that_a_folder_of_class_folders_gives_all_its_images_without_classes(tmp_path):
    for name in ("a/1", "a/2", "b/1"):
        paint(tmp_path / "set" / f"{name}.png", (8, 8))
    (tmp_path / "set" / "a" / "notes.txt").write_text("none")
    form = {"image_size": 8, "channels": "rgb", "validation": 0.0}
    place, _, images, total = read([tmp_path / "set"], tmp_path / "copies", form, lambda: None)
    assert place == tmp_path / "copies"
    assert (len(images.test_images), len(images.train_images), total) == (3, 0, 3)
    assert images.test_files == ("2.png", "a 1.png", "b 1.png")


def test_that_a_flat_folder_is_read_where_it_is(tmp_path):
    paint(tmp_path / "set" / "1.png", (8, 8))
    form = {"image_size": 8, "channels": "grey", "validation": 0.0}
    place, _, images, _ = read([tmp_path / "set"], tmp_path / "copies", form, lambda: None)
    assert place == tmp_path / "set"
    assert images.shape == (1, 8, 8)
    assert not (tmp_path / "copies").exists()


def test_that_a_folder_without_images_is_refused_by_name(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty holds no image file"):
        read([tmp_path / "empty"], tmp_path / "copies", {}, lambda: None)


def test_that_of_very_many_images_every_folder_has_its_share(tmp_path):
    files = [tmp_path / name / f"{k:03}.png" for name in "abc" for k in range(MOST)]
    chosen = spread(files, MOST)
    assert len(chosen) <= MOST
    assert {file.parent.name for file in chosen} == set("abc")


def test_that_hidden_files_are_no_images(tmp_path):
    paint(tmp_path / "1.png", (8, 8))
    paint(tmp_path / ".thumbnails" / ".2.png", (8, 8))
    assert image_files([tmp_path], lambda: None) == [tmp_path / "1.png"]


def test_that_a_page_lists_the_studys_images_first_and_finds_each_in_its_own_set():
    glyphs, photos = Glyphs(train=10, test=10), FolderImages(name="p", digest="d")
    own, added = _images(3, "012"), _images(2, ())
    shown = guests.ShownImages(glyphs, own, (guests.Guest(photos, added, "Stretched."),))
    assert len(shown) == 5
    assert shown.labels.tolist() == [0, 1, 2, -1, -1]
    assert shown.by_set([4, 1, 3]) == [(photos, [1, 0], [0, 2]), (glyphs, [1], [1])]
    assert shown.place_of(photos, [1]) == [4]
    assert shown.place_of(None, [2]) == [2]
    assert (shown.note(0), shown.note(3)) == ("", "Stretched.")
    np.testing.assert_array_equal(shown[4], added.test_images[1])
    with pytest.raises(IndexError):
        shown[5]


def _images(count, classes):
    from engine.data.image_set import ImageSet

    pixels = np.arange(count * 4, dtype=np.uint8).reshape(count, 1, 2, 2)
    labels = np.arange(count) if classes else np.full(count, -1)
    return ImageSet(
        train_images=pixels[:0],
        train_labels=labels[:0].astype(np.int64),
        test_images=pixels,
        test_labels=labels.astype(np.int64),
        classes=tuple(classes),
    )
