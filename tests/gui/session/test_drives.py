"""What is asked about a path of the user's never holds the window up, however slow its drive is."""

import os
import threading
import time

import pytest

from engine.data.safety import patience
from engine.store.packing import pack
from engine.store.study import Study
from gui.look import settings
from gui.network.dialog import NetworkDialog
from gui.pages.welcome.page import WelcomePage
from gui.session.workspace import Workspace
from tests import image_files
from tests.gui.fakes import WAIT_MS

QUESTIONS = ("stat", "lstat", "access", "scandir", "listdir", "open")
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
    "weights": lambda w, folder: w.importer.add_weights(folder / "weights.pt", print, print),
}


@pytest.mark.skipif(os.name == "nt", reason="the questions are replaced by name")
@pytest.mark.parametrize("action", ACTIONS)
def test_that_the_window_asks_no_drive_and_closes_while_it_is_silent(
    qtbot, workspace, drive, action
):
    begun = time.monotonic()
    ACTIONS[action](workspace, type(workspace.study.path)(drive.folder))
    qtbot.waitUntil(lambda: bool(drive.askers), timeout=WAIT_MS)
    assert threading.main_thread() not in drive.askers
    answered = []
    workspace.runner.ask("a record", lambda _: "read", answered.append, answered.append)
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
