import csv
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QToolButton, QWidget

from engine.charts import ChartData, FigureStyle, MapGridData, Series
from gui.widgets import export
from gui.widgets.export import ExportDialog, copy, export_buttons
from gui.workspace import Workspace

CHART = ChartData((Series("a curve", [0, 1], [2, 3]),), "A title", "x", "y", "A caption.")
GRID = MapGridData(((np.zeros((4, 4, 3), np.uint8),),), ("net",), ("7",), "Maps")


@pytest.fixture(autouse=True)
def first_time():
    ExportDialog.last_style, ExportDialog.last_format = FigureStyle(), "pdf"
    ExportDialog.last_folder = None


@pytest.fixture
def dialog(qtbot):
    made = ExportDialog(CHART, "chart")
    qtbot.addWidget(made)
    return made


class OnPage(QWidget):
    """A widget that stands on a page, with a workspace above it."""

    def __init__(self):
        super().__init__()
        self.workspace = Workspace(self)
        self.said = []
        self.workspace.message.connect(lambda text, error: self.said.append((text, error)))


@pytest.fixture
def page(qtbot):
    made = OnPage()
    qtbot.addWidget(made)
    yield made
    assert made.workspace.runner.shutdown()


def choose(dialog, suffix):
    dialog._format.setCurrentIndex(dialog._format.findData(suffix))


@pytest.mark.parametrize(
    ("suffix", "begins"), [("pdf", b"%PDF-"), ("svg", b"<?xml"), ("png", b"\x89PNG"), ("csv", b"#")]
)
@pytest.mark.parametrize("data", [CHART, GRID], ids=["chart", "maps"])
def test_that_a_picture_is_saved_in_every_format(qtbot, tmp_path, data, suffix, begins):
    dialog = ExportDialog(data, "chart")
    qtbot.addWidget(dialog)
    choose(dialog, suffix)
    path = tmp_path / f"chart.{suffix}"
    with qtbot.waitSignal(dialog.accepted, timeout=20000):
        dialog.save_to(path)
    assert path.read_bytes().startswith(begins)


def test_that_the_fields_say_the_size_and_looks(dialog):
    dialog._preset.setCurrentIndex(0)
    dialog._preset.activated.emit(0)
    dialog._height.setValue(60)
    dialog._font.setValue(7.5)
    dialog._dpi.setValue(600)
    dialog._with_caption.setChecked(True)
    assert dialog.figure_style == FigureStyle(
        width_mm=85, height_mm=60, font_size=7.5, dpi=600, title=True, caption=True
    )


def test_that_a_size_of_ones_own_is_shown_as_such(dialog):
    assert dialog._preset.currentData() == 170.0
    dialog._width.setValue(123)
    assert dialog._preset.currentText() == "Own size"
    dialog._width.setValue(85)
    assert dialog._preset.currentData() == 85.0


def test_that_the_height_is_automatic_at_first(dialog):
    assert dialog.figure_style.height_mm is None
    assert dialog._height.text() == "automatic"


def test_that_sizes_are_of_no_use_for_a_table(dialog):
    choose(dialog, "csv")
    assert not dialog._width.isEnabled()
    choose(dialog, "png")
    assert dialog._width.isEnabled()
    assert dialog._dpi.isEnabled()
    choose(dialog, "svg")
    assert not dialog._dpi.isEnabled()


def test_that_the_preview_shows_the_figure_and_the_table(dialog, qtbot):
    dialog.show()
    qtbot.waitUntil(lambda: not dialog._pixmap.isNull(), timeout=20000)
    width, height = dialog._pixmap.width(), dialog._pixmap.height()
    assert width > 300
    dialog._height.setValue(40)
    qtbot.waitUntil(lambda: dialog._pixmap.height() != height, timeout=20000)
    assert dialog._pixmap.width() / dialog._pixmap.height() == pytest.approx(170 / 40, rel=0.02)
    choose(dialog, "csv")
    qtbot.waitUntil(lambda: "a curve" in dialog._preview.text(), timeout=20000)


def test_that_what_was_chosen_is_proposed_the_next_time(dialog, qtbot, tmp_path):
    choose(dialog, "csv")
    dialog._width.setValue(99)
    dialog.save_to(tmp_path / "a.csv")
    again = ExportDialog(CHART, "chart")
    qtbot.addWidget(again)
    assert again.suffix == "csv"
    assert again.figure_style.width_mm == 99
    assert ExportDialog.last_folder == tmp_path


def test_that_a_folder_that_is_missing_is_said_in_the_dialog(dialog, qtbot, tmp_path):
    with qtbot.assertNotEmitted(dialog.accepted, wait=50):
        dialog.save_to(tmp_path / "none" / "chart.csv")
    assert "cannot be written" in dialog._answer.text()
    assert dialog._buttons.isEnabled()
    assert dialog._answer.property("role") == "error"


def test_that_the_suffix_is_added_where_it_is_missing(dialog, monkeypatch, tmp_path):
    asked = {}

    def answer(parent, title, proposed, kinds):
        asked["proposed"] = proposed
        return str(tmp_path / "my.figure"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    choose(dialog, "csv")
    dialog._choose_path()
    assert Path(asked["proposed"]).name == "chart.csv"
    assert (tmp_path / "my.figure.csv").exists()


def test_that_the_clipboard_gets_picture_vector_and_table(qtbot):
    widget = QWidget()
    qtbot.addWidget(widget)
    copy(widget, CHART)
    mime = QGuiApplication.clipboard().mimeData()
    assert mime.hasImage()
    assert mime.imageData().width() > 500
    ElementTree.fromstring(bytes(mime.data("image/svg+xml")))
    lines = [line for line in mime.text().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    assert [(row["x"], row["y"]) for row in rows] == [("0", "2"), ("1", "3")]


def test_that_the_buttons_ask_for_the_data_when_pressed(qtbot):
    widget, asked = QWidget(), []
    qtbot.addWidget(widget)

    def make():
        asked.append(1)
        return CHART

    copying, exporting = export_buttons(widget, make, "chart")
    assert asked == []
    assert all(isinstance(button, QToolButton) for button in (copying, exporting))
    exporting.click()
    (dialog,) = widget.findChildren(ExportDialog)
    assert dialog.isVisible()
    assert asked == [1]
    dialog.reject()
    assert exporting.property("exports") == "chart"
    assert exporting.focusPolicy() != Qt.FocusPolicy.NoFocus


def test_that_on_a_page_drawing_happens_on_a_lane_and_is_told(page, qtbot, tmp_path):
    dialog = ExportDialog(CHART, "chart", page)
    path = tmp_path / "chart.svg"
    choose(dialog, "svg")
    dialog.save_to(path)
    assert not path.exists() or dialog.result() == 0  # nothing was waited for
    qtbot.waitUntil(lambda: bool(page.said), timeout=20000)
    assert page.said == [(f"Saved {path}", False)]
    assert path.exists()


def test_that_an_answer_for_a_closed_dialog_is_dropped(page, qtbot):
    dialog = ExportDialog(CHART, "chart", page)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    dialog._draw_preview()
    dialog.close()
    marks = []
    page.workspace.runner.ask("after", lambda _: None, marks.append, marks.append)
    qtbot.waitUntil(lambda: bool(marks), timeout=20000)  # no exception on the way


def test_that_a_copy_that_fails_is_told(page, qtbot):
    export.copy(page, ())
    qtbot.waitUntil(lambda: bool(page.said), timeout=20000)
    assert page.said == [("the figure is empty: there is nothing to draw", True)]
