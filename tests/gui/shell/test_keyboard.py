"""The whole window by keyboard: Tab comes to every control, leaves it, and shows where it is."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QScrollArea,
    QTabWidget,
)

from gui.look import theme
from gui.pages import PAGES
from gui.shell.main_window import MainWindow
from gui.widgets.label import Links
from tests.gui.shell.accessible import controls, path_of, said
from tests.gui.shell.small_screen import dialogs
from tests.gui.whole_study import whole_study

MOST_STOPS = 400
MOST_AT_ONE = 60  # a list of links may be long; a table of the study has more cells


@pytest.fixture
def window(qtbot, qapp, tmp_path):
    theme.apply(qapp, "light")
    found = MainWindow()
    qtbot.addWidget(found)
    found.workspace.runner.loaded = True
    found.resize(1366, 738)
    found.show()
    qtbot.waitActive(found)
    study = whole_study(tmp_path)
    found.workspace.open_study(study.path)
    for host in found.pages.hosts:
        host.build()
    yield found
    found._closing = True
    found.stop()


def round_of(window):
    """Return the widgets at which Tab stops, from the page's first on, and where it stayed."""
    window.pages.host().setFocus()
    stops, here, stayed = [], QApplication.focusWidget(), 0
    for _ in range(MOST_STOPS):
        QTest.keyClick(window.windowHandle(), Qt.Key.Key_Tab)
        before, here = here, QApplication.focusWidget()
        stayed = stayed + 1 if here is before else 0
        if stayed > MOST_AT_ONE:
            return stops, here
        if here is not before and here in stops:
            break
        if here not in stops:
            stops.append(here)
    return stops, None


def views_of(page):
    """Yield the name of each of the page's views, with that view to be seen."""
    yield "first"
    for tabs in [tabs for tabs in page.findChildren(QTabWidget) if tabs.isVisible()]:
        first = tabs.currentIndex()
        for index in [index for index in range(tabs.count()) if index != first]:
            tabs.setCurrentIndex(index)
            yield tabs.tabText(index)
        tabs.setCurrentIndex(first)


def passed_over(window, stops):
    """Return the controls to be seen that Tab left out, but those that arrow keys lead to."""
    groups = {stop.group() for stop in stops if isinstance(stop, QAbstractButton)} - {None}
    return [
        f"{said(control)[0]} {path_of(control)}"
        for control in controls(window)
        if control.isVisible()
        and control.isEnabled()
        and control not in stops
        and not any(control.isAncestorOf(stop) for stop in stops)
        and not (isinstance(control, QAbstractButton) and control.group() in groups)
    ]


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.title)
def test_that_tab_comes_to_every_control_of_a_page_and_leaves_it(window, qtbot, place):
    window.pages.show_place(place)
    qtbot.wait(400)
    for view in views_of(window.pages.page()):
        qtbot.wait(50)
        stops, trap = round_of(window)
        assert trap is None, f"{view}: Tab stays in {path_of(trap)}"
        assert not passed_over(window, stops), view
        nameless = [path_of(stop) for stop in stops if not _named(stop)]
        assert not nameless, view


def _named(stop):
    return bool(said(stop)[0].strip()) or isinstance(stop, Links)


def look_of(widget):
    """Return what is to be seen of a widget and a little around it."""
    place = widget.rect().translated(widget.mapTo(widget.window(), QPoint(0, 0)))
    return widget.window().grab(place.adjusted(-3, -3, 3, 3)).toImage()


@pytest.mark.parametrize("place", PAGES, ids=lambda place: place.title)
def test_that_it_shows_where_the_focus_is(window, qtbot, place):
    window.pages.show_place(place)
    qtbot.wait(400)
    stops, _ = round_of(window)
    unseen = []
    for stop in [stop for stop in stops if not isinstance(stop, Links)]:
        stop.setFocus(Qt.FocusReason.TabFocusReason)
        bring_into_sight(stop)
        qtbot.wait(1)
        with_focus = look_of(stop)
        stop.clearFocus()
        qtbot.wait(1)
        # On a busy machine the study may come in between, and hide what the empty page shows.
        if stop.isVisible() and look_of(stop) == with_focus:
            unseen.append(path_of(stop))
    assert stops
    assert not unseen


def bring_into_sight(widget):
    """Scroll as Tab does, from the innermost area outwards."""
    area = widget.parentWidget()
    while area is not None:
        if isinstance(area, QScrollArea):
            area.ensureWidgetVisible(widget)
        area = area.parentWidget()


def test_that_tab_leaves_every_table_of_every_dialog(window):
    for dialog in dialogs(window):
        for view in dialog.findChildren(QAbstractItemView):
            assert not view.tabKeyNavigation(), path_of(view)
        dialog.close()


def test_that_tab_stops_at_links_only_where_there_are_some(qtbot):
    links = Links()
    qtbot.addWidget(links)
    links.set_lines([("", "nothing")])
    assert not links.focusPolicy() & Qt.FocusPolicy.TabFocus
    links.set_lines([("key", "a network"), ("", "and no more")])
    assert links.focusPolicy() & Qt.FocusPolicy.TabFocus
