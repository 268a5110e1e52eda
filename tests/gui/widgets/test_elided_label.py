"""Texts that are shortened where they do not fit."""

from gui.widgets.elided_label import Heading

TITLE = "Accuracy under attack against training"


def test_that_a_heading_says_itself_whole_only_where_it_is_shortened(qtbot):
    heading = Heading(TITLE)
    qtbot.addWidget(heading)
    heading.resize(600, 30)
    heading.show()
    assert (heading.shown, heading.toolTip()) == (TITLE, "")
    heading.resize(100, 30)
    assert heading.shown.endswith("…")
    assert heading.toolTip() == TITLE
    heading.setText("Loss")
    assert (heading.shown, heading.toolTip()) == ("Loss", "")


def test_that_a_heading_is_drawn(qtbot):
    heading = Heading(TITLE)
    qtbot.addWidget(heading)
    heading.resize(100, 30)
    heading.show()
    drawn = heading.grab().toImage()
    colours = {drawn.pixel(x, y) for x in range(100) for y in range(30)}
    assert len(colours) > 2
