import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from gui.widgets.number_table import Cell, NumberTable, TableRow

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
