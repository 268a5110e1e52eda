import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPicture
from PySide6.QtWidgets import QApplication, QToolButton, QToolTip

from engine.figures import charts
from engine.figures.paper.label_places import Box, pieces
from gui.look import theme
from gui.widgets.plots.plot import Plot


@pytest.fixture
def plot(qtbot):
    made = Plot("A title", "eps", "accuracy", export_name="chart")
    made.resize(500, 400)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    return made


@pytest.fixture
def dressed():
    """Give back the light theme whatever a test does."""
    app = QApplication.instance()
    theme.apply(app, "light")
    yield lambda mode: theme.apply(app, mode)
    theme.apply(app, "light")


def place_of(plot, item, index, qtbot):
    """Return where a point is in the scene, once the axes have settled."""
    qtbot.waitUntil(lambda: np.isfinite(plot.canvas.pixels(item)[0]).all())
    qtbot.wait(20)
    x, y = plot.canvas.pixels(item)
    return QPointF(x[index], y[index])


def viewport_place(plot, where):
    return plot._view.mapFromScene(where)


def test_that_colours_are_the_same_on_screen_and_on_paper():
    assert charts.SERIES == theme.SERIES_LIGHT


def test_that_what_is_drawn_comes_back_as_plain_data(plot):
    curve = plot.curve("one", style=Qt.PenStyle.DashLine, symbol="square", band=True)
    curve.set_data([0, 1], [2, 3], [1, 2], [3, 4])
    points = plot.scatter("two", "muted", "triangle")
    points.set_points([0.5], [2.5], ["key"])
    data = plot.data()
    assert (data.title, data.x_label, data.y_label) == ("A title", "eps", "accuracy")
    first, second = data.series
    assert (first.name, first.style, first.symbol) == ("one", "dash", "square")
    assert (list(first.low), list(first.high)) == ([1, 2], [3, 4])
    assert first.colour == charts.SERIES[0]
    assert (second.style, second.keys, second.colour) == ("none", ("key",), theme.LIGHT["muted"])


def test_that_each_new_curve_gets_the_first_free_colour(plot):
    first, second = plot.curve("a"), plot.curve("b")
    first.remove()
    third = plot.curve("c")
    colours = [item.colour for item in plot.data().series]
    assert colours == [charts.SERIES[1], charts.SERIES[0]]
    assert third.colour != second.colour


def test_that_colours_follow_the_theme_and_paper_stays_white(plot, dressed):
    given = plot.curve("by the theme's colour", theme.series(2))
    numbered = plot.curve("by number", 3)
    own = plot.curve("own", QColor("#123456"))
    before = plot.data()
    dressed("dark")
    assert given._line.opts["pen"].color() == theme.series(2) == QColor(theme.SERIES_DARK[2])
    assert numbered._line.opts["pen"].color().name() == theme.SERIES_DARK[3]
    assert own._line.opts["pen"].color().name() == "#123456"
    assert plot._view.backgroundBrush().color() == theme.colour("surface")
    assert [s.colour for s in plot.data().series] == [s.colour for s in before.series]


def test_that_a_band_is_seen_only_with_both_limits(plot):
    curve = plot.curve("a", band=True)
    curve.set_data([0, 1, 2], [1, 1, 1], [0, 0, 0], [2, 2, 2])
    assert curve._band.isVisible()
    assert curve._band.path().boundingRect().height() == pytest.approx(2)
    curve.set_data([0, 1, 2], [1, 1, 1])
    assert not curve._band.isVisible()


def test_that_the_legend_names_what_has_a_name(plot):
    plot.curve("one")
    hidden = plot.curve("")
    plot.scatter("two")
    assert plot._legend.names == ["one", "two"]
    hidden.remove()
    plot.clear()
    assert plot._legend.names == []
    assert plot._legend.isHidden()
    assert plot.data().series == ()
    assert plot.plot_item.items == []


def test_that_a_long_legend_says_how_many_more_there_are(plot):
    for place in range(20):
        plot.curve(f"network {place}")
    assert len(plot._legend.names) == 11
    assert plot._legend._hidden == 9
    assert "network 19" in plot._legend.toolTip()
    assert len(plot.data().series) == 20


def test_that_pointing_at_a_point_says_which_and_leaving_it_too(plot, qtbot):
    points = plot.scatter("networks")
    points.set_points([0, 1, 2], [0, 1, 4], ["a", "b", "c"])
    heard = []
    points.hovered.connect(heard.append)
    middle = place_of(plot, points, 1, qtbot)
    plot._pointing.on_move((middle,))
    plot._pointing.on_move((middle + QPointF(3, 3),))
    plot._pointing.on_move((middle + QPointF(60, 60),))
    assert heard == ["b", ""]


def test_that_a_resting_mouse_keeps_the_text_of_a_point(plot, qtbot):
    points = plot.scatter("networks")
    points.set_points([0, 1, 2], [0, 1, 4], ["a", "b", "c"], names=["Alpha", "Beta", "Gamma"])
    middle = place_of(plot, points, 1, qtbot)
    plot._pointing.on_move((middle,))
    assert QToolTip.text().startswith("networks\n")
    assert plot.hover_text(points, 1).startswith("networks\neps: 1")
    viewport = plot._view.viewport()
    here = viewport_place(plot, middle)
    event = QHelpEvent(QEvent.Type.ToolTip, here, viewport.mapToGlobal(here))
    QApplication.sendEvent(viewport, event)
    assert QToolTip.isVisible()
    QToolTip.hideText()


def test_that_a_click_says_which_point(plot, qtbot):
    points = plot.scatter("networks")
    points.set_points([0, 1, 2], [0, 1, 4], ["a", "b", "c"])
    where = viewport_place(plot, place_of(plot, points, 2, qtbot))
    with qtbot.waitSignal(points.clicked, timeout=2000) as clicked:
        qtbot.mouseClick(plot._view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert clicked.args == ["c"]


def test_that_a_click_on_a_curve_says_what_it_stands_for(plot, qtbot):
    curve = plot.curve("network", key="k")
    curve.set_data([0, 1, 2], [0, 1, 4])
    where = viewport_place(plot, place_of(plot, curve, 1, qtbot))
    with qtbot.waitSignal(plot.clicked, timeout=2000) as clicked:
        qtbot.mouseClick(plot._view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert clicked.args == ["k"]


def test_that_a_click_beside_the_points_says_nothing(plot, qtbot):
    points = plot.scatter("networks")
    points.set_points([0, 1], [0, 1], ["a", "b"])
    heard = []
    points.clicked.connect(heard.append)
    where = viewport_place(plot, place_of(plot, points, 0, qtbot)) + QPoint(60, -10)
    qtbot.mouseClick(plot._view.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert heard == []


def test_that_points_are_found_on_logarithmic_axes_too(plot, qtbot):
    points = plot.scatter("networks")
    points.set_points([0.01, 0.1, 1], [1, 10, 100], ["a", "b", "c"])
    plot._log_x.setChecked(True)
    plot._log_y.setChecked(True)
    found = plot.canvas.nearest(place_of(plot, points, 1, qtbot))
    assert found == (points, 1)
    data = plot.data()
    assert data.x_log
    assert data.y_log


def test_that_zero_on_a_logarithmic_axis_is_left_out_quietly(plot, recwarn):
    curve = plot.curve("a", symbol="circle")
    curve.set_data([0, 0.5, 1], [1, 0.5, 0.1])
    plot._log_x.setChecked(True)
    plot.grab()
    assert plot.canvas.nearest(QPointF(0, 0)) is None
    assert [w for w in recwarn if issubclass(w.category, RuntimeWarning)] == []


def test_that_the_text_of_a_point_can_be_chosen(plot):
    curve = plot.curve("net", hover="{name}: {y:.0%} at {x_label} {x}")
    curve.set_data([0.5], [0.25])
    assert plot.hover_text(curve, 0) == "net: 25% at eps 0.5"


def test_that_one_point_and_none_are_drawn(plot):
    points = plot.scatter("networks")
    plot.grab()
    points.set_points([0.7], [0.02], ["a"], low=[0.01], high=[0.03])
    plot.grab()
    (left, right), (bottom, top) = plot.plot_item.viewRange()
    assert left < 0.7 < right
    assert bottom < 0.02 < top


def test_that_a_marked_point_keeps_its_ring_when_points_change(plot):
    points = plot.scatter("networks")
    points.set_points([0, 1], [0, 1], ["a", "b"])
    points.mark("b")
    assert list(points._ring.getOriginalDataset()[0]) == [1]
    points.set_points([5, 6], [0, 1], ["b", "c"])
    assert list(points._ring.getOriginalDataset()[0]) == [5]
    points.mark("")
    assert points._ring.getOriginalDataset()[0] is None or not len(points._ring.xData)


def test_that_a_part_of_the_axes_is_exported_only_where_chosen(plot):
    plot.curve("a").set_data([0, 10], [0, 1])
    assert plot.data().x_range is None
    plot.set_ranges(x=(2.0, 4.0))
    low, high = plot.data().x_range
    assert low == pytest.approx(2, abs=0.1)
    assert high == pytest.approx(4, abs=0.1)
    plot._view_all.trigger()
    assert plot.data().x_range is None


def test_that_a_plot_has_an_axis_at_the_left_and_one_below(plot):
    sides = ("left", "bottom", "top", "right")
    shown = [side for side in sides if plot._view.getPlotItem().getAxis(side).isVisible()]
    assert shown == ["left", "bottom"]


def test_that_no_menu_of_pyqtgraphs_is_made(plot):
    view = plot._view.getViewBox()
    assert view.menu is None
    assert view.menuEnabled()


@pytest.mark.parametrize("side", ["left", "bottom", "top", "right"])
def test_that_the_label_of_an_axis_is_not_written_again_when_the_range_changes(
    plot, monkeypatch, side
):
    axis = plot._view.getPlotItem().getAxis(side)
    plot.curve("one").set_data([0, 1], [2, 3])
    written = []
    monkeypatch.setattr(axis, "_updateLabel", lambda: written.append(True))
    axis.setRange(0, 5000)
    assert axis.range[1] > 4999
    assert not written


def test_that_the_menu_is_ours(plot, qtbot):
    texts = [action.text() for action in plot._menu.actions() if action.text()]
    assert texts == [
        "View all",
        "Logarithmic x axis",
        "Logarithmic y axis",
        "Pin this chart",
        "Copy",
    ]
    where = plot._view.viewport().rect().center()
    qtbot.mouseClick(plot._view.viewport(), Qt.MouseButton.RightButton, pos=where)
    assert plot._menu.isVisible()
    shown = [w for w in QApplication.topLevelWidgets() if w.isVisible() and w is not plot]
    assert shown == [plot._menu]
    plot._menu.hide()


def test_that_an_unknown_symbol_is_refused(plot):
    with pytest.raises(ValueError, match="symbol is 'heart', must be one of"):
        plot.scatter("a", symbol="heart")


def test_that_a_curve_takes_new_numbers_often_without_growing(plot):
    curve = plot.curve("a", band=True)
    x = np.linspace(0, 1, 50)
    before = len(plot.plot_item.items)
    for step in range(50):
        curve.set_data(x, x * step, x, x + 1)
    assert len(plot.plot_item.items) == before


def test_that_a_curve_set_to_what_it_shows_is_not_painted_anew(plot, monkeypatch):
    curve = plot.curve("a")
    curve.set_data([0, 1, 2], [1, np.nan, 2])
    drawn = []
    monkeypatch.setattr(curve._line, "setData", lambda *numbers: drawn.append(numbers))
    curve.set_data([0, 1, 2], [1, np.nan, 2])
    assert not drawn
    curve.set_data([0, 1, 2], [1, 3, 2])
    assert len(drawn) == 1
    curve.set_data([0, 1, 2], [1, 3, 2], [0, 2, 1], [2, 4, 3])
    assert len(drawn) == 2


def test_that_a_long_name_wraps_in_the_legend_and_loses_no_letter(plot, qtbot):
    short, long = "one", "L-inf 12.8/255 PGD-10 margin loss, seed 3, " * 8
    plot.curve(short, 0)
    plot.curve(long, 1)
    plot.curve("three", 2)
    legend = plot._legend
    places, height = legend._places(300)
    line = places[0].height()
    needed = legend.fontMetrics().horizontalAdvance(long)
    assert places[1].height() >= line * (needed // 300)
    assert places[1].top() >= places[0].bottom()
    assert places[2].top() > places[1].bottom()
    assert height >= places[2].bottom()
    plot.resize(300, 500)
    plot.show()
    qtbot.wait(30)
    assert legend.geometry().bottom() < plot._view.geometry().top()


def test_that_axes_without_data_have_no_numbers(plot):
    axes = [plot.plot_item.getAxis(name) for name in ("left", "bottom")]
    assert not any(axis.style["showValues"] for axis in axes)
    curve = plot.curve("one", 0)
    curve.set_data([], [])
    assert not any(axis.style["showValues"] for axis in axes)
    curve.set_data([1, 2], [3, 4])
    assert all(axis.style["showValues"] for axis in axes)
    curve.remove()
    assert not any(axis.style["showValues"] for axis in axes)


def test_that_points_have_labels_and_colours_of_their_own(plot, qtbot):
    plot.resize(500, 400)
    plot.show()
    qtbot.waitExposed(plot)
    cloud = plot.scatter("points", 0)
    colours = ["#ff0000", "#00ff00", "#0000ff"]
    cloud.set_points(
        [0, 1, 1.0001], [0, 1, 1], "abc", labels=["one", "two", "three"],
        colours=[QColor(colour) for colour in colours],
    )  # fmt: skip
    qtbot.waitUntil(lambda: plot.labels.shown == ["one", "two", "three"], timeout=2000)
    boxes = plot.labels.boxes
    assert not any(a.intersects(b) for n, a in enumerate(boxes) for b in boxes[:n])
    (series,) = plot.data().series
    assert series.labels == ("one", "two", "three")
    assert series.colours == tuple(colours)
    cloud.remove()
    qtbot.waitUntil(lambda: plot.labels.shown == [], timeout=2000)


def test_that_no_line_strikes_through_a_label(plot, qtbot):
    plot.resize(500, 400)
    plot.show()
    qtbot.waitExposed(plot)
    plot.curve("fit", 0).set_data([0, 1, 2], [2, 1, 0])
    plot.scatter("points", 0).set_points([0, 1, 2], [2, 1, 0], "abc", labels=["one", "two", "six"])
    qtbot.waitUntil(lambda: len(plot.labels.shown) == 3, timeout=2000)
    (fit, _) = plot.canvas.drawn
    line = pieces(*plot.canvas.pixels(fit))
    for box in plot.labels.boxes:
        words = box.adjusted(4, 4, -4, -4)  # without the margin of the document
        sides = words.left(), words.top(), words.right(), words.bottom()
        assert not Box(*sides).crossed(line)


@pytest.mark.parametrize("size", [11, 17])
def test_that_nothing_of_an_axis_label_lies_outside_the_axis(plot, qtbot, size):
    font = plot.canvas.font()
    font.setPixelSize(size)
    plot.canvas.setFont(font)
    plot.set_texts(x_label="epoch", y_label="ÄÅg")
    qtbot.wait(20)
    for side in ("left", "bottom"):
        axis = plot.plot_item.getAxis(side)
        margin = axis.label.document().documentMargin()
        line = axis.label.boundingRect().adjusted(margin, margin, -margin, -margin)
        seen = axis.label.mapRectToItem(axis, line)
        assert axis.boundingRect().adjusted(-0.5, -0.5, 0.5, 0.5).contains(seen), side


def test_that_a_frame_around_a_chart_hides_nothing_of_its_axis_labels(plot, qtbot):
    plot.setStyleSheet("Canvas { border: 4px solid red; }")
    canvas, axis = plot.canvas, plot.plot_item.getAxis("bottom")
    qtbot.waitUntil(lambda: canvas.viewport().height() == canvas.height() - 8)
    assert canvas.sceneRect().size().toSize() == canvas.viewport().size()
    margin = axis.label.document().documentMargin()
    line = axis.label.boundingRect().adjusted(margin, margin, -margin, -margin)
    seen = canvas.mapFromScene(axis.label.mapRectToScene(line)).boundingRect()
    assert canvas.viewport().rect().contains(seen)


@pytest.mark.parametrize("height", [151, 173, 260])
def test_that_the_numbers_at_both_ends_of_an_upright_axis_are_written_whole(plot, qtbot, height):
    plot.curve("one").set_data([0, 1], [0, 1])
    plot.set_ranges(y=(0.0, 1.0))
    plot.resize(500, height)
    qtbot.wait(50)
    axis, canvas = plot.plot_item.getAxis("left"), plot.canvas
    picture = QPicture()
    painter = QPainter(picture)
    _, _, numbers = axis.generateDrawSpecs(painter)
    painter.end()
    places = {float(text): axis.mapRectToScene(place) for place, _, text in numbers}
    assert {0.0, 1.0} <= places.keys()
    for place in places.values():
        assert QRectF(canvas.viewport().rect()).contains(place)


def test_that_negative_numbers_have_the_sign_of_tables_and_legends(plot):
    axis = plot.plot_item.getAxis("left")
    assert axis.tickStrings([-0.2, 0.0, 0.2], 1.0, 0.2) == ["−0.2", "0", "0.2"]


def test_that_a_label_longer_than_its_axis_is_cut_with_dots_and_told_in_whole(plot, qtbot):
    plot.set_texts(y_label="Accuracy after retraining on what is left")
    plot.resize(500, 190)
    axis = plot.plot_item.getAxis("left")
    qtbot.waitUntil(lambda: "…" in axis.label.toPlainText())
    box = plot.canvas.getViewBox().boundingRect()
    assert axis.label.boundingRect().width() <= box.height() + 12
    assert "Accuracy after retraining on what is left" in axis.toolTip()
    plot.resize(500, 600)
    qtbot.waitUntil(lambda: "…" not in axis.label.toPlainText())
    assert plot.data().y_label == "Accuracy after retraining on what is left"


def test_that_the_first_point_of_a_curve_is_seen(plot):
    curve = plot.curve("one")
    curve.set_data([1.0], [2.0])
    assert curve._line.opts["symbol"] == "o"
    curve.set_data([1.0, 2.0], [2.0, 3.0])
    assert curve._line.opts["symbol"] is None
    assert plot.data().series[0].symbol == ""


def test_that_a_title_is_whole_where_a_button_can_give_way(plot, qtbot):
    def copy():
        return next(b for b in plot.findChildren(QToolButton) if b.text() == "Copy")

    plot.set_texts(title="A title that is rather long for so few pixels")
    plot.resize(700, 300)
    qtbot.waitUntil(copy().isVisible)
    others = (plot.head.itemAt(place).widget() for place in range(1, plot.head.count()))
    room = plot._heading.sizeHint().width() + sum(part.sizeHint().width() for part in others)
    plot.resize(room - copy().width() // 2, 300)
    qtbot.waitUntil(lambda: not copy().isVisible())
    qtbot.waitUntil(lambda: plot._heading.shown == plot.title)
    plot._menu.aboutToShow.emit()
    assert "Copy" in [action.text() for action in plot._menu.actions() if action.isVisible()]
    plot.set_texts(title="A title")
    assert copy().isVisible()
    plot._menu.aboutToShow.emit()
    assert "Copy" not in [action.text() for action in plot._menu.actions() if action.isVisible()]
