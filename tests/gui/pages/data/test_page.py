"""The Data page shows the images there are, and reads them in as its form says."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter

from engine.data.image_set import ImageSet, Skipped
from engine.data.images import ingest
from engine.specs import (
    ClassAccuracy,
    FolderImages,
    Gaussians2D,
    Glyphs,
    Imported,
    Measurement,
    SmallCNN,
    SmallestEps,
)
from gui.pages.data.page import DataPage
from gui.session import file_dialogs
from gui.session.workspace import Workspace
from gui.widgets.forms.form_area import FormArea
from gui.widgets.images.class_table import SHARES
from gui.widgets.images.thumbnails import CACHED, ThumbnailModel
from tests import made_up_study as made_up
from tests.gui.fakes import WAIT_MS, small
from tests.image_files import tiff, write

MANY = 60_000


@pytest.fixture
def page(qtbot):
    workspace = Workspace()
    workspace.runner.loaded = True
    found = DataPage(workspace)
    qtbot.addWidget(found)
    found.resize(1200, 700)
    found.show()
    return found


@pytest.fixture
def opened(page, tmp_path):
    page.workspace.open_study(tmp_path / "s.isthmus", create=True)
    return page


def labelled(train: int, test: int, side: int = 4, **more) -> ImageSet:
    """Return images whose every pixel is their number, of three classes in turn."""

    def part(count):
        pixels = (np.arange(count) % 256).astype(np.uint8)[:, None, None, None]
        images = np.broadcast_to(pixels, (count, 3, side, side))
        return images, (np.arange(count) % 3).astype(np.int64)

    train_images, train_labels = part(train)
    test_images, test_labels = part(test)
    return ImageSet(
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        classes=("cat", "dog", "eel"),
        **more,
    )


SPEC = FolderImages(name="animals", digest="0123456789abcdef")


def shown(page):
    grid = page.browser.grid.images
    return [grid.index(row).data(Qt.ItemDataRole.UserRole) for row in range(grid.rowCount())]


# ---------------------------------------------------------------------------------------- showing


def test_that_an_empty_page_says_what_to_do(page):
    assert page.name.text() == "No images yet"
    assert "Drop a folder" in page.facts.text()
    assert not page.browser.grid.isVisible()
    assert not page.browser.pick.isVisible()
    assert "drop a folder" in page.browser.empty.text()
    assert page.form.spec() == Glyphs(validation=0.1), "a part is proposed"


def test_that_the_facts_name_counts_shape_and_hash(page):
    page.workspace.choose_images(SPEC, labelled(9, 6))
    assert page.name.text() == "animals"
    assert page.facts.text() == (
        "9 training and 6 test images · 4 × 4 px colour · content hash 0123456789ab"
    )


def test_that_every_class_is_counted(page):
    page.workspace.choose_images(SPEC, labelled(7, 6))
    classes = page.classes.classes
    cells = [[classes.index(row, column).data() for column in range(3)] for row in range(3)]
    assert cells == [["cat", "3", "2"], ["dog", "2", "2"], ["eel", "2", "2"]]
    assert classes.index(0, 3).data(SHARES).tolist() == [0.6, 0.4]


def test_that_images_without_a_class_are_counted_nowhere_but_can_be_looked_at(page):
    images = labelled(0, 4)
    labels = np.array([0, -1, -1, 2])
    unlabelled = ImageSet(
        train_images=images.train_images,
        train_labels=images.train_labels,
        test_images=images.test_images,
        test_labels=labels,
        classes=images.classes,
    )
    page.workspace.choose_images(SPEC, unlabelled)
    assert page.classes.classes.index(0, 2).data() == "1"
    page.browser.label.setCurrentIndex(page.browser.label.findText("Without class"))
    assert shown(page) == [1, 2]


def test_that_part_and_class_filter_the_thumbnails(page):
    page.workspace.choose_images(SPEC, labelled(9, 6))
    assert shown(page) == list(range(6))
    page.browser.part.setCurrentIndex(page.browser.part.findData("train"))
    assert shown(page) == list(range(9))
    page.classes.clicked.emit(page.classes.classes.index(1, 0))
    assert shown(page) == [1, 4, 7]
    assert page.browser.shown_count.text() == "3 shown"


def test_that_a_thumbnail_shows_its_own_image(page):
    page.workspace.choose_images(SPEC, labelled(9, 200))
    grid = page.browser.grid.images
    picture = grid.index(150).data(Qt.ItemDataRole.DecorationRole).toImage()
    assert picture.pixelColor(0, 0).getRgb()[:3] == (150, 150, 150)


def test_that_of_many_images_only_those_in_sight_are_drawn(qtbot, page):
    page.workspace.choose_images(SPEC, labelled(0, MANY))
    grid = page.browser.grid
    qtbot.waitUntil(lambda: grid.images.cached > 0, timeout=WAIT_MS)
    assert grid.images.rowCount() == MANY
    assert grid.images.cached < 400
    last = grid.images.index(MANY - 1)

    def last_in_sight():
        grid.scrollToBottom()  # again and again: the places are worked out little by little
        return grid.visualRect(last).intersects(grid.viewport().rect())

    qtbot.waitUntil(last_in_sight, timeout=WAIT_MS)
    assert grid.images.cached < 800


def test_that_old_thumbnails_are_given_up(qapp):
    model = ThumbnailModel()
    images = labelled(0, CACHED + 10)
    model.show_images(images.test_images, images.test_labels, np.arange(CACHED + 10))
    for row in range(CACHED + 10):
        model.index(row).data(Qt.ItemDataRole.DecorationRole)
    assert model.cached == CACHED


def test_that_left_out_files_and_notes_are_listed(page):
    skipped = (Skipped("cat/notes.txt", "not an image"), Skipped("dog/x.png", "damaged"))
    notes = ("Two images are the same.",)
    page.workspace.choose_images(SPEC, labelled(3, 3, skipped=skipped, notes=notes))
    browser = page.browser
    assert browser.tabText(1) == "Left out and notes (3)"
    assert browser.notes.toPlainText() == notes[0]
    rows = [[browser.skipped.index(row, column).data() for column in range(2)] for row in range(2)]
    assert rows == [["cat/notes.txt", "not an image"], ["dog/x.png", "damaged"]]


def test_that_the_rule_of_the_values_and_the_alarms_are_shown(page):
    scale = ("6 images: 8-bit values were kept.",)
    alarms = ("Alarm: 3 of 3 images of class '<b>cat</b>' are PNG files.",)
    page.workspace.choose_images(SPEC, labelled(3, 3, scale=scale, alarms=alarms))
    assert page.scale.text() == scale[0]
    assert page.alarms.isVisible()
    assert page.alarms.text() == alarms[0]
    assert page.alarms.textFormat() == page.scale.textFormat() == Qt.TextFormat.PlainText
    page.workspace.choose_images(SPEC.replace("name", "others"), labelled(3, 3))
    assert not page.alarms.isVisible()
    assert not page.scale.isVisible()


def test_that_the_range_of_a_set_is_settled_shown_and_changed(qtbot, opened, tmp_path):
    ramp = np.linspace(0, 2, 64, dtype=np.float32).reshape(8, 8)
    for name in ("cat", "dog"):
        for number in range(4):
            write(tmp_path / "animals", {f"{name}/{number}.tif": tiff(ramp + number)})
    workspace = opened.workspace
    workspace.importer.take([tmp_path / "animals"])
    qtbot.waitUntil(lambda: workspace.image_set is not None, timeout=WAIT_MS)
    headless, _ = ingest(tmp_path / "animals")
    assert workspace.images.key == headless.key
    assert (headless.black, headless.white, headless.beyond) == (0, 5, "skip")
    assert "values from 0 to 5" in opened.scale.text()

    changed = opened.form.spec().replace("white", 10.0)
    opened.form.set_spec(changed)
    opened.show_images.click()
    qtbot.waitUntil(lambda: workspace.images == changed, timeout=WAIT_MS)
    assert workspace.image_set.test_images.max() <= 128
    assert "values from 0 to 10" in opened.scale.text()

    # A single picture is seen as the networks of these images see theirs.
    write(tmp_path, {"photo.tif": tiff(ramp)})
    workspace.importer.take([tmp_path / "photo.tif"])
    qtbot.waitUntil(lambda: workspace.images.name == "photo", timeout=WAIT_MS)
    assert (workspace.images.black, workspace.images.white) == (0, 10)
    assert workspace.image_set.test_images.max() == 51


def test_that_points_of_the_plane_are_not_drawn_as_pictures(page):
    points = ImageSet(
        train_images=np.zeros((4, 2, 1, 1), np.float32),
        train_labels=np.zeros(4, np.int64),
        test_images=np.zeros((4, 2, 1, 1), np.float32),
        test_labels=np.zeros(4, np.int64),
        classes=("a",),
    )
    page.workspace.choose_images(Gaussians2D(), points)
    assert not page.browser.grid.isVisible()
    assert "points of the plane" in page.browser.empty.text()


# --------------------------------------------------------------------------------------- choosing


def test_that_the_form_shows_how_the_present_images_were_read(page):
    spec = FolderImages(name="animals", digest="ab", image_size=48, channels="grey", fit="pad")
    page.workspace.choose_images(spec, labelled(3, 3))
    assert page.form.spec() == spec
    assert not page.show_images.isEnabled()


def test_that_the_form_is_never_cut_off_at_its_right(qtbot, page):
    page.workspace.choose_images(SPEC, labelled(3, 3))
    (area,) = [area for area in page.findChildren(FormArea) if area.isAncestorOf(page.form)]
    qtbot.waitUntil(lambda: page.form.width() <= area.viewport().width(), timeout=WAIT_MS)
    assert page.form.width() >= page.form.minimumSizeHint().width()


def test_that_built_in_images_are_shown_at_a_press(qtbot, opened):
    opened.form.set_spec(small())
    assert opened.show_images.text() == "Show"
    opened.show_images.click()
    qtbot.waitUntil(lambda: opened.workspace.image_set is not None, timeout=WAIT_MS)
    assert opened.workspace.images == small()
    assert opened.workspace.entries() == []


def test_that_using_images_stores_their_record(qtbot, opened, gate):
    gate.open.set()
    opened.form.set_spec(small())
    assert opened.kept.text() == ""
    with qtbot.waitSignal(opened.workspace.record_added, timeout=WAIT_MS):
        opened.use.click()
    assert opened.workspace.study.has(small())
    qtbot.waitUntil(lambda: opened.workspace.images == small(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: opened.kept.text() == "In the study", timeout=WAIT_MS)
    assert not opened.use.isEnabled()


def test_that_using_images_without_a_study_creates_one(qtbot, page, gate, tmp_path):
    page.form.set_spec(small())
    page.use.click()
    assert page.workspace.study.path == tmp_path / "documents" / "Glyphs.isthmus"


def test_that_a_folder_is_read_as_the_form_says(qtbot, opened, tmp_path, monkeypatch):
    folder = tmp_path / "animals"
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for number in range(4):
            pixels = np.full((12, 12, 3), 20 * number, np.uint8)
            pixels[0, 0] = hash(name) % 200
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    opened.form.set_spec(
        FolderImages(name="", digest="", image_size=6, channels="grey", test_fraction=0.5)
    )
    monkeypatch.setattr(file_dialogs, "ask_image_folder", lambda _: folder)
    opened.open_folder.click()
    qtbot.waitUntil(lambda: opened.workspace.image_set is not None, timeout=WAIT_MS)
    spec = opened.workspace.images
    assert (spec.image_size, spec.channels, spec.test_fraction) == (6, "grey", 0.5)
    assert opened.workspace.image_set.shape == (1, 6, 6)

    opened.form.set_spec(spec.replace("image_size", 5))
    assert opened.show_images.text() == "Read again"
    opened.show_images.click()
    qtbot.waitUntil(lambda: opened.workspace.images != spec, timeout=WAIT_MS)
    assert opened.workspace.images == spec.replace("image_size", 5)
    assert opened.workspace.image_set.shape == (1, 5, 5)


def test_that_reading_shows_how_far_it_is_and_can_be_cancelled(qtbot, opened, monkeypatch):
    begun, ended = threading.Event(), threading.Event()

    def endless(path, *, progress, check_cancelled, **_):
        try:
            progress(12_345, 60_000)
            begun.set()
            while True:
                check_cancelled()
        finally:
            ended.set()

    monkeypatch.setattr("engine.data.images.ingest", endless)
    importer = opened.workspace.importer
    assert not opened.reading.isVisible()
    importer.read_folder(opened.workspace.study.path, {"image_size": 8})
    assert opened.reading.isVisible()
    qtbot.waitUntil(lambda: "12,345 of 60,000" in opened.reading.words.text(), timeout=WAIT_MS)
    assert begun.is_set()
    opened.reading.stop.click()
    assert not opened.reading.isVisible()
    assert not importer.busy
    qtbot.waitUntil(ended.is_set, timeout=WAIT_MS)
    assert opened.workspace.images is None


def test_that_the_window_goes_on_while_many_files_are_read(qtbot, opened, monkeypatch):
    """The ticks of a timer come while a lane is busy with plain Python."""
    stop, ticks = threading.Event(), []

    def busy(path, *, progress, check_cancelled, **_):
        number = 0
        while not stop.is_set():
            number += 1
            progress(number, 60_000)
            check_cancelled()
        raise ValueError("enough")

    monkeypatch.setattr("engine.data.images.ingest", busy)
    opened.workspace.importer.changed.connect(lambda: ticks.append(1))
    opened.workspace.importer.read_folder(opened.workspace.study.path, {"image_size": 8})
    qtbot.waitUntil(lambda: len(ticks) > 5, timeout=WAIT_MS)
    stop.set()
    qtbot.waitUntil(lambda: not opened.workspace.importer.busy, timeout=WAIT_MS)


def test_that_the_page_stands_the_next_time_as_it_was_left(qtbot, page):
    splitter = page.findChildren(QSplitter)[0]
    splitter.moveSplitter(splitter.sizes()[0] + 60, 1)
    wide = splitter.sizes()
    again = DataPage(Workspace())
    qtbot.addWidget(again)
    again.resize(page.size())
    again.show()
    assert again.findChildren(QSplitter)[0].sizes() == wide


def test_that_a_class_is_chosen_by_keyboard(qtbot, page):
    page.workspace.choose_images(SPEC, labelled(30, 9))
    page.classes.setFocus()
    page.classes.selectRow(1)
    qtbot.keyClick(page.classes, Qt.Key.Key_Return)
    assert page.browser.label.currentData() == 1
    assert page.browser.grid.images.rowCount() == 3


def test_that_the_validation_part_is_counted_and_can_be_looked_at(page):
    images = labelled(20, 6).held_out(0.25, 0)
    page.workspace.choose_images(SPEC.replace("validation", 0.25), images)
    held = len(images.validation_images)
    assert page.facts.text().startswith(f"{20 - held} training, {held} validation and 6 test")
    row = page.classes.classes.index(0, 3)
    assert len(row.data(SHARES)) == 3
    assert "validation and 2 test images" in row.data(Qt.ItemDataRole.ToolTipRole)
    page.browser.part.setCurrentText(f"Validation images ({held})")
    assert len(shown(page)) == held


# ----------------------------------------------------------------------------------------- ordering


def measured(workspace, metric, arrays, count=9):
    """Store a measurement of a network on the open images."""
    network = Imported(images=SPEC, network=SmallCNN(), name="theirs.pt", digest="ab" * 32)
    study = workspace.study
    if not study.has(network):
        made_up.add(study, network, {"clean_accuracy": 0.5})
    spec = Measurement(classifier=network, metric=metric, test_images=count)
    entry = made_up.add(study, spec, {"test_images": count}, arrays)
    workspace.record_added.emit(entry)
    return entry


def choose_order(page, qtbot, text):
    order = page.browser.order
    order.setCurrentIndex(order.findText(text, Qt.MatchFlag.MatchStartsWith))
    assert order.currentText().startswith(text)


def test_that_the_test_images_are_ordered_by_the_smallest_eps_that_fools(opened, qtbot):
    opened.workspace.choose_images(SPEC, labelled(train=12, test=9))
    assert opened.browser.order.isHidden()
    eps = np.array([0.3, np.nan, 0.1, 0.2, 0.0, 0.5], np.float32)
    measured(opened.workspace, SmallestEps(), {"smallest_eps": eps}, count=6)
    assert not opened.browser.order.isHidden()
    choose_order(opened, qtbot, "Smallest eps first: theirs.pt")
    qtbot.waitUntil(lambda: shown(opened) == [4, 2, 3, 0, 5, 1, 6, 7, 8], timeout=WAIT_MS)
    tip = opened.browser.grid.images.index(1).data(Qt.ItemDataRole.ToolTipRole)
    assert "Smallest eps that fools: 0.1" in tip
    opened.browser.show_class(0)
    assert shown(opened) == [3, 0, 6]
    opened.browser.part.setCurrentIndex(1)
    assert opened.browser.order.isHidden()
    assert shown(opened) == [0, 3, 6, 9]
    opened.browser.part.setCurrentIndex(0)
    opened.browser.order.setCurrentIndex(0)
    assert shown(opened) == [0, 3, 6]


def test_that_the_worst_images_come_first_and_those_without_a_label_last(opened, qtbot):
    images = replace(labelled(train=12, test=6), test_labels=np.array([0, 1, -1, 0, 1, 2]))
    opened.workspace.choose_images(SPEC, images)
    arrays = {
        "margin": np.array([3.0, -1, 2, -4, np.nan], np.float32),
        "attacked_margin": np.array([-9.0, 0, -3, -1, -2], np.float32),
    }
    measured(opened.workspace, ClassAccuracy(), arrays, count=6)
    choose_order(opened, qtbot, "Most wrong first: theirs.pt")
    qtbot.waitUntil(lambda: shown(opened) == [4, 1, 3, 0, 2, 5], timeout=WAIT_MS)
    choose_order(opened, qtbot, "Most wrong under attack first: theirs.pt")
    qtbot.waitUntil(lambda: shown(opened) == [0, 3, 5, 4, 1, 2], timeout=WAIT_MS)
    opened.workspace.choose_images(SPEC.replace("image_size", 5), images)
    assert opened.browser.order.isHidden()
    assert shown(opened) == [0, 1, 2, 3, 4, 5]


def test_that_a_record_of_other_images_is_refused_in_a_sentence(opened, qtbot):
    said = []
    opened.workspace.message.connect(lambda text, error: said.append((text, error)))
    opened.workspace.choose_images(SPEC, labelled(train=12, test=9))
    measured(opened.workspace, SmallestEps(), {"smallest_eps": np.zeros(4, np.float32)})
    choose_order(opened, qtbot, "Smallest eps first")
    qtbot.waitUntil(lambda: bool(said), timeout=WAIT_MS)
    assert "does not tell the images apart that are open" in said[-1][0]
    assert shown(opened) == list(range(9))
