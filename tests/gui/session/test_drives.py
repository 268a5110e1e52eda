"""What is asked about a path of the user's never holds the window up, however slow its drive is."""

import json
import os
import threading
import time

import pytest

from engine.data.images import load
from engine.data.safety import patience
from engine.specs import FolderImages, Glyphs, SmallCNN, Training
from engine.store.packing import pack
from engine.store.study import Result, Study
from gui.look import settings
from gui.network.dialog import NetworkDialog
from gui.pages import ATTACK, MAPS
from gui.pages.welcome.page import WelcomePage
from gui.session.workspace import Workspace
from gui.shell.main_window import MainWindow
from tests import image_files
from tests.gui.fakes import WAIT_MS

QUESTIONS = ("stat", "lstat", "access", "scandir", "listdir", "open")
# One set after the other is read, until the user cancels or drops another one.
HOLDS_IMAGES = ("read", "weights")
LIKE = Glyphs(train=20, test=10)
KINDS = ("picture.png", "pets", "study.isthmus", "packed.h5", "weights.pt", "nothing")


class Drive:
    """A folder whose drive answers nothing before it is told to, and knows who asked."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.going = threading.Event()
        self.askers = set()
        self.own = os.path.realpath(self.folder)

    def wrap(self, function):
        def asked(path, *rest, **options):
            place = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
            if isinstance(place, str) and place.startswith((self.folder + "/", self.own + "/")):
                self.askers.add(threading.current_thread())
                self.going.wait(60)
            return function(path, *rest, **options)

        return asked


@pytest.fixture
def workspace(qtbot, tmp_path):
    found = Workspace()
    found.said = []
    found.message.connect(lambda text, error: found.said.append(text))
    assert found.open_study(tmp_path / "open.isthmus", create=True)
    found.runner.load_engine()
    qtbot.waitUntil(lambda: found.runner.loaded, timeout=WAIT_MS)
    yield found
    found.runner.shutdown()


@pytest.fixture
def drive(tmp_path, monkeypatch):
    folder = tmp_path / "drive"
    folder.mkdir()
    image_files.write(folder / "pets", image_files.classes({"cat": 6, "dog": 6}))
    (folder / "picture.png").write_bytes(image_files.classes({"a": 1}).popitem()[1])
    pack(Study(folder / "study.isthmus", create=True), folder / "packed.h5")
    (folder / "weights.pt").write_bytes(b"none")
    found = Drive(folder)
    for name in QUESTIONS:
        monkeypatch.setattr(os, name, found.wrap(getattr(os, name)))
    yield found
    found.going.set()


ACTIONS = {
    **{
        f"drop {kind}": lambda w, folder, kind=kind: w.importer.take([folder / kind])
        for kind in KINDS
    },
    "drop two": lambda w, folder: w.importer.take([folder / "picture.png", folder / "pets"]),
    "open": lambda w, folder: w.importer.open_study(folder / "study.isthmus"),
    "create": lambda w, folder: w.importer.open_study(folder / "new.isthmus", create=True),
    "read": lambda w, folder: w.importer.read_folder(folder / "pets", {"image_size": 8}),
    "weights": lambda w, folder: w.importer.add_weights(folder / "weights.pt", lambda digest: None),
    **{
        f"guest {kind}": lambda w, folder, kind=kind: w.guests.take([folder / kind], LIKE)
        for kind in ("picture.png", "pets", "nothing")
    },
    "two guests": lambda w, folder: w.guests.take([folder / "picture.png", folder / "pets"], LIKE),
    "guests again": lambda w, folder: bring(w, folder / "pets"),
}


def bring(workspace, folder):
    """Show images of an earlier session, whose place the study knows."""
    place = {"absolute": str(folder), "relative": ""}
    (workspace.study.path / "locations.json").write_text(json.dumps({"5" * 64: place}))
    workspace.guests.bring(FolderImages(name="pets", digest="5" * 64, image_size=8))


@pytest.mark.skipif(os.name == "nt", reason="the questions are replaced by name")
@pytest.mark.parametrize("action", ACTIONS)
def test_that_the_window_asks_no_drive_and_closes_while_it_is_silent(
    qtbot, workspace, drive, action
):
    workspace.choose_images(LIKE, load(LIKE, None))
    begun = time.monotonic()
    ACTIONS[action](workspace, type(workspace.study.path)(drive.folder))
    qtbot.waitUntil(lambda: bool(drive.askers), timeout=WAIT_MS)
    assert threading.main_thread() not in drive.askers
    answered = []
    for name, long in (("a record", False), ("other images", True)):
        if long and action in HOLDS_IMAGES:
            continue
        answered.clear()
        workspace.runner.ask(name, lambda _: "read", answered.append, answered.append, long=long)
        qtbot.waitUntil(lambda: answered == ["read"], timeout=WAIT_MS)
    assert time.monotonic() - begun < 20
    begun = time.monotonic()
    assert workspace.runner.shutdown()
    assert time.monotonic() - begun < 3


@pytest.mark.skipif(os.name == "nt", reason="the questions are replaced by name")
def test_that_recent_studies_are_looked_for_apart_and_each_once(
    qtbot, workspace, drive, tmp_path, monkeypatch
):
    there = Study(tmp_path / "there.isthmus", create=True).path
    recent = [type(there)(drive.folder) / "study.isthmus", there, tmp_path / "gone.isthmus"]
    monkeypatch.setattr(settings, "recent_studies", lambda: recent)
    page = WelcomePage(workspace)
    qtbot.addWidget(page)
    for _ in range(3):
        page.refresh()
    qtbot.waitUntil(lambda: page._missing == {recent[2]}, timeout=WAIT_MS)
    assert len(drive.askers) == 1
    assert threading.main_thread() not in drive.askers
    drive.going.set()
    qtbot.waitUntil(lambda: not page._looking, timeout=WAIT_MS)
    assert page._missing == {recent[2]}


@pytest.mark.skipif(os.name == "nt", reason="the questions are replaced by name")
def test_that_the_dialog_of_a_network_asks_no_drive(qtbot, workspace, drive):
    dialog = NetworkDialog(type(workspace.study.path)(drive.folder) / "weights.pt", workspace)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: bool(drive.askers), timeout=WAIT_MS)
    assert threading.main_thread() not in drive.askers


@pytest.mark.skipif(os.name == "nt", reason="the questions are replaced by name")
def test_that_a_silent_drive_is_told_and_another_path_is_taken_meanwhile(
    qtbot, workspace, drive, tmp_path, monkeypatch
):
    monkeypatch.setattr(patience, "SLOW_SECONDS", 0.2)
    workspace.importer.take([type(tmp_path)(drive.folder) / "pets"])
    qtbot.waitUntil(lambda: "has not answered" in str(workspace.said), timeout=WAIT_MS)
    other = Study(tmp_path / "other.isthmus", create=True).path
    workspace.importer.take([other])
    qtbot.waitUntil(lambda: workspace.study.path == other, timeout=WAIT_MS)
    drive.going.set()
    qtbot.waitUntil(lambda: workspace.image_set is not None, timeout=WAIT_MS)
    assert workspace.images.name == "pets"
    assert threading.main_thread() not in drive.askers


@pytest.mark.skipif(os.name == "nt", reason="the questions are replaced by name")
def test_that_guests_of_a_silent_drive_are_told_and_others_are_shown_meanwhile(
    qtbot, workspace, drive, tmp_path, monkeypatch
):
    monkeypatch.setattr(patience, "SLOW_SECONDS", 0.2)
    workspace.choose_images(LIKE, load(LIKE, None))
    path = type(tmp_path)
    workspace.guests.take([path(drive.folder) / "pets"], LIKE)
    qtbot.waitUntil(lambda: "The drive of pets has not" in str(workspace.said), timeout=WAIT_MS)
    image_files.write(tmp_path / "pets", image_files.classes({"cat": 2, "dog": 1}))
    workspace.guests.take([tmp_path / "pets"], LIKE)
    qtbot.waitUntil(lambda: len(workspace.guests.shown) == 10 + 3, timeout=WAIT_MS)
    drive.going.set()
    qtbot.waitUntil(lambda: len(workspace.guests.shown) == 10 + 3 + 12, timeout=WAIT_MS)
    assert threading.main_thread() not in drive.askers
    copies = workspace.study.path / "dropped"
    assert sorted(folder.name for folder in copies.iterdir()) == ["pets", "pets 2"]


def test_that_reading_which_goes_on_is_not_called_silent(qtbot, workspace, monkeypatch):
    monkeypatch.setattr(patience, "SLOW_SECONDS", 0.3)
    read = []

    def work(check, moved):
        for _ in range(12):
            time.sleep(0.1)
            moved()
        return "all"

    workspace.importer.drives.read("many", "a folder", work, read.append)
    qtbot.waitUntil(lambda: read == ["all"], timeout=WAIT_MS)
    assert "has not answered" not in str(workspace.said)


@pytest.mark.skipif(os.name == "nt", reason="the questions are replaced by name")
@pytest.mark.parametrize("place", [ATTACK, MAPS], ids=lambda place: place.title)
def test_that_a_drop_on_a_page_with_images_asks_no_drive(qtbot, drive, tmp_path, place):
    window = MainWindow()
    qtbot.addWidget(window)
    workspace = window.workspace
    workspace.open_study(tmp_path / "open.isthmus", create=True)
    workspace.runner.load_engine()
    qtbot.waitUntil(lambda: workspace.runner.loaded, timeout=WAIT_MS)
    network = Training(images=LIKE, network=SmallCNN(), epochs=1)
    result = {"test_accuracy": 1.0, "robust_accuracy": 1.0}
    workspace.study.write(network, Result(result), seconds=1.0, provenance={})
    workspace.choose_images(LIKE, load(LIKE, None))
    window.pages.show_place(place)
    qtbot.waitUntil(lambda: window.pages.guests_like() == LIKE, timeout=WAIT_MS)
    for name in ("picture.png", "pets"):
        window._take_paths([type(tmp_path)(drive.folder) / name])
    qtbot.waitUntil(lambda: len(drive.askers) == 2, timeout=WAIT_MS)
    assert threading.main_thread() not in drive.askers
    begun = time.monotonic()
    window.stop()
    assert time.monotonic() - begun < 3
