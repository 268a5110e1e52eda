import gzip
import hashlib
import io
import os
import shutil
import tarfile
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from engine.data import reading
from engine.data.images import IMAGES, ImagesError, data_folder, ingest, load
from engine.data.sources import FolderSource
from engine.specs import FolderImages, Glyphs, IdxImages, ImagesSpec
from engine.specs.schema import SpecError, from_dict, kinds_of
from engine.specs.variants import faithful
from tests.data_sources import real_data
from tests.engine.data.test_idx import files as idx_files
from tests.image_files import classes, encoded, picture, png, tarred, write, zipped


@pytest.fixture
def pets(tmp_path):
    """Two classes, ten and five images."""
    return write(tmp_path / "pets", classes({"cat": 10, "dog": 5}))


def by_file(images):
    """Return pixels and label of every image by part and path."""
    found = {}
    for part in ("train", "test"):
        pixels, labels, files = (
            getattr(images, f"{part}_{w}") for w in ("images", "labels", "files")
        )
        for k, path in enumerate(files):
            found[part, path] = (pixels[k].tobytes(), labels[k])
    return found


def test_that_every_kind_of_images_can_be_loaded():
    assert set(IMAGES) == {spec.kind for spec in kinds_of(ImagesSpec)}


def test_that_a_folder_of_classes_is_split_and_read(pets):
    spec, images = ingest(pets)
    assert spec == FolderImages(name="pets", digest=spec.digest, image_size=8)
    assert images.shape == (3, 8, 8)
    assert images.classes == ("cat", "dog")
    assert Counter(images.test_labels.tolist()) == {0: 2, 1: 1}
    assert images.notes == images.skipped == ()
    assert len(images.train_files) + len(images.test_files) == 15
    for (_, path), (pixels, label) in by_file(images).items():
        with Image.open(pets / path) as image:
            assert pixels == np.asarray(image).transpose(2, 0, 1).tobytes()
        assert images.classes[label] == path.partition("/")[0]


def test_that_the_parts_of_a_folder_are_kept(tmp_path):
    write(tmp_path / "train", classes({"a": 3, "b": 3}))
    write(tmp_path / "test", classes({"b": 2}, seed=1))
    _, images = ingest(tmp_path)
    assert {path.partition("/")[0] for path in images.train_files} == {"train"}
    assert images.test_labels.tolist() == [1, 1]
    assert images.notes == ("1 class has no test image: a.",)


def test_that_images_without_classes_are_test_images_in_the_order_of_their_names(tmp_path):
    write(tmp_path, {f"{k}.png": png(k) for k in (3, 1, 2)})
    _, images = ingest(tmp_path)
    assert images.classes == ()
    assert images.test_files == ("1.png", "2.png", "3.png")
    assert images.test_labels.tolist() == [-1, -1, -1]
    assert images.train_images.shape == (0, 3, 8, 8)
    assert ingest(tmp_path / "2.png")[1].test_files == ("2.png",)


def test_that_a_folder_and_its_archives_are_the_same_set(pets, tmp_path):
    spec, images = ingest(pets)
    copies = [
        shutil.copytree(pets, tmp_path / "elsewhere" / "deep" / "pets"),
        tmp_path / "elsewhere",
        zipped(tmp_path / "elsewhere", tmp_path / "a.zip"),
        tarred(tmp_path / "elsewhere", tmp_path / "b.tar"),
        tarred(tmp_path / "elsewhere", tmp_path / "c.tar.gz"),
        tarred(pets, tmp_path / "pets.tgz"),
    ]
    for path in copies:
        other, same = ingest(path)
        assert other == spec
        assert by_file(same) == by_file(images)
        assert same.test_files == images.test_files


def test_that_the_digest_depends_on_names_and_bytes_of_the_images_alone(pets):
    digest = ingest(pets)[0].digest
    write(pets, {"README.txt": b"about", "cat/.DS_Store": b"x"})
    os.utime(pets / "cat" / "000.png", (0, 0))
    assert ingest(pets, image_size=4, split_seed=5, max_train=2)[0].digest == digest
    # A name that sorts to the same place.
    (pets / "cat" / "000.png").rename(pets / "cat" / "000a.png")
    renamed = ingest(pets)[0].digest
    (pets / "cat" / "001.png").write_bytes(png(77))
    assert len({digest, renamed, ingest(pets)[0].digest}) == 3


def test_that_a_split_is_the_same_whenever_it_is_drawn(pets):
    parts = by_file(ingest(pets)[1]).keys()
    assert by_file(ingest(pets, image_size=4, channels="grey", fit="crop")[1]).keys() == parts
    assert by_file(ingest(pets, split_seed=1)[1]).keys() != parts
    assert by_file(ingest(pets, max_train=3)[1]).keys() <= parts


def test_that_subsets_are_balanced_and_only_they_are_decoded(pets, monkeypatch):
    decoded = []
    decode = reading.decode_fitted
    monkeypatch.setattr(
        reading, "decode_fitted", lambda data, **k: decoded.append(1) or decode(data, **k)
    )
    spec, images = ingest(pets, max_train=6, max_test=2)
    assert Counter(images.train_labels.tolist()) == {0: 3, 1: 3}
    assert Counter(images.test_labels.tolist()) == {0: 1, 1: 1}
    assert len(decoded) == 8
    assert (spec.max_train, spec.max_test) == (6, 2)


def test_that_the_first_images_are_of_all_classes(pets):
    _, images = ingest(pets)
    assert Counter(images.train_labels[:6].tolist()) == {0: 4, 1: 2}


def test_that_a_file_is_read_once(pets, monkeypatch):
    reads = Counter()
    read = FolderSource.read
    monkeypatch.setattr(
        FolderSource, "read", lambda self, e: reads.update([e.path]) or read(self, e)
    )
    ingest(pets, image_size=8, channels="rgb")
    assert set(reads.values()) == {1}
    assert len(reads) == 15


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        ([(28, 28)] * 3, 28),
        ([(200, 100)] * 3, 64),
        ([(20, 30), (20, 20), (90, 20)], 20),
        ([(1, 1)], 2),
        ([(32, 32)] * 9 + [(500, 500)], 32),
    ],
)
def test_that_the_side_follows_the_images(tmp_path, sizes, side):
    write(tmp_path, {f"{k}.png": png(k, size) for k, size in enumerate(sizes)})
    spec, images = ingest(tmp_path)
    assert spec.image_size == side
    assert images.shape == (3, side, side)


def test_that_a_set_is_grey_only_if_all_images_are(tmp_path):
    write(tmp_path, {f"{k:03}.png": png(k, mode="L") for k in range(130)})
    spec, images = ingest(tmp_path)
    assert (spec.channels, images.shape) == ("grey", (1, 8, 8))
    # Not among the sample, which is every third.
    (tmp_path / "100.png").write_bytes(png(0))
    spec, images = ingest(tmp_path)
    assert (spec.channels, images.shape) == ("rgb", (3, 8, 8))
    assert len(images.test_images) == 130
    np.testing.assert_array_equal(
        images.test_images[100], np.asarray(picture(0)).transpose(2, 0, 1)
    )
    assert ingest(tmp_path, channels="grey")[1].shape == (1, 8, 8)


def test_that_what_cannot_be_read_is_reported_and_the_rest_is_kept(pets):
    write(pets, {"cat/005.png": b"no image", "dog/bad.png": b"", "dog/a.txt": b"text"})
    (pets / "dog" / "003.png").write_bytes(png(99)[:-40])
    _, images = ingest(pets)
    assert {item.path: item.reason for item in images.skipped} == {
        "cat/005.png": "not an image of a known format",
        "dog/003.png": "truncated",
        "dog/a.txt": "not an image file (.txt)",
        "dog/bad.png": "empty file",
    }
    assert len(images.train_images) + len(images.test_images) == 13
    for (_, path), (pixels, label) in by_file(images).items():
        with Image.open(pets / path) as image:
            assert pixels == np.asarray(image).transpose(2, 0, 1).tobytes()
        assert images.classes[label] == path.partition("/")[0]


def test_that_rules_and_oddities_are_noted(tmp_path):
    write(tmp_path, classes({"a": 4}))
    write(tmp_path, {"b/1.png": encoded(Image.fromarray(np.eye(8, dtype=np.uint16)))})
    write(tmp_path, {"c": None, "a/x.png": (tmp_path / "a" / "000.png").read_bytes()})
    _, images = ingest(tmp_path)
    assert images.notes == (
        "The class folder 'c' is empty and was left out.",
        "1 class has a single image, which is for training: b.",
        "1 image: 16-bit values were scaled to 8 bits.",
        "1 image: the values span less than two of 256 levels of the range: b/1.png.",
        "1 image of 16 bits uses no value above 4,095: if these are 12 bits, set the bit depth "
        "to 12.",
        "1 file is an exact copy of another: a/x.png.",
        "1 test image is also among the training images: a/000.png.",
    )


@pytest.mark.parametrize("name", ["日本語", "🦊 fox", "café"])
def test_that_names_of_every_script_work(tmp_path, name):
    write(tmp_path / name, {f"{name}/{name}.png": png(0), "other/1.png": png(1)})
    spec, images = ingest(tmp_path / name)
    assert spec.name == name
    assert name in images.classes
    assert ingest(zipped(tmp_path / name, tmp_path / f"{name}.zip"))[0].digest == spec.digest


def test_that_loading_a_spec_gives_the_set_that_was_ingested(pets):
    spec, images = ingest(pets, max_train=7, split_seed=3, image_size=6, fit="crop")
    asked = []
    same = load(from_dict(spec.as_dict()), lambda digest: asked.append(digest) or pets)
    assert asked == [spec.digest]
    assert by_file(same) == by_file(images)
    assert (same.train_files, same.notes) == (images.train_files, images.notes)


def test_that_images_that_changed_are_not_loaded(pets, tmp_path):
    spec, _ = ingest(pets)
    (pets / "dog" / "000.png").unlink()
    with pytest.raises(ImagesError, match=r"pets changed since pets was added"):
        load(spec, lambda digest: pets)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImagesError, match="changed"):
        load(spec, lambda digest: tmp_path / "empty")
    with pytest.raises(ImagesError, match="changed"):
        load(IdxImages(name="pets", digest=spec.digest), lambda digest: pets)


def test_that_several_dropped_paths_can_be_loaded_again(pets):
    places = [pets / "cat", pets / "dog" / "000.png"]
    spec, images = ingest(places)
    assert spec.name == "2 dropped items"
    assert by_file(load(spec, lambda digest: places)) == by_file(images)


def test_that_progress_and_cancelling_reach_the_reading(pets):
    seen = []
    ingest(pets, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (15, 15)

    def cancel():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(pets, check_cancelled=cancel)
    with pytest.raises(KeyboardInterrupt):
        load(ingest(pets)[0], lambda digest: pets, check_cancelled=cancel)


def refused(path, **options):
    with pytest.raises(ImagesError) as caught:
        ingest(path, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_that_what_cannot_be_used_is_said_in_one_sentence(tmp_path):
    assert "does not exist" in refused(tmp_path / "missing")
    assert "is empty" in refused(tmp_path)
    write(tmp_path, {"bad/1.png": b"x", "bad/2.png": b"x", "bad/3.png": b"", "text/a.txt": b"x"})
    assert "no supported type" in refused(tmp_path / "text" / "a.txt")
    assert "not an image file (.txt)" in refused(tmp_path / "text")
    text = refused(tmp_path / "bad")
    assert "2 of 3 files" in text
    assert "not an image of a known format" in text
    (tmp_path / "broken.zip").write_bytes(b"no zip")
    assert "broken.zip is damaged" in refused(tmp_path / "broken.zip")


def test_that_options_are_checked_by_the_spec(pets):
    for option in ({"image_size": 1}, {"fit": "squash"}, {"max_train": 0}, {"test_fraction": 1.1}):
        with pytest.raises(SpecError, match=next(iter(option))):
            ingest(pets, **option)


def test_that_the_files_of_mnist_are_a_set_gzipped_or_not(tmp_path):
    plain = write(tmp_path / "plain" / "raw", idx_files(train=30, test=9))
    packed = {f"{name}.gz": gzip.compress(data) for name, data in idx_files(30, 9).items()}
    spec, images = ingest(plain.parent)
    assert isinstance(spec, IdxImages)
    assert images.shape == (1, 3, 5)
    assert images.classes == ("0", "1", "2")
    assert images.train_labels[:4].tolist() == [0, 1, 2, 0]
    other, _ = ingest(write(tmp_path / "packed", packed))
    assert other.digest == spec.digest
    limited, few = ingest(plain, max_train=6)
    assert Counter(few.train_labels.tolist()) == {0: 2, 1: 2, 2: 2}
    first = few.train_images[:, 0, 0, 0].tolist()
    assert first == sorted(first)
    again = load(limited, lambda digest: tmp_path / "packed")
    np.testing.assert_array_equal(again.train_images, few.train_images)


def test_that_the_first_training_images_can_be_held_out(tmp_path):
    place = write(tmp_path, idx_files(train=30, test=9))
    spec, whole = ingest(place)
    images = load(spec.replace("held_out", 7), lambda digest: place)
    np.testing.assert_array_equal(images.train_images, whole.train_images[7:])
    np.testing.assert_array_equal(images.train_labels, whole.train_labels[7:])
    np.testing.assert_array_equal(images.test_images, whole.test_images)
    few = load(spec.replace("held_out", 7).replace("max_train", 6), lambda digest: place)
    kept = {image.tobytes() for image in whole.train_images[7:]}
    assert len(few.train_images) == 6
    assert all(image.tobytes() in kept for image in few.train_images)
    with pytest.raises(ImagesError, match="held_out is 30, must be below the 30 training images"):
        load(spec.replace("held_out", 30), lambda digest: place)


def test_that_the_released_code_trains_on_55000_images_of_mnist():
    spec, whole = ingest(real_data("mnist"))
    images = load(faithful(spec), lambda digest: real_data("mnist"))
    assert len(images.train_images) == 55_000
    np.testing.assert_array_equal(images.train_images[0], whole.train_images[5000])
    np.testing.assert_array_equal(images.train_labels, whole.train_labels[5000:])


def test_that_changed_files_of_mnist_are_not_loaded(tmp_path):
    spec, _ = ingest(write(tmp_path, idx_files()))
    write(tmp_path, idx_files(train=9))
    with pytest.raises(ImagesError, match="changed"):
        load(spec, lambda digest: tmp_path)


def test_that_built_in_images_need_no_place():
    images = load(Glyphs(train=10, test=10), lambda digest: pytest.fail("nothing to locate"))
    assert len(images.train_images) == 10


def test_that_real_data_is_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    monkeypatch.setenv("ISTHMUS_DATA", "")
    assert data_folder().parts[-2:] == ("shared", "data")


def test_that_mnist_is_read_as_published():
    spec, images = ingest(real_data("mnist"))
    assert isinstance(spec, IdxImages)
    assert images.train_images.shape == (60_000, 1, 28, 28)
    head = bytes([0, 0, 8, 3]) + np.array([10_000, 28, 28], ">u4").tobytes()
    md5 = hashlib.md5(head + images.test_images.tobytes()).hexdigest()
    assert md5 == "2646ac647ad5339dbf082846283269ea"
    assert images.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(images.test_labels).tolist() == [
        *(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
    ]
    np.testing.assert_allclose(images.channel_mean, 0.1307, atol=5e-5)


def test_that_real_jpegs_are_alike_from_a_tar_from_a_folder_and_from_pillow(tmp_path):
    count = 2 * reading.BATCH_FILES
    with (
        tarfile.open(real_data("cifar10-images.tar.gz")) as whole,
        tarfile.open(tmp_path / "first.tar.gz", "w:gz") as first,
    ):
        while len(first.members) < count:
            member = whole.next()
            data = whole.extractfile(member).read() if member.isfile() else b""
            first.addfile(member, io.BytesIO(data))
            if data:
                write(tmp_path / "folder", {member.name: data})
    packed, images = ingest(tmp_path / "first.tar.gz")
    folder, same = ingest(tmp_path / "folder")
    assert folder == packed
    assert (packed.image_size, packed.channels) == (32, "rgb")
    assert by_file(images) == by_file(same)
    assert len(same.test_files) > count - 20
    root = next((tmp_path / "folder").rglob(same.test_files[0].rpartition("/")[2])).parent
    for k, path in enumerate(same.test_files):
        with Image.open(root / path) as image:
            np.testing.assert_array_equal(same.test_images[k], np.asarray(image).transpose(2, 0, 1))


def test_that_labels_of_idx_files_that_do_not_belong_together_are_said(tmp_path):
    found = idx_files(train=30, test=9)
    name = "train-labels-idx1-ubyte"
    found[name] = found[name][:8] + bytes(label + 90 for label in found[name][8:])
    _, images = ingest(write(tmp_path, found))
    assert any("no training image" in note for note in images.notes), images.notes
    assert any("no test image" in note for note in images.notes), images.notes
