"""Starting and ending: errors are written down, threads end, references are not lost."""

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QLabel, QWidget

from engine.store.study import Study
from gui.pages.common.page import Page
from gui.session.workspace import Workspace
from gui.shell import faults
from gui.shell.faults import Faults
from tests.gui.fakes import WAIT_MS

ROOT = Path(__file__).resolve().parents[2]


class Speaker(QObject):
    said = Signal(bool)


def test_that_updates_and_signals_keep_the_counts_of_none_and_true(qtbot):
    """PySide6 6.12.0 loses one reference to None an update, one to True an emit, below 3.12."""
    widget, speaker = QWidget(), Speaker()
    qtbot.addWidget(widget)
    speaker.said.connect(lambda _: None)
    before = sys.getrefcount(None), sys.getrefcount(True)
    for _ in range(500):
        widget.update()
        speaker.said.emit(True)
    after = sys.getrefcount(None), sys.getrefcount(True)
    assert abs(after[0] - before[0]) < 50
    assert abs(after[1] - before[1]) < 50


class Failing(QLabel):
    """A widget deep inside a page."""

    def fail(self) -> None:
        raise RuntimeError("lost")


class DeepPage(Page):
    title = "Deep"

    def __init__(self, workspace: Workspace):
        super().__init__(workspace)
        self.inner = Failing("x", QWidget(self))


@pytest.fixture
def told():
    return []


@pytest.fixture
def handler(told, qapp):
    found = Faults()
    found.found.connect(lambda *parts: told.append(parts))
    return found


def caught(function):
    try:
        function()
    except RuntimeError:
        return sys.exc_info()
    raise AssertionError("nothing was raised")


def test_that_a_fault_is_known_by_its_page(qtbot, handler, told):
    page = DeepPage(Workspace())
    qtbot.addWidget(page)
    handler.take(*caught(page.inner.fail))
    sentence, details, where = told[0]
    assert sentence == "RuntimeError: lost"
    assert "in fail" in details
    assert where is page


def test_that_a_fault_outside_the_pages_is_told_once(handler, told):
    label = Failing("x")
    for _ in range(3):
        handler.take(*caught(label.fail))
    assert len(told) == 1
    assert told[0][2] is None


def test_that_a_fault_in_another_thread_is_told_on_this_one(qtbot, handler, told):
    where = []
    handler.found.connect(lambda *_: where.append(threading.current_thread()))
    handler.install()
    try:
        thread = threading.Thread(target=Failing.fail, args=(None,))
        thread.start()
        thread.join()
    finally:
        handler.uninstall()
    qtbot.waitUntil(lambda: len(told) == 1, timeout=WAIT_MS)
    assert where == [threading.main_thread()]


def test_that_faults_and_crashes_are_written_to_files(handler, monkeypatch):
    crashes = []
    monkeypatch.setattr("faulthandler.enable", crashes.append)  # pytest's own stays in place
    handlers = list(faults.LOG.handlers)
    faults.open_log()
    try:
        handler.take(*caught(Failing("x").fail))
        text = (faults.log_folder() / "isthmus.log").read_text(encoding="utf-8")
        assert "RuntimeError: lost" in text
        assert crashes[0].name == str(faults.log_folder() / "crash.log")
    finally:
        crashes[0].close()
        for added in set(faults.LOG.handlers) - set(handlers):
            faults.LOG.removeHandler(added)
            added.close()


def test_that_a_log_that_cannot_be_written_does_not_keep_the_window_shut(
    tmp_path, monkeypatch, caplog
):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ISTHMUS_CONFIG", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        faults.open_log()
    assert "no log file" in caplog.text


RUN = """
import sys
from pathlib import Path
from gui import app
made = app.make_window
def watched(application, paths, plugins):
    window = made(application, paths, plugins)
    print("torch" in sys.modules, "pyqtgraph" in sys.modules, window.isVisible(), flush=True)
    def opened():
        print("opened", window.workspace.study.path.name, flush=True)
        {end}
    window.workspace.study_changed.connect(opened)
    return window
app.make_window = watched
sys.exit(app.open_window([Path(sys.argv[1])]))
"""


def start(tmp_path, end):
    study = Study(tmp_path / "mine.isthmus", create=True)
    environ = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "ISTHMUS_CONFIG": str(tmp_path / "config"),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-c", RUN.format(end=end), str(study.path)],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_that_the_window_is_up_before_the_engine_and_ends_cleanly(tmp_path):
    process = start(tmp_path, "window.close()")
    words, errors = process.communicate(timeout=180)
    assert words.splitlines() == ["False False True", "opened mine.isthmus"]
    assert process.returncode == 0
    assert "Traceback" not in errors


@pytest.mark.skipif(os.name == "nt", reason="signals of a terminal")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_that_an_interrupt_in_the_terminal_or_its_end_closes_the_window(tmp_path, name):
    process = start(tmp_path, "pass")
    assert process.stdout.readline().split()[-1] == "True"
    assert process.stdout.readline().startswith("opened")
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "Traceback" not in errors
