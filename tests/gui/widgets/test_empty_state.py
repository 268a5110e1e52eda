"""What a view without content shows."""

import itertools

import pytest
from PySide6.QtCore import Qt

from gui.look import theme
from gui.pages import PAGES, WELCOME
from gui.shell.main_window import MainWindow
from gui.widgets.empty_state import WIDEST, EmptyState

TITLES = ("Attack", "Maps", "Manifold", "Retrain", "Trade-off", "Boundary", "Records", "Pinned")


@pytest.fixture
def empty(qtbot):
    made = EmptyState()
    qtbot.addWidget(made)
    made.introduce("attack", "Watch the networks err")
    made.say("Choose images first. " * 20, "Choose images")
    made.resize(1270, 640)
    made.show()
    return made


def test_that_long_sentences_are_broken_and_nothing_overlaps(empty):
    parts = [empty.picture, empty.heading, empty.sentence, empty.lead]
    assert all(part.isVisible() for part in parts)
    assert empty.sentence.width() <= WIDEST
    for above, below in itertools.pairwise(parts):
        assert above.geometry().bottom() < below.geometry().top()
    middle = empty.width() // 2
    assert all(abs(part.geometry().center().x() - middle) <= 2 for part in parts)


@pytest.mark.parametrize("scale", [1.0, 1.25, 1.5, 2.0])
def test_that_it_fits_a_page_on_a_screen_of_1366_x_768(empty, scale):
    empty.resize(*(round(side / scale) for side in (1270, 640)))
    needed = empty.sentence.heightForWidth(empty.sentence.width())
    assert empty.sentence.height() >= needed
    for part in (empty.picture, empty.heading, empty.sentence, empty.lead):
        assert empty.rect().contains(part.geometry())


def test_that_the_icon_follows_the_mode(empty, qapp):
    theme.apply(qapp, "light")
    light = empty.picture.pixmap().toImage()
    theme.apply(qapp, "dark")
    assert empty.picture.pixmap().toImage() != light
    theme.apply(qapp, "light")


def test_that_without_a_button_there_is_none(empty):
    empty.say("Wait.", "")
    assert not empty.lead.isVisible()
    assert not empty.other.isVisible()


def test_that_every_empty_page_says_what_it_is_for(qtbot):
    window = MainWindow(PAGES)
    qtbot.addWidget(window)
    window.workspace.runner.loaded = True
    found = []
    for host in window.pages.hosts:
        host.build()
        for state in host.page.findChildren(EmptyState):
            if state.parent() is host.page.stack and host.place is not WELCOME:
                found.append(host.place.title)
                assert state.heading.text() == host.place.tip
                assert not state.picture.pixmap().isNull()
                assert state.sentence.alignment() & Qt.AlignmentFlag.AlignHCenter
                assert not state.lead.isHidden(), "an empty page leads on"
    assert tuple(found) == TITLES
    window.stop()
