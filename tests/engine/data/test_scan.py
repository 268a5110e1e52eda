import os

import pytest

from engine.data.scan import IDX_NAMES, TEST_NAMES, VALIDATION_NAMES, scan
from engine.data.sources import ImagesError
from tests.image_files import tarred, write, zipped

CLASSES = ("cat/1.png", "cat/2.png", "dog/1.png")


def tree(root, paths, prefix=""):
    """Write files that no test decodes; a path that ends in a slash is an empty folder."""
    names = {prefix + path: None if path.endswith("/") else b"x" for path in paths}
    return write(root, names)


def placed(found):
    """Return label and part of every image by path."""
    names = (*found.classes, "")
    return {image.path: (names[image.label], image.part) for image in found.images}


def reasons(found):
    return {item.path: item.reason for item in found.skipped}


@pytest.mark.parametrize("wrapper", ["", "set/", "outer/set/"])
def test_that_folders_are_classes_in_any_wrapping(tmp_path, wrapper):
    found = scan(tree(tmp_path, CLASSES, wrapper))
    assert placed(found) == {
        "cat/1.png": ("cat", "either"),
        "cat/2.png": ("cat", "either"),
        "dog/1.png": ("dog", "either"),
    }
    assert found.name == ("set" if wrapper else tmp_path.name)
    assert found.skipped == found.notes == ()


@pytest.mark.parametrize("test", [*TEST_NAMES, *VALIDATION_NAMES, "Test", "VAL"])
def test_that_parts_are_told_by_name(tmp_path, test):
    found = scan(
        tree(tmp_path, ("train/cat/1.png", "train/dog/1.png", f"{test}/cat/1.png"), "set/")
    )
    assert placed(found) == {
        "train/cat/1.png": ("cat", "train"),
        "train/dog/1.png": ("dog", "train"),
        f"{test}/cat/1.png": ("cat", "test"),
    }
    assert found.classes == ("cat", "dog")
    assert ("serves as the test set" in "".join(found.notes)) == (test.lower() in VALIDATION_NAMES)


@pytest.mark.parametrize("name", VALIDATION_NAMES)
def test_that_a_validation_folder_beside_a_test_folder_is_a_part_of_its_own(tmp_path, name):
    paths = (f"{name}/a/1.png", f"{name}/b/1.png", "train/a/1.png", "test/a/1.png", "x/a/1.png")
    found = scan(tree(tmp_path, paths))
    assert list(placed(found)) == ["test/a/1.png", "train/a/1.png"]
    assert [(image.path, image.label) for image in found.validation] == [(f"{name}/a/1.png", 0)]
    assert found.classes == ("a",), "a class that only validation images have cannot be trained"
    assert list(reasons(found)) == [f"{name}/b/1.png", "x/a/1.png"]
    assert found.notes == ()


def test_that_a_validation_folder_without_classes_is_left_out(tmp_path):
    found = scan(tree(tmp_path, ("train/1.png", "val/1.png", "test/1.png")))
    assert list(placed(found)) == ["test/1.png", "train/1.png"]
    assert (found.classes, found.validation) == ((), ())
    assert list(reasons(found)) == ["val/1.png"]


def test_that_a_lone_training_folder_is_a_wrapper(tmp_path):
    found = scan(tree(tmp_path, CLASSES, "set/train/"))
    assert found.classes == ("cat", "dog")
    assert {image.part for image in found.images} == {"either"}
    assert found.name == "set"


def test_that_a_class_may_have_folders_of_its_own(tmp_path):
    found = scan(tree(tmp_path, ("cat/a/1.png", "cat/b/c/2.png", "dog/1.png")))
    assert [image.label for image in found.images] == [0, 0, 1]


@pytest.mark.parametrize("paths", [("1.png", "2.png"), ("1.png", "more/2.png")])
@pytest.mark.parametrize("wrapper", ["", "set/"])
def test_that_images_without_class_folders_are_unlabelled(tmp_path, paths, wrapper):
    found = scan(tree(tmp_path, paths, wrapper))
    assert placed(found) == dict.fromkeys(paths, ("", "either"))
    assert found.classes == ()


def test_that_parts_without_classes_are_unlabelled(tmp_path):
    found = scan(tree(tmp_path, ("train/1.png", "test/2.png")))
    assert [image.label for image in found.images] == [-1, -1]


def test_that_an_image_beside_class_folders_is_skipped(tmp_path):
    found = scan(tree(tmp_path, (*CLASSES, "cover.png")))
    assert reasons(found) == {"cover.png": "not in a class folder"}
    found = scan(tree(tmp_path / "parts", ("train/a/1.png", "test/a/1.png", "test/2.png", "3.png")))
    assert reasons(found) == {
        "3.png": "outside test and train",
        "test/2.png": "not in a class folder",
    } or reasons(found) == {
        "3.png": "outside train and test",
        "test/2.png": "not in a class folder",
    }


def test_that_an_empty_class_folder_is_left_out_with_a_note(tmp_path):
    found = scan(tree(tmp_path, (*CLASSES, "bird/")))
    assert found.classes == ("cat", "dog")
    assert found.notes == ("The class folder 'bird' is empty and was left out.",)


def test_that_one_class_beside_empty_ones_is_a_class(tmp_path):
    found = scan(tree(tmp_path, ("cat/1.png", "dog/"), "set/"))
    assert found.classes == ("cat",)
    assert found.name == "set"


def test_that_an_empty_folder_beside_a_wrapper_makes_no_class(tmp_path):
    assert scan(tree(tmp_path, (*(f"set/{path}" for path in CLASSES), "new/"))).name == "set"


def test_that_photographs_of_phones_are_taken_and_videos_named_as_such(tmp_path):
    paths = ("cat/1.avif", "cat/2.HEIC", "dog/3.png", "dog/4.MOV", "dog/5.mp4", "dog/6.heics")
    found = scan(tree(tmp_path, paths))
    assert [image.path for image in found.images] == ["cat/1.avif", "cat/2.HEIC", "dog/3.png"]
    assert reasons(found) == {
        "dog/4.MOV": "a video (.mov); only single images are read",
        "dog/5.mp4": "a video (.mp4); only single images are read",
        "dog/6.heics": "a sequence of HEIC photographs (.heics); only single images are read",
    }


def test_that_other_files_are_listed_with_the_reason(tmp_path):
    found = scan(tree(tmp_path, ("cat/1.JPEG", "dog/2.TiF", "notes/a.txt", "b.zip", "README")))
    assert [image.path for image in found.images] == ["cat/1.JPEG", "dog/2.TiF"]
    assert reasons(found) == {
        "README": "not an image file (no suffix)",
        "b.zip": "an archive among other files is not opened",
        "notes/a.txt": "not an image file (.txt)",
    }


def test_that_a_folder_a_zip_and_a_tar_hold_the_same(tmp_path):
    folder = tree(tmp_path / "one", ("train/猫/1.png", "train/dog/1.png", "test/dog/1.png"), "set/")
    wanted = scan(folder)
    for path in (
        folder / "set",
        zipped(folder, tmp_path / "a.zip"),
        tarred(folder, tmp_path / "a.tar"),
        tarred(folder, tmp_path / "a.tgz"),
    ):
        found = scan(path)
        assert placed(found) == placed(wanted)
        assert (found.name, found.classes) == (wanted.name, wanted.classes)


def test_that_single_files_and_lists_are_taken(tmp_path):
    tree(tmp_path, (*CLASSES, "3.png"))
    assert placed(scan(tmp_path / "3.png")) == {"3.png": ("", "either")}
    several = scan([tmp_path / "dog", tmp_path / "cat"])
    assert several.classes == ("cat", "dog")
    files = scan([tmp_path / "3.png", tmp_path / "cat" / "2.png"])
    assert list(placed(files)) == ["2.png", "3.png"]


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("folder", ["", "MNIST/raw/"])
def test_that_the_files_of_mnist_are_found(tmp_path, suffix, folder):
    found = scan(tree(tmp_path, [f"{name}{suffix}" for name in IDX_NAMES], folder))
    assert set(found.idx) == set(IDX_NAMES)
    assert found.images == ()


def test_that_three_files_of_mnist_are_not_enough(tmp_path):
    assert scan(tree(tmp_path, IDX_NAMES[1:])).idx == {}


def test_that_a_path_that_cannot_be_used_is_named(tmp_path):
    with pytest.raises(ImagesError, match="missing does not exist"):
        scan(tmp_path / "missing")
    with pytest.raises(ImagesError, match="no path"):
        scan([])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_that_a_dropped_fifo_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "1.png")
    with pytest.raises(ImagesError, match="neither a file nor a folder"):
        scan(tmp_path / "1.png")


def test_that_a_dropped_folder_without_permission_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ImagesError, match="no permission"):
        scan(tmp_path)


def test_that_names_as_turkish_systems_write_them_are_read(tmp_path):
    found = scan(tree(tmp_path, ("TRAİN/cat/1.GİF", "TRAİN/dog/1.TİFF", "TEST/cat/2.JPG")))
    assert placed(found) == {
        "TEST/cat/2.JPG": ("cat", "test"),
        "TRAİN/cat/1.GİF": ("cat", "train"),
        "TRAİN/dog/1.TİFF": ("dog", "train"),
    }
    assert not found.skipped
