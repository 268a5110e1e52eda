"""What the window reads or writes for long can be cancelled, leaves nothing, and begins anew."""

import threading
import zipfile
from functools import partial
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

import engine.data.cache as cache_module
from engine.data import reading
from engine.data.archives import ZipSource
from engine.data.kept import shelf
from engine.data.sources import FolderSource
from engine.figures import report
from engine.figures.catalog import FIGURES
from engine.figures.network_page import page as network_page
from engine.store import hdf5, index, packing
from engine.store.study import Study
from engine.training import proposing
from gui.pages.data.reading_strip import ReadingStrip
from gui.session import dropping, guests
from gui.session.files import copies, network_report
from gui.session.files.packed import save_copy
from gui.shell import reporting
from gui.shell.main_window import MainWindow
from tests import image_files
from tests import made_up_study as made_up
from tests.gui.fakes import WAIT_MS

PLAN = """
title = "Of a folder"
run = ["made"]
[specs.made]
kind = "folder"
path = "pets"
"""


class Pause:
    """What every step of the work waits for, until the work may go on."""

    def __init__(self):
        self.begun, self.going = threading.Event(), threading.Event()

    def before(self, function, seconds=0.3):
        """Return the function, which waits before it begins."""

        def slow(*given, **options):
            self.begun.set()
            self.going.wait(seconds)
            return function(*given, **options)

        return slow


@pytest.fixture
def place(tmp_path):
    """A folder with one of each that the window takes."""
    pets = image_files.write(tmp_path / "pets", image_files.classes({"cat": 12, "dog": 12}))
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for path in sorted(pets.rglob("*.png")):
            archive.write(path, path.relative_to(pets))
    study = made_up.sweep(tmp_path, eps=(0.02,), norms=("linf",))
    packing.pack(study, tmp_path / "packed.h5")
    (tmp_path / "weights.pt").write_bytes(bytes(1 << 20))
    (tmp_path / "written").mkdir()
    return tmp_path


@pytest.fixture
def window(qtbot, place, monkeypatch):
    found = MainWindow()
    found.said = []
    found.workspace.message.connect(lambda text, error: found.said.append(text))
    found.workspace.runner.load_engine()
    qtbot.waitUntil(lambda: found.workspace.runner.loaded, timeout=WAIT_MS)
    found.show()
    assert found.workspace.open_study(next(place.glob("*.isthmus")))
    qtbot.waitUntil(lambda: found.workspace.image_set is not None, timeout=WAIT_MS)
    monkeypatch.setattr(reporting, "ask_pdf", lambda *_: place / "written" / "out.pdf")
    monkeypatch.setattr(network_report, "ask_page", lambda *_: place / "written" / "out.html")
    yield found
    found.stop()
    found.deleteLater()


def take(name, window, place):
    window.workspace.importer.take([place / name])


def take_files(window, place):
    window.workspace.importer.take(sorted((place / "pets" / "cat").iterdir()))


def paste(window, place):
    picture = QImage(20, 20, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.red)
    window.workspace.importer.take_picture(picture)


def add_guests(window, place):
    workspace = window.workspace
    workspace.guests.take([place / "pets"], workspace.images)


def run_plan(window, place):
    (place / "plan.toml").write_text(PLAN)
    window.workspace.plans.run(str(place / "plan.toml"), {"pets": place / "pets"})


def open_other(window, place):
    other = place / "other.isthmus"
    if not other.exists():
        Study(other, create=True)
    window.workspace.importer.open_study(other)


def add_weights(window, place):
    window.workspace.importer.add_weights(place / "weights.pt", lambda digest: digest, print)


def report_network(window, place):
    key = window.workspace.classifiers()[0][0].key
    network_report.report_network(window, window.workspace, key)


def export_page(window, place):
    reporting.export_page(window.pages, window.workspace)


def has_pets(window, place):
    images = window.workspace.images
    return images is not None and images.title.startswith(("pets", "000", "picture"))


def is_written(name, window, place):
    return (place / "written" / name).exists()


# What is done -> what waits (an object, its attribute, how long each step), how it is begun, and
# how one sees that it has ended.
READ = partial(take, "pets")
STAGES = {
    "listing a folder": ((FolderSource, "_take", 0.3), READ, has_pets),
    "hashing": ((FolderSource, "read", 0.3), READ, has_pets),
    "decoding": ((reading, "decode_fitted", 0.3), READ, has_pets),
    "the shelf": ((shelf, "_write_all", 3), READ, has_pets),
    "the directory of an archive": ((ZipSource, "_take", 0.3), partial(take, "pets.zip"), has_pets),
    "members of an archive": ((ZipSource, "read", 0.3), partial(take, "pets.zip"), has_pets),
    "copies of what was dropped": ((copies, "_copy", 0.3), take_files, has_pets),
    "reading those copies": ((FolderSource, "read", 0.3), take_files, has_pets),
    "a pasted picture": ((copies, "_new_folder", 60), paste, has_pets),
    "looking for images to add": (
        (guests, "image_files", 60),
        add_guests,
        lambda w, _: len(w.workspace.guests.shown) > w.workspace.guests.shown.count,
    ),
    "images to add": (
        (FolderSource, "read", 0.3),
        add_guests,
        lambda w, _: len(w.workspace.guests.shown) > w.workspace.guests.shown.count,
    ),
    "images of a plan": ((FolderSource, "read", 0.3), run_plan, has_pets),
    "looking at what was dropped": ((dropping, "sort_paths", 60), READ, has_pets),
    "opening a study": (
        (index, "load", 60),
        open_other,
        lambda w, place: w.workspace.study.path == place / "other.isthmus",
    ),
    "unpacking": (
        (hdf5, "write", 0.3),
        partial(take, "packed.h5"),
        lambda w, place: w.workspace.study.path == place / "packed.isthmus",
    ),
    "checking a packed study": (
        (hdf5, "verify", 0.6),
        partial(take, "packed.h5"),
        lambda w, place: w.workspace.study.path == place / "packed.isthmus",
    ),
    "copying the study": (
        (Study, "read", 0.3),
        lambda w, place: save_copy(w.workspace, place / "written" / "copy.h5"),
        partial(is_written, "copy.h5"),
    ),
    "naming a weights file": (
        (proposing, "digest_of", 60),
        add_weights,
        lambda w, _: bool(w.added),
    ),
    "the report of a study": (
        (report, "picture_blocks", 0.4),
        lambda w, _: reporting.report_study(w, w.workspace),
        partial(is_written, "out.pdf"),
    ),
    "the report of a network": (
        (network_page, "_made", 0.4),
        report_network,
        partial(is_written, "out.html"),
    ),
    "the figures of a page": (
        (report, "picture_blocks", 0.6),
        export_page,
        partial(is_written, "out.pdf"),
    ),
}


def files_in(place):
    """Return what lies there, but for what a study notes of itself."""
    found = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    own = ("asked/", "index.jsonl", "labels.json", "study.json", "locations.json", "records/")
    return {
        name
        for name in found
        if not any(f".isthmus/{part}" in name for part in own) and name != "plan.toml"
    }


@pytest.mark.parametrize("stage", STAGES)
def test_that_every_stage_can_be_cancelled_and_begun_again(
    qtbot, window, place, monkeypatch, stage
):
    (owner, name, seconds), begin, has_ended = STAGES[stage]
    window.added = []
    study = window.workspace.study
    button = SimpleNamespace(make_data=lambda: FIGURES["curves"].picture(study))
    monkeypatch.setattr(reporting, "pictured", lambda _: [button])
    monkeypatch.setattr(
        window.workspace.importer, "_add_imported", lambda *a: window.added.append(a)
    )
    monkeypatch.setattr(cache_module, "WORTH_SECONDS", 0.0)
    monkeypatch.setattr(cache_module, "SETTLED_SECONDS", -1e9)
    pause = Pause()
    with monkeypatch.context() as slowly:
        slowly.setattr(owner, name, pause.before(getattr(owner, name), seconds))
        if stage == "opening a study":
            Study(place / "other.isthmus", create=True)
        before = files_in(place)
        begin(window, place)
        qtbot.waitUntil(pause.begun.is_set, timeout=WAIT_MS)

        def cancel():
            strips = window.findChildren(ReadingStrip)
            buttons = [window.status.underway, *(strip.stop for strip in strips)]
            return next((one for one in buttons if one.isVisible() and one.isEnabled()), None)

        qtbot.waitUntil(lambda: cancel() is not None, timeout=WAIT_MS)
        qtbot.mouseClick(cancel(), Qt.MouseButton.LeftButton)
        assert window.said[-1].endswith(" was cancelled.")
        qtbot.waitUntil(lambda: window.workspace.runner.quiet, timeout=WAIT_MS)
        assert not has_ended(window, place)
        pause.going.set()
        qtbot.waitUntil(lambda: files_in(place) == before, timeout=WAIT_MS)
    assert cancel() is None
    begin(window, place)
    qtbot.waitUntil(lambda: has_ended(window, place), timeout=WAIT_MS)
