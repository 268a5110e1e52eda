"""Every accuracy, count and radius that is said has its source in the study's records.

A study with numbers that occur nowhere else is shown on every page, written as a report and listed
by ``show``. All texts with digits are collected; each share in percent must be a number of a record
rounded to the digits that are shown, each count of images, networks and records that of the study,
and each radius one that a spec has.
"""

import math
import re

import pytest
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QComboBox,
    QLabel,
    QListView,
    QTabWidget,
    QWidget,
)

from engine.cli.main import main
from engine.figures import report_page
from engine.figures.network_page.page import network_html
from engine.figures.report import report_pdf
from engine.specs.schema import Spec
from engine.store.study import Study, spec_of
from engine.tradeoff.scores import record_words
from gui.pages import PAGES, WELCOME
from gui.widgets.plots.plot import Plot
from tests import made_up_study as made_up
from tests.gui import made_up_workspace as made_up_window

# A share of time is an estimate, and no result.
PERCENT = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?) ?%(?! of it measuring)")
COUNT = re.compile(
    r"(?<![\w.,/])(\d[\d,]*) (?:test |training |validation )?(images|networks|records|epochs)\b"
)
RADIUS = re.compile(r"\b(?:eps|L-inf|L2|linf|l2)[ =](\d+(?:\.\d+)?)(?![\d.]*%)(/255)?")
# Shares that are settings or levels of confidence, and no result of the study.
SETTINGS = {"0.5", "95", "99.5", "99", "90", "100", "0", "50", "20", "80", "10", "1", "5"}
CLEAN = (0.8713, 0.8271, 0.7919, 0.7637)
ROBUST = (0.0173, 0.3391, 0.4177, 0.4763)
EPS = (0.0, 0.037, 0.053, 0.071)


@pytest.fixture
def study(tmp_path):
    """Return a study of a standard and three robust networks, with numbers of their own."""
    found = Study(tmp_path / "numbers.isthmus", create=True)
    made_up.add_images(found)
    for eps, clean, robust in zip(EPS, CLEAN, ROBUST, strict=True):
        spec = made_up.network("linf" if eps else "", eps)
        made_up.add_network(found, spec, clean, robust, {"robust_images": made_up.IMAGES.test})
    return found


def sources(study: Study) -> set[float]:
    """Return all shares that the records hold."""
    found: set[float] = set()
    for entry in study.entries:
        record = study.read(entry.key)
        found.update(float(value) for value in record.numbers.values())
        for name, array in record.arrays.items():
            if name.startswith("epochs/") and not name.endswith("step"):
                found.update(map(float, array.ravel()))
    shares = {value for value in found if 0 <= value <= 1}
    return shares.union(*(interval(value, made_up.IMAGES.test) for value in shares))


def interval(share: float, count: int, z: float = 1.959964) -> set[float]:
    """Return the ends of the 95 % interval of a share of ``count`` images. Source: Wilson 1927."""
    share = round(share * count) / count
    middle = share + z * z / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return {(middle + sign * half) / (1 + z * z / count) for sign in (-1, 1)}


def values_of(spec: object, name: str) -> set[float]:
    """Return the values of all fields of a name in a spec and in those within it."""
    if not isinstance(spec, Spec):
        return set()
    found = set()
    for field, value in spec.parameters().items():
        if field == name and isinstance(value, int | float):
            found.add(float(value))
        found |= values_of(value, name)
    return found


def wait(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def texts_of(widget: QWidget) -> list[str]:
    """Return the texts of all parts of a widget, those of tables and charts too."""
    found = [label.text() for label in widget.findChildren(QLabel)]
    found += [button.text() for button in widget.findChildren(QAbstractButton)]
    for plot in widget.findChildren(Plot):
        data = plot.data()
        found += [data.title, data.caption, *(series.name for series in data.series)]
    for view in widget.findChildren(QAbstractItemView):
        model = view.model()
        if model is None or isinstance(view.parent(), QComboBox):
            continue
        widths = [0] if isinstance(view, QListView) else range(model.columnCount())
        for row in range(model.rowCount()):
            for column in range(len(widths)):
                for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
                    text = model.index(row, column).data(role)
                    found.append(text if isinstance(text, str) else "")
    return found


@pytest.fixture
def pages(qtbot, study):
    """Return the texts of every page by its title."""
    workspace, _ = made_up_window.workspace_on(study)
    found = {}
    for place in PAGES:
        if place is WELCOME:
            continue
        page = place.load()(workspace)
        qtbot.addWidget(page)
        page.resize(1366, 768)
        page.show()
        wait(400)
        texts = texts_of(page)
        for tabs in page.findChildren(QTabWidget):
            for tab in range(tabs.count()):
                tabs.setCurrentIndex(tab)
                wait(200)
                texts += texts_of(page)
        found[place.title] = texts
    yield found
    workspace.runner.shutdown()


@pytest.fixture
def outside(study, monkeypatch, capsys):
    """Return the texts of ``show``, of the report and of every network's page, line by line."""
    written, write = [], report_page._write

    def noting(place, x, y, text, *rest, **options):
        written.append(text)
        write(place, x, y, text, *rest, **options)

    monkeypatch.setattr(report_page, "_write", noting)
    report_pdf(study)
    assert main(["show", "--study", str(study.path)]) == 0
    htmls = [network_html(study, e.key) for e in study.entries if e.kind == "training"]
    bare = [re.sub(r'(?s)<(style|script|svg).*?</\1>|data:image[^"]*', " ", text) for text in htmls]
    lines = [line for text in bare for line in re.sub(r"<[^>]+>", "\n", text).splitlines()]
    # What published lists ask for is no result of the study.
    lines = [line for line in lines if "Not evaluated by AutoAttack" not in line]
    return {"report": written, "show": capsys.readouterr().out.splitlines(), "networks": lines}


def untrue_shares(texts, known):
    """Return the shares of texts that no record has, with the texts."""
    found = []
    for text in texts:
        for shown in PERCENT.findall(text):
            digits = len(shown.partition(".")[2])
            if shown not in SETTINGS and not any(
                f"{100 * value:.{digits}f}" == shown for value in known
            ):
                found.append((shown, text))
    return found


def untrue_counts(texts, known):
    """Return the counts of texts that are not those of the study, with the texts."""
    return [
        (count, what, text)
        for text in texts
        for count, what in COUNT.findall(text)
        if int(count.replace(",", "")) not in known[what]
    ]


def untrue_radii(texts, known):
    """Return the radii of texts that no spec has, with the texts."""
    return [
        (radius, text)
        for text in texts
        for radius, unit in RADIUS.findall(text)
        if not any(abs(float(radius) / (255 if unit else 1) - value) < 5e-4 for value in known)
    ]


def counts_of(study):
    """Return what may be counted in this study: its sets, networks, records and epochs."""
    networks = [spec_of(entry) for entry in study.entries if entry.kind == "training"]
    return {
        "images": {made_up.IMAGES.train, made_up.IMAGES.test},  # and not the 1,000 of the specs
        "networks": {len(networks)},
        "records": {len(study.entries)},
        "epochs": {spec.epochs for spec in networks},
    }


def radii_of(study):
    specs = [spec_of(entry) for entry in study.entries]
    return set().union(*(values_of(spec, "eps") for spec in specs))


def test_that_a_share_count_or_radius_of_nobody_is_found():
    assert untrue_shares(["87.1 % right", "95 % of all", "12.3%"], {0.8713}) == [("12.3", "12.3%")]
    known = {"images": {40}, "networks": {4}}
    assert untrue_counts(["1,000 test images", "40 images"], known) == [
        ("1,000", "images", "1,000 test images")
    ]
    assert untrue_radii(["eps 0.053", "L-inf 8/255", "L2 0.5"], {0.053, 8 / 255}) == [
        ("0.5", "L2 0.5")
    ]


def test_that_the_shares_on_every_page_are_those_of_records(pages, study):
    known = sources(study)
    assert [found for texts in pages.values() for found in untrue_shares(texts, known)] == []
    train = " ".join(pages["Train"])
    assert all(f"{100 * clean:.1f} %" in train for clean in CLEAN)


def test_that_the_shares_of_report_and_show_are_those_of_records(outside, study):
    known = sources(study)
    assert [found for texts in outside.values() for found in untrue_shares(texts, known)] == []
    for name in ("report", "show", "networks"):
        text = "\n".join(outside[name])
        for value in (*CLEAN, *ROBUST):
            assert f"{100 * value:.1f}" in text, (name, value)


def test_that_the_counts_of_report_and_show_are_those_of_the_study(outside, study):
    known = counts_of(study)
    assert [found for texts in outside.values() for found in untrue_counts(texts, known)] == []


def test_that_the_radii_of_report_and_show_are_those_of_specs(outside, study):
    known = radii_of(study)
    assert known >= set(EPS[1:])
    assert [found for texts in outside.values() for found in untrue_radii(texts, known)] == []


def test_that_the_counts_on_pages_of_records_are_those_of_the_study(pages, study):
    known = counts_of(study)
    known["images"] |= {4}  # the window's own set in this test, see made_up_workspace
    for title in ("Records", "Trade-off"):
        assert untrue_counts(pages[title], known) == []
    assert untrue_radii([*pages["Records"], *pages["Trade-off"]], radii_of(study)) == []


def test_that_a_record_without_a_count_is_said_to_have_none(tmp_path):
    bare = Study(tmp_path / "bare.isthmus", create=True)
    made_up.add_images(bare)
    entry = made_up.add_network(bare, made_up.network("linf", 0.1), 0.8, 0.25)
    words = record_words(bare, entry).splitlines()[0]
    assert words.startswith("25.0% under ")
    assert "on a number of images that is not recorded" in words
    assert not re.search(r"\b0 images", words)
