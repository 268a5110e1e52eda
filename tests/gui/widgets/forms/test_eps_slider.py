"""The slider of the radius."""

import pytest
from PySide6.QtCore import Qt

from gui.look import settings
from gui.widgets.forms.eps_slider import POSITIONS, TOPS, EpsSlider, eps_texts


@pytest.fixture
def slider(qtbot):
    slider = EpsSlider()
    qtbot.addWidget(slider)
    slider.resize(600, 80)
    slider.show()
    return slider


def test_that_a_radius_is_said_in_all_three_units():
    assert eps_texts("linf", 8 / 255) == (
        "0.03137 in [0, 1]",
        "8/255",
        "0.06275 in the paper's [-1, 1]",
    )


def test_that_the_ends_of_the_slider_are_0_and_the_largest_radius(slider):
    slider.slider.setValue(0)
    assert slider.value == 0
    slider.slider.setValue(POSITIONS)
    assert slider.value == TOPS["linf"]


def test_that_small_radii_get_more_room(slider):
    slider.slider.setValue(POSITIONS // 2)
    assert slider.value == pytest.approx(TOPS["linf"] / 4)


def test_that_moving_says_the_new_radius_once(qtbot, slider):
    values = []
    slider.changed.connect(values.append)
    slider.slider.setValue(17)
    assert values == [slider.value]


def test_that_a_typed_radius_is_kept_exactly(slider):
    slider.field.setValue(5.0)
    assert slider.value == 5 / 255
    slider.set_value(0.1234567)
    assert slider.value == 0.1234567


def test_that_the_arrow_keys_move_it(qtbot, slider):
    before = slider.value
    qtbot.keyClick(slider.slider, Qt.Key.Key_Right)
    assert slider.value > before


def test_that_a_radius_beyond_the_end_moves_the_end(slider):
    slider.set_value(1.0)
    assert slider.slider.value() == POSITIONS
    assert slider.value == 1.0


def test_that_another_norm_has_its_own_unit_and_says_nothing(qtbot, slider):
    with qtbot.assertNotEmitted(slider.changed):
        slider.set_norm("l2", 0.5)
    assert slider.value == 0.5
    assert slider.field.value() == 0.5
    slider.field.setValue(1.25)
    assert slider.value == 1.25


def test_that_ticks_stand_where_the_handle_would_be(slider):
    places = [slider.place_of(n / 255) for n in (0, 8, 64)]
    assert places == sorted(places)
    assert slider.place_of(2.0) is None
    slider.grab()


def test_that_the_unit_of_the_settings_is_the_unit_of_the_field(qtbot):
    settings.set_text("eps_unit", "unit")
    slider = EpsSlider()
    qtbot.addWidget(slider)
    slider.set_value(0.1)
    assert (slider.field.value(), slider.field.suffix()) == (0.1, "")
    slider.field.setValue(0.25)
    assert slider.value == 0.25
    assert all(f"{value:.3g}" == f"{value:g}" for value in slider.ticks)
    slider.set_norm("l2", 2.0)
    assert slider.field.value() == 2.0
    assert slider.field.maximum() == 64.0
    assert "25.5/255" in eps_texts("linf", 0.1)
