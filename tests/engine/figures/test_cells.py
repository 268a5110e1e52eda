import csv
import io

import numpy as np
import pytest

from engine.figures.cells import cell, csv_lines, tab_lines
from engine.figures.charts import ChartData, MapGridData, Regions, Series, csv_text

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\ufeff=1",
    "\u200e=1",
    "\u00a0=1",
    '"=1',
    "'=1",
    "\uff1d1",
    "=cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "- a list",
    "-",
    "=",
    "\tx",
    "\rx",
    "-0.3 \u00b1 0.1",
]
NUMBERS = ["-1", "+1", "0", "-0.5", "-1e-09", "1E+5", ".5", "-.5", "5.", "-12.3 %", "-12.3%"]


@pytest.mark.parametrize("text", FORMULAS)
def test_that_a_formula_becomes_a_text(text):
    assert cell(text).startswith("'")
    for lines in (csv_lines([["a", text]]), tab_lines([["a", text]])):
        assert lines.splitlines()[0].replace('"', "").startswith(("a,'", "a\t'"))


@pytest.mark.parametrize("text", NUMBERS)
def test_that_a_number_stays_a_number(text):
    assert cell(text) == text


@pytest.mark.parametrize("text", ["", "a", "a=b", "a-b", "l-inf 0.1", "x@y", "日本", "é", "1 = 2"])
def test_that_any_other_text_stays(text):
    assert cell(text) == text


def test_that_no_cell_begins_elsewhere_where_another_divider_is_used():
    for divider in ";\t":
        assert f"{divider}=" not in cell(f"cat{divider}=1+1")
    assert tab_lines([["a\tb", "c\nd"]]) == "a b\tc d"


def test_that_half_of_a_letter_can_be_written():
    assert cell("caf\udce9").encode() == "caf\ufffd".encode()


def cells_of(text):
    for divider in ",;\t":
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=divider):
            yield from row


@pytest.mark.parametrize("text", [*FORMULAS, "x,=1", "x;=1", "x\t=1", "x\n=1", "x\r\n=1", 'x",=1'])
def test_that_no_text_of_a_figure_becomes_a_formula(text):
    series = (Series(text, [0.0], [-1.5], keys=(text,)),)
    square = Regions(np.zeros(2), np.zeros((2, 2)))
    texts = {"title": text, "caption": text}
    chart = ChartData(series, x_label=text, y_label=text, regions=square, **texts)
    image = np.zeros((1, 1, 3), np.uint8)
    grid = MapGridData(((image,),), row_titles=(text,), column_titles=(text,), **texts)
    for picture in (chart, grid):
        for found in cells_of(csv_text(picture)):
            number = found.replace(",", "").lstrip("+-").replace(".", "").isdigit()
            assert number or not found.lstrip(' "').startswith(tuple("=+-@"))
    assert "-1.5" in csv_text(chart)
