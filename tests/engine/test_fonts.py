"""Names in every script: a font is found for them, or it is said that there is none."""

import subprocess
import sys

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from engine import fonts
from engine.cli.main import main
from engine.figures.charts import ChartData, Series
from engine.figures.drawing import render, settings
from engine.fonts import OWN, families_for, texts_in, without_font
from engine.program import ROOT
from engine.specs import Glyphs
from engine.store.study import Result, Study
from engine.texts import columns_of, wrapped

CAT = "猫"


@pytest.fixture
def system(monkeypatch, tmp_path):
    """Return a function that gives the system fonts of these letters, by family, and no other."""
    known = list(font_manager.fontManager.ttflist)

    def have(**letters):
        paths = [made_up_font(tmp_path, name, found) for name, found in letters.items()]
        monkeypatch.setattr(font_manager, "findSystemFonts", lambda: list(map(str, paths)))
        fonts._found.cache_clear()

    yield have
    fonts._found.cache_clear()
    font_manager.fontManager.ttflist[:] = known
    font_manager._find_fonts_by_props_cache = {}


def made_up_font(folder, name, letters):
    """Write a font in which every letter is a square."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for point in ((0, 700), (700, 700), (700, 0)):
        pen.lineTo(point)
    pen.closePath()
    square, names = pen.glyph(), [f"u{ord(letter):x}" for letter in letters]
    made = FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder([".notdef", *names])
    made.setupCharacterMap(dict(zip(map(ord, letters), names, strict=True)))
    made.setupGlyf(dict.fromkeys([".notdef", *names], square))
    made.setupHorizontalMetrics(dict.fromkeys([".notdef", *names], (800, 0)))
    made.setupHorizontalHeader(ascent=800, descent=-200)
    made.setupNameTable({"familyName": name, "styleName": "Regular"})
    made.setupOS2()
    made.setupPost()
    path = folder / f"{name}.ttf"
    made.save(path)
    return path


def chart(name):
    values = np.arange(3.0)
    return ChartData((Series(name, values, values), Series("b", values, values)), "", "x", "y")


@pytest.mark.parametrize("text", ["cat", "Größe ± 8/255 – ε", "кот", "γάτα", "علي", "חתול"])
def test_that_the_own_font_serves_what_it_has(system, text):
    system()
    assert families_for([text]) == (OWN,)
    assert without_font([text]) == ""


@pytest.mark.parametrize("text", [CAT, "हिन्दी", "ไทย", "한국어", "ምሳሌ", "தமிழ்"])
def test_that_a_font_of_the_system_is_found_for_the_letters(system, text):
    system(Other="éà", Serves=text)
    assert families_for(["plain", text]) == (OWN, "Serves")
    assert without_font([text]) == ""


def test_that_the_font_with_most_of_a_script_serves_all_of_it(system):
    system(Few="ह", Most="हिन्दी", Cat=CAT + "ह")
    assert families_for([CAT, "हिन्दी"]) == (OWN, "Most", "Cat")


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_that_a_figure_is_drawn_with_the_found_font(system, suffix):
    system()
    boxes = render(chart(CAT), suffix)
    system(Serves=CAT)
    found = render(chart(CAT), suffix)
    assert found != boxes
    if suffix == "svg":
        assert b"Serves" in found
        assert CAT.encode() in found


def test_that_a_letter_without_a_font_gives_a_sentence_and_no_raw_warning(system):
    system()
    assert without_font([CAT]).startswith(f"no font on this computer has {CAT} (CJK): boxes stand")
    assert "(Devanagari, CJK)" in without_font(["हि" + CAT])
    code = """
from matplotlib import font_manager
font_manager.findSystemFonts = lambda: []
import numpy as np
from engine.figures.charts import ChartData, Series
from engine.figures.drawing import render
values = np.arange(3.0)
for suffix in ("png", "pdf", "svg"):
    render(ChartData((Series("\\u732b", values, values),), "\\u732b", "x", "y"), suffix)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_that_export_says_which_letters_no_font_has(system, tmp_path, capsys):
    system()
    study = Study(tmp_path / "s", create=True)
    spec = Glyphs(train=10, test=10)
    numbers = {"train_images": 2, "test_images": 2, "classes": 1}
    study.write(spec, Result(numbers, {}, {"classes": [CAT]}), seconds=1.0, provenance={})
    out = str(tmp_path / "r.pdf")
    assert main(["export", "report", "--study", str(study.path), "--out", out]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{out}\n"
    (line,) = printed.err.splitlines()
    assert line.startswith(f"no font on this computer has {CAT}")
    system(Serves=CAT)
    assert main(["export", "report", "--study", str(study.path), "--out", out]) == 0
    assert capsys.readouterr().err == ""


def pixels_of(text):
    with settings(20.0, texts=[text]):
        figure = Figure((3, 1))
        canvas = FigureCanvasAgg(figure)
        figure.text(0.5, 0.4, text, ha="center")
        canvas.draw()
        return np.asarray(canvas.buffer_rgba()).copy()


def test_that_right_to_left_is_written_from_the_right_and_joined():
    # U+202D writes what follows from left to right, whatever its script.
    np.testing.assert_array_equal(pixels_of("אב"), pixels_of("\u202dבא"))
    assert (pixels_of("אב") != pixels_of("בא")).any()
    # U+200C keeps letters from joining.
    assert (pixels_of("علي") != pixels_of("ع\u200cل\u200cي")).any()


def test_that_wide_letters_take_two_places():
    assert columns_of("cat") == 3
    assert columns_of(CAT * 3 + "x") == 7
    assert wrapped(CAT * 5, 4) == [CAT * 2, CAT * 2, CAT]
    assert wrapped("one two three", 8) == ["one two", "three"]
    assert wrapped(f"ab {CAT * 3} cd", 8) == ["ab", CAT * 3, "cd"]


def test_that_all_texts_of_a_picture_are_looked_at():
    assert {"x", "y", "b", CAT} <= set(texts_in([chart(CAT)]))


def test_that_listing_the_fonts_says_nothing_before_matplotlib_is_imported():
    """It lists them while it is imported, and after 5 s says so on standard error."""
    code = (
        "import logging, sys, engine; assert 'matplotlib' not in sys.modules; "
        "print(logging.getLogger('matplotlib.font_manager').isEnabledFor(logging.WARNING))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ran.stdout == "False\n", ran.stderr
