"""Window tests draw into memory, so that they run without a display."""

import os

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def clipboard_left_empty():
    """Take back what a test copied: Qt would free it after Python, and crash on its way out."""
    yield
    from PySide6.QtGui import QGuiApplication

    if QGuiApplication.instance() is not None:
        QGuiApplication.clipboard().clear()


@pytest.fixture(autouse=True)
def changes_waited_for(monkeypatch):
    """Wait for changes of a study as long as it takes, however busy the machine is."""
    monkeypatch.setattr("gui.session.threads.attempts.PATIENCE", 60.0)


@pytest.fixture
def gate(monkeypatch):
    """Put a gate in the place of the computation of Glyphs."""
    from engine.plan.computations import COMPUTATIONS
    from tests.gui.fakes import Gate

    found = Gate()
    monkeypatch.setitem(COMPUTATIONS, "glyphs", found)
    return found
