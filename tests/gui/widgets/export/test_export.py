import csv
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QToolButton, QWidget

from engine.figures import drawing
from engine.figures.charts import ChartData, MapGridData, Series
from engine.figures.paper.presets import PRESETS
from engine.figures.paper.style import FigureStyle
from gui.pages import Place
from gui.pages.common.page import Page
from gui.session.workspace import Workspace
from gui.widgets.export import buttons
from gui.widgets.export.actions import copy, folder_of
from gui.widgets.export.buttons import export_buttons
from gui.widgets.export.dialog import ExportDialog

CHART = ChartData((Series("a curve", [0, 1], [2, 3]),), "A title", "x", "y", "A caption.")
GRID = MapGridData(((np.zeros((4, 4, 3), np.uint8),),), ("net",), ("7",), "Maps")


@pytest.fixture(autouse=True)
def first_time():
    ExportDialog.last_style, ExportDialog.last_format = FigureStyle(), "pdf"
    ExportDialog.last_preset, ExportDialog.last_unit = "plain-2", "mm"


@pytest.fixture
def dialog(qtbot):
    made = ExportDialog(CHART, "chart")
    qtbot.addWidget(made)
    return made


class OnPage(Page):
    """A page, whose workspace draws and says for the widgets in it."""

    place = Place("Test", "page", "test", "")

    def __init__(self):
        super().__init__(Workspace())
        self.workspace.setParent(self)
        self.said = []
        self.workspace.message.connect(lambda text, error: self.said.append((text, error)))


@pytest.fixture
def page(qtbot):
    made = OnPage()
    qtbot.addWidget(made)
    yield made
    assert made.workspace.runner.shutdown()


def choose(dialog, suffix):
    dialog.form.format.setCurrentIndex(dialog.form.format.findData(suffix))


@pytest.mark.parametrize(
    ("suffix", "begins"),
    [("pdf", b"%PDF-"), ("svg", b"<?xml"), ("png", b"\x89PNG"), ("csv", b"#"), ("h5", b"ISTHMUS")],
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
    dialog.form.preset.setCurrentIndex(0)
    dialog.form.preset.activated.emit(0)
    dialog.form.height_field.setValue(60)
    dialog.form.font_size.setValue(7.5)
    dialog.form.dpi.setValue(600)
    dialog.form.with_caption.setChecked(True)
    assert dialog.figure_style == FigureStyle(
        width_mm=85,
        height_mm=60,
        font_size=7.5,
        least_size=6,
        dpi=600,
        title=True,
        caption=True,
        palette="okabe_ito",
    )


def test_that_a_size_of_ones_own_is_shown_as_such(dialog):
    assert dialog.form.preset.currentData() == "plain-2"
    dialog.form.width_field.setValue(123)
    assert dialog.form.preset.currentText() == "Own size"
    dialog.form.width_field.setValue(85)
    assert dialog.form.preset.currentData() == "plain"


def test_that_a_figure_larger_than_its_column_or_page_is_said_before_it_is_saved(dialog, qtbot):
    dialog.show()
    place = dialog.form.preset.findData("nature")
    dialog.form.preset.setCurrentIndex(place)
    dialog.form.preset.activated.emit(place)
    qtbot.waitUntil(lambda: "89.0 x" in dialog._answer.text(), timeout=20000)
    assert "Too large" not in dialog._answer.text()
    dialog.form.width_field.setValue(100)
    dialog.form.height_field.setValue(190)
    qtbot.waitUntil(lambda: "100.0 x 190.0 mm" in dialog._answer.text(), timeout=20000)
    assert dialog.form.preset.currentText() == "Own size"
    assert (
        "Too large for Nature, one column: 11.0 mm wider than its column of 89 mm and 20.0 mm "
        "higher than its page of 170 mm."
    ) in dialog._answer.text()
    own = dialog.form.preset.count() - 1
    dialog.form.preset.setCurrentIndex(own)
    dialog.form.preset.activated.emit(own)
    dialog.form.width_field.setValue(101)
    qtbot.waitUntil(lambda: "101.0 x 190.0 mm" in dialog._answer.text(), timeout=20000)
    assert "Too large" not in dialog._answer.text()


def test_that_the_height_is_automatic_at_first(dialog):
    assert dialog.figure_style.height_mm is None
    assert dialog.form.height_field.text() == "automatic"


def test_that_sizes_are_of_no_use_for_a_table(dialog):
    choose(dialog, "csv")
    assert not dialog.form.width_field.isEnabled()
    choose(dialog, "png")
    assert dialog.form.width_field.isEnabled()
    assert dialog.form.dpi.isEnabled()
    choose(dialog, "svg")
    assert not dialog.form.dpi.isEnabled()


def test_that_the_preview_shows_the_figure_and_the_table(dialog, qtbot):
    dialog.show()
    qtbot.waitUntil(lambda: not dialog._pixmap.isNull(), timeout=20000)
    width, height = dialog._pixmap.width(), dialog._pixmap.height()
    assert width > 300
    dialog.form.height_field.setValue(40)
    qtbot.waitUntil(lambda: dialog._pixmap.height() != height, timeout=20000)
    assert dialog._pixmap.width() / dialog._pixmap.height() == pytest.approx(170 / 40, rel=0.02)
    choose(dialog, "csv")
    qtbot.waitUntil(lambda: "a curve" in dialog._preview.text(), timeout=20000)


def test_that_what_was_chosen_is_proposed_the_next_time(dialog, qtbot, tmp_path):
    choose(dialog, "csv")
    dialog.form.width_field.setValue(99)
    dialog.save_to(tmp_path / "a.csv")
    again = ExportDialog(CHART, "chart")
    qtbot.addWidget(again)
    assert again.suffix == "csv"
    assert again.figure_style.width_mm == 99


def test_that_a_folder_that_is_missing_is_said_in_the_dialog(dialog, qtbot, tmp_path):
    with qtbot.assertNotEmitted(dialog.accepted, wait=50):
        dialog.save_to(tmp_path / "none" / "chart.csv")
    assert "cannot be written" in dialog._answer.text()
    assert all(button.isEnabled() for button in dialog._buttons.buttons())
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


def test_that_a_figure_that_is_drawn_is_not_written_once_the_dialog_is_cancelled(
    page, qtbot, tmp_path, monkeypatch
):
    begun, go_on, ended = Event(), Event(), Event()

    def slow(*given):
        begun.set()
        assert go_on.wait(20)
        ended.set()
        return b"<svg/>", None

    monkeypatch.setattr(drawing, "_rendered", slow)
    dialog = ExportDialog(CHART, "chart", page)
    choose(dialog, "svg")
    dialog.show()
    dialog.save_to(tmp_path / "chart.svg")
    qtbot.waitUntil(begun.is_set, timeout=20000)
    cancel = dialog._buttons.button(QDialogButtonBox.StandardButton.Cancel)
    enabled = [button for button in dialog._buttons.buttons() if button.isEnabled()]
    assert enabled == [cancel]
    qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)
    assert not dialog.isVisible()
    go_on.set()
    qtbot.waitUntil(ended.is_set, timeout=20000)
    qtbot.waitUntil(lambda: "was not saved" in dialog._answer.text(), timeout=20000)
    assert not list(tmp_path.iterdir())


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
    buttons.copy(page, ())
    qtbot.waitUntil(lambda: bool(page.said), timeout=20000)
    assert page.said == [("the figure is empty: there is nothing to draw", True)]


def test_that_an_hdf5_file_holds_every_number_and_text(qtbot, tmp_path):
    from engine.store.hdf5 import read

    dialog = ExportDialog(CHART, "chart")
    qtbot.addWidget(dialog)
    choose(dialog, "h5")
    dialog.form.caption.setPlainText("Another caption.")
    dialog.save_to(tmp_path / "a.h5")
    found = read(tmp_path / "a.h5")
    assert list(found.arrays["panel_1/series_1/y"]) == [2.0, 3.0]
    assert found.documents["figure"]["panels"][0]["series"][0]["name"] == "a curve"
    assert found.documents["figure"]["caption"] == "Another caption."


def test_that_lengths_are_given_in_inches_too(dialog):
    dialog.form.width_field.setValue(88.9)
    dialog.form.height_field.setValue(50.8)
    units = dialog.form.unit_choice
    units.setCurrentIndex(units.findData("inch"))
    assert dialog.form.width_field.value() == pytest.approx(3.5)
    assert dialog.figure_style.width_mm == pytest.approx(88.9)
    assert dialog.figure_style.height_mm == pytest.approx(50.8)
    dialog.form.width_field.setValue(5.5)
    assert dialog.figure_style.width_mm == pytest.approx(139.7)
    assert dialog.form.preset.currentText().startswith("NeurIPS")
    dialog.form.height_field.setValue(0)
    assert dialog.figure_style.height_mm is None
    units.setCurrentIndex(0)
    assert dialog.figure_style.height_mm is None


@pytest.mark.parametrize("unit", ["mm", "inch"])
@pytest.mark.parametrize("place", range(len(PRESETS)))
def test_that_every_column_of_a_journal_can_be_chosen(dialog, unit, place):
    dialog.form.unit_choice.setCurrentIndex(dialog.form.unit_choice.findData(unit))
    dialog.form.preset.setCurrentIndex(place)
    dialog.form.preset.activated.emit(place)
    assert dialog.figure_style.width_mm == pytest.approx(
        list(PRESETS.values())[place].width_mm, abs=0.13
    )
    assert dialog.form.preset.currentIndex() == place


def test_that_letters_colours_and_paper_are_chosen(dialog, qtbot, tmp_path):
    form = dialog.form
    form.font_choice.setCurrentText("STIXGeneral")
    form.palette_choice.setCurrentIndex(form.palette_choice.findData("okabe_ito"))
    form.background.setCurrentIndex(1)
    choose(dialog, "svg")
    dialog.save_to(tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "STIXGeneral" in text
    assert "#0072b2" in text
    again = ExportDialog(CHART, "chart")
    qtbot.addWidget(again)
    style = again.figure_style
    assert (style.font, style.palette, style.transparent) == ("STIXGeneral", "okabe_ito", True)


def test_that_the_paper_is_white_or_missing(qtbot, tmp_path):
    from PIL import Image

    for transparent in (False, True):
        dialog = ExportDialog(CHART, "chart")
        qtbot.addWidget(dialog)
        choose(dialog, "png")
        dialog.form.background.setCurrentIndex(int(transparent))
        dialog.save_to(tmp_path / "a.png")
        with Image.open(tmp_path / "a.png") as image:
            corner = image.convert("RGBA").getpixel((0, 0))
        assert corner == ((255, 255, 255, 0) if transparent else (255, 255, 255, 255))


def test_that_the_typed_caption_is_below_the_figure(dialog, qtbot, tmp_path):
    assert dialog.form.caption_text == "A caption."
    dialog.form.caption.setPlainText("eps = 0.1, n = 3.")
    dialog.form.with_caption.setChecked(True)
    choose(dialog, "svg")
    dialog.save_to(tmp_path / "a.svg")
    assert "eps = 0.1, n = 3." in (tmp_path / "a.svg").read_text()


def test_that_the_dialog_copies_what_it_shows_as_vector_and_pixels(dialog):
    dialog.form.width_field.setValue(50)
    dialog.copy_button.click()
    mime = QGuiApplication.clipboard().mimeData()
    assert bytes(mime.data("application/pdf")).startswith(b"%PDF-")
    root = ElementTree.fromstring(bytes(mime.data("image/svg+xml")))
    assert float(root.get("width").removesuffix("pt")) == pytest.approx(50 / 25.4 * 72, rel=0.01)
    assert mime.imageData().width() == pytest.approx(50 / 25.4 * 300, abs=2)


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_that_the_preview_is_the_file(qtbot, tmp_path, monkeypatch, suffix):
    dialog = ExportDialog(CHART, "chart")
    qtbot.addWidget(dialog)
    choose(dialog, suffix)
    dialog.form.preset.setCurrentIndex(dialog.form.preset.findData("nature"))
    dialog.form.preset.activated.emit(0)
    dialog._due.stop()
    dialog._draw_preview()
    seen = dialog._pixmap.toImage().convertToFormat(QImage.Format.Format_RGB32)
    words = dialog._answer.text()
    monkeypatch.setattr("engine.figures.drawing.draw", None)  # nothing is drawn a second time
    path = tmp_path / f"a.{suffix}"
    dialog.save_to(path)
    assert dialog.result() == 1
    assert words.startswith("89.0 x ")
    assert f"{path.stat().st_size / 1000:,.0f} kB" in words
    if suffix == "png":
        read = QImage.fromData(path.read_bytes())
        assert read.convertToFormat(QImage.Format.Format_RGB32) == seen
        assert seen.width() == int(89 / 25.4 * 300)


def test_that_a_preset_sets_size_letters_and_colours(dialog):
    form = dialog.form
    for name, row in PRESETS.items():
        form.preset.setCurrentIndex(form.preset.findData(name))
        form.preset.activated.emit(0)
        style = dialog.figure_style
        assert form.preset_name == name
        assert style.width_mm == pytest.approx(row.width_mm, abs=0.06)
        assert (style.font_size, style.least_size) == (row.font_size, row.least_size)
        assert (style.dpi, style.most_height_mm) == (row.dpi, row.most_height_mm)
        assert style.palette == "okabe_ito"
        assert style.font in row.fonts or style.font == "DejaVu Sans"


def test_that_a_figure_higher_than_the_page_is_said(qtbot):
    panels = [replace(CHART, title=str(n)) for n in range(40)]
    dialog = ExportDialog(panels, "charts")
    qtbot.addWidget(dialog)
    dialog.form.preset.setCurrentIndex(dialog.form.preset.findData("neurips-half"))
    dialog.form.preset.activated.emit(0)
    dialog._draw_preview()
    assert re.search(
        r"Too large for NeurIPS, half of it: [\d.]+ mm higher than its page of 228.6 mm\.",
        dialog._answer.text(),
    )


def test_that_each_study_has_a_folder_for_its_figures(page, qtbot, tmp_path):
    from engine.store.study import Study

    places = {}
    for name in ("first", "second"):
        Study(tmp_path / f"{name}.isthmus", create=True)
        page.workspace.open_study(tmp_path / f"{name}.isthmus")
        qtbot.waitUntil(lambda name=name: page.workspace.study.path.stem == name, timeout=20000)
        places[name] = tmp_path / f"paper {name}"
        places[name].mkdir()
        dialog = ExportDialog(CHART, "chart", page)
        choose(dialog, "csv")
        dialog.save_to(places[name] / "chart.csv")
        qtbot.waitUntil(lambda name=name: folder_of(page) == places[name], timeout=20000)
    page.workspace.open_study(tmp_path / "first.isthmus")
    qtbot.waitUntil(lambda: page.workspace.study.path.stem == "first", timeout=20000)
    assert folder_of(page) == places["first"]
