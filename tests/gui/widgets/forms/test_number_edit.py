"""Numbers are read as people type them, and shown so that nothing is lost."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from gui.widgets.forms.number_edit import (
    NumberEdit,
    NumberError,
    NumbersEdit,
    TwoMeanings,
    WholeEdit,
    format_number,
    parse_number,
    parse_numbers,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.0314", 0.0314), (" 3e-2 ", 0.03), ("8/255", 8 / 255), ("8 / 255", 8 / 255), ("-1", -1.0)],
)
def test_that_a_number_may_be_plain_scientific_or_a_fraction(text, value):
    assert parse_number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("٠٫٠٣", 0.03), ("８／２５５", 8 / 255), ("−0.2", -0.2), ("8⁄255", 8 / 255), ("۰٫۱", 0.1)],
)
def test_that_a_number_may_be_written_in_other_scripts(text, value):
    assert parse_number(text) == value


def test_that_lists_may_be_written_in_other_scripts():
    assert parse_numbers("٠٫٠٥؛ ٠٫١؛ ٨/٢٥٥") == (0.05, 0.1, 8 / 255)
    assert parse_numbers("０．０５、 ０．１") == (0.05, 0.1)
    assert parse_numbers("٠٫١:٠٫٣:٣") == pytest.approx((0.1, 0.2, 0.3))


def test_that_no_letters_become_a_number():
    for text in ("½", "Ⅷ", "八", "²"):
        with pytest.raises(NumberError):
            parse_number(text)


@pytest.mark.parametrize(
    "text", ["", "8/", "/255", "1/2/3", "1/0", "nan", "inf", "1.000,5", "1,2,3", "abc"]
)
def test_that_what_is_no_number_is_named(text):
    with pytest.raises(NumberError, match="is no number such as"):
        parse_number(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0,0314", 0.0314),
        ("8,5/255", 8.5 / 255),
        ("-1,5", -1.5),
        ("0,125", 0.125),
        ("3,2e-2", 0.032),
    ],
)
def test_that_a_decimal_comma_is_as_good_as_a_point(text, value):
    assert parse_number(text) == value


@pytest.mark.parametrize("text", ["1,000", "-12,500", "255,000/255"])
def test_that_a_comma_that_may_stand_after_thousands_is_asked_about(text):
    with pytest.raises(TwoMeanings, match=r"may be .+ or .+: write .+ or .+"):
        parse_number(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0,1; 0,25", (0.1, 0.25)),
        ("0,1;0,25", (0.1, 0.25)),
        ("0,1, 0,25", (0.1, 0.25)),
        ("0,1 0,25", (0.1, 0.25)),
        ("0.5; 1,5", (0.5, 1.5)),
        ("0.1,0.25", (0.1, 0.25)),
        ("1,2,3", (1.0, 2.0, 3.0)),
        ("8/255,16/255", (8 / 255, 16 / 255)),
        ("8,5/255; 1", (8.5 / 255, 1.0)),
        ("0,1:0,5:5", (0.1, 0.2, 0.3, 0.4, 0.5)),
        ("0.1, ", (0.1,)),
    ],
)
def test_that_a_list_takes_commas_of_either_kind(text, values):
    assert parse_numbers(text) == values


@pytest.mark.parametrize(
    ("text", "meanings"),
    [
        ("1,5", "1.5 or 1; 5"),
        ("0,1", "0.1 or 0; 1"),
        ("0.05, 0,1", "0.1 or 0; 1"),
        ("0,1,0,2", "0.1; 0.2 or 0; 1; 0; 2"),
        ("1,000; 2", "1 or 1000"),
    ],
)
def test_that_a_list_with_two_meanings_is_asked_about(text, meanings):
    with pytest.raises(TwoMeanings, match=f"may be {meanings}: write"):
        parse_numbers(text)


def test_that_every_comma_parts_whole_numbers(qtbot):
    edit = NumbersEdit(whole=True)
    qtbot.addWidget(edit)
    for text in ("0,1,2", "0, 1, 2", "0;1;2", "0 1 2", "0:2:3"):
        edit.set_text(text)
        assert edit.values() == (0, 1, 2)
    edit.set_text("0,1")
    assert edit.values() == (0, 1)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["", "pixel"]))
def test_that_a_shown_number_is_read_back_exactly(value, unit):
    assert parse_number(format_number(value, unit)) == value


@pytest.mark.parametrize("n", [1, 2, 4, 8, 16, 100])
def test_that_255ths_are_shown_as_such(n):
    assert format_number(n / 255, "pixel") in (f"{n}/255", f"{n / 255:g}")
    assert parse_number(format_number(n / 255, "pixel")) == n / 255


def test_that_a_list_takes_commas_and_spaces():
    assert parse_numbers("0.05, 0.1,8/255 1e-3") == (0.05, 0.1, 8 / 255, 1e-3)
    assert parse_numbers("8 / 255, 2") == (8 / 255, 2.0)
    assert parse_numbers("  ") == ()


def test_that_a_range_has_no_rounding_noise():
    assert parse_numbers("0.1:0.5:5") == (0.1, 0.2, 0.3, 0.4, 0.5)
    assert parse_numbers("2/255:8/255:4") == (2 / 255, 4 / 255, 6 / 255, 8 / 255)


@pytest.mark.parametrize("text", ["0:1", "0:1:1", "0:1:2.5", "0:1:1001", "0:1:2:3", "a:1:3"])
def test_that_a_wrong_range_is_refused(text):
    with pytest.raises(NumberError):
        parse_numbers(text)


def test_that_a_pixel_length_is_shown_in_both_conventions(qtbot):
    edit = NumberEdit(unit="pixel")
    qtbot.addWidget(edit)
    edit.set_text("8/255")
    assert edit.value() == 8 / 255
    assert edit.note.text() == "= 0.03137"
    assert "[-1, 1] units: 0.0627" in edit.line.toolTip()
    edit.set_text("0.1")
    assert edit.note.text() == "= 25.5/255"


def test_that_a_wrong_text_is_marked_until_it_is_mended(qtbot):
    edit = NumberEdit(unit="pixel")
    qtbot.addWidget(edit)
    with qtbot.waitSignal(edit.changed, timeout=1000):
        edit.set_text("8/")
    assert edit.value() is None
    assert "'8/'" in edit.error()
    assert edit.line.property("invalid") is True
    edit.set_text("8/255")
    assert edit.error() == ""
    assert edit.line.property("invalid") is False


def test_that_whole_numbers_are_whole(qtbot):
    edit = NumbersEdit(whole=True)
    qtbot.addWidget(edit)
    edit.set_text("0:3:4")
    assert edit.values() == (0, 1, 2, 3)
    assert all(isinstance(value, int) for value in edit.values())
    edit.set_text("1, 2.5")
    assert edit.values() == ()
    assert edit.error() == "2.5 must be a whole number"


def test_that_a_seed_of_53_bits_survives_the_spin_box(qtbot):
    edit = WholeEdit(low=0)
    qtbot.addWidget(edit)
    edit.setValue(2**53 - 1)
    assert edit.number() == 2**53 - 1
    assert math.isclose(edit.minimum(), 0)


def test_that_the_wheel_changes_nothing_without_focus(qtbot):
    edit = WholeEdit(low=0)
    qtbot.addWidget(edit)
    edit.show()
    edit.clearFocus()
    place = QPointF(5, 5)
    event = QWheelEvent(
        place, place, QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(edit, event)
    assert edit.number() == 0


@pytest.mark.parametrize("text", ["0.05", "0.0246", "0.499", "0.00123", "2/255"])
def test_that_a_length_in_the_other_convention_is_shown_whole(qtbot, text):
    edit = NumberEdit(unit="pixel")
    qtbot.addWidget(edit)
    edit.set_text(text)
    edit.resize(edit.minimumSizeHint())
    with qtbot.waitExposed(edit):
        edit.show()
    assert edit.note.text().startswith("= ")
    assert edit.note.width() >= edit.note.fontMetrics().horizontalAdvance(edit.note.text())
