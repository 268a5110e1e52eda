"""Labels beside points stay in the axes and off each other, in every exported figure."""

import numpy as np
from matplotlib.figure import Figure

from engine.figures import drawing
from engine.figures.charts import ChartData, Series
from engine.figures.paper.label_places import Box, pieces
from engine.figures.paper.style import FigureStyle
from engine.figures.sizing import LABEL, add_labels, thin_labels


def labels_of(figure):
    texts = [text for ax in figure.axes for text in ax.texts if text.get_gid() == LABEL]
    return [text for text in texts if text.get_visible()]


def test_that_labels_stay_in_the_axes_and_off_each_other():
    figure = Figure(figsize=(4, 3))
    ax = figure.subplots()
    x, y = np.array([0.0, 1.0, 0.999]), np.array([0.0, 1.0, 1.0])
    ax.plot(x, y, "o")
    add_labels(ax, Series("s", x, y, labels=("$one$", "a second one", "hidden")), 9)
    thin_labels(figure)
    assert [text.get_text() for text in labels_of(figure)] == ["$one$", "a second one"]
    room = ax.get_window_extent()
    assert all(text.get_window_extent().x1 <= room.x1 for text in labels_of(figure))


def test_that_no_line_strikes_through_a_label_of_a_figure():
    x, y = np.array([0.0, 1.0, 2.0]), np.array([2.0, 1.0, 0.0])
    names = ("8/255", "16/255", "standard")
    points = Series("p", x, y, style="none", symbol="circle", labels=names)
    with drawing.settings(9):
        figure = drawing.draw(ChartData((Series("fit", x, y), points)), FigureStyle())
    assert [text.get_text() for text in labels_of(figure)] == list(names)
    (ax,) = figure.axes
    line = pieces(*ax.transData.transform(np.stack([x, y], axis=1)).T)
    for text in labels_of(figure):
        assert not Box(*text.get_window_extent().extents).crossed(line)


def test_that_a_figure_has_the_labels_and_colours_of_its_points():
    points = Series(
        "p",
        np.array([0.0, 1.0]),
        np.array([0.0, 1.0]),
        style="none",
        symbol="circle",
        labels=("8/255", "standard"),
        colours=("#ff0000", "#0000ff"),
    )
    with drawing.settings(9):
        figure = drawing.draw(ChartData((points,)), FigureStyle())
    assert [text.get_text() for text in labels_of(figure)] == ["8/255", "standard"]
    (dots,) = figure.axes[0].collections
    assert np.allclose(dots.get_facecolors()[:, :3], [(1, 0, 0), (0, 0, 1)])
