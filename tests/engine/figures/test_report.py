"""The report: every section that there are records for, on pages that hold it."""

import errno
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from engine.cli.main import main
from engine.figures import report_page
from engine.figures.charts import ChartData, FigureError, MapGridData, Series
from engine.figures.report import report_pdf, write_pictures, write_report
from engine.figures.report_page import (
    HEAD,
    ROOM,
    Block,
    paged,
    picture_blocks,
    table_blocks,
    text_block,
)
from engine.figures.report_settings import settings_of
from engine.networks.opening.tried import Tried, as_documents
from engine.specs import PGD, VAEGAN, Imported, ManifoldDistance, SmallCNN
from engine.store.study import Study
from tests import made_up_study as made_up

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "v0.1.isthmus"
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@pytest.fixture
def written(monkeypatch):
    """Collect every text that is written into the report."""
    found, write = [], report_page._write

    def noting(place, x, y, text, *rest, **options):
        found.append(text)
        write(place, x, y, text, *rest, **options)

    monkeypatch.setattr(report_page, "_write", noting)
    return found


def pages_in(content):
    return len(re.findall(rb"/Type /Page\b", content))


def test_that_the_first_page_says_what_was_computed_with_what(tmp_path, written):
    study = made_up.sweep(tmp_path, eps=(0.02, 0.04), norms=("linf",))
    study.describe(name="For the talk", notes="First line.\nSecond line.")
    strong = made_up.network("linf", 0.04)
    study.labels.set(strong.key, title="the strong one")
    content = report_pdf(study, now=NOW)
    assert content.startswith(b"%PDF")
    text = "\n".join(written)
    for part in ("For the talk", "First line.", "Second line.", "2026-01-02 03:04", "cpu"):
        assert part in text
    assert "the strong one" in written
    assert strong.title not in written
    assert "99.5" not in text
    assert "86.0" in written
    assert any("repeats (n) 2" in line for line in written)
    assert f"1 / {pages_in(content)}" in written


def test_that_it_says_by_which_table_a_network_was_opened(tmp_path, written):
    study = made_up.sweep(tmp_path, eps=(0.02,), norms=("linf",))
    opened = Imported(images=made_up.IMAGES, network=SmallCNN(), name="theirs.pt", digest="ab" * 32)
    rows = [Tried("none", "as in the folders", 90, 100, True), Tried("signed", "", 15, 100, False)]
    table = {"accuracies": as_documents(rows)}
    made_up.add(study, opened, {"clean_accuracy": 0.9}, documents={"import": table})
    report_pdf(study, now=NOW)
    assert "How theirs.pt reads pixels and names classes" in written
    assert {"none", "as in the folders", "90.0 %", "90 of 100", "taken"} <= set(written)
    assert written.index("90.0 %") < written.index("15.0 %")


def test_that_every_kind_of_record_has_its_section_and_no_other(tmp_path, written):
    report_pdf(Study(GOLDEN))
    for text in ("Training", "Gradient maps", "The generator", "Decision boundaries"):
        assert text in written
    written.clear()
    report_pdf(made_up.manifold(tmp_path))
    assert "Distance to the manifold" in written
    assert "Gradient maps" not in written


def test_that_an_empty_study_and_another_ending_are_one_sentence(tmp_path):
    study = Study(tmp_path / "s.isthmus", create=True)
    with pytest.raises(FigureError, match="nothing to report"):
        report_pdf(study)
    with pytest.raises(FigureError, match=r"must end in \.pdf"):
        write_report(made_up.sweep(tmp_path), tmp_path / "a.png")
    with pytest.raises(FigureError, match="cannot be written"):
        write_report(made_up.manifold(tmp_path), tmp_path / "missing" / "a.pdf")


def test_that_the_command_writes_it(tmp_path, capsys):
    study = made_up.manifold(tmp_path)
    out = tmp_path / "report.pdf"
    assert main(["export", "--study", str(study.path), "report", "--out", str(out)]) == 0
    assert out.read_bytes().startswith(b"%PDF")
    assert str(out) in capsys.readouterr().out
    assert main(["export", "--study", str(study.path), "report", "--out", "a.svg"]) == 2
    assert "must end in .pdf" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no reader of PDF files here")
def test_that_the_text_can_be_read_out_of_the_file(tmp_path):
    write_report(made_up.manifold(tmp_path), tmp_path / "a.pdf")
    done = subprocess.run(["pdftotext", tmp_path / "a.pdf", "-"], capture_output=True, text=True)
    assert "Distance to the manifold" in done.stdout
    assert "Page" not in done.stdout
    assert "1/5" in done.stdout.replace(" ", "")


def test_that_cancelling_ends_it_between_figures(tmp_path):
    calls = []

    def stop():
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        report_pdf(made_up.manifold(tmp_path), check=stop)


# ------------------------------------------------------------------------------------------- pages


def block(height, leads=False):
    return Block(height, lambda _: None, leads)


def test_that_pages_are_filled_and_a_heading_goes_with_what_it_leads():
    found = paged([block(ROOM - 30), block(10, True), block(25), block(5)])
    assert [[b.height for b in page] for page in found] == [[ROOM - 30], [10, 25, 5]]
    assert [len(page) for page in paged([block(ROOM / 4)] * 9)] == [4, 4, 1]


def test_that_long_names_are_broken_and_rows_grow(written):
    rows = [["network", "clean %"], ["a name " * 30, "99.0"], ["b", "1.0"]]
    _, long, short = table_blocks(rows)
    assert long.height > 2 * short.height
    word = text_block("x" * 400)
    assert word.height > 2 * text_block("x").height


def test_that_a_chart_between_long_tables_leaves_every_block_in_its_place():
    chart = ChartData((Series("a", np.arange(3.0), np.arange(3.0)),), title="A chart")
    drawn, (picture,) = {}, [b for b in picture_blocks(chart) if b.has_axes]

    def row(number):
        return Block(2.0, lambda place: drawn.__setitem__(number, place.bbox.bounds))

    blocks = [*(row(n) for n in range(40)), picture, *(row(n) for n in range(40, 60))]
    figure = report_page._draw_page(blocks, "name", "1 / 1")
    top, mm = figure.bbox.height, figure.dpi / 25.4
    for number, (_, bottom, _, height) in drawn.items():
        before = HEAD + 2.0 * number + (picture.height if number >= 40 else 0.0)
        assert (top - bottom - height) / mm == pytest.approx(before, abs=0.2)
        assert height / mm == pytest.approx(2.0, abs=0.05)
    (axes,) = figure.axes
    box = axes.get_window_extent()
    assert HEAD + 80 < (top - box.y1) / mm < (top - box.y0) / mm < HEAD + 80 + picture.height


def test_that_a_figure_higher_than_a_page_goes_on_on_the_next():
    picture = np.zeros((8, 8, 3), np.uint8)
    grid = MapGridData(((picture,) * 8,) * 30, tuple(f"row {n}" for n in range(30)))
    blocks = list(picture_blocks(grid))
    assert len(blocks) > 2
    assert all(one.height <= ROOM for one in blocks)
    charts = [ChartData((Series("a", [0, 1], [0, 1]),), f"chart {n}") for n in range(30)]
    assert all(one.height <= ROOM for one in picture_blocks(charts))


def test_that_a_divided_grid_keeps_every_row_and_repeats_the_images():
    picture = np.zeros((8, 8, 3), np.uint8)
    rows = tuple((np.full((8, 8, 3), n, np.uint8),) * 8 for n in range(20))
    grid = MapGridData(((picture,) * 8, *rows), ("images", *(f"row {n}" for n in range(20))))
    parts = list(report_page._row_parts(grid, report_page.FigureStyle(width_mm=170), 200))
    assert all(part.row_titles[0] == "images" for part in parts)
    assert [t for part in parts for t in part.row_titles[1:]] == list(grid.row_titles[1:])


def test_that_pictures_of_a_page_become_one_file(tmp_path, written):
    chart = ChartData((Series("a", [0, 1], [0, 1]),), "one", caption="What it is.")
    write_pictures([chart, chart], "Trade-off", tmp_path / "a.pdf", notes="Study x")
    assert pages_in((tmp_path / "a.pdf").read_bytes()) == 1
    assert written.count("What it is.") == 2
    assert "Trade-off" in written
    assert "Study x" in written
    with pytest.raises(FigureError, match="no picture"):
        write_pictures([], "x", tmp_path / "b.pdf")


def test_that_a_full_disk_is_told_by_what_was_written(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    chart = ChartData((Series("a", [0, 1], [0, 1]),), "one")
    with pytest.raises(FigureError, match=r"^figure .*: No space left on device$"):
        write_pictures([chart], "x", tmp_path / "c.pdf")


# ---------------------------------------------------------------------------------------- settings


def test_that_settings_say_how_many_images_there_were(tmp_path):
    """A spec says how many images at most; the test part may have fewer."""
    study = Study(tmp_path / "few.isthmus", create=True)
    spec = made_up.network()
    assert spec.evaluation_images == 1000
    made_up.add(study, spec, {"clean_accuracy": 0.9, "robust_accuracy": 0.1, "robust_images": 200})
    distance = ManifoldDistance(attack=PGD(), generator=VAEGAN(images=made_up.IMAGES))
    made_up.add(study, distance, {"test_images": 40})
    assert "PGD-10 on 200 images" in settings_of(study, ("training",))
    assert "1,000" not in settings_of(study, ("training",))
    assert "n 40 test images" in settings_of(study, ("manifold_distance",))


def test_that_settings_say_what_records_have_in_common(tmp_path):
    study = made_up.sweep(tmp_path, eps=(0.02, 0.04), norms=("linf",))
    text = settings_of(study, ("training",))
    assert "networks 3" in text
    assert "epochs 2" in text
    assert "architecture Small CNN" in text
    text = settings_of(study, ("interpretability",))
    assert "fractions 0.2, 0.8" in text
    assert "repeats (n) 2" in text
    assert settings_of(study, ("boundary",)) == ""
