import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QHeaderView

from gui.look import theme
from gui.widgets.number_table import (
    MOST_TEXT,
    PADDING,
    Cell,
    NumberTable,
    TableRow,
    two_lines,
)

ROWS = [
    TableRow("a", (Cell("Alpha", "Alpha"), Cell("+0.10", 0.1)), 0),
    TableRow("b", (Cell("Beta", "Beta"), Cell("−0.20", -0.2)), 1),
    TableRow("c", (Cell("Gamma", "Gamma"), Cell("–"))),
]


@pytest.fixture
def table(qtbot):
    made = NumberTable("Scores")
    made.resize(400, 200)
    qtbot.addWidget(made)
    made.set_rows(["Network", "Score"], ROWS)
    return made


def column(table, place=0):
    return [table.item(row, place).text() for row in range(table.rowCount())]


def test_that_rows_stand_in_the_order_given(table):
    assert column(table) == ["Alpha", "Beta", "Gamma"]


def test_that_numbers_are_sorted_by_value_and_the_unknown_below_all(table):
    table.sortItems(1, Qt.SortOrder.DescendingOrder)
    assert column(table) == ["Alpha", "Beta", "Gamma"]
    table.sortItems(1, Qt.SortOrder.AscendingOrder)
    assert column(table) == ["Gamma", "Beta", "Alpha"]
    table.sortItems(0, Qt.SortOrder.DescendingOrder)
    assert column(table) == ["Gamma", "Beta", "Alpha"]


def test_that_new_numbers_keep_the_order_and_the_current_row(table):
    table.sortItems(1, Qt.SortOrder.DescendingOrder)
    table.choose("b")
    changed = [ROWS[0], TableRow("b", (Cell("Beta", "Beta"), Cell("+9", 9.0)), 1), ROWS[2]]
    heard = []
    table.pointed.connect(heard.append)
    table.set_rows(["Network", "Score"], changed)
    assert column(table) == ["Beta", "Alpha", "Gamma"]
    assert table.current_key == "b"
    assert heard == []


def test_that_a_row_says_its_key_when_it_becomes_current(table, qtbot):
    heard, columns = [], []
    table.pointed.connect(heard.append)
    table.column_pointed.connect(columns.append)
    table.setCurrentCell(1, 1)
    table.setCurrentCell(2, 1)
    assert heard == ["b", "c"]
    assert columns == [1]


def test_that_return_opens_a_row(table, qtbot):
    table.choose("b")
    with qtbot.waitSignal(table.opened, timeout=1000) as opened:
        qtbot.keyClick(table, Qt.Key.Key_Return)
    assert opened.args == ["b"]


def test_that_selected_rows_are_copied_as_text(table, qtbot):
    table.choose("b")
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Network\tScore\nBeta\t−0.20"
    table.clearSelection()
    assert table.text().count("\n") == 3


def test_that_a_row_under_the_mouse_is_told(table, qtbot):
    heard = []
    table.hovered.connect(heard.append)
    table.cellEntered.emit(2, 0)
    assert heard == ["c"]


LONG = [
    TableRow(
        str(n),
        (
            Cell(f"A network whose name is rather long, seed {n}", f"network {n}"),
            Cell(f"{n / 4:.3f}", n / 4),
            Cell("Share in the tangent space of a generator that has a long name", "share"),
            Cell(f"{n / 7:.3f}", n / 7),
        ),
    )
    for n in range(3)
]
LONG_HEADERS = ["Network", "First", "Metric", "Second"]


@pytest.fixture
def narrow(qtbot):
    made = NumberTable("Metrics")
    made.resize(460, 200)
    qtbot.addWidget(made)
    made.show()
    made.set_rows(LONG_HEADERS, LONG)
    return made


def in_sight(table):
    right = table.horizontalHeader().sectionViewportPosition(3) + table.columnWidth(3)
    return right <= table.viewport().width()


def test_that_long_texts_are_shortened_so_that_numbers_stay_in_sight(narrow):
    assert in_sight(narrow)
    assert narrow.columnWidth(0) == narrow.columnWidth(2)  # no text pays for the other
    metrics = narrow.fontMetrics()
    for place in (1, 3):
        assert narrow.columnWidth(place) >= metrics.horizontalAdvance("0.286") + 16


def test_that_texts_are_whole_on_two_lines_where_the_table_is_scrolled_all_the_same(narrow):
    narrow.resize(300, 200)
    assert not in_sight(narrow)
    for place in (0, 2):
        room = narrow.columnWidth(place) - PADDING
        needed = two_lines(narrow.item(0, place).text(), narrow.fontMetrics().horizontalAdvance)
        assert needed <= room or narrow.columnWidth(place) == MOST_TEXT


def test_that_a_text_is_broken_where_both_lines_are_shortest():
    assert two_lines("aaaa bb cc", len) == 5
    assert two_lines("aaaa", len) == 4
    assert two_lines("", len) == 0


def test_that_the_room_of_a_hidden_column_goes_to_the_names(narrow):
    narrow.setColumnHidden(2, True)
    narrow.resize(900, 200)
    assert narrow.horizontalHeader().length() == narrow.viewport().width()


def test_that_a_shortened_text_is_in_the_tooltip(narrow):
    assert "a generator that has a long name" in narrow.item(0, 2).toolTip()


def test_that_columns_follow_the_width_of_the_table_until_the_user_sets_one(narrow, qtbot):
    before = narrow.columnWidth(2)
    narrow.resize(800, 200)
    assert narrow.columnWidth(2) > before
    assert in_sight(narrow)
    header = narrow.horizontalHeader()
    edge = QPoint(narrow.columnWidth(0) - 1, header.height() // 2)
    qtbot.mouseMove(header.viewport(), edge - QPoint(30, 0))
    qtbot.mouseMove(header.viewport(), edge)
    qtbot.mousePress(header.viewport(), Qt.MouseButton.LeftButton, pos=edge)
    qtbot.mouseRelease(header.viewport(), Qt.MouseButton.LeftButton, pos=edge)
    chosen = narrow.columnWidth(2)
    narrow.resize(460, 200)
    assert narrow.columnWidth(2) == chosen


def test_that_headers_stand_above_their_numbers_and_texts(narrow, qtbot):
    """To the pixel: both are drawn, and where ink begins and ends is compared."""
    theme.apply(QApplication.instance(), "light")
    narrow.resize(1200, 200)
    narrow.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    for column in (0, 1):
        narrow.setColumnWidth(column, 400)
    texts = ends_of_ink(narrow.horizontalHeader().viewport().grab(), 0, 400)
    cells = ends_of_ink(narrow.viewport().grab(), 0, 400)
    assert abs(texts[0] - cells[0]) <= 1
    texts = ends_of_ink(narrow.horizontalHeader().viewport().grab(), 400, 800)
    cells = ends_of_ink(narrow.viewport().grab(), 400, 800)
    assert abs(texts[1] - cells[1]) <= 2


def ends_of_ink(picture, left, right):
    """Return where something is drawn first and last between two columns of pixels."""
    image = picture.toImage().convertToFormat(QImage.Format.Format_Grayscale8)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    band = rows[6:-4, left:right].astype(int)
    ink = np.flatnonzero((np.abs(band - band[0, 0]) > 60).any(axis=0))
    return int(ink[0]), int(ink[-1])


def drawn(qtbot, text, room):
    """Return a picture of the only cell of a table in which it has this room."""
    table = NumberTable("Attacks")
    qtbot.addWidget(table)
    table.set_rows(["Attack"], [TableRow("a", (Cell(text, text),))])
    table.setRowHeight(0, 80)
    table.resize(room, 200)
    with qtbot.waitExposed(table):
        table.show()
    assert table.item(0, 0).text() == text
    return table.viewport().grab(table.visualItemRect(table.item(0, 0))).toImage()


def test_that_no_line_of_a_cell_ends_with_a_hyphen(table, qtbot):
    room = table.fontMetrics().horizontalAdvance("L-inf targeted APGD-") + 2 * PADDING
    found = drawn(qtbot, "L-inf targeted APGD-targeted", room)
    assert found == drawn(qtbot, "L-inf targeted\nAPGD-targeted", room)
