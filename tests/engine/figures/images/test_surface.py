"""Charts of the plane through an image, and coloured backgrounds."""

import csv
import io

import numpy as np
import pytest

from engine import specs
from engine.cli.main import main
from engine.figures.charts import NEUTRAL, SERIES, ChartData, csv_text
from engine.figures.drawing import draw, render
from engine.figures.images.regions import Regions, rgb_of
from engine.figures.images.surface import (
    OTHER,
    Look,
    class_entries,
    class_regions,
    loss_limit,
    loss_regions,
    ramp,
    slots_of,
    surface_charts,
)
from engine.figures.sizing import shares_legend
from engine.store.study import Result
from tests.engine.conftest import training

NAMES = [f"class {number}" for number in range(12)]


def found(classes, *, label=2, top=3.0, attacked=(0.8, 0.0)):
    side = len(classes)
    offsets = np.linspace(-2, 2, side)
    return Result(
        {"eps": 0.1, "loss": 0.0, "label": label, "predicted": label},
        {
            "offsets": offsets,
            "loss": np.linspace(0, top, side * side).reshape(side, side),
            "classes": np.asarray(classes),
            "edge": np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [1.0, 0.0]]),
            "attacked": np.array(attacked),
        },
    )


def test_that_the_own_class_is_first_and_the_others_follow_by_area():
    results = [found([[2, 5, 5], [2, 5, 7], [2, 2, 7]]), found([[7] * 3] * 3)]
    assert slots_of(results) == {2: 0, 7: 1, 5: 2}


def test_that_classes_keep_the_colours_they_had():
    before = slots_of([found([[2, 9], [2, 2]])])
    assert slots_of([found([[2, 5], [5, 5]])], before) == {2: 0, 9: 1, 5: 2}


def test_that_classes_without_a_colour_of_their_own_share_one():
    grid = np.arange(12).reshape(3, 4).repeat(4, 0)
    slots = slots_of([found(grid)])
    assert sorted(slots.values()) == [*range(8), *[OTHER] * 4]
    entries = class_entries(slots, NAMES)
    assert len(entries) == 9
    assert entries[-1] == ("4 other classes", NEUTRAL)
    assert entries[0] == ("class 2", SERIES[0])


def test_that_every_point_has_the_colour_of_its_class():
    result = found([[2, 5], [7, 2]])
    slots = slots_of([result])
    pixels = class_regions(result, slots, (*SERIES, NEUTRAL)).pixels()
    own, other, third = rgb_of(SERIES[:3])
    np.testing.assert_array_equal(pixels, [[own, other], [third, own]])


def test_that_all_networks_have_one_scale_of_loss():
    results = [found([[2] * 3] * 3, top=1.0), found([[2] * 3] * 3, top=4.0)]
    limit = loss_limit(results)
    assert limit == 4.0
    ends = rgb_of([ramp(64)[0], ramp(64)[-1]])
    drawn = [loss_regions(result, limit).pixels() for result in results]
    np.testing.assert_array_equal(drawn[1][0, 0], ends[0])
    np.testing.assert_array_equal(drawn[1][-1, -1], ends[1])
    assert (drawn[0][-1, -1] != ends[1]).any()


def test_that_a_loss_that_is_no_number_is_drawn_and_does_not_set_the_scale():
    result = found([[2] * 3] * 3)
    result.arrays["loss"][0, 0] = np.inf
    assert np.isfinite(loss_limit([result]))
    np.testing.assert_array_equal(
        loss_regions(result, 3.0).pixels()[0, 0], rgb_of([ramp(64)[-1]])[0]
    )


def test_that_a_background_extends_half_a_step_beyond_its_values():
    assert Regions(np.linspace(-2, 2, 5), np.zeros((5, 5))).extent == (-2.5, 2.5)


@pytest.mark.parametrize(
    ("look", "count"), [(Look(), 4), (Look(loss=False), 2), (Look(regions=False), 2)]
)
def test_that_the_figure_has_a_chart_for_each_network_with_one_legend(look, count):
    results = [("A", found([[2, 5], [2, 2]])), ("B", found([[2, 2], [2, 2]]))]
    charts = surface_charts(results, NAMES, "of an image", look)
    assert len(charts) == count
    assert shares_legend(charts)
    names = [item.name for item in charts[0].series]
    assert names[:2] == ["class 2", "class 5"]
    assert names[-3:] == ["edge of the ball", "image", "attacked"]
    assert charts[0].x_label == "along the attack, in eps"
    edge = charts[0].series[-3]
    np.testing.assert_allclose(edge.x, found([[2]]).arrays["edge"][:, 0])
    assert render(charts, "png").startswith(b"\x89PNG")


def test_that_along_the_gradient_nothing_is_marked_as_attacked():
    result = found([[2, 5], [2, 2]], attacked=(np.nan, np.nan))
    (chart, _) = surface_charts([("A", result)], NAMES, "")
    assert chart.x_label == "along the gradient, in eps"
    assert np.isnan(chart.series[-1].x).all()


def test_that_nothing_is_drawn_of_nothing():
    assert surface_charts([], NAMES, "") == []


def test_that_the_picture_shows_the_colours_where_the_values_are():
    regions = Regions(
        np.array([0.0, 1.0]), np.array([[0.0, 1.0], [1.0, 1.0]]), ("#ff0000", "#0000ff")
    )
    chart = ChartData(x_range=(-0.5, 1.5), y_range=(-0.5, 1.5), regions=regions, equal_aspect=True)
    figure = draw(chart)
    ax = figure.axes[0]
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())
    height = pixels.shape[0]

    def at(x, y):
        column, row = ax.transData.transform((x, y))
        return tuple(pixels[height - 1 - int(row), int(column), :3])

    assert at(0, 0) == (255, 0, 0)
    assert at(1, 0) == at(0, 1) == at(1, 1) == (0, 0, 255)


def test_that_the_table_holds_the_values_behind_the_colours():
    (_, loss) = surface_charts([("A", found([[2, 5], [2, 2]]))], NAMES, "")
    lines = [line for line in io.StringIO(csv_text(loss)) if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    values = [float(row["value"]) for row in rows if row["series"] == "regions"]
    np.testing.assert_allclose(values, [0, 1, 2, 3], rtol=1e-6)


def test_that_the_command_draws_every_attacked_network(computed, study, tmp_path):
    attack = specs.PGD(eps=0.1, step_size=0.05, steps=2)
    computed(
        *(
            specs.AdversarialExamples(classifier=training(seed=seed), attack=attack, indices=(2, 0))
            for seed in range(2)
        )
    )
    out = tmp_path / "surface.csv"
    assert main(["export", "--study", str(study.path), "surface", "--out", str(out)]) == 0
    lines = [line for line in out.open() if not line.startswith("#")]
    rows = [row for row in csv.DictReader(lines) if row["series"] == "regions"]
    assert len(rows) == 4 * 41 * 41
    assert len({row["panel"] for row in rows}) == 4
    assert "Planes through image 2" in out.read_text()


def test_that_a_study_without_attacked_images_says_so(study, tmp_path, capsys):
    out = tmp_path / "surface.png"
    assert main(["export", "--study", str(study.path), "surface", "--out", str(out)]) == 2
    assert "use the page Attack" in capsys.readouterr().err
    assert not out.exists()
