"""A copy of a chart draws what the chart draws, and what the mouse does on it is done there."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QHBoxLayout, QWidget

from gui.widgets.plots import sight
from gui.widgets.plots.mirror import Mirror
from gui.widgets.plots.plot import Plot


class Part(QWidget):
    """A part of a window that counts how often it is told to catch up."""

    caught = 0

    def catch_up(self) -> None:
        self.caught += 1


@pytest.fixture
def source(qtbot):
    part = Part()
    qtbot.addWidget(part)
    chart = Plot("Loss", "epoch", "loss", export_name="loss", parent=part)
    chart.set_ranges(y=(0.0, 1.0))
    curve = chart.curve("one", 2, style=Qt.PenStyle.DashLine, symbol="square", band=True, key="a")
    curve.set_data([0, 1], [0.2, 0.6], [0.1, 0.5], [0.3, 0.7])
    dots = chart.scatter("two", "muted", "triangle")
    dots.set_points([0.5, 0.9], [0.5, 0.1], ["x", "y"], labels=("X", "Y"), names=("ex", "why"))
    chart.part = part  # kept: no one else holds it
    return chart


@pytest.fixture
def mirror(qtbot, source):
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(500, 400)
    copy = Plot("", "", "", export_name="copy")
    QHBoxLayout(window).addWidget(copy)
    found = Mirror(copy)
    found.follow(source)
    with qtbot.waitExposed(window):
        window.show()
    found.window = window
    return found


def drawn(chart):
    data = chart.data()
    return (
        [(s.name, list(s.x), list(s.y), s.colour, s.style, s.symbol, s.keys) for s in data.series],
        (data.title, data.x_label, data.y_label, data.caption, data.x_log, data.y_log),
    )


def test_that_a_copy_draws_and_exports_what_its_source_does(source, mirror):
    assert drawn(mirror.copy) == drawn(source)
    assert [list(s.low) for s in mirror.copy.data().series[:1]] == [[0.1, 0.5]]
    assert mirror.copy.data().y_range == source.data().y_range
    assert mirror.copy.export_name == "loss"


def test_that_a_copy_goes_on_as_its_source_does(qtbot, source, mirror):
    curve = source.canvas.drawn[0]
    curve.set_data([0, 1, 2], [0.2, 0.6, 0.9])
    qtbot.waitUntil(lambda: len(mirror.copy.canvas.drawn[0].x) == 3)
    curve.set_strong(True)
    source.canvas.drawn[1].mark("y")
    source.set_texts(title="Loss, again", caption="words")
    source.set_logarithmic(y=True)
    source.curve("three").set_data([1], [0.5])
    curve.rename("one more", "{name}")
    qtbot.waitUntil(lambda: drawn(mirror.copy) == drawn(source))
    assert mirror.copy.canvas.drawn[0].name == "one more"
    assert mirror.copy.canvas.drawn[0].strong
    assert mirror.copy.canvas.drawn[1].marked == "y"
    source.clear()
    qtbot.waitUntil(lambda: not mirror.copy.canvas.drawn)


def test_that_a_part_out_of_sight_goes_on_only_while_a_copy_is_shown(qtbot, source, mirror):
    part = source.parentWidget()
    assert not part.isVisible()
    assert sight.in_sight(part)
    assert part.caught == 1
    mirror.copy.window().hide()
    assert not sight.in_sight(part)
    mirror.copy.window().show()
    qtbot.waitUntil(lambda: sight.in_sight(part))
    assert part.caught == 2
    mirror.follow(None)
    assert not sight.in_sight(part)
    assert mirror.copy.canvas.drawn == []


def test_that_parts_that_feed_a_chart_go_on_too(qtbot, source, mirror):
    other = Part()
    qtbot.addWidget(other)
    mirror.follow(None)
    sight.feeds(source, [other])
    assert not sight.in_sight(other)
    mirror.follow(source)
    assert sight.in_sight(other)
    assert other.caught == 1


def test_that_a_click_on_a_copy_is_a_click_on_its_source(qtbot, source, mirror):
    told = []
    source.canvas.drawn[1].clicked.connect(told.append)
    source.clicked.connect(told.append)
    canvas = mirror.copy.canvas
    for item, place in ((canvas.drawn[1], 1), (canvas.drawn[0], 1)):
        qtbot.waitUntil(lambda item=item: bool(np.isfinite(canvas.pixels(item)[0]).all()))
        qtbot.wait(50)
        x, y = canvas.pixels(item)
        where = canvas.mapFromScene(x[place], y[place])
        QTest.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=where)
        qtbot.waitUntil(lambda: bool(told))
    assert told == ["y", "a"]
