"""Charts of any page are pinned by its menu or the window's, and live on together on one page."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from engine.jobs.events import Queued, Scalars, Started
from engine.plan.planfile import load_preset
from engine.specs import Training
from gui.pages import PAGES, PINNED, RECORDS, TRADEOFF, TRAIN
from gui.pages.pinned.page import columns_for
from gui.palette.commands import of_menus
from gui.session.picks.pins import Pin, charts_of
from gui.shell.main_window import MainWindow
from gui.widgets.plots.plot import Plot
from tests import made_up_study as made_up

LOSS = Pin("Train", "training-loss")


@pytest.fixture
def window(qtbot, tmp_path):
    study = made_up.sweep(tmp_path, eps=(0.02,), norms=("linf",))
    found = MainWindow(PAGES)
    qtbot.addWidget(found)
    found.workspace.runner.loaded = True
    found.resize(1366, 738)
    for host in found.pages.hosts:
        host.build()
    found.show()
    qtbot.waitExposed(found)
    assert found.workspace.open_study(study.path)
    yield found
    found.workspace.runner.cancel()
    found._closing = True
    found.stop()


def right_click(chart, qtbot):
    """Open a chart's menu by the mouse, and return it."""
    canvas = chart.canvas
    where = QPoint(canvas.width() // 2, canvas.height() // 2)
    QTest.mouseMove(canvas.viewport(), where)
    QTest.mouseClick(canvas.viewport(), Qt.MouseButton.RightButton, pos=where)
    qtbot.waitUntil(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    return QApplication.activePopupWidget()


def choose(menu, text):
    """Click the entry of a menu that is open."""
    action = next(action for action in menu.actions() if action.text() == text)
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())


def cards(window):
    return window.pages.hosts[PAGES.index(PINNED)].page.cards()


def only_card(window, qtbot):
    """Show the page, and return the one card on it."""
    window.pages.show_place(PINNED)
    qtbot.waitUntil(lambda: len(cards(window)) == 1 and cards(window)[0].isVisible())
    return cards(window)[0]


def test_that_every_chart_of_every_page_has_a_name_of_its_own_and_can_be_pinned(window):
    named = []
    for host in window.pages.hosts:
        charts = charts_of(host.page)
        assert {type(chart) for chart in charts} <= {Plot}
        assert len(charts) == len(host.page.findChildren(Plot))
        if host.place is not PINNED:
            named += [(host.place.title, chart.property("chart")) for chart in charts]
    assert len(set(named)) == len(named) >= 10
    assert {"Train", "Attack", "Manifold", "Retrain", "Trade-off", "Boundary", "Records"} == {
        page for page, _ in named
    }


def test_that_a_chart_is_pinned_by_its_menu_and_unpinned_on_the_page(window, qtbot):
    window.pages.show_place(TRAIN)
    chart = window.pages.page().curves.loss
    choose(right_click(chart, qtbot), "Pin this chart")
    assert window.workspace.pins.pins == (LOSS,)
    QTest.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: window.pages.places[window.pages.currentIndex()] is PINNED)
    qtbot.waitUntil(lambda: len(cards(window)) == 1)
    (card,) = cards(window)
    assert (card.plot.title, card.source.text()) == ("Training loss", "Train")
    assert card.plot.pin in right_click(card.plot, qtbot).actions()
    assert card.plot.pin.isChecked()
    QApplication.activePopupWidget().close()
    QTest.mouseClick(card.source, Qt.MouseButton.LeftButton)
    assert window.pages.places[window.pages.currentIndex()] is TRAIN
    window.pages.show_place(PINNED)
    QTest.mouseClick(card.unpin, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not card.isVisible())
    assert window.workspace.pins.pins == ()
    assert window.pages.page().empty.isVisible()


def test_that_the_palette_pins_and_unpins_each_chart_that_is_seen(window, qtbot):
    window.pages.show_place(TRAIN)

    def offered():
        found = of_menus(window.menuBar())
        return {one.title: one.run for one in found if one.title.startswith("View › Charts")}

    assert list(offered()) == [
        "View › Charts › Pin Training loss",
        "View › Charts › Pin Test accuracy",
    ]
    offered()["View › Charts › Pin Training loss"]()
    assert window.workspace.pins.pins == (LOSS,)
    offered()["View › Charts › Unpin Training loss"]()
    assert window.workspace.pins.pins == ()
    window.pages.show_place(RECORDS)
    assert list(offered()) == []


def test_that_a_pinned_chart_grows_while_its_page_is_hidden(window, qtbot):
    space = window.workspace
    qtbot.waitUntil(lambda: space.image_set is not None, timeout=20_000)
    space.pins.set_pinned(LOSS, True)
    card = only_card(window, qtbot)
    spec = next(spec for spec in load_preset("demo").specs if isinstance(spec, Training))
    key = spec.key
    space.engine_event.emit(Queued(key, "training", spec.title))
    space.engine_event.emit(Started(key, "training", spec.title))
    for step in (1.0, 2.0, 3.0):
        space.engine_event.emit(Scalars(key, step, {"loss": 1.0 / step}))
    assert not window.pages.hosts[PAGES.index(TRAIN)].isVisible()
    qtbot.waitUntil(lambda: any(3.0 in item.x for item in card.plot.canvas.drawn), timeout=5000)
    data = card.plot.data()
    grown = next(series for series in data.series if 3.0 in series.x)
    assert len(grown.x) == 3
    assert grown.name
    source = window.pages.hosts[PAGES.index(TRAIN)].page.curves.loss
    assert [s.name for s in source.data().series] == [s.name for s in data.series]


def test_that_a_record_keeps_its_pinned_chart_whatever_is_shown_there(window, qtbot, tmp_path):
    space = window.workspace
    entry = made_up.add_metric(space.study, made_up.network(), values=(0.2, 0.4, 0.9, 0.2))
    other = next(entry.key for entry in space.entries("training"))
    window.pages.show_place(RECORDS)
    page = window.pages.page()
    page._soon()
    qtbot.waitUntil(lambda: entry.key in page.table.model.rows, timeout=20_000)
    page.show_record(entry.key)
    chart = page.view.pictures.plots[0]
    qtbot.waitUntil(lambda: chart.isVisible() and chart.subject == entry.key, timeout=20_000)
    page.pin(chart, True)
    assert space.pins.pins == (Pin("Records", "record 1", entry.key),)
    wanted = chart.data()
    page.show_record(other)
    card = only_card(window, qtbot)
    qtbot.waitUntil(lambda: bool(card.plot.canvas.drawn), timeout=20_000)
    found = card.plot.data()
    assert found.title == wanted.title
    assert np.array_equal(found.series[0].y, wanted.series[0].y)
    assert entry.title in card.source.text()
    space.edits.delete([entry.key])
    qtbot.waitUntil(lambda: "not in the study" in card.words.text(), timeout=20_000)


def test_that_cards_stand_beside_each_other_as_far_as_they_are_readable(window, qtbot):
    pins = (LOSS, Pin("Train", "training-accuracy"), Pin("Boundary", "tilt"))
    for pin in pins:
        window.workspace.pins.set_pinned(pin, True)
    window.pages.show_place(PINNED)
    qtbot.waitUntil(lambda: len(cards(window)) == 3 and cards(window)[2].isVisible())
    first, second, third = cards(window)
    qtbot.waitUntil(lambda: second.geometry().left() > first.geometry().right())
    assert third.geometry().top() > first.geometry().bottom()
    assert min(card.width() for card in cards(window)) >= 440
    window.resize(1024, 640)
    qtbot.wait(50)
    assert all(card.width() >= 400 for card in cards(window))


def test_that_trainings_of_the_2d_lab_are_not_drawn_over_those_of_images(window, qtbot):
    space = window.workspace
    qtbot.waitUntil(lambda: space.image_set is not None, timeout=20_000)
    page = window.pages.hosts[PAGES.index(TRAIN)].page
    plane = made_up.plane_network(0.1)
    space.runner.spec = {plane.key: plane}.get
    before = len(page.runs)
    space.engine_event.emit(Queued(plane.key, "training", plane.title))
    space.engine_event.emit(Scalars(plane.key, 50.0, {"loss": 0.1}))
    assert len(page.runs) == before


def test_that_a_pinned_chart_takes_in_records_while_its_page_is_hidden(window, qtbot):
    space = window.workspace
    space.pins.set_pinned(Pin("Trade-off", "trade-off"), True)
    card = only_card(window, qtbot)
    qtbot.waitUntil(lambda: bool(card.plot.canvas.drawn), timeout=20_000)

    def points():
        return sum(len(item.x) for item in card.plot.canvas.drawn if item.keys)

    before = points()
    standard, robust = made_up.network(), made_up.network("linf", 0.06)
    made_up.add_network(space.study, robust)
    entry = made_up.add_score(space.study, made_up.scored(robust, standard), 0.3)
    space.record_added.emit(entry)
    assert not window.pages.hosts[PAGES.index(TRADEOFF)].isVisible()
    qtbot.waitUntil(lambda: points() == before + 1, timeout=20_000)


@pytest.mark.parametrize(
    ("count", "width", "height", "columns"),
    [
        (0, 1240, 640, 1),
        (1, 1240, 640, 1),
        (2, 1240, 640, 2),
        (4, 1240, 640, 2),  # 1366 x 768
        (4, 1800, 980, 2),  # 1920 x 1080
        (3, 1800, 980, 2),
        (12, 1800, 980, 4),
        (4, 420, 900, 1),  # not wide enough for two
        (4, 0, 0, 1),  # before it was ever shown
    ],
)
def test_that_charts_are_arranged_in_a_shape_that_is_easy_to_read(count, width, height, columns):
    assert columns_for(count, width, height) == columns


@pytest.mark.parametrize("name", ["record 99", "record a1", "record \u00b2", "7", ""])
def test_that_a_remembered_pin_that_names_no_chart_of_its_record_is_said(name, window, qtbot):
    space = window.workspace
    key = next(one.key for one in space.entries() if one.kind == "interpretability")
    space.pins.set_pinned(Pin("Records", name, key), True)
    card = only_card(window, qtbot)
    qtbot.waitUntil(lambda: card.words.text() == "This record has no such chart.", timeout=20_000)


def test_that_a_record_is_read_once_for_its_pin(window, qtbot):
    space = window.workspace
    key = next(one.key for one in space.entries() if one.kind == "interpretability")
    space.pins.set_pinned(Pin("Records", "record 99", key), True)
    card = only_card(window, qtbot)
    qtbot.waitUntil(lambda: "no such chart" in card.words.text(), timeout=20_000)
    asked = []
    space.runner.ask = lambda channel, *_, **__: asked.append(channel)
    space.records_changed.emit()
    qtbot.wait(100)
    assert f"pinned/{key}" not in asked
