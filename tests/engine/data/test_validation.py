"""The validation part: drawn from the training images, or found in a folder of its own."""

import numpy as np
import pytest

from engine.data.cache import ImageCache
from engine.data.images import ImagesError, ingest, load
from engine.specs import FolderImages, Gaussians2D, Glyphs
from engine.specs.proposals import validation_for
from tests.image_files import classes, write


@pytest.fixture
def parts(tmp_path):
    """A folder with all three parts: 6 training, 4 test and 4 validation images of two classes."""
    for name, count, seed in (("train", 3, 0), ("test", 2, 1), ("val", 2, 2)):
        write(tmp_path / "set" / name, classes({"a": count, "b": count}, seed=seed))
    return tmp_path / "set"


def pixels(images, part):
    return [image.tobytes() for image in getattr(images, f"{part}_images")]


@pytest.mark.parametrize("spec", [Glyphs(train=203, test=20), Gaussians2D(per_class=50)])
def test_that_the_part_is_a_stratified_share_of_the_training_images(spec):
    whole = load(spec, lambda digest: digest)
    images = load(spec.replace("validation", 0.1), lambda digest: digest)
    assert len(whole.validation_images) == 0
    assert whole.validation_images.shape[1:] == whole.shape
    held = set(pixels(images, "validation"))
    before = pixels(whole, "train")
    assert pixels(images, "train") == [one for one in before if one not in held]
    assert pixels(images, "validation") == [one for one in before if one in held]
    np.testing.assert_array_equal(images.test_images, whole.test_images)
    total, part = (np.bincount(found) for found in (whole.train_labels, images.validation_labels))
    assert (part == np.round(0.1 * total)).all()


def test_that_the_part_depends_on_the_seed_and_grows_with_the_share():
    def held(**changes):
        spec = Glyphs(train=200, test=20, **changes)
        return set(pixels(load(spec, lambda digest: digest), "validation"))

    assert held(validation=0.1) == held(validation=0.1) < held(validation=0.3)
    first, second = Glyphs(), Glyphs(seed=1)
    assert (first.drawn_by, second.drawn_by) == (0, 1)


def test_that_files_are_held_out_by_their_split_seed(tmp_path):
    path = write(tmp_path / "pets", classes({"cat": 20, "dog": 10}))
    whole = ingest(path)[1]
    spec, images = ingest(path, validation=0.25)
    assert spec == FolderImages(name="pets", digest=spec.digest, image_size=8, validation=0.25)
    held = set(images.validation_files)
    assert len(held) == 4 + 2
    assert images.train_files == tuple(name for name in whole.train_files if name not in held)
    assert images.test_files == whole.test_files
    assert set(ingest(path, validation=0.25, split_seed=1)[1].validation_files) != held
    again = load(spec, lambda digest: path)
    assert (again.validation_files, again.train_files) == (
        images.validation_files,
        images.train_files,
    )


def test_that_a_validation_folder_is_the_part_whatever_the_share(parts):
    spec, images = ingest(parts, validation=0.3)
    assert {name.partition("/")[0] for name in images.validation_files} == {"val"}
    assert (len(images.train_files), len(images.validation_files)) == (6, 4)
    assert images.validation_labels.tolist().count(0) == 2
    assert images.skipped == images.notes == ()
    assert pixels(load(spec, lambda digest: parts), "validation") == pixels(images, "validation")


def test_that_a_validation_folder_is_left_out_without_a_part(parts):
    spec, images = ingest(parts)
    assert [item.path for item in images.skipped] == [
        f"val/{name}/00{k}.png" for name in "ab" for k in range(2)
    ]
    assert images.notes == ("The folder 'val' was left out: no validation part is asked for.",)
    asked = load(spec.replace("validation", 0.1), lambda digest: parts)
    assert len(asked.validation_files) == 4
    assert asked.train_files == images.train_files


def test_that_images_from_before_there_were_parts_are_known_again(parts, tmp_path):
    """Their digest leaves the validation folder out; with a part it has to count."""
    write(tmp_path / "old" / "train", classes({"a": 3, "b": 3}, seed=0))
    write(tmp_path / "old" / "test", classes({"a": 2, "b": 2}, seed=1))
    old = ingest(tmp_path / "old")[0]
    assert old.digest != ingest(parts)[0].digest
    assert len(load(old, lambda digest: parts).train_files) == 6
    with pytest.raises(ImagesError, match="changed since old was added"):
        load(old.replace("validation", 0.1), lambda digest: parts)


def test_that_a_changed_validation_image_is_another_set(parts):
    spec, _ = ingest(parts, validation=0.1)
    first, second = sorted((parts / "val" / "a").iterdir())
    first.write_bytes(second.read_bytes())
    with pytest.raises(ImagesError, match="changed since"):
        load(spec, lambda digest: parts)


def test_that_the_cache_keeps_the_part(parts, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.data.cache.WORTH_SECONDS", 0.0)
    monkeypatch.setattr("engine.data.cache.SETTLED_SECONDS", -1.0)
    cache = ImageCache(tmp_path / "cache")
    spec, images = ingest(parts, validation=0.1, cache=cache)
    monkeypatch.setattr("engine.data.images.open_source", None)
    for again in (
        ingest(parts, validation=0.1, cache=cache)[1],
        load(spec, lambda digest: parts, cache=cache),
    ):
        assert again.validation_files == images.validation_files
        assert pixels(again, "validation") == pixels(images, "validation")


@pytest.mark.parametrize(
    ("train", "share"),
    [(0, 0), (99, 0), (100, 0.2), (800, 0.125), (3000, 0.1), (50_000, 0.1), (60_000, 1 / 12)],
)
def test_that_a_part_is_proposed_that_can_tell_epochs_apart(train, share):
    assert validation_for(train) == pytest.approx(share, abs=1e-6)


def test_that_the_proposal_is_taken_if_it_is_asked_for(parts, tmp_path):
    small = write(tmp_path / "small", classes({"cat": 10, "dog": 5}))
    large = write(tmp_path / "large", classes({"cat": 150, "dog": 100}))
    assert ingest(small, validation=None)[0].validation == 0
    spec, images = ingest(large, validation=None)
    assert (spec.validation, len(images.validation_files)) == (0.2, 40)
    assert ingest(parts, validation=None)[0].validation == 0.1
    assert ingest(large)[0].validation == 0, "what a script or a preset reads stays as it was"
