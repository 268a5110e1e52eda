import pytest
from PySide6.QtWidgets import QLabel

from gui.widgets.label import Label


@pytest.mark.parametrize("text", ["36.0 % robust at L-inf 8/255", "all but 95 %", "%s, 5 apples"])
def test_that_a_label_says_what_it_was_given(qtbot, text):
    label = Label(text, wordWrap=True)
    qtbot.addWidget(label)
    assert label.text() == text


def test_that_no_line_of_a_label_begins_with_a_percent_sign(qtbot):
    label = Label("not larger than chance in 95 % of the networks", wordWrap=True)
    same = QLabel("not larger than chance in\n95\u00a0% of the networks")
    for made in (label, same):
        qtbot.addWidget(made)
        made.resize(made.fontMetrics().horizontalAdvance("not larger than chance in 95") + 1, 60)
    assert label.grab().toImage() == same.grab().toImage()
