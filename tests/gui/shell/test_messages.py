"""Messages cannot be missed and can be read again; a failure is told in full wherever one is."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from engine.jobs.events import Ended, Queued
from gui.pages import DATA
from gui.shell.main_window import MainWindow
from gui.shell.messages.dialog import MessagesDialog
from gui.shell.messages.log import MOST, MessageLog
from gui.shell.presenting import LARGER


@pytest.fixture
def window(qtbot):
    found = MainWindow((DATA,))
    qtbot.addWidget(found)
    yield found
    found._closing = True
    found.stop()


def shown(dialog):
    return [dialog.list.item(row).text()[10:] for row in range(dialog.list.count())]


def test_that_news_and_dismissed_errors_are_read_again(window, qtbot):
    window.workspace.message.emit("Saved a.pdf", False)
    window.messages.add_error("No room on the disk", "Traceback")
    window.messages.dismiss_error()
    assert window.messages.errors == []
    assert window.status.all_messages.text() == "Messages (1 new)"
    window.status.all_messages.click()
    dialog = window.findChild(MessagesDialog)
    assert shown(dialog) == ["No room on the disk", "Saved a.pdf"]
    icons = [dialog.list.item(row).icon() for row in range(2)]
    assert not any(one.isNull() for one in icons)  # so that all texts begin at one place
    assert dialog.text.toPlainText() == "No room on the disk\n\nTraceback"
    assert window.status.all_messages.text() == "Messages"
    dialog.errors.setChecked(True)
    assert shown(dialog) == ["No room on the disk"]
    dialog.errors.setChecked(False)
    dialog.list.setCurrentRow(1)
    window.messages.say("Saved b.pdf", False)
    assert shown(dialog)[0] == "Saved b.pdf"
    assert dialog.text.toPlainText() == "Saved a.pdf", "the chosen one stays"
    dialog.copy.click()
    assert QGuiApplication.clipboard().text().count("\n") >= 4


def test_that_news_that_something_goes_on_end_with_an_error(window):
    window.messages.say("Saved a.pdf", False)
    window.messages.add_error("No room")
    assert window.messages.news == "Saved a.pdf"
    window.messages.say("Writing b.pdf…", False)
    window.messages.add_error("b.pdf cannot be written")
    assert window.messages.news == ""


def test_that_a_failure_is_told_with_its_whole_reason(window):
    reason = "network is too small: " + "the images have 1,000 classes, " * 20
    event = window.workspace.engine_event
    for key in ("a", "b"):
        event.emit(Queued(key, "retraining", f"Retraining {key}"))
    event.emit(Ended("a", "failed", 1.0, reason, "Traceback"))
    event.emit(Ended("b", "failed", 0.0, "Retraining a failed"))  # dropped, with the same cause
    assert window.messages.errors == [f"Retraining a failed: {reason}"]
    assert window.messages.log.messages[0].details == "Traceback"


def test_that_only_the_newest_messages_are_kept():
    log = MessageLog()
    for number in range(MOST + 5):
        log.add(str(number))
    assert len(log.messages) == MOST
    assert log.messages[0].text == str(MOST + 4)


def test_that_presenter_mode_fills_the_screen_with_larger_texts_and_goes_back(window, qtbot):
    before = QApplication.font().pointSizeF()
    window.show()
    action = window.menus.actions["present"]
    action.trigger()
    assert window.windowState() & Qt.WindowState.WindowFullScreen
    assert QApplication.font().pointSizeF() == pytest.approx(LARGER * before)
    action.trigger()
    assert not window.windowState() & Qt.WindowState.WindowFullScreen
    assert QApplication.font().pointSizeF() == pytest.approx(before)
