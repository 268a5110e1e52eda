"""From attributions to the table of the Maps page."""

import numpy as np
import pytest

from engine.figures.charts import csv_text
from gui.pages.maps.columns import Drawing, MapColumn, difference
from gui.pages.maps.table import build, figure_of

DRAWING = Drawing(percentile=100.0)


def column(attributions, key="k", **more):
    arrays = {
        "attributions": np.asarray(attributions, np.float32),
        "predicted": np.zeros(len(attributions), np.int64),
        "probability": np.full(len(attributions), 0.5),
        **more,
    }
    return MapColumn(key, "Standard", "Gradient", 0, ("cat",), arrays)


def one_pixel(*values):
    """Return maps (N, 1, 1, 2) with these values beside a zero."""
    return [[[[value, 0.0]]] for value in values]


def test_that_each_picture_has_its_own_scale():
    values = column(one_pixel(1.0, -4.0)).values(DRAWING)
    assert values[:, 0, 0].tolist() == [1.0, -1.0]


def test_that_a_shared_scale_keeps_pictures_comparable():
    values = column(one_pixel(1.0, -4.0)).values(Drawing(100.0, shared=True))
    assert values[:, 0, 0].tolist() == [0.25, -1.0]


def test_that_every_number_of_a_map_stands_below_it():
    noted = column(one_pixel(1.0), blurriness=np.array([0.25]), completeness_gap=np.array([0.031]))
    assert noted.note(0).splitlines() == [
        "cat, 50.0 %",
        "blurriness 0.25",
        "gap 0.031",
    ]


def test_that_numbers_that_are_not_finite_are_left_out():
    assert column(one_pixel(0.0), blurriness=np.array([np.nan])).note(0) == "cat, 50.0 %"


def test_that_equal_maps_have_no_difference_and_correlate_fully():
    values = np.array([[[1.0, -1.0, 0.5]]], np.float32)
    same = difference(values, values)
    assert (same.values == 0).all()
    assert same.limit.tolist() == [0.0]
    assert same.spearman.tolist() == [1.0]
    opposite = difference(values, -values, 100.0)
    assert opposite.values.tolist() == [[[1.0, -1.0, 0.5]]]
    assert opposite.limit.tolist() == [2.0]
    assert opposite.spearman.tolist() == [-1.0]


def test_that_a_difference_has_limits_of_its_own():
    """A small difference is drawn in full colour, and says what that means."""
    first, second = (np.array([[[1.0, low]]], np.float32) for low in (0.1, 0.3))
    found = difference(first, second, 100.0)
    assert found.values.tolist() == [[[0.0, -1.0]]]
    assert found.limit.tolist() == [pytest.approx(0.2)]


def test_that_the_correlation_is_one_of_ranks():
    curved = np.array([[[0.0, 0.1, 0.2, 1.0]]], np.float32)
    assert difference(curved, curved**3).spearman.tolist() == [1.0]


def test_that_a_constant_map_has_no_correlation():
    flat = np.zeros((1, 1, 2), np.float32)
    assert np.isnan(difference(flat, np.array([[[1.0, -1.0]]], np.float32)).spearman[0])


def table(columns, pairs=()):
    images = np.zeros((2, 1, 1, 2), np.uint8)
    return build(images, ["first", "second"], columns, DRAWING, pairs)


def test_that_a_row_holds_the_image_its_maps_and_their_difference():
    both = [column(one_pixel(1.0, 2.0)), column(one_pixel(-1.0, 2.0), key="l")]
    made = table(both, pairs=[(0, 1)])
    assert [heading.key for heading in made.headings] == ["", "k", "l", ""]
    assert [len(row) for row in made.rows] == [4, 4]
    assert made.rows[0][3].values.tolist() == [[1.0, 0.0]]
    assert made.rows[1][3].values.tolist() == [[0.0, 0.0]]
    assert made.rows[0][3].note.splitlines() == ["Spearman -1.00", "full colour ±2.00"]


def test_that_a_difference_is_drawn_in_two_colours_where_maps_are_grey():
    both = [column(one_pixel(1.0, 2.0)), column(one_pixel(-1.0, 2.0), key="l")]
    images = np.zeros((2, 1, 1, 2), np.uint8)
    made = build(images, ["a", "b"], both, Drawing(100.0, "grey"), [(0, 1)])
    assert np.ptp(made.rows[0][1].pixels[0, 0].astype(int)) == 0
    assert np.ptp(made.rows[0][3].pixels[0, 0].astype(int)) > 0


def test_that_red_is_positive_and_blue_negative():
    made = table([column(one_pixel(1.0, -1.0))])
    positive, negative = (made.rows[row][1].pixels[0, 0].astype(int) for row in (0, 1))
    assert positive[0] > positive[2]
    assert negative[2] > negative[0]


def test_that_a_map_without_finite_values_is_said_to_be_one():
    made = table([column(one_pixel(np.nan, 1.0))])
    assert made.rows[0][1].pixels is None
    assert made.rows[0][1].missing == "no finite values"
    assert made.rows[1][1].pixels is not None


def test_that_a_missing_result_leaves_its_place_empty():
    failed = MapColumn("k", "Standard", "Gradient", 0, failure="images are too large")
    made = table([failed, MapColumn("l", "other", "Gradient", 1)], pairs=[(0, 1)])
    assert [cell.missing for cell in made.rows[0]] == ["", "images are too large", "…", "…"]


def test_that_a_pixel_is_described_by_its_raw_values():
    made = table([column([[[[0.5, 0.0]], [[-0.125, 0.0]]]] * 2)])
    assert made.rows[0][1].describe(0, 0) == "row 0, column 0: +0.375 = +0.5 -0.125"


def test_that_the_figure_has_a_row_a_network_and_a_column_an_image():
    figure = figure_of(table([column(one_pixel(1.0, 2.0))]), "caption", Drawing())
    assert figure.row_titles == ("Image", "Gradient")
    assert figure.title == "Standard"
    assert figure.column_titles == ("first", "second")
    assert figure.values[1][0].tolist() == [[1.0, 0.0]]
    assert "# caption" in csv_text(figure)
