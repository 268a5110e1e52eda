import csv
import io

import numpy as np
import pytest

from engine.figures.catalog import FIGURES, pictured
from engine.figures.charts import FigureError, csv_text
from engine.figures.drawing import save
from engine.specs import PGD, Glyphs, GradientXInput, Measurement, RobustAccuracy
from engine.store.study import Study
from engine.tradeoff.points import groups, networks
from tests import made_up_study as made_up

PICTURES = [row.name for row in pictured()]


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "study", create=True)


def test_that_a_trade_off_has_a_panel_per_abscissa_mode_and_attribution(tmp_path):
    panels = FIGURES["tradeoff"].picture(made_up.sweep(tmp_path))
    assert [panel.title for panel in panels] == 2 * [
        "ROAR, Gradient",
        "ROAR, Gradient x input",
        "KAR, Gradient",
        "KAR, Gradient x input",
    ]
    assert len({panel.x_label for panel in panels}) == 2


def test_that_a_trade_off_panel_has_points_lines_and_correlations(tmp_path):
    study = made_up.sweep(tmp_path)
    panel = FIGURES["tradeoff"].picture(study)[0]
    points = [item for item in panel.series if item.style == "none"]
    lines = [item for item in panel.series if item.style == "solid"]
    assert [item.name.split(",")[0] for item in points] == [
        "L2 cross-entropy",
        "L-inf cross-entropy",
        "Standard",
    ]
    assert all("r\u00a0=\u00a0−0.9" in item.name for item in points[:2])
    group = groups(networks(study), "roar", "gradient")[0]
    np.testing.assert_allclose([*points[2].y, *points[0].y], group.y)
    assert (*points[2].keys, *points[0].keys) == tuple(point.key for point in group.points)
    assert points[0].labels == ("L2 0.02", "L2 0.04", "L2 0.06", "L2 0.08")
    assert points[1].labels == ("5.1/255", "10.2/255", "15.3/255", "20.4/255")
    assert points[2].labels == ("standard",)
    assert points[0].low is not None
    ends = group.fit.intercept + group.fit.slope * lines[0].x
    np.testing.assert_allclose(lines[0].y, ends)
    assert lines[0].colour == points[0].colour != points[1].colour


def test_that_the_table_of_a_trade_off_holds_the_scores(tmp_path):
    study = made_up.sweep(tmp_path)
    text = csv_text(FIGURES["tradeoff"].picture(study))
    rows = list(csv.DictReader(line for line in io.StringIO(text) if not line.startswith("#")))
    standard = networks(study)[0]
    own = [row for row in rows if row["key"] == standard.key and row["panel"][:3] == "KAR"]
    found = sorted({float(row["y"]) for row in own})
    assert found == pytest.approx(sorted(standard.scores["kar"].values()))


def test_that_strength_is_not_drawn_where_nothing_was_attacked(study):
    base = made_up.network()
    made_up.add_network(study, base)
    made_up.add_score(study, made_up.scored(base, base), 0.02)
    (panel,) = FIGURES["tradeoff"].picture(study)
    assert panel.x_label == "Test accuracy"
    assert [item.name for item in panel.series] == ["Standard"]


@pytest.mark.parametrize("mode", ["roar", "kar"])
def test_that_retraining_curves_are_drawn_per_attribution_with_one_baseline(study, mode):
    base, robust = made_up.network(), made_up.network("linf", 0.1)
    for spec in (base, robust):
        made_up.add_network(study, spec)
        for attribution in (None, GradientXInput()):
            one = made_up.scored(spec, base, mode, attribution)
            made_up.add_score(study, one, -0.02, [[0.5, 0.3], [0.7, 0.3]])
    panels = FIGURES[mode].picture(study)
    assert [panel.title for panel in panels] == [
        f"{mode.upper()}, Gradient",
        f"{mode.upper()}, Gradient x input",
    ]
    names = [item.name for item in panels[0].series]
    assert names == [
        "Random pixels",
        "Standard, seed 0, score −0.020",
        f"{robust.title}, score −0.020",
    ]
    curve = panels[0].series[1]
    np.testing.assert_allclose(curve.x, [0, 0.2, 0.8, 1])
    np.testing.assert_allclose(curve.y, [0.9, 0.6, 0.3, 0.1])
    np.testing.assert_allclose(curve.high, [0.9, 0.7, 0.3, 0.1])


def test_that_training_curves_are_one_panel_clean_and_one_robust(study):
    made_up.add_network(study, made_up.network(), clean=0.9, robust=0.4)
    clean, robust = FIGURES["curves"].picture(study)
    np.testing.assert_allclose(clean.series[0].y, [0.8, 0.9])
    np.testing.assert_allclose(robust.series[0].y, [0.3, 0.4])
    assert clean.series[0].name == "Standard, seed 0"


def test_that_networks_of_one_title_are_told_apart_in_every_figure(study):
    alike = [made_up.network(), made_up.network(images=Glyphs(train=30, test=30))]
    for spec in alike:
        made_up.add_network(study, spec)
        made_up.add_score(study, made_up.scored(spec, spec), -0.02, [[0.5, 0.3]])
    wanted = {point.network for point in networks(study)}
    assert len({spec.title for spec in alike}) == 1
    assert {item.name for item in FIGURES["curves"].picture(study)[0].series} == wanted
    names = [item.name for item in FIGURES["roar"].picture(study)[0].series]
    assert all(any(name.startswith(one) for name in names) for one in wanted)


def test_that_maps_are_drawn_as_in_the_paper_originals_first(study):
    made_up.add_images(study)
    base, robust = made_up.network(), made_up.network("linf", 0.1)
    made_up.add_maps(study, base, count=2)  # of other images: fewer networks have it
    for spec in (base, robust):
        made_up.add_maps(study, spec, count=3)
    data = FIGURES["maps"].picture(study)
    assert data.row_titles == ("Original", base.title, robust.title)
    assert data.title == "Gradient"
    assert "share of each map's largest" in data.bar.label
    assert data.column_titles == ("0", "1", "2")
    assert all(picture.shape == (8, 8, 3) for row in data.images for picture in row)
    assert np.array_equal(data.images[0][0][..., 0].ravel(), np.arange(64))
    wave = data.values[1][0]
    red = data.images[1][0][..., 0].astype(int) - data.images[1][0][..., 2]
    assert np.all(np.sign(red[np.abs(wave) > 0.1]) == np.sign(wave[np.abs(wave) > 0.1]))


def test_that_maps_of_several_attributions_say_which(study):
    base, robust = made_up.network(), made_up.network("linf", 0.1)
    for spec in (base, robust):
        made_up.add_maps(study, spec)
        made_up.add_maps(study, spec, GradientXInput())
    data = FIGURES["maps"].picture(study)
    assert data.row_titles[1:] == (base.title, robust.title) * 2
    assert data.groups == ("", *2 * ["Gradient"], *2 * ["Gradient x input"])
    assert data.title == ""


def test_that_attacked_images_show_image_change_and_class(study):
    made_up.add_images(study)
    base = made_up.network()
    made_up.add_attack(study, base)
    data = FIGURES["attacks"].picture(study)
    assert data.row_titles == ("Original", base.title, "change")
    assert data.images[0][0][0, 0, 0] == 100
    assert data.images[1][0][0, 0, 0] == 110
    assert data.notes[1] == ("1", "2", "3")
    red, _, blue = data.images[2][0][0, 0]
    assert red > blue


def test_that_boundaries_are_drawn_in_the_papers_coordinates(study):
    made_up.add_boundary(study, made_up.plane_network(), 76.5)
    (panel,) = FIGURES["boundary"].picture(study)
    np.testing.assert_allclose([panel.series[1].x, panel.series[1].y], [[-0.5], [0.0]])
    assert panel.regions.axis[[0, -1]].tolist() == [-1, 1]
    assert panel.regions.values[0, 0] < 0 < panel.regions.values[0, -1]
    np.testing.assert_allclose(panel.segments[0], [-0.5, 0, 0.5, 0])
    assert "tilt 76.5°" in panel.title
    assert "eps 1 in [−1, 1]" in panel.caption
    assert panel.equal_aspect


def test_that_the_tilt_is_a_mean_over_seeds_with_its_spread(study):
    for seed, angle in enumerate((10.0, 12.0, 14.0)):
        made_up.add_boundary(study, made_up.plane_network(0.25, seed), angle)
    made_up.add_boundary(study, made_up.plane_network(), 70.0)
    panels = FIGURES["boundary"].picture(study)
    assert len(panels) == 2
    assert "tilt 12.0° ± 2.0° (n = 3)" in panels[0].title


def test_that_points_of_the_plane_are_no_pictures(study):
    made_up.add_maps(study, made_up.plane_network())
    with pytest.raises(FigureError):
        FIGURES["maps"].picture(study)


@pytest.mark.parametrize("name", PICTURES)
def test_that_a_study_without_the_records_says_where_they_come_from(study, name):
    with pytest.raises(FigureError, match=r"run the preset .* or use the page") as caught:
        FIGURES[name].picture(study)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", PICTURES)
def test_that_every_figure_is_drawn(tmp_path, name):
    study = made_up.sweep(tmp_path, eps=(0.05,), norms=("linf",))
    for eps in (0.0, 0.05):
        made_up.add_maps(study, made_up.network("linf" if eps else "", eps))
        made_up.add_attack(study, made_up.network("linf" if eps else "", eps))
        made_up.add_metric(study, made_up.network("linf" if eps else "", eps))
    made_up.add_boundary(study, made_up.plane_network())
    if name in ("manifold", "reconstructions"):
        study = made_up.manifold(tmp_path)
    if name == "frontier":
        study = made_up.frontier(tmp_path)
    path = tmp_path / f"{name}.pdf"
    save(FIGURES[name].picture(study), path, width_mm=170, caption=True)
    assert path.read_bytes().startswith(b"%PDF-")


def add_accuracy(study, classifier, accuracy, eps=(0.0, 0.1)):
    metric = RobustAccuracy(attack=PGD(), eps=eps)
    spec = Measurement(classifier=classifier, metric=metric, test_images=10)
    values = np.array(accuracy)
    arrays = {"eps": np.array(eps), "accuracy": values}
    arrays |= {"accuracy_low": values - 0.1, "accuracy_high": values + 0.1}
    made_up.add(study, spec, {"test_images": 10}, arrays)


def test_that_networks_that_differ_by_the_seed_are_one_line_with_a_band(study):
    for seed, value in enumerate((0.5, 0.6, 0.7)):
        network = made_up.network(seed=seed)
        made_up.add(study, network, {"clean_accuracy": 0.9}, {})
        add_accuracy(study, network, (0.9, value))
    other = made_up.network("linf", 0.05)
    made_up.add(study, other, {"clean_accuracy": 0.9}, {})
    add_accuracy(study, other, (0.8, 0.75))
    (chart,) = FIGURES["metrics"].picture(study)
    seeds, single = chart.series
    assert seeds.name == "Standard: mean of 3 seeds, 95 % t-interval"
    assert seeds.y[1] == pytest.approx(0.6)
    assert seeds.high[1] - seeds.y[1] == pytest.approx(4.302653 * 0.1 / np.sqrt(3), rel=1e-5)
    assert single.y[1] == 0.75
    assert single.low[1] == pytest.approx(0.65)
    assert "over seeds what the legend says" in chart.caption
