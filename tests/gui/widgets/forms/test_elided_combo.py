"""A list whose chosen name may be longer than the list."""

import pytest

from gui.widgets.forms.elided_combo import ElidedCombo

LONG = "一個非常長的類別名稱 with Latin words after it, and then as many again"


@pytest.fixture
def combo(qtbot):
    made = ElidedCombo()
    qtbot.addWidget(made)
    made.setSizeAdjustPolicy(ElidedCombo.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.addItems([LONG, "0"])
    made.show()
    return made


@pytest.mark.parametrize("width", [60, 96, 200])
def test_that_a_long_name_is_shortened_in_its_middle(combo, width):
    combo.setFixedWidth(width)
    assert "…" in combo.shown()
    assert combo.fontMetrics().horizontalAdvance(combo.shown()) < width
    assert combo.currentText() == LONG
    combo.grab()  # painting raises nothing


def test_that_a_name_that_fits_is_left_alone(combo):
    combo.setFixedWidth(96)
    combo.setCurrentIndex(1)
    assert combo.shown() == "0"
