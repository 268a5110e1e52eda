"""A click, by the mouse, on a picture or a point selects the test images that it stands for."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from engine.specs import (
    PGD,
    AdversarialExamples,
    ClassAccuracy,
    ManifoldDistance,
    Maps,
    Measurement,
)
from engine.store.study import spec_of
from gui.pages import ATTACK, MANIFOLD, PAGES, RECORDS, TRAIN
from gui.shell.main_window import MainWindow
from tests import made_up_study as made_up

DEMO = Path(__file__).resolve().parents[4] / "resources" / "demo.isthmus"
LONG = 60_000
CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return Path(shutil.copytree(DEMO, tmp_path_factory.mktemp("study") / "demo.isthmus"))


@pytest.fixture
def window(qtbot, demo):
    found = MainWindow(PAGES)
    qtbot.addWidget(found)
    found.workspace.runner.loaded = True
    found.resize(1366, 738)
    for host in found.pages.hosts:
        host.build()
    found.show()
    qtbot.waitExposed(found)
    assert found.workspace.open_study(demo)
    qtbot.waitUntil(lambda: found.workspace.image_set is not None, timeout=LONG)
    yield found
    found.workspace.runner.cancel()
    found._closing = True
    found.stop()


def shown(window, place):
    window.pages.show_place(place)
    return window.pages.page()


def click(grid, key, column, modifier=Qt.KeyboardModifier.NoModifier):
    """Click a picture of a grid, which need not be in sight of its scrolled area."""
    where = grid.cell(key, column).center()
    QTest.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, modifier, where)


def click_point(plot, item, place, qtbot):
    qtbot.waitUntil(lambda: bool(np.isfinite(plot.canvas.pixels(item)[0][place])))
    qtbot.wait(100)
    x, y = plot.canvas.pixels(item)
    where = plot.canvas.mapFromScene(x[place], y[place])
    QTest.mouseClick(plot.canvas.viewport(), Qt.MouseButton.LeftButton, pos=where)


def opened(window, entry, qtbot):
    """Show a record, and return the page once the record was read."""
    page = shown(window, RECORDS)
    qtbot.waitUntil(lambda: entry.key in page.table.model.rows, timeout=LONG)
    page.picking.record = None
    page.show_record(entry.key)
    qtbot.waitUntil(lambda: page.picking.record is not None, timeout=LONG)
    assert page.picking.record.entry.key == entry.key
    qtbot.waitUntil(lambda: page.view.pictures.grid.width() > 100)
    qtbot.wait(50)
    return page


def first_of(window, kind, wanted=lambda spec: True):
    entries = window.workspace.entries(kind)
    return next(entry for entry in entries if wanted(spec_of(entry)))


def test_that_a_click_on_a_density_selects_the_images_near_it(window, qtbot):
    page = shown(window, MANIFOLD)
    plot = page.distances.plot
    qtbot.waitUntil(lambda: len(page.distances._drawn) > 2, timeout=LONG)
    panel = page.distances._chosen()
    curve = panel.curves[1]
    item = page.distances._drawn[curve.classifier]
    place = int(item.y.argmax())
    assert "a click selects them" in plot.hover_text(item, place)
    click_point(plot, item, place, qtbot)
    chosen = window.workspace.selection.indices
    # The mouse hits whole pixels, so a neighbouring point of the curve may have been nearest.
    reach = (curve.x[-1] - curve.x[0]) / 60
    step = curve.x[1] - curve.x[0]
    assert len(chosen) > 2
    assert all(curve.counted[list(chosen)])
    assert np.all(np.abs(curve.every[list(chosen)] - item.x[place]) <= reach + 3 * step)
    sure = np.abs(curve.every - item.x[place]) <= reach - 3 * step
    assert set(np.flatnonzero(sure & curve.counted)) <= set(chosen)
    strip = shown(window, ATTACK).strip
    qtbot.waitUntil(lambda: strip.view.model().rowCount() == len(chosen), timeout=LONG)


def test_that_a_click_on_a_watched_image_selects_it_and_ctrl_adds(window, qtbot):
    images, selection = window.workspace.image_set, window.workspace.selection
    page = shown(window, MANIFOLD)
    grid = page.generator.grid
    qtbot.waitUntil(lambda: "made" in grid.rows() and "samples" in grid.rows(), timeout=LONG)
    click(grid, "", 0)
    (first,) = selection.indices
    assert np.array_equal(images.test_images[first], page.generator.images[0])
    click(grid, "made", 1, CTRL)
    assert len(selection.indices) == 2
    click(grid, "made", 1, CTRL)
    assert selection.indices == (first,)
    click(grid, "samples", 2)
    assert selection.indices == (first,)
    page = shown(window, TRAIN)
    qtbot.waitUntil(lambda: len(page.maps.grid.rows()) > 2, timeout=LONG)
    click(page.maps.grid, "", 2)
    (third,) = selection.indices
    assert np.array_equal(images.test_images[third], page.maps.images[2])
    assert "Train" in selection.words


@pytest.mark.parametrize(
    ("kind", "array"),
    [
        ("maps", "images"),
        ("adversarial_examples", "images"),
        ("training", "probes/images"),
        ("vae_gan", "probes/images"),
        ("manifold_distance", "shown/images"),
        ("glyphs", "thumbnails"),
    ],
)
def test_that_a_click_on_a_picture_of_a_record_selects_its_image(window, qtbot, kind, array):
    images, selection = window.workspace.image_set, window.workspace.selection
    own = window.workspace.images

    def of_own(spec):
        if isinstance(spec, Maps | AdversarialExamples):
            return spec.classifier.images == own
        if isinstance(spec, ManifoldDistance):
            return spec.generator.images == own and spec.classifier is not None
        return getattr(spec, "images", spec) == own

    page = opened(window, first_of(window, kind, of_own), qtbot)
    pixels = page.picking.record.arrays[array]
    click(page.view.pictures.grid, "", 1)
    (number,) = selection.indices
    found = images.test_images[number]
    wanted = pixels[1] if pixels.dtype == np.uint8 else np.round(255 * pixels[1])
    assert np.array_equal(found, wanted)
    assert page.picking.record.entry.title in selection.words


def add_classes(window, worst=(61, 62, 7, 40)):
    """Store the accuracies by class of the first network, as if they had been computed."""
    space = window.workspace
    network = next(spec for _, spec in space.classifiers() if spec.images == space.images)
    metric = ClassAccuracy(attack=PGD(eps=0.05))
    spec = Measurement(classifier=network, metric=metric, test_images=100)
    many = len(worst)
    matrix = np.eye(10, dtype=np.int64)
    numbers = {
        "test_images": 100,
        "accuracy": 0.5,
        "attacked_accuracy": 0.4,
        "worst_class_accuracy": 0.2,
        "worst_attacked_class_accuracy": 0.1,
    }
    arrays = {
        "labels": np.arange(100) % 10,
        "margin": np.linspace(-1, 1, 100),
        "attacked_margin": np.linspace(-2, 1, 100),
        "confusion": matrix,
        "attacked_confusion": matrix,
        "worst/images": np.stack([space.image_set.test_images[number] for number in worst]),
        "worst/indices": np.array(worst),
        "worst/labels": np.zeros(many, np.int64),
        "worst/predicted": np.ones(many, np.int64),
    }
    entry = made_up.add(space.study, spec, numbers, arrays)
    space.record_added.emit(entry)
    return entry


def test_that_a_click_on_the_worst_images_of_a_record_selects_one(window, qtbot):
    page = opened(window, add_classes(window), qtbot)
    grid = page.view.pictures.grid
    click(grid, "1", 2)
    assert window.workspace.selection.indices == (7,)
    window.workspace.selection.clear()
    click(grid, "", 0)  # a confusion matrix
    assert window.workspace.selection.indices == ()


def test_that_a_bin_of_a_record_of_distances_selects_its_images(window, qtbot):
    entry = first_of(window, "manifold_distance", lambda spec: spec.classifier is not None)
    page = opened(window, entry, qtbot)
    plot = page.view.pictures.plots[0]
    item = next(item for item in plot.canvas.drawn if item.keys)
    fullest = int(item.y.argmax())
    click_point(plot, item, fullest, qtbot)
    arrays, chosen = page.picking.record.arrays, list(window.workspace.selection.indices)
    assert len(chosen) == int(item.y[fullest])
    assert np.asarray(arrays["counted"])[chosen].all()
    width = item.x[1] - item.x[0]
    assert np.abs(np.asarray(arrays["distances"])[chosen] - item.x[fullest]).max() <= width
