import os
import re
import shutil
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from engine.figures import drawing
from engine.figures.charts import ChartData, FigureError, MapGridData, Regions, Series
from engine.figures.paper.style import FigureStyle
from engine.figures.sizing import grid_of
from engine.store import atomic
from engine.texts import harmless

NAMES = ("L2 xent, r = −0.95 [−0.98, −0.88]", "Random pixels")


def chart(**changes):
    series = (
        Series(NAMES[0], [0, 0.5, 1], [0.9, 0.5, 0.1], [0.8, 0.4, 0.1], [1, 0.6, 0.1]),
        Series(NAMES[1], [0, 0.5, 1], [0.9, 0.7, 0.1], style="none", symbol="square"),
    )
    values = {"title": "ROAR, Gradient", "x_label": "Fraction removed", "y_label": "Accuracy"}
    return ChartData(series, **(values | {"caption": "Mean over repeats."} | changes))


def grid(rows=2, columns=3):
    pixels = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    titles = tuple(f"network {r}" for r in range(rows))
    names = tuple(f"class {c}" for c in range(columns))
    return MapGridData(((pixels,) * columns,) * rows, titles, names, "Maps", "Blue is negative.")


def boundary():
    axis = np.linspace(-1, 1, 20)
    return ChartData(
        regions=Regions(axis, np.tile(axis, (20, 1))),
        segments=np.array([[0, 0, 0.5, 0.5]]),
        equal_aspect=True,
    )


PICTURES = {
    "chart": chart(),
    "panels": [chart(), chart(title="KAR")],
    "grid": grid(),
    "boundary": boundary(),
}


def test_that_long_words_are_broken_where_panels_are_narrow():
    words = {
        "x_label": "Scaled distance to the reconstruction",
        "title": "L2 xent (generator seed 2)",
    }
    panels = [chart(**words, y_label=f"Density {n}") for n in range(12)]
    figure = drawing.draw(panels, FigureStyle(width_mm=170))
    drawn = [ax for part in figure.subfigs for place in part.subfigs for ax in place.axes]
    drawn = drawn or [ax for place in figure.subfigs for ax in place.axes]
    assert {ax.get_xlabel().count("\n") for ax in drawn} == {1}
    narrow, wide = (drawing.draw(chart(**words), FigureStyle(width_mm=w)) for w in (50, 170))
    assert "\n" not in wide.axes[0].get_xlabel()
    assert narrow.axes[0].get_xlabel().replace("\n", " ") == words["x_label"]


def test_that_the_ticks_do_not_depend_on_what_the_layout_makes_of_them():
    # With as many as fit, those at the edge need room, with which fewer fit, and so on: of these
    # densities, of three generators, nothing was left.
    words = {"x_label": "Scaled distance to the reconstruction", "y_label": "Density"}
    names = [f"L2 {eps} PGD-10, seed 0 (mean 0.663, n = 969)" for eps in (2, 1, 0.5)]
    names = ["test data (mean 0.437, n = 1000)", *names, "Standard, seed 0 (mean 0.767, n = 968)"]
    panels = []
    for seed, (left, right) in enumerate([(-0.127, 1.279), (-0.126, 1.273), (-0.122, 1.213)]):
        series = tuple(Series(name, [left, 0.4, right], [0, 3.6, 0]) for name in names)
        panels.append(ChartData(series, title=f"L2 xent (generator seed {seed})", **words))
    drawing.draw(panels, FigureStyle(width_mm=170))


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("suffix", drawing.FORMATS)
def test_that_every_picture_is_written_in_every_format(tmp_path, name, suffix):
    path = tmp_path / f"figure.{suffix}"
    drawing.save(PICTURES[name], path, width_mm=85, dpi=60, caption=True)
    begins = {"pdf": b"%PDF-", "svg": b"<?xml", "png": b"\x89PNG", "csv": b""}
    assert path.read_bytes().startswith(begins[suffix])
    assert path.stat().st_size > 50


@pytest.mark.parametrize(("width", "height", "dpi"), [(85, 60, 100), (170, 85, 150)])
def test_that_a_png_has_the_size_that_was_asked_for(tmp_path, width, height, dpi):
    path = tmp_path / "figure.png"
    drawing.save(chart(), path, width_mm=width, height_mm=height, dpi=dpi)
    with Image.open(path) as image:
        assert image.size == (int(width / 25.4 * dpi), int(height / 25.4 * dpi))
        assert image.info["dpi"][0] == pytest.approx(dpi, abs=0.1)
        assert image.info["Description"] == "Mean over repeats."


def svg_texts(path):
    tree = ElementTree.parse(path)
    return [
        "".join(node.itertext())
        for node in tree.iter()
        if node.tag.endswith("}text") or node.tag.endswith("}tspan")
    ]


def test_that_the_text_of_an_svg_stays_text_and_the_size_is_in_millimetres(tmp_path):
    path = tmp_path / "figure.svg"
    drawing.save(chart(), path, width_mm=85, height_mm=70)
    texts = svg_texts(path)
    for wanted in (*NAMES, "ROAR, Gradient", "Fraction removed", "Accuracy"):
        assert wanted in texts
    root = ElementTree.parse(path).getroot()
    assert float(root.get("width").removesuffix("pt")) == pytest.approx(85 / 25.4 * 72, abs=0.01)


def test_that_title_and_caption_are_drawn_only_where_wanted(tmp_path):
    path = tmp_path / "figure.svg"
    drawing.save(chart(), path, title=False, caption=True)
    texts = svg_texts(path)
    assert "ROAR, Gradient" not in texts
    assert "Mean over repeats." in texts
    drawing.save(chart(), path)
    assert "Mean over repeats." not in svg_texts(path)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext")
def test_that_a_pdf_holds_its_texts_with_embedded_fonts(tmp_path):
    path = tmp_path / "figure.pdf"
    drawing.save(chart(), path)
    text = subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True).stdout
    assert "Random pixels" in text
    assert "−0.95" in text
    fonts = subprocess.run(["pdffonts", path], capture_output=True, text=True).stdout
    assert "TrueType" in fonts
    assert re.search(r"\byes\b", fonts)
    assert "Type 3" not in fonts


@pytest.mark.parametrize("suffix", ["pdf", "svg", "png"])
def test_that_the_same_data_give_the_same_file(suffix):
    first, second = (drawing.render(chart(), suffix) for _ in range(2))
    assert first == second


def test_that_figures_drawn_on_many_threads_are_those_drawn_alone():
    alone = drawing.render(chart(), "png", FigureStyle(dpi=50))
    found = []

    def work():
        found.append(drawing.render(chart(), "png", FigureStyle(dpi=50)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 4


def test_that_pixels_of_maps_are_not_smoothed(tmp_path):
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = pixels[1, 1] = 255
    path = tmp_path / "maps.png"
    drawing.save(MapGridData(((pixels,),)), path, width_mm=40, height_mm=40, dpi=200)
    with Image.open(path) as image:
        grey = np.asarray(image.convert("L"))[100:-100, 100:-100]
    assert ((grey < 10) | (grey > 245)).mean() > 0.99


def test_that_columns_of_panels_leave_no_gap_where_possible():
    assert grid_of(8, 170) == (4, 2)
    assert grid_of(3, 170) == (1, 3)
    assert grid_of(4, 170) == (2, 2)
    assert grid_of(5, 170) == (2, 3)
    assert grid_of(4, 85) == (4, 1)


def test_that_a_legend_and_a_caption_lie_inside_the_figure():
    for data in (chart(), [chart(), chart(title="other")], grid()):
        figure = drawing.draw(data, FigureStyle(caption=True))
        figure.canvas.draw()
        legends = [*figure.legends, *(one for part in figure.subfigs for one in part.legends)]
        boxes = [item.get_window_extent() for item in (*figure.texts, *legends)]
        for box in boxes:
            assert box.x0 >= -1
            assert box.y0 >= -1
            assert box.x1 <= figure.bbox.width + 1
            assert box.y1 <= figure.bbox.height + 1


@pytest.mark.parametrize("suffix", ["doc", ""])
def test_that_another_format_is_refused(tmp_path, suffix):
    with pytest.raises(FigureError, match=r"must end in one of \.pdf, \.svg, \.png, \.csv"):
        drawing.save(chart(), tmp_path / f"figure.{suffix}")


@pytest.mark.filterwarnings("ignore:constrained_layout not applied")
def test_that_a_figure_with_no_room_for_its_data_is_refused():
    style = FigureStyle(width_mm=30, height_mm=12, font_size=12)
    with pytest.raises(FigureError, match="make it larger or the font smaller"):
        drawing.render(chart(), "pdf", style)


def test_that_too_many_pixels_are_refused_before_they_fill_the_memory():
    style = FigureStyle(width_mm=1200, height_mm=1200, dpi=1200)
    with pytest.raises(FigureError, match="dpi is 1200, too many"):
        drawing.render(chart(), "png", style)


@pytest.mark.parametrize("data", [[], MapGridData(())])
def test_that_an_empty_picture_is_refused(data):
    with pytest.raises(FigureError, match="nothing to draw"):
        drawing.render(data, "png")


def test_that_a_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(FigureError, match="cannot be written: No such file or directory"):
        drawing.save(chart(), tmp_path / "none" / "figure.csv")


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="the superuser may write anywhere")
def test_that_a_folder_without_permission_is_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(FigureError, match="cannot be written: Permission denied"):
        drawing.save(chart(), tmp_path / "figure.csv")
    tmp_path.chmod(0o700)


def test_that_a_full_disk_leaves_the_older_figure(tmp_path, monkeypatch):
    path = tmp_path / "figure.csv"
    drawing.save(chart(), path)
    older = path.read_text() + "# older\n"
    path.write_text(older)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "replace", full)
    with pytest.raises(FigureError, match="No space left on device"):
        drawing.save(chart(), path)
    assert path.read_text() == older
    assert list(tmp_path.iterdir()) == [path]


def test_that_no_display_and_no_global_figure_is_used():
    code = (
        "import sys, engine.figures.study_figures; "
        "assert 'matplotlib.pyplot' not in sys.modules; assert 'PySide6' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


HOSTILE = (
    "$x^$",
    r"$\frac{$",
    "_hidden",
    "a\x1b[31m\x00\u202eb",
    "<b>&amp;</b>",
    "%s {0}",
    "é\n\nx",
)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_that_a_text_is_drawn_as_it_is(text, suffix):
    curve = Series(text, [0.1, 1.0], [0.1, 1.0])
    chart = ChartData((curve,), text, text, text, text)
    grid = MapGridData(
        ((np.zeros((2, 2, 3), np.uint8),),), (text,), (text,), text, text, notes=((text,),)
    )
    for picture in (chart, grid):
        content = drawing.render(picture, suffix, FigureStyle(title=True, width_mm=170))
        if suffix == "svg":
            shown = "".join(ElementTree.fromstring(content).itertext())
            for line in harmless(text).split("\n"):
                assert shown.count(line) >= 4, "in the legend, titles, labels and caption"


def test_that_the_ticks_of_a_logarithmic_axis_are_numbers():
    chart = ChartData((Series("s", [1e-3, 1.0], [1e-3, 1.0]),), x_log=True, y_log=True)
    shown = "".join(ElementTree.fromstring(drawing.render(chart, "svg")).itertext())
    assert "mathdefault" not in shown
    assert "$" not in shown
    assert {"1e\u221203", "1e\u221202", "1e\u221201", "1"} <= set(shown.split())
