"""Names of strangers as they stand in our sentences."""

import pytest

from engine.texts import LEFT_TO_RIGHT, folded, harmless, lowered, placed


@pytest.mark.parametrize("name", ["cat", "Ünïcode", "猫", "कुत्ता", "แมว", "😀", "42", ""])
def test_that_names_in_our_direction_are_left_alone(name):
    assert placed(name) == name


@pytest.mark.parametrize("name", ["قطة", "שלום", "قطة 3", "a קט b"])
def test_that_what_follows_a_name_from_right_to_left_stays_behind_it(name):
    assert placed(name) == f"{LEFT_TO_RIGHT}{name}{LEFT_TO_RIGHT}"
    assert harmless(placed(name)) == placed(name)  # the mark is invisible, and turns nothing


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("istanbul", "İSTANBUL"),
        ("İSTANBUL", "istanbul"),
        ("ISPARTA", "ısparta"),
        ("linf", "LINF"),
        ("straße", "STRASSE"),
        ("eps=0.1", "ｅｐｓ=０.１"),
        ("猫", "猫"),
    ],
)
def test_that_a_search_finds_letters_however_they_are_written(typed, stored):
    assert folded(typed) == folded(stored)


def test_that_searches_tell_different_letters_apart():
    assert folded("ö") != folded("o")
    assert folded("ñ") != folded("n")


@pytest.mark.parametrize("name", ["Bild.GİF", "photo.JPG", "ß.TİFF"])
def test_that_small_letters_are_as_many_as_large_ones(name):
    assert len(lowered(name)) == len(name)
    assert lowered(name).isprintable()
    assert lowered(name).endswith((".gif", ".jpg", ".tiff"))
