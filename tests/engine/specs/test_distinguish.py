"""Networks of one title are told apart by the first fields in which they differ."""

from dataclasses import replace

from engine.specs import (
    SGD,
    Adam,
    FolderImages,
    Gaussians2D,
    Glyphs,
    PaperMLP,
    SmallCNN,
    Training,
)
from engine.specs.distinguish import leaves, networks_apart, told_apart

PLAIN = Training(images=Glyphs(train=20, test=20), network=SmallCNN())


def names(*networks):
    return networks_apart([network.title for network in networks], networks)


def test_that_a_title_of_its_own_stays():
    assert names(PLAIN, replace(PLAIN, seed=1)) == ["Standard, seed 0", "Standard, seed 1"]
    assert names() == []


def test_that_only_as_much_is_said_as_it_takes():
    longer = replace(PLAIN, epochs=20, batch_size=7)
    assert names(PLAIN, longer) == ["Standard, seed 0 (epochs 5)", "Standard, seed 0 (epochs 20)"]
    third = replace(longer, batch_size=9)
    assert names(PLAIN, longer, third) == [
        "Standard, seed 0 (epochs 5, batch size 100)",
        "Standard, seed 0 (epochs 20, batch size 7)",
        "Standard, seed 0 (epochs 20, batch size 9)",
    ]


def test_that_images_are_called_by_their_title():
    folder = FolderImages(name="cats", digest="0" * 64)
    assert names(PLAIN, replace(PLAIN, images=folder)) == [
        "Standard, seed 0 (Glyphs, 20 + 20)",
        "Standard, seed 0 (cats)",
    ]


def test_that_images_of_one_title_differ_in_what_is_left():
    small, large = (FolderImages(name="cats", digest="0" * 64, image_size=n) for n in (32, 64))
    found = names(replace(PLAIN, images=small), replace(PLAIN, images=large))
    assert found == [
        "Standard, seed 0 (images image size 32)",
        "Standard, seed 0 (images image size 64)",
    ]
    hashes = (FolderImages(name="cats", digest=digit * 64) for digit in "ab")
    first, second = names(*(replace(PLAIN, images=images) for images in hashes))
    assert first != second
    assert len(first) < 80


def test_that_networks_of_other_images_do_not_change_the_words_between_those_of_the_same():
    wider, longer = replace(PLAIN, network=SmallCNN(width=32)), replace(PLAIN, epochs=30)
    plane = replace(PLAIN, images=Gaussians2D(), network=PaperMLP(), epochs=10)
    assert names(PLAIN, wider) == [
        "Standard, seed 0 (width 16)",
        "Standard, seed 0 (width 32)",
    ]
    assert names(PLAIN, plane, wider) == [
        "Standard, seed 0 (Glyphs, 20 + 20, width 16)",
        "Standard, seed 0 (Two Gaussians in the plane)",
        "Standard, seed 0 (Glyphs, 20 + 20, width 32)",
    ]
    assert names(PLAIN, longer, plane)[2] == "Standard, seed 0 (Two Gaussians in the plane)"


def test_that_kinds_stand_for_their_fields():
    others = (replace(PLAIN, network=PaperMLP()), replace(PLAIN, optimizer=SGD()))
    assert names(PLAIN, *others) == [
        "Standard, seed 0 (network Small CNN, optimizer Adam)",
        f"Standard, seed 0 (network {PaperMLP.label}, optimizer Adam)",
        "Standard, seed 0 (network Small CNN, optimizer SGD)",
    ]
    faster = replace(PLAIN, optimizer=Adam(learning_rate=0.002))
    assert names(PLAIN, faster)[1] == "Standard, seed 0 (optimizer learning rate 0.002)"


def test_that_without_brevity_everything_that_differs_is_named():
    settings = [dict(leaves({"a": {"b": 1, "c": 2}, "d": d})) for d in (3, 4)]
    settings[1]["a.c"] = 5
    assert told_apart(["x", "x"], settings) == ["x (a c 2, d 3)", "x (a c 5, d 4)"]
    assert told_apart(["x", "x"], settings, brief=True) == ["x (a c 2)", "x (a c 5)"]
    assert told_apart(["x", "x"], [settings[0]] * 2) == ["x", "x"]


def test_that_networks_of_one_title_and_setting_keep_it():
    assert names(PLAIN, PLAIN) == ["Standard, seed 0"] * 2
