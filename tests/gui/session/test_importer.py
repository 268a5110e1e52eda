"""Reading images in the window, from a drive that does not answer and from odd files."""

import os
import threading
import time

import pytest

from engine.data.safety import patience
from engine.data.sources import FolderSource
from engine.training.proposing import digest_of
from gui.session.files.copies import copied
from gui.session.workspace import Workspace
from tests import image_files
from tests.gui.fakes import WAIT_MS


@pytest.fixture
def workspace(qtbot, tmp_path):
    found = Workspace()
    found.said = []
    found.message.connect(lambda text, error: found.said.append((text, error)))
    assert found.open_study(tmp_path / "s.isthmus", create=True)
    found.runner.load_engine()
    qtbot.waitUntil(lambda: found.runner.loaded, timeout=WAIT_MS)
    yield found
    found.runner.shutdown()


@pytest.fixture
def pets(tmp_path):
    return image_files.write(tmp_path / "pets", image_files.classes({"cat": 6, "dog": 6}))


@pytest.fixture
def drive(monkeypatch):
    """Return an event; until it is set, no file is read."""
    going = threading.Event()
    read = FolderSource.read

    def slow(self, entry):
        going.wait(60)
        return read(self, entry)

    monkeypatch.setattr(FolderSource, "read", slow)
    yield going
    going.set()


def test_that_a_stalled_drive_is_told_and_cancelled_and_the_next_folder_is_read(
    qtbot, workspace, pets, drive, monkeypatch
):
    monkeypatch.setattr(patience.Patience, "__init__", _short(patience.Patience.__init__))
    importer = workspace.importer
    importer.read_folder(pets, {"image_size": 8})
    qtbot.waitUntil(lambda: "may not answer" in str(workspace.said), timeout=WAIT_MS)
    assert importer.busy
    begun = time.monotonic()
    importer.cancel()
    qtbot.waitUntil(lambda: not workspace.runner.busy, timeout=WAIT_MS)
    assert time.monotonic() - begun < 5
    assert workspace.said[-1] == ("Reading pets was cancelled.", False)
    drive.set()
    with qtbot.waitSignal(workspace.images_changed, timeout=WAIT_MS):
        importer.read_folder(pets, {"image_size": 8})
    assert workspace.images.name == "pets"


def _short(init):
    return lambda self: init(self, 0.2)


def test_that_the_window_closes_while_a_drive_is_stalled(qtbot, workspace, pets, drive):
    workspace.importer.read_folder(pets, {"image_size": 8})
    begun = time.monotonic()
    assert workspace.runner.shutdown()
    assert time.monotonic() - begun < 5


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_that_devices_and_pipes_are_neither_copied_nor_hashed(tmp_path):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    zeros = tmp_path / "zeros.png"
    zeros.symlink_to("/dev/zero")

    class Control:
        check = staticmethod(lambda: None)

    for path in (pipe, zeros):
        with pytest.raises(ValueError, match="must be a regular file"):
            copied([path], tmp_path / "copies", Control.check)
        with pytest.raises(ValueError, match="must be a regular file"):
            digest_of(path, Control.check)
    assert not (tmp_path / "copies").exists()


def test_that_copies_have_the_bytes_of_the_files(pets, tmp_path):
    files = [pets / "cat" / "000.png", pets / "dog" / "000.png"]
    folder = copied(files, tmp_path / "copies", lambda: None).path
    assert (folder / "cat 000.png").read_bytes() == files[0].read_bytes()
    assert (folder / "dog 000.png").read_bytes() == files[1].read_bytes()


def test_that_the_same_files_are_copied_once_and_others_beside_them(pets, tmp_path):
    files, place = [pets / "cat" / "000.png", pets / "dog" / "000.png"], tmp_path / "copies"
    assert copied(files, place, lambda: None) == (place, place)
    assert copied(files, place, lambda: None) == (None, place), "it was there"
    assert copied(files[:1], place, lambda: None).path == tmp_path / "copies 2"
    files[1].write_bytes(files[0].read_bytes())
    assert copied(files, place, lambda: None).path == tmp_path / "copies 3"


def test_that_nothing_is_left_of_copies_that_cannot_be_read(workspace, qtbot, tmp_path):
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        (tmp_path / name).write_bytes(b"\0\0\x08\x01\0\0\0\0")
    workspace.importer.take(sorted(tmp_path.glob("t10k*")))
    qtbot.waitUntil(lambda: bool(workspace.said) and workspace.said[-1][1], timeout=WAIT_MS)
    assert "train-images-idx3-ubyte, train-labels-idx1-ubyte are missing" in workspace.said[-1][0]
    assert not [*(workspace.study.path / "dropped").iterdir()]


def test_that_undo_brings_back_the_images_that_a_drop_replaced(qtbot, workspace, pets, tmp_path):
    other = image_files.write(tmp_path / "birds", image_files.classes({"owl": 6, "jay": 6}))
    stack = workspace.edits.stack
    workspace.importer.take([pets])
    qtbot.waitUntil(lambda: workspace.image_set is not None, timeout=WAIT_MS)
    assert not stack.canUndo()  # nothing was replaced
    first = workspace.images
    workspace.importer.take([other])
    qtbot.waitUntil(
        lambda: workspace.images != first and workspace.image_set is not None, timeout=WAIT_MS
    )
    second = workspace.images
    assert stack.undoText() == f"choice of “{second.title}”"
    for step, wanted in ((stack.undo, first), (stack.redo, second), (stack.undo, first)):
        step()
        assert workspace.images == wanted
        qtbot.waitUntil(lambda: workspace.image_set is not None, timeout=WAIT_MS)
    assert set(workspace.image_set.classes) == {"cat", "dog"}
