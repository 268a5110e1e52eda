"""Names of strangers as they stand in our sentences."""

import pytest

from engine.texts import LEFT_TO_RIGHT, harmless, placed


@pytest.mark.parametrize("name", ["cat", "Ünïcode", "猫", "कुत्ता", "แมว", "😀", "42", ""])
def test_that_names_in_our_direction_are_left_alone(name):
    assert placed(name) == name


@pytest.mark.parametrize("name", ["قطة", "שלום", "قطة 3", "a קט b"])
def test_that_what_follows_a_name_from_right_to_left_stays_behind_it(name):
    assert placed(name) == f"{LEFT_TO_RIGHT}{name}{LEFT_TO_RIGHT}"
    assert harmless(placed(name)) == placed(name)  # the mark is invisible, and turns nothing
