import csv
import io

import numpy as np
import pytest

from engine.figures import charts
from engine.figures.charts import (
    SERIES,
    ChartData,
    FigureError,
    MapGridData,
    Regions,
    Series,
    caption_of,
    csv_text,
    series_colour,
    with_caption,
)
from engine.figures.paper.colours import PALETTES
from engine.figures.paper.style import FigureStyle, in_palette


def rows_of(text):
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return list(csv.DictReader(io.StringIO("\n".join(lines))))


def test_that_a_series_keeps_a_copy_of_its_numbers():
    x = np.array([1.0, 2.0])
    series = Series("a", x, [3, 4])
    x[0] = 9
    assert list(series.x) == [1, 2]
    assert series.y.dtype == np.float64


@pytest.mark.parametrize("field", ["y", "low", "high", "keys"])
def test_that_a_series_refuses_arrays_of_another_length(field):
    values = {"x": [1, 2], "y": [1, 2], field: ("a", "b", "c") if field == "keys" else [1, 2, 3]}
    with pytest.raises(ValueError, match=f"{field} of 's' has 3 values, must have 2"):
        Series("s", **values)


def test_that_a_table_of_data_has_every_point_with_its_labels_and_the_caption_above():
    series = Series(
        "one, two", [0.5, 1], [1 / 3, 2], low=[0.1, 1], high=[0.5, 3], keys=("k1", "k2")
    )
    data = ChartData((series,), "A title", "eps", "accuracy", "Line one.\nLine two.")
    text = csv_text(data)
    assert text.splitlines()[:3] == ["# A title", "# Line one.", "# Line two."]
    first, second = rows_of(text)
    assert first["series"] == "one, two"
    assert float(first["y"]) == pytest.approx(1 / 3, rel=1e-8)
    assert (first["low"], first["high"], first["key"]) == ("0.1", "0.5", "k1")
    assert (second["x"], second["x_label"], second["y_label"]) == ("1", "eps", "accuracy")


def test_that_a_table_leaves_a_number_that_is_none_empty():
    rows = rows_of(csv_text(ChartData((Series("a", [0.0], [np.nan]),))))
    assert rows[0]["y"] == ""


def test_that_a_table_of_several_charts_names_each():
    one, two = (ChartData((Series("s", [n], [n]),), title=f"panel {n}") for n in (1, 2))
    assert [row["panel"] for row in rows_of(csv_text([one, two]))] == ["panel 1", "panel 2"]


def test_that_a_table_of_regions_holds_the_value_at_every_point_of_the_grid():
    regions = Regions(np.array([-1.0, 1.0]), np.array([[1.0, 2.0], [3.0, 4.0]]))
    rows = rows_of(csv_text(ChartData(regions=regions)))
    assert [(row["x"], row["y"], row["value"]) for row in rows] == [
        ("-1", "-1", "1"),
        ("1", "-1", "2"),
        ("-1", "1", "3"),
        ("1", "1", "4"),
    ]


def test_that_a_table_of_maps_holds_the_values_behind_the_colours():
    pixels = np.zeros((1, 2, 3), np.uint8)
    data = MapGridData(
        ((pixels, None),), ("net",), ("first", "second"), values=((np.array([[0.25, -1]]), None),)
    )
    rows = rows_of(csv_text(data))
    assert [row["value"] for row in rows] == ["0.25", "-1"]
    assert rows[1] == {"row": "net", "column": "first", "y": "0", "x": "1", "value": "-1"}


def test_that_a_table_of_pictures_without_values_holds_their_colours():
    rows = rows_of(csv_text(MapGridData(((np.array([[[1, 2, 3]]], np.uint8),),))))
    assert [rows[0][name] for name in ("red", "green", "blue")] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"images": ((None,), (None, None))}, "rows of images"),
        ({"row_titles": ("a", "b")}, "row_titles has 2 texts, must have 1"),
        ({"column_titles": ("a",)}, "column_titles has 1 texts, must have 2"),
    ],
)
def test_that_a_grid_refuses_titles_that_do_not_fit(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        MapGridData(**{"images": ((None, None),), **change})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"width_mm": 0}, "width_mm is 0, must be between 20 and 1200"),
        ({"dpi": 5000}, "dpi is 5000"),
        ({"font_size": 1}, "font_size is 1"),
        ({"height_mm": 2000}, "height_mm is 2000"),
    ],
)
def test_that_a_figure_refuses_sizes_that_it_cannot_have(change, sentence):
    with pytest.raises(FigureError, match=sentence):
        FigureStyle(**change)


def test_that_series_colours_stand_apart_on_white_paper():
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return np.dot(linear, [0.2126, 0.7152, 0.0722])

    assert len(set(charts.SERIES)) == 8
    assert all(1.05 / (luminance(colour) + 0.05) > 3 for colour in charts.SERIES)
    assert charts.series_colour(9) == charts.SERIES[1]


@pytest.mark.parametrize("name", PALETTES)
def test_that_every_palette_has_eight_different_colours(name):
    assert len(set(PALETTES[name])) == len(SERIES) == 8


def test_that_a_chart_takes_the_colours_of_a_palette_and_grey_adds_dashes():
    series = tuple(Series(f"s{n}", [0], [0], colour=series_colour(n)) for n in range(4))
    panel = ChartData(series)
    assert in_palette(panel, "screen") is panel
    assert [s.colour for s in in_palette(panel, "tol").series] == list(PALETTES["tol"][:4])
    grey = in_palette(panel, "grey").series
    assert len({s.style for s in grey}) == 4
    assert all(s.colour[1:3] == s.colour[3:5] == s.colour[5:7] for s in grey)


def test_that_a_palette_that_does_not_exist_is_named():
    with pytest.raises(FigureError, match="palette is 'x', must be one of screen"):
        FigureStyle(palette="x")


def test_that_a_caption_is_replaced_in_every_kind_of_picture():
    chart = ChartData((Series("a", [0], [0]),), caption="a")
    assert caption_of(with_caption(chart, "b")) == "b"
    assert caption_of(with_caption([chart, chart], "b")) == "b"
