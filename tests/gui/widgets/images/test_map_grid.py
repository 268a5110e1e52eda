"""The grid draws what it is given, magnified by whole numbers, and says what is pointed at."""

from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip

from gui.widgets.images.map_grid import TEXT_GAP, MapGrid
from gui.widgets.images.map_grid_layout import MapGridLayout
from tests.gui.pointer import move_to

SIDE = 4


def flat(*colours):
    return [np.full((SIDE, SIDE, 3), colour, np.uint8) for colour in colours]


@pytest.fixture
def grid(qtbot):
    found = MapGrid()
    qtbot.addWidget(found)
    found.resize(600, 400)
    found.set_images(flat(10, 20, 30))
    found.set_row("a", "Standard, seed 0", flat((255, 0, 0), (0, 255, 0), (0, 0, 255)))
    found.set_row("b", "Robust", flat(1, 2, 3), note="epoch 3", series=1)
    found.show()
    qtbot.waitExposed(found)
    return found


def colour_at(grid, place):
    return grid.viewport().grab().toImage().pixelColor(place).getRgb()[:3]


def test_that_every_picture_is_drawn_in_its_cell(grid):
    assert colour_at(grid, grid.cell("", 1).center()) == (20, 20, 20)
    assert colour_at(grid, grid.cell("a", 0).center()) == (255, 0, 0)
    assert colour_at(grid, grid.cell("a", 2).center()) == (0, 0, 255)
    assert colour_at(grid, grid.cell("b", 2).center()) == (3, 3, 3)


def test_that_pixels_stay_sharp_squares_of_a_whole_size(grid):
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[0, 1] = 255
    grid.set_row("a", "Standard", [picture])
    scale = grid.scale
    assert scale == int(scale) > 1
    cell, image = grid.cell("a", 0), grid.viewport().grab().toImage()
    row = [image.pixelColor(cell.left() + x, cell.top()).red() for x in range(cell.width())]
    assert row == [0] * int(scale) + [255] * int(scale) + [0] * (2 * int(scale))


def test_that_a_row_that_is_set_again_is_replaced(grid):
    before = grid.cell("a", 0)
    grid.set_row("a", "New", flat(7, 8, 9))
    assert grid.cell("a", 0) == before
    assert colour_at(grid, before.center()) == (7, 7, 7)
    assert list(grid.rows()) == ["", "a", "b"]
    assert grid.rows()["a"][0] == "New"


def test_that_rows_can_be_reordered_and_removed(grid):
    top = grid.cell("a", 0)
    grid.set_order(["b", "unknown"])
    assert grid.cell("b", 0) == top
    assert list(grid.rows()) == ["", "b", "a"]
    grid.remove_row("b")
    grid.remove_row("b")
    assert list(grid.rows()) == ["", "a"]
    grid.clear()
    assert grid.rows() == {}


def test_that_rows_give_back_titles_and_pictures(grid):
    title, pictures = grid.rows()["a"]
    assert title == "Standard, seed 0"
    np.testing.assert_array_equal(pictures[1], flat((0, 255, 0))[0])


def test_that_pointing_says_row_and_column_once(grid):
    heard = []
    grid.hovered.connect(lambda key, column: heard.append((key, column)))
    move_to(grid.viewport(), grid.cell("b", 1).center())
    move_to(grid.viewport(), grid.cell("b", 1).center() + QPoint(1, 1))
    move_to(grid.viewport(), grid.cell("", 2).center())
    assert heard == [("b", 1), ("", 2)]


def test_that_a_click_says_row_and_column(grid, qtbot):
    with qtbot.waitSignal(grid.clicked, timeout=1000) as signal:
        qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=grid.cell("a", 2).center())
    assert signal.args == ["a", 2]


def test_that_a_click_beside_the_pictures_says_nothing(grid, qtbot):
    with qtbot.assertNotEmitted(grid.clicked):
        qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(595, 395))


def test_that_the_keyboard_reaches_every_picture(grid, qtbot):
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Right):
        qtbot.keyClick(grid, key)
    with qtbot.waitSignal(grid.clicked, timeout=1000) as signal:
        qtbot.keyClick(grid, Qt.Key.Key_Return)
    assert signal.args == ["b", 1]
    for _ in range(9):
        qtbot.keyClick(grid, Qt.Key.Key_Right)
    with qtbot.waitSignal(grid.clicked, timeout=1000) as signal:
        qtbot.keyClick(grid, Qt.Key.Key_Space)
    assert signal.args == ["b", 2]


def test_that_a_highlighted_row_stands_out(grid):
    beside = QPoint(grid.cell("a", 0).right() + 2, grid.cell("a", 0).center().y())
    plain = colour_at(grid, beside)
    grid.set_highlighted("a")
    assert grid.highlighted == "a"
    assert colour_at(grid, beside) != plain
    grid.set_highlighted("")
    assert colour_at(grid, beside) == plain


def test_that_a_long_title_is_told_whole_in_the_tooltip(grid, monkeypatch):
    told = []
    monkeypatch.setattr(QToolTip, "showText", lambda where, text, *_: told.append(text))
    grid.set_row("a", "A very long title " * 9, flat(1, 2, 3), note="epoch 2")
    place = QPoint(20, grid.cell("a", 0).center().y())
    event = QHelpEvent(QHelpEvent.Type.ToolTip, place, grid.viewport().mapToGlobal(place))
    QApplication.sendEvent(grid.viewport(), event)
    assert told == ["A very long title " * 9 + "\nepoch 2"]


def test_that_many_rows_scroll(grid, qtbot):
    for number in range(30):
        grid.set_row(str(number), f"network {number}", flat(1, 2, 3))
    bar = grid.verticalScrollBar()
    assert bar.maximum() > 0
    before = grid.cell("29", 0).top()
    assert before > grid.viewport().height()
    for _ in range(40):
        qtbot.keyClick(grid, Qt.Key.Key_Down)
    assert bar.value() > 0
    assert grid.viewport().rect().contains(grid.cell("29", 0))


def test_that_an_empty_grid_draws_a_sentence(qtbot):
    grid = MapGrid()
    qtbot.addWidget(grid)
    grid.resize(200, 100)
    grid.show()
    blank = grid.viewport().grab().toImage()
    colours = {blank.pixelColor(x, y).rgb() for x in range(200) for y in range(0, 100, 2)}
    assert len(colours) > 1
    qtbot.keyClick(grid, Qt.Key.Key_Return)


@pytest.mark.parametrize(("side", "width"), [(28, 500), (32, 1500), (224, 500), (300, 3000)])
def test_that_the_scale_is_whole_or_one_over_a_whole_number(side, width):
    layout = MapGridLayout.fitting(
        QSize(width, 300), picture=(side, side), columns=6, rows=4, line_height=14
    )
    whole = 2 * layout.scale if layout.scale >= 1 else 1 / layout.scale
    assert whole == pytest.approx(round(whole))
    assert layout.whole.width() <= width


def test_that_places_and_their_inverse_agree():
    layout = MapGridLayout.fitting(
        QSize(700, 300), picture=(28, 28), columns=5, rows=4, line_height=14
    )
    for row in range(4):
        for column in range(5):
            assert layout.at(layout.place(row, column).center()) == (row, column)


def test_that_titles_get_what_the_pictures_leave():
    def width(longest, columns=8):
        layout = MapGridLayout.fitting(
            QSize(900, 400),
            picture=(28, 28),
            columns=columns,
            rows=5,
            line_height=15,
            longest=longest,
        )
        assert layout.whole.width() <= 900
        return layout.title_width

    short = width(10)
    assert width(short + 50) == short + 50
    assert short < width(5000) < 900
    assert width(5000, columns=10) < width(5000)


def test_that_no_number_of_a_note_is_cut_where_pictures_fill_the_width(qtbot):
    found = MapGrid()
    qtbot.addWidget(found)
    found.resize(660, 400)
    found.set_images(flat(*range(8)))
    note = "epoch 13: 87/55 % after 12"
    room = found.fontMetrics().horizontalAdvance(note)
    found.set_row("a", "Robust", flat(*range(8)), note="epoch 1", series=1)
    assert found._layout.heading(1).width() < room  # there is no more room than that by itself
    found.set_row("a", "Robust", flat(*range(8)), note=note, series=1)
    wide = found._layout.heading(1).width()
    assert wide >= room + 2 * TEXT_GAP
    found.set_row("a", "Robust", flat(*range(8)), note="epoch 14", series=1)
    assert found._layout.heading(1).width() == wide  # the pictures do not jump to and fro


def test_that_one_more_row_does_not_halve_the_pictures():
    def cell(rows):
        layout = MapGridLayout.fitting(
            QSize(900, 330), picture=(28, 28), columns=4, rows=rows, line_height=14
        )
        assert layout.whole.height() <= 330
        return layout.cell.height()

    rows = (2, 3, 4, 5)
    sizes = [cell(count) for count in rows]
    assert all(after > 0.6 * before for before, after in pairwise(sizes))
    filled = [count * size / 330 for count, size in zip(rows, sizes, strict=True)]
    assert min(filled) > 0.8
