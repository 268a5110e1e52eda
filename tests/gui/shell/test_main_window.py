"""The window: its pages, what is dropped on it, its messages, and how it closes."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QAction,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QImage,
    QKeySequence,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QMessageBox, QToolButton

from engine.jobs.events import Ended, Notice, Queued
from engine.networks.timm_names import has_timm
from engine.store.study import Result, Study
from gui.look import settings, theme
from gui.network.dialog import NetworkDialog
from gui.pages import ATTACK, DATA, MAPS, PAGES, RECORDS, TRADEOFF, WELCOME, Place
from gui.pages.common.page import Page
from gui.session.workspace import Workspace
from gui.shell.main_window import MainWindow
from gui.widgets.label import Question
from tests.gui.fakes import WAIT_MS, small


class PlainPage(Page):
    """A page that can be told to fail."""

    place = Place("Plain", "page", "plain", f"{__name__}:PlainPage")

    def __init__(self, workspace: Workspace):
        super().__init__(workspace)
        self.words = QLabel("fine", self)
        self.export = QToolButton(self)
        self.export.setProperty("exports", "curve")

    def fail(self) -> None:
        raise RuntimeError("the plot has no points")


class BrokenPage(Page):
    """A page that cannot be built."""

    place = Place("Broken", "page", "broken", f"{__name__}:BrokenPage")
    tries = 0

    def __init__(self, workspace: Workspace):
        BrokenPage.tries += 1
        raise RuntimeError("no room for widgets")


MISSING = Place("Missing", "page", "missing", "gui.pages.missing.page:MissingPage")
PLACES = (PlainPage.place, DATA, BrokenPage.place, MISSING)


@pytest.fixture
def window(qtbot):
    found = MainWindow(PLACES)
    qtbot.addWidget(found)
    # The tests' process has the engine loaded already, or loads it on the first use.
    found.workspace.runner.loaded = True
    found.show()
    qtbot.waitExposed(found)
    yield found
    found.workspace.runner.cancel()
    found._closing = True


@pytest.fixture
def opened(window, tmp_path):
    assert window.workspace.open_study(tmp_path / "s.isthmus", create=True)
    return window


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "animals", per_class=6)


def make_folder(path: Path, per_class: int, side: int = 8) -> Path:
    draw = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (path / name).mkdir(parents=True)
        for number in range(per_class):
            pixels = draw.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path / name / f"{number}.png")
    return path


def mime_of(*paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime


def drag(kind, widget, mime):
    """Send an event of a drag to a widget, as the desktop does, and return it."""
    place = QPointF(20, 20) if kind is QDropEvent else QPointF(20, 20).toPoint()
    event = kind(
        place,
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(widget, event)
    return event


def drop(window, *paths):
    """Drag paths over the window and let go; return whether every step was accepted."""
    mime = mime_of(*paths)
    steps = [drag(kind, window, mime) for kind in (QDragEnterEvent, QDragMoveEvent, QDropEvent)]
    mime.clear()  # Wayland frees the data as soon as the drop is over
    return all(step.isAccepted() for step in steps)


# ------------------------------------------------------------------------------------------ pages


def test_that_the_first_tab_on_a_page_leads_to_the_page(window):
    window.pages.show_place(DATA)
    page = window.pages.page()
    QTest.keyClick(page, Qt.Key.Key_Tab)
    assert page.isAncestorOf(QApplication.focusWidget())


def test_that_a_drop_leaves_the_field_in_which_something_was_typed(window, qtbot, tmp_path):
    field = QLineEdit(window.centralWidget())
    field.show()
    field.setFocus()
    qtbot.keyClicks(field, "linf")
    assert field.hasFocus()
    assert drop(window, tmp_path)
    assert not field.hasFocus()  # else undo would take back what was typed, and not the drop


def test_that_every_page_knows_its_place_in_the_rail():
    for place in PAGES:
        assert place.load().place is place


def test_that_a_page_is_built_when_it_is_first_shown(window):
    assert window.pages.hosts[0].page is not None
    assert window.pages.hosts[1].page is None
    window.pages.show_index(1)
    assert type(window.pages.page()).__name__ == "DataPage"


def test_that_control_and_a_number_shows_a_page(window):
    keys = QKeySequence("Ctrl+2")
    actions = [a for a in window.menus.findChildren(QAction) if a.shortcut() == keys]
    assert len(actions) == 1
    actions[0].trigger()
    assert window.pages.currentIndex() == window.rail.current == 1


def test_that_a_page_that_cannot_be_built_shows_its_error_and_the_others_live(window):
    for index, sentence in ((2, "no room for widgets"), (3, "No module named")):
        window.pages.show_index(index)
        pane = window.pages.hosts[index].pane
        assert pane.isVisible()
        assert sentence in pane.sentence.text()
        assert "Traceback" in pane.details.toPlainText()
    window.pages.show_index(0)
    assert window.pages.page().words.isVisible()


def test_that_a_page_that_could_not_be_built_is_tried_again(window):
    window.pages.show_index(2)
    before = BrokenPage.tries
    window.pages.hosts[2].pane.retry.click()
    assert BrokenPage.tries == before + 1


def test_that_all_pages_are_built_in_the_end(qtbot, window):
    window.pages.build_all()
    qtbot.waitUntil(lambda: window.pages.hosts[1].page is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: window.pages.hosts[3].failed, timeout=WAIT_MS)
    assert window.pages.currentIndex() == 0


def test_that_an_error_of_a_page_is_shown_in_its_place(window):
    page = window.pages.page()
    window.on_fault("RuntimeError: the plot has no points", "trace", page)
    assert window.pages.hosts[0].pane.isVisible()
    window.pages.hosts[0].pane.retry.click()
    assert page.isVisible()


def test_that_an_error_of_no_page_is_a_message(window):
    window.on_fault("RuntimeError: lost", "trace", None)
    assert window.messages.errors == ["RuntimeError: lost"]


def test_that_the_file_menu_lists_the_pictures_of_the_page(qtbot, window):
    window.menus.export.aboutToShow.emit()
    assert [action.text() for action in window.menus.export.actions()] == ["curve"]
    with qtbot.waitSignal(window.pages.page().export.clicked, timeout=WAIT_MS):
        window.menus.export.actions()[0].trigger()


# --------------------------------------------------------------------------------------- dropping


def test_that_a_dropped_folder_makes_a_study_and_becomes_the_images(
    qtbot, window, folder, tmp_path
):
    assert drop(window, folder)
    workspace = window.workspace
    qtbot.waitUntil(lambda: workspace.image_set is not None, timeout=WAIT_MS)
    assert workspace.study.path == tmp_path / "documents" / "animals.isthmus"
    assert workspace.study.locate(workspace.images.digest) == folder
    assert workspace.image_set.classes == ("cat", "dog")
    assert window.rail.current == 1
    assert "animals" in window.windowTitle()


def test_that_a_second_folder_goes_into_the_open_study(qtbot, opened, folder):
    study = opened.workspace.study
    drop(opened, folder)
    qtbot.waitUntil(lambda: opened.workspace.image_set is not None, timeout=WAIT_MS)
    assert opened.workspace.study is study


def test_that_a_drag_of_mere_text_is_not_accepted(window):
    mime = QMimeData()
    mime.setText("hello")
    assert not drag(QDragEnterEvent, window, mime).isAccepted()


def test_that_the_window_says_that_dropping_is_possible(window, folder):
    drag(QDragEnterEvent, window, mime_of(folder))
    assert window.veil.isVisible()
    drag(QDropEvent, window, mime_of(folder))
    assert not window.veil.isVisible()


def test_that_a_dropped_study_is_opened_and_remembered(qtbot, window, tmp_path):
    study = Study(tmp_path / "old.isthmus", create=True)
    drop(window, study.path)
    qtbot.waitUntil(lambda: window.workspace.study is not None, timeout=WAIT_MS)
    assert window.workspace.study.path == study.path
    assert settings.recent_studies() == [study.path]


def test_that_a_single_dropped_image_takes_the_shape_of_the_present_ones(
    qtbot, opened, folder, tmp_path
):
    workspace = opened.workspace
    with qtbot.waitSignals([workspace.images_changed] * 2, timeout=WAIT_MS):
        workspace.choose_images(small())
    path = tmp_path / "photo.png"
    Image.fromarray(np.zeros((50, 40, 3), np.uint8)).save(path)
    drop(opened, path)
    qtbot.waitUntil(
        lambda: workspace.images != small() and workspace.image_set is not None, timeout=WAIT_MS
    )
    assert workspace.image_set.shape == (1, 28, 28)


def test_that_one_stays_where_something_useless_was_dropped(qtbot, opened, tmp_path):
    text, plan = tmp_path / "notes.txt", tmp_path / "plan.toml"
    for path in (text, plan):
        path.write_text("nothing to see")
    start = opened.pages.currentIndex()
    for path, said in ((text, "of no supported type"), (plan, "is not valid TOML")):
        drop(opened, path)
        qtbot.waitUntil(lambda said=said: said in str(opened.messages.errors), timeout=WAIT_MS)
        assert opened.pages.currentIndex() == start


def test_that_a_dropped_address_is_no_file(qtbot, opened):
    mime = QMimeData()
    mime.setUrls([QUrl("https://example.org/cat.png")])
    for kind in (QDragEnterEvent, QDragMoveEvent, QDropEvent):
        drag(kind, opened, mime)
    assert opened.messages.news.startswith("That is an address and no file")


def test_that_several_dropped_files_are_found_again_later(qtbot, opened, folder):
    workspace = opened.workspace
    drop(opened, *sorted((folder / "cat").iterdir()))
    qtbot.waitUntil(lambda: workspace.image_set is not None, timeout=WAIT_MS)
    assert len(workspace.image_set.test_images) == 6
    spec = workspace.images
    for path in (folder / "cat").iterdir():
        path.unlink()
    with qtbot.waitSignals([workspace.images_changed] * 2, timeout=WAIT_MS):
        workspace.choose_images(spec)
    assert len(workspace.image_set.test_images) == 6


def test_that_several_folders_at_once_are_refused_in_a_sentence(qtbot, opened, folder):
    drop(opened, folder / "cat", folder / "dog")
    qtbot.waitUntil(lambda: bool(opened.messages.errors), timeout=WAIT_MS)
    assert "one folder" in opened.messages.errors[0]


def test_that_what_holds_no_images_is_an_error_that_stays(qtbot, opened, tmp_path):
    (tmp_path / "empty").mkdir()
    drop(opened, tmp_path / "empty")
    qtbot.waitUntil(lambda: bool(opened.messages.errors), timeout=WAIT_MS)
    assert not opened.workspace.importer.busy
    opened.workspace.message.emit("something else", False)
    assert len(opened.messages.errors) == 1
    above = opened.messages.mapTo(opened, opened.messages.rect().bottomLeft()).y()
    assert opened.messages.isVisible()
    assert above < opened.pages.mapTo(opened, opened.pages.rect().topLeft()).y()
    opened.messages.dismiss.click()
    assert opened.messages.errors == []
    assert not opened.messages.isVisible()


def test_that_a_pasted_picture_is_kept_in_the_study(qtbot, opened):
    picture = QImage(6, 6, QImage.Format.Format_RGB32)
    picture.fill(0x3366CC)
    QGuiApplication.clipboard().setImage(picture)
    opened.paste()
    workspace = opened.workspace
    qtbot.waitUntil(lambda: workspace.image_set is not None, timeout=WAIT_MS)
    place = workspace.study.locate(workspace.images.digest)
    assert place.is_relative_to(workspace.study.path / "pasted")
    assert workspace.image_set.test_images[0, :, 0, 0].tolist() == [0x33, 0x66, 0xCC]


def test_that_pasted_files_are_taken_like_dropped_ones(qtbot, opened, folder):
    QGuiApplication.clipboard().setMimeData(mime_of(folder))
    opened.paste()
    qtbot.waitUntil(lambda: opened.workspace.image_set is not None, timeout=WAIT_MS)


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth.tar", "net.onnx"])
def test_that_a_dropped_weights_file_is_opened_as_a_network(qtbot, opened, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"<html>not found</html>")
    drop(opened, path)
    qtbot.waitUntil(lambda: bool(opened.findChildren(NetworkDialog)), timeout=WAIT_MS)
    (dialog,) = opened.findChildren(NetworkDialog)
    assert dialog.path == path
    assert not dialog.isModal()
    qtbot.waitUntil(lambda: bool(dialog.search.problem), timeout=WAIT_MS)
    assert dialog.heading.text().startswith(f"{name} is a web page")
    dialog.reject()


@pytest.mark.parametrize("at", [MAPS, TRADEOFF], ids=lambda place: place.title)
def test_that_an_opened_network_is_chosen_on_the_page_where_one_goes_on(qtbot, tmp_path, at):
    window = MainWindow((ATTACK, MAPS, TRADEOFF))
    qtbot.addWidget(window)
    workspace, spec, chosen = window.workspace, small(), []
    workspace.runner.loaded = True
    assert workspace.open_study(tmp_path / "s.isthmus", create=True)
    workspace.selected.connect(chosen.append)
    window.pages.show_place(at)
    workspace.importer.network_added.emit(spec)
    workspace.study.write(spec, Result({}), seconds=0.0, provenance={})
    workspace.record_added.emit(workspace.study.entry(spec.key))
    qtbot.waitUntil(lambda: chosen == [spec.key], timeout=WAIT_MS)
    expected = MAPS if at is MAPS else ATTACK
    assert window.pages.places[window.pages.currentIndex()] is expected
    window._closing = True


def test_that_what_is_opened_before_the_engine_is_there_waits_for_it(qtbot, window, tmp_path):
    study = Study(tmp_path / "old.isthmus", create=True)
    window.workspace.runner.loaded = False
    window.workspace.importer.take([study.path])
    assert window.workspace.study is None
    window.workspace.runner.loaded = True
    window.workspace.runner.ready.emit()
    qtbot.waitUntil(lambda: window.workspace.study is not None, timeout=WAIT_MS)
    assert window.workspace.study.path == study.path


# --------------------------------------------------------------------------------- words and looks


def test_that_the_status_bar_names_study_and_device(opened):
    assert opened.status.study.text() == "s"
    assert "at once" in opened.status.device.text()


def test_that_a_notice_of_a_computation_is_shown(window):
    window.workspace.engine_event.emit(Notice("a", "robust accuracy fell to zero"))
    assert window.messages.news == "robust accuracy fell to zero"


def test_that_the_newest_error_stands_first_and_none_is_shown_twice(window):
    for text in ("one", "two", "one"):
        window.workspace.message.emit(text, True)
    assert window.messages.errors == ["one", "two"]


def test_that_escape_dismisses_an_error(window):
    window.workspace.message.emit("one", True)
    window.menus.actions["dismiss"].trigger()
    assert window.messages.errors == []


def test_that_the_colours_are_chosen_in_the_menu_and_remembered(qapp, window):
    try:
        window.menus.actions["colours dark"].trigger()
        assert theme.is_dark()
        assert settings.theme_mode() == "dark"
    finally:
        theme.apply(qapp, "light")


def test_that_no_two_actions_have_the_same_keys(window):
    keys = [keys for keys, _ in window.menus.shortcut_list()]
    assert len(keys) == len(set(keys))
    assert "Ctrl+V" in keys


def test_that_a_finished_computation_leads_to_its_page(opened):
    opened.workspace.study.write(small(), Result({}), seconds=0.0, provenance={})
    opened.pages.show_record(small().key)
    assert opened.rail.current == 1


def test_that_about_tells_the_versions_of_what_is_installed(window):
    window.menus.actions["about"].trigger()
    dialog = next(child for child in window.children() if hasattr(child, "copy"))
    dialog.copy.click()
    copied = QGuiApplication.clipboard().text()
    assert f"numpy {np.__version__}" in copied
    assert ("timm is not included" in copied) != has_timm()
    dialog.close()


# ---------------------------------------------------------------------------------------- closing


def test_that_an_idle_window_closes_without_a_word(window):
    assert window.close()
    assert window.stopped
    assert not window.isVisible()


def test_that_closing_in_mid_run_asks_once_and_may_be_taken_back(qtbot, opened, gate):
    opened.workspace.run([small()])
    assert not opened.close()
    assert not opened.close()
    boxes = opened.findChildren(QMessageBox)
    assert len(boxes) == 1
    boxes[0].defaultButton().click()
    qtbot.wait(50)
    assert opened.isVisible()
    assert opened.workspace.runner.busy


def test_that_closing_in_mid_run_stops_everything_and_keeps_what_finished(
    qtbot, opened, gate, tmp_path
):
    gate.open.set()
    workspace = opened.workspace
    workspace.run([small(1)])
    qtbot.waitUntil(lambda: workspace.study.has(small(1)), timeout=WAIT_MS)
    gate.open.clear()
    workspace.run([small(2), small(3), small(4)])
    opened.close()
    opened.quit_button.click()
    qtbot.waitUntil(lambda: not opened.isVisible(), timeout=WAIT_MS)
    assert opened.stopped
    assert not [t for t in threading.enumerate() if t.name.startswith("isthmus-")]
    again = Study(workspace.study.path)
    assert [entry.key for entry in again.entries] == [small(1).key]
    assert list(again.check()) == []


def test_that_the_window_comes_back_as_it_was_left(qtbot, window):
    window.resize(795, 640)
    window.dock.set_expanded(True)
    window.close()
    again = MainWindow(PLACES)
    qtbot.addWidget(again)
    again.show()
    assert again.size() == window.size()
    assert again.dock.expanded


def test_that_late_words_of_a_closed_study_are_harmless(opened, tmp_path):
    opened.workspace.open_study(tmp_path / "other.isthmus", create=True)
    opened.workspace.engine_event.emit(Queued("a", "training", "a"))
    opened.workspace._on_event(Ended("a", "finished"))
    assert opened.messages.errors == []


def test_that_the_menus_open_settings_and_glossary(window):
    for name, kind in (("settings", "SettingsDialog"), ("glossary", "GlossaryDialog")):
        window.menus.actions[name].trigger()
        opened = [child for child in window.children() if type(child).__name__ == kind]
        assert len(opened) == 1
        assert opened[0].isVisible()
        opened[0].close()
    assert window.menus.actions["settings"].shortcut() == QKeySequence("Ctrl+,")


def test_that_colours_of_the_settings_are_checked_in_the_menu(window):
    window.menus.actions["settings"].trigger()
    (dialog,) = (child for child in window.children() if type(child).__name__ == "SettingsDialog")
    dialog.theme.setCurrentIndex(dialog.theme.findData("dark"))
    assert window.menus.actions["colours dark"].isChecked()
    dialog.theme.setCurrentIndex(dialog.theme.findData("light"))
    assert window.menus.actions["colours light"].isChecked()
    dialog.close()


@pytest.fixture
def whole(qtbot):
    found = MainWindow((WELCOME, DATA, RECORDS))
    qtbot.addWidget(found)
    found.workspace.runner.loaded = True
    found.show()
    yield found
    found._closing = True
    found.workspace.runner.shutdown()


def test_that_a_study_opened_on_the_first_page_leads_on_and_elsewhere_stays(qtbot, whole, tmp_path):
    window = whole
    window.pages.import_modules()
    window.pages.build_all()
    window.pages.show_place(WELCOME)
    window.workspace.importer.open_study(tmp_path / "one.isthmus", create=True)
    qtbot.waitUntil(lambda: window.pages.page().place == DATA, timeout=WAIT_MS)
    window.pages.show_place(RECORDS)
    window.workspace.importer.open_study(tmp_path / "two.isthmus", create=True)
    qtbot.wait(2 * QApplication.doubleClickInterval())
    assert window.pages.page().place == RECORDS


def test_that_images_given_at_the_start_show_their_page_before_the_engine_is_loaded(
    whole, tmp_path
):
    window = whole
    window.workspace.runner.loaded = False
    window.workspace.importer.take([tmp_path])
    assert window.pages.page().place == DATA


def test_that_doubtful_classes_are_asked_about(qtbot, window):
    done = []
    for button, wanted in (("Cancel", []), ("Use them", [1])):
        window._ask_about_classes("home does not look like classes.", lambda: done.append(1))
        (box,) = [box for box in window.findChildren(Question) if box.isVisible()]
        asked = next(b for b in box.buttons() if b.text().replace("&", "") == button)
        qtbot.mouseClick(asked, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not window.findChildren(Question), timeout=WAIT_MS)
        assert done == wanted


def test_that_the_list_of_computations_leaves_the_page_most_of_a_low_window(qtbot, opened):
    opened.resize(1024, 560)
    opened.dock.set_expanded(True)
    qtbot.waitUntil(lambda: opened.splitter.sizes()[1] > 100)
    above, below = opened.splitter.sizes()
    assert below <= 560 // 3 < above
    opened.splitter.setSizes([above - 100, below + 100])  # as the user drags it
    own = opened.splitter.sizes()[1]
    opened.dock.set_expanded(False)
    opened.dock.set_expanded(True)
    qtbot.waitUntil(lambda: opened.splitter.sizes()[1] == own)
