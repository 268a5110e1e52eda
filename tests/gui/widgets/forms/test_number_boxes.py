"""Every number of the window is shown with a point and read with a point or a comma."""

import ast
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSpinBox, QToolTip

from engine.store.study import Study
from gui.pages import PAGES
from gui.shell.main_window import MainWindow
from gui.widgets.export.form import ExportForm
from gui.widgets.forms.number_boxes import CountBox, DecimalBox
from gui.widgets.forms.number_edit import NumberEdit, NumbersEdit, WholeEdit

ROOT = Path(__file__).resolve().parents[4]
GERMAN = QLocale(QLocale.Language.German, QLocale.Country.Germany)


@pytest.fixture(params=["German", "C"])
def country(request):
    before = QLocale()
    QLocale.setDefault(GERMAN if request.param == "German" else QLocale.c())
    yield request.param
    QLocale.setDefault(before)


def type_into(box, text):
    """Replace what a box shows by typing, and leave it."""
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), text)
    box.interpretText()


@pytest.mark.parametrize(("text", "value"), [("98.5", 98.5), ("98,5", 98.5), ("7", 7.0)])
def test_that_a_box_takes_a_point_and_a_comma_and_shows_a_point(qtbot, country, text, value):
    box = DecimalBox(decimals=1, suffix=" %", maximum=100)
    qtbot.addWidget(box)
    box.setValue(99.5)
    assert box.text() == "99.5 %"
    type_into(box, text)
    assert box.value() == value
    assert box.text() == f"{value:.1f} %"


@pytest.mark.parametrize(
    ("text", "value"), [("١٢٫٥", 12.5), ("۱۲٫۵", 12.5), ("१२.५", 12.5), ("１２．５", 12.5)]
)
def test_that_a_box_takes_the_digits_of_other_scripts(qtbot, country, text, value):
    box, count = DecimalBox(decimals=1, maximum=100), CountBox()
    for made in (box, count):
        qtbot.addWidget(made)
        made.lineEdit().selectAll()
    box.lineEdit().insert(text)
    count.lineEdit().insert(text[:2])
    for made in (box, count):
        made.interpretText()
    assert (box.value(), box.text()) == (value, f"{value:.1f}")
    assert (count.value(), count.text()) == (12, "12")


@pytest.mark.parametrize("make", [CountBox, WholeEdit])
@pytest.mark.parametrize("text", ["1,5", "1.5", "1,500", "1.500"])
def test_that_a_whole_number_with_a_sign_is_not_taken_for_another(qtbot, country, make, text):
    box = make()
    qtbot.addWidget(box)
    box.setMaximum(10_000)
    box.setValue(7)
    box.show()
    type_into(box, text)
    assert box.value() == 1  # what stood before the sign
    assert QToolTip.text() == (
        f"{text!r} is not taken: a whole number is written without point and comma"
    )


def test_that_a_comma_that_may_stand_after_thousands_is_asked_about(qtbot, country):
    box = DecimalBox(decimals=3, maximum=10_000)
    qtbot.addWidget(box)
    box.show()
    box.setValue(7)
    box.lineEdit().selectAll()
    box.lineEdit().insert("1,500")  # pasted
    box.interpretText()
    assert box.value() == 7
    assert QToolTip.text() == "'1,500' may be 1.5 or 1500: write 1.500 or 1500"
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), "1,5")
    assert box.lineEdit().text() == "1.5"  # seen while it is typed
    type_into(box, "1.500")
    assert box.value() == 1.5


def all_of(kind, pages):
    return [widget for page in pages for widget in page.findChildren(kind)]


def test_that_every_number_field_of_the_window_follows_it(qtbot, country, tmp_path):
    window = MainWindow(PAGES)
    qtbot.addWidget(window)
    window.workspace.runner.loaded = True
    window._closing = True
    assert window.workspace.open_study(Study(tmp_path / "s", create=True).path)
    for host in window.pages.hosts:
        host.build()
        assert host.page is not None, host.place.title
    exports = ExportForm("")
    qtbot.addWidget(exports)
    parts = [window, exports]

    boxes = all_of(QAbstractSpinBox, parts)
    assert len(boxes) > 20
    for box in boxes:
        assert isinstance(box, DecimalBox | CountBox), box
        assert box.locale().decimalPoint() == "."
        if isinstance(box, CountBox) or not box.decimals():
            continue
        box.blockSignals(True)
        low, high = box.minimum(), min(box.maximum(), 90.0)
        wanted = round(low + (high - low) * 0.3, 1) if high - low >= 1 else (low + high) / 2
        for sign in (".", ","):
            box.setValue(low)
            typed = f"{wanted:.{min(2, box.decimals())}f}".replace(".", sign)
            type_into(box, typed)
            assert box.value() == pytest.approx(float(typed.replace(",", "."))), (typed, box)
            assert "," not in box.text()

    for edit in all_of(NumberEdit, parts):
        edit.blockSignals(True)
        for text in ("0,5", "0.5"):
            edit.set_text(text)
            assert edit.value() == 0.5
    lists = all_of(NumbersEdit, parts)
    assert lists
    for edit in lists:
        edit.blockSignals(True)
        if edit.whole:
            edit.set_text("0,1")
            assert edit.values() == (0, 1)
            continue
        edit.set_text("0,5; 0,25")
        assert edit.values() == (0.5, 0.25)
        edit.set_text("1,5")
        assert "may be 1.5 or 1; 5" in edit.error()
        edit.set_values((0.5, 0.25))
        assert edit.text() == "0.5, 0.25"


def test_that_no_other_box_for_numbers_is_used():
    for path in sorted((ROOT / "gui").rglob("*.py")):
        if path.name == "number_boxes.py":
            continue
        names = {
            getattr(node, "attr", None) or getattr(node, "id", None)
            for node in ast.walk(ast.parse(path.read_text()))
        }
        assert not names & {"QSpinBox", "QDoubleSpinBox"}, path
