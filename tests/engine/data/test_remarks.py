from collections import Counter

import numpy as np

from engine.data.image_set import ImageSet, Skipped
from engine.data.remarks import (
    class_doubt,
    class_remarks,
    copy_remarks,
    rule_remarks,
    size_remarks,
)
from engine.data.traits import Traits
from engine.data.values import CLIPPED
from engine.specs import FolderImages


def folder(**changes):
    return FolderImages(name="set", digest="", image_size=8, **changes)


def test_that_rules_are_counted_in_sentences():
    plain, turned = Traits(), Traits(rules=("it was turned",))
    both = Traits(rules=("a frame was taken", "it was turned"))
    traits = [plain, None, *[turned] * 1199, both]
    assert rule_remarks([""] * len(traits), traits) == [
        "1 image: a frame was taken.",
        "1,200 images: it was turned.",
    ]


def test_that_images_that_disagree_with_the_rule_of_the_set_are_named():
    clipped = Traits(rules=(CLIPPED,))
    (text,) = rule_remarks(["a.tif", "b.tif", "c.tif"], [clipped, Traits(), clipped])
    assert text == f"2 images: {CLIPPED}: a.tif, c.tif."


def test_that_nothing_is_said_where_all_images_have_the_size():
    assert size_remarks(Counter({(8, 8): 5}), folder()) == []


def test_that_other_sizes_are_named_with_what_was_done():
    sizes = Counter({(8, 8): 5, (20, 10): 2, (4, 4): 1})
    (text,) = size_remarks(sizes, folder(fit="pad"))
    assert text == "3 images of 4x4 to 20x10 pixels: set on a black square and resized to 8x8."
    assert size_remarks(Counter({(9, 9): 1}), folder()) == [
        "1 image of 9x9 pixels: resized to 8x8."
    ]


def labels(*values):
    return np.array(values, np.int64)


def test_that_classes_that_cannot_be_learned_or_tested_are_named():
    found = class_remarks("abcde", labels(0, 0, 1, 2, 2), labels(0, 3))
    assert found == [
        "1 class has no readable image: e.",
        "1 class has a single image, which is for training: b.",
        "1 class has no test image: c.",
        "1 class has no training image: d.",
    ]
    assert class_remarks("ab", labels(0, 1), labels(0, 1)) == []


def test_that_a_missing_test_set_is_not_told_class_by_class():
    assert class_remarks("ab", labels(0, 0, 1, 1), labels()) == []


def test_that_one_class_and_none_are_told():
    assert "only one class" in class_remarks("a", labels(0, 0), labels(0))[0]
    assert "unlabelled" in class_remarks("", labels(), labels(-1))[0]


def test_that_a_set_for_tests_alone_is_no_fault():
    assert class_remarks("ab", labels(), labels(0, 1)) == []


def test_that_long_lists_are_cut():
    names = [f"c{k}" for k in range(9)]
    (text,) = class_remarks(names, labels(8, 8), labels(*range(9)))
    assert text == "8 classes have no training image: c0, c1, c2, c3, c4 and 3 more."


def test_that_copies_are_named_above_all_across_the_parts():
    paths = ["a", "b", "c", "d"]
    assert copy_remarks(paths, [b"1", b"2", b"3", None], [0, 1], [2]) == []
    assert copy_remarks(paths, [b"1", b"2", b"2", b"1"], [0], [3]) == [
        "2 files are exact copies of another: c, d.",
        "1 test image is also among the training images: d.",
    ]
    assert len(copy_remarks(paths, [b"1", b"1", b"3", b"4"], [0, 1], [2, 3])) == 1


def found(folders, each, *, skipped=0, classes=None):
    """Return a set with some images in each of these folders; the first part names the class."""
    classes = classes or sorted({folder.split("/")[0] for folder in folders})
    files = [f"{folder}/{k}.png" for folder in folders for k in range(each)]
    known = [classes.index(file.split("/")[0]) for file in files]
    return ImageSet(
        train_images=np.zeros((len(files), 1, 2, 2), np.uint8),
        train_labels=np.array(known, dtype=np.int64),
        test_images=np.zeros((0, 1, 2, 2), np.uint8),
        test_labels=np.zeros(0, np.int64),
        classes=tuple(classes),
        train_files=tuple(files),
        skipped=tuple(Skipped(f"{k}.svg", "not an image") for k in range(skipped)),
    )


def test_that_folders_of_classes_raise_no_doubt():
    assert class_doubt("pets", found(["cat", "dog"], 20, skipped=30)) == ""
    assert class_doubt("tiny", found(["a/images", "b/images", "c/images"], 20)) == ""
    assert class_doubt("two", found(["cat", "dog"], 1)) == ""


def test_that_folders_unlike_classes_are_doubted_with_their_numbers():
    icons = found([f"{side}/{kind}" for side in ("16", "32") for kind in "abcdefg"], 10)
    assert "the images lie in 14 folders" in class_doubt("icons", icons)
    left = class_doubt("home", found(["a", "b"], 10, skipped=500))
    assert "500 of 520 files are left out" in left
    assert "a, b" in left
    assert "fewer than three" in class_doubt("mixed", found(list("abcdef"), 2))
