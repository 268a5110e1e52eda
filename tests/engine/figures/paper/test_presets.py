"""Every figure in every preset: a file of the right size, with no text cut off."""

import io
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from engine.cli.main import main
from engine.figures import drawing
from engine.figures.catalog import FIGURES, pictured
from engine.figures.charts import ChartData, FigureError, MapGridData, Series
from engine.figures.images import surface_file
from engine.figures.paper.colours import PALETTES
from engine.figures.paper.cut_off import cut_off, texts_drawn
from engine.figures.paper.maps import bar_of_maps, one_title
from engine.figures.paper.presets import PRESETS, PUBLISHERS, replaced_font, style_of, too_large
from engine.figures.paper.style import FigureStyle
from engine.specs import Gradient, GradientXInput
from engine.store.study import Result
from tests import made_up_study as made_up

MM = 25.4
NAMES = tuple(row.name for row in FIGURES.values() if row.make)
ON_DEMAND = {row.name for row in FIGURES.values() if row.computed}


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Return studies that together have the records of every figure, planes computed at once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(surface_file, "_around", planes)
        yield made_studies(tmp_path_factory)


def made_studies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies")
    sweep = made_up.sweep(folder, eps=(0.02, 0.04, 0.06))
    for spec in (made_up.network(), made_up.network("linf", 0.02)):
        for method in (Gradient(), GradientXInput()):
            made_up.add_maps(sweep, spec, method)
        made_up.add_attack(sweep, spec)
        made_up.add_metric(sweep, spec)
    for eps in (0.0, 0.1):
        plane = made_up.plane_network(eps)
        made_up.add_network(sweep, plane)
        made_up.add_boundary(sweep, plane)
    return sweep, made_up.manifold(folder), made_up.frontier(folder)


def planes(study, spec):
    """Return a plane through an image as if it had been computed: two classes, and a slope."""
    across, upwards = np.meshgrid(np.linspace(-2, 2, 21), np.linspace(-2, 2, 21))
    circle = np.linspace(0, 2 * np.pi, 40)
    arrays = {
        "offsets": across[0],
        "loss": 3 + across + 0.2 * upwards,
        "classes": (across > 0.5).astype(int) + 2,
        "edge": np.stack([np.cos(circle), np.sin(circle)], 1),
        "attacked": np.array([0.9, 0.0]),
    }
    return Result({"eps": 0.1, "loss": 1.0, "label": 2, "predicted": 2}, arrays)


def picture(name, studies):
    for study in studies:
        try:
            return FIGURES[name].picture(study)
        except FigureError:
            continue
    raise AssertionError(f"no made up study has records for {name}")


def test_that_every_figure_that_is_no_document_takes_a_preset():
    assert set(FIGURES) - set(NAMES) == {"report", "network"}
    assert set(NAMES) - {row.name for row in pictured()} == ON_DEMAND == {"surface"}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", NAMES)
def test_that_a_figure_in_a_preset_has_its_size_and_all_its_texts(studies, name, preset):
    style = replace(style_of(preset), dpi=60)
    figure = drawing.draw(picture(name, studies), style)
    width, height = figure.get_size_inches() * MM
    assert width == pytest.approx(PRESETS[preset].width_mm, abs=0.01)
    assert height >= 25
    assert not cut_off(figure)
    sizes = {round(text.get_fontsize(), 3) for text in texts_drawn(figure)}
    assert min(sizes) >= PRESETS[preset].least_size - 0.001
    assert max(sizes) <= PRESETS[preset].font_size + 0.001
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=60)
    with Image.open(out) as image:
        assert image.size == pytest.approx((width / MM * 60, height / MM * 60), abs=1)
        assert len(np.unique(np.asarray(image.convert("L")))) > 10


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="needs pdftotext")
@pytest.mark.parametrize("name", NAMES)
def test_that_a_pdf_has_its_size_and_every_word_on_its_page(studies, tmp_path, name):
    path = tmp_path / "figure.pdf"
    drawing.save_as(picture(name, studies), path, style_of("nature"))
    found = subprocess.run(
        ["pdftotext", "-bbox", path, "-"], capture_output=True, text=True, check=True
    ).stdout
    width, height = map(
        float, re.search(r'page width="([\d.]+)" height="([\d.]+)"', found).groups()
    )
    assert width == pytest.approx(89 / MM * 72, abs=0.02)
    words = re.findall(r'xMin="(\S+)" yMin="(\S+)" xMax="(\S+)" yMax="(\S+)"', found)
    assert len(words) > 3
    boxes = np.array(words, dtype=float)
    assert boxes.min() > -2
    assert boxes[:, 2].max() < width + 2
    assert boxes[:, 3].max() < height + 2
    fonts = subprocess.run(["pdffonts", path], capture_output=True, text=True).stdout.splitlines()
    assert all("TrueType" in line and " yes " in line for line in fonts[2:])
    assert len(fonts) > 2


def test_that_every_publisher_names_its_source():
    assert len(PRESETS) == sum(len(make()) for make in PUBLISHERS) == 16
    assert all("Source: " in make.__doc__ for make in PUBLISHERS)
    assert {"neurips", "icml", "iclr", "ieee", "nature", "plain"} <= set(PRESETS)


def test_that_the_page_limits_what_can_be_lower():
    line = Series("a network", [0, 1], [0, 1])
    panels = [ChartData((line,), f"panel {n}", "across", "upwards") for n in range(14)]
    low, high = style_of("nature"), replace(style_of("nature"), most_height_mm=None)
    heights = [drawing.draw(panels, style).get_size_inches()[1] * MM for style in (low, high)]
    assert heights[0] <= 170.01 < heights[1]


def test_that_command_and_script_take_a_preset_and_changes_of_it(studies, tmp_path, capsys):
    where, out = str(studies[0].path), tmp_path / "figure.png"
    rest = ["--study", where, "--out", str(out)]
    assert main(["export", "curves", *rest, "--preset", "icml", "--dpi", "100"]) == 0
    with Image.open(out) as image:
        assert image.width == int(82.55 / MM * 100)
    assert main(["export", "curves", *rest, "--size", "90x150", "--dpi", "100", "--no-title"]) == 0
    with Image.open(out) as image:
        assert image.size == (int(90 / MM * 100), int(150 / MM * 100))
    assert main(["export", "curves", *rest, "--preset", "natur"]) != 0
    assert "did you mean 'nature'?" in capsys.readouterr().err
    pdf = ["--study", where, "--out", str(tmp_path / "a.pdf")]
    assert main(["export", "report", *pdf, "--preset", "nature"]) != 0
    assert "has a size of its own" in capsys.readouterr().err
    assert main(["methods", "figure_presets"]) == 0
    listed = capsys.readouterr().out
    assert all(row.name in listed and row.words in listed for row in PRESETS.values())


def test_that_it_is_said_by_how_much_a_figure_exceeds_its_column_and_page(
    studies, tmp_path, capsys
):
    where, out = str(studies[0].path), tmp_path / "figure.png"
    line = ["export", "--study", where, "--out", str(out), "--dpi", "40"]
    for figure in ("curves", "surface"):
        assert main([*line, figure, "--preset", "nature", "--size", "100x190"]) == 0
        wanted = (
            "Too large for Nature, one column: 11.0 mm wider than its column of 89 mm and 20.0 mm "
            "higher than its page of 170 mm."
        )
        assert wanted in capsys.readouterr().err
        with Image.open(out) as image:
            assert image.size == (int(100 / MM * 40), int(190 / MM * 40))
        assert main([*line, figure, "--preset", "nature"]) == 0
        assert "Too large" not in capsys.readouterr().err
        assert main([*line, figure, "--size", "900x400"]) == 0
        assert "Too large" not in capsys.readouterr().err


def test_that_a_height_that_the_content_asks_for_is_measured_on_the_figure(tmp_path):
    pixels = np.zeros((4, 4, 3), np.uint8)
    grid = MapGridData(((pixels,) * 2,) * 60, tuple(f"network {n}" for n in range(60)))
    style = replace(style_of("nature"), dpi=30)
    width, height = drawing.save_as(grid, tmp_path / "figure.png", style)
    assert height > 171
    assert too_large("nature", width, height) == (
        f"Too large for Nature, one column: {height - 170:.1f} mm higher than its page of 170 mm."
    )
    assert too_large("nature", 89.05, 170.05) == too_large("plain", 85, 400) == ""
    assert drawing.save_as(grid, tmp_path / "figure.csv", style) is None


def test_that_letters_of_another_font_are_said(monkeypatch):
    monkeypatch.setattr("engine.fonts.installed", lambda family: family == "DejaVu Sans")
    assert replaced_font("nature") == (
        "Arial or Helvetica is asked for and not installed: the letters are DejaVu Sans"
    )
    assert replaced_font("plain") == replaced_font("") == ""
    assert replaced_font("nature", "DejaVu Sans") == replaced_font("", "DejaVu Sans") == ""


@pytest.mark.parametrize("preset", ["", "plain", "nature"])
def test_that_a_chosen_font_that_is_not_installed_is_said(preset):
    assert replaced_font(preset, "No Such Font") == (
        "the font 'No Such Font' is not installed: the letters are DejaVu Sans"
    )
    assert replaced_font(preset, "dejavu sans") == ""
    assert len(replaced_font(preset, "x\n" * 5000)) < 300


def test_that_what_rows_share_becomes_the_title():
    networks, methods = ("a", "b"), ("Gradient", "Occlusion")
    one = one_title([("Gradient", network) for network in networks])
    assert (one.title, one.rows, one.groups) == ("Gradient", networks, ())
    one = one_title([(method, "a") for method in methods])
    assert (one.title, one.rows, one.groups) == ("a", methods, ())
    pairs = [(method, network) for method in methods for network in networks]
    one = one_title(pairs)
    assert (one.title, one.rows) == ("", networks * 2)
    assert one.groups == ("Gradient", "Gradient", "Occlusion", "Occlusion")


def test_that_a_grid_of_maps_has_a_colour_bar_and_each_group_once():
    pixels = np.zeros((4, 4, 3), np.uint8)
    groups = ("", "Gradient", "Gradient", "Occlusion")
    grid = MapGridData(
        ((pixels,) * 3,) * 4, tuple("abcd"), tuple("123"), groups=groups, bar=bar_of_maps()
    )
    figure = drawing.draw(grid, FigureStyle())
    texts = [text.get_text() for text in texts_drawn(figure)]
    assert texts.count("Gradient") == texts.count("Occlusion") == 1
    assert {"\u22121", "0", "1", grid.bar.label} <= set(texts)
    assert tuple(grid.bar.colours[0]) != tuple(grid.bar.colours[-1])


def test_that_long_names_of_classes_are_written_upwards_and_none_is_cut_off():
    pixels = np.zeros((4, 4, 3), np.uint8)
    names = tuple("东北虎与雪豹的混血幼崽第三号标本" + str(n) for n in range(8))
    grid = MapGridData(((pixels,) * 8,), ("image",), names, notes=((names),))
    figure = drawing.draw(grid, style_of("neurips-half"))
    upright = [text for text in texts_drawn(figure) if text.get_rotation() == 90]
    assert len(upright) == 8
    assert not cut_off(figure)


def test_that_a_text_beyond_the_edge_is_found():
    figure = drawing.draw(ChartData((Series("s", [0, 1], [0, 1]),)), FigureStyle())
    assert not cut_off(figure)
    figure.text(0.99, 0.5, "cut off")
    assert cut_off(figure) == ["cut off"]


def seen(colour, matrix):
    """Return a colour as somebody with a colour blindness sees it, in CIELAB-like lightness."""
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return np.clip(matrix @ linear, 0, 1) ** (1 / 2.2)


# Full protanopia and deuteranopia. Source: Machado, Oliveira, Fernandes 2009, table 1.
BLIND = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
}  # fmt: skip


@pytest.mark.parametrize("kind", BLIND)
def test_that_the_colours_of_presets_stay_apart_for_the_colour_blind(kind):
    found = [seen(colour, np.array(BLIND[kind])) for colour in PALETTES["okabe_ito"]]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(found) for b in found[i + 1 :]]
    assert min(apart) > 0.19
