import math

import numpy as np
import pytest

from engine import specs
from engine.boundary.lab import Lab, best_linear, recorded, tilts, training_eps
from engine.figures.boundary import directions, plane_chart, signed
from engine.figures.catalog import FIGURES
from engine.figures.charts import FigureError
from engine.plan.planfile import load_preset
from engine.store.study import Study
from engine.tradeoff import published
from tests import made_up_study as made_up


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "plane.isthmus", create=True)


def store(study, network, angle, attack=None):
    spec = recorded(network) if attack is None else recorded(network).replace("attack", attack)
    return made_up.add(study, spec, {"angle_degrees": angle})


def test_that_the_lab_begins_with_the_networks_of_the_preset():
    preset = {spec.key for spec in load_preset("paper-boundary").specs}
    for seed in (0, 3):
        assert {recorded(network).key for network in Lab(seed=seed).networks()} <= preset


def test_that_the_lab_s_radii_are_those_of_training():
    lab = Lab((0.05, 0.3), seed=2, epochs=4)
    assert [training_eps(network) for network in lab.networks()] == [0.0, 0.05, 0.3]
    assert {(network.seed, network.epochs) for network in lab.networks()} == {(2, 4)}


def test_that_a_network_of_another_norm_has_no_l2_radius():
    scheme = specs.Adversarial(attack=specs.PGD(norm="linf", eps=0.1))
    assert training_eps(Lab().networks()[0].replace("scheme", scheme)) is None


def test_that_the_best_straight_boundaries_are_the_known_ones():
    found = best_linear([known.eps for known in published.BEST_LINEAR], specs.Gaussians2D())
    for ours, known in zip(found, published.BEST_LINEAR, strict=True):
        assert ours.angle_degrees == pytest.approx(known.angle_degrees, abs=0.06)
        assert ours.robust_accuracy == pytest.approx(known.robust_accuracy, abs=6e-4)


def test_that_seeds_of_one_training_are_one_tilt(study):
    standard, weak, _ = Lab().networks()
    for seed, angle in enumerate((30.0, 34.0, 38.0)):
        store(study, standard.replace("seed", seed), angle)
    store(study, weak, 9.0)
    first, second = tilts(study)
    assert (first.eps, first.mean, first.spread) == (0.0, 34.0, 4.0)
    assert len(first.keys) == 3
    assert (second.eps, second.mean) == (0.125, 9.0)
    assert math.isnan(second.spread)


def test_that_two_looks_at_one_network_are_one_tilt(study):
    network = Lab().networks()[1]
    store(study, network, 9.0)
    store(study, network, 9.0, specs.PGD(norm="l2", eps=0.1))
    (tilt,) = tilts(study)
    assert tilt.angles == (9.0,)


def test_that_trainings_of_other_lengths_are_kept_apart(study):
    for epochs in (5, 10):
        store(study, Lab(epochs=epochs).networks()[0], float(epochs))
    assert [tilt.angles for tilt in tilts(study)] == [(5.0,), (10.0,)]


def test_that_the_directions_run_through_the_centroids():
    points = np.array([[0.5, 0.2], [0.7, 0.0], [-0.6, -0.1], [-0.6, -0.1]])
    line, normal = directions(points, np.array([0, 0, 1, 1]), np.array([0.0, 3.0]), length=0.4)
    np.testing.assert_allclose(line.mean(0), [0.0, 0.0], atol=1e-12)
    assert line[1, 0] * 0.1 == pytest.approx(line[1, 1] * 0.6)
    assert np.linalg.norm(line[1]) == pytest.approx(0.8)
    np.testing.assert_allclose(normal, [[0, 0], [0, 0.4]], atol=1e-12)


def test_that_a_chart_of_the_plane_is_in_the_paper_s_units(study):
    entry = made_up.add_boundary(study, made_up.plane_network())
    arrays = study.read(entry.key).arrays
    chart = plane_chart(arrays, "title", specs.PGD(norm="l2", eps=0.125))
    np.testing.assert_allclose(chart.segments[:, :2], signed(arrays["attacked_points"]))
    np.testing.assert_allclose(chart.segments[:, 2:], 2 * arrays["adv_points"] - 1)
    assert "eps 0.25 in [−1, 1]" in chart.caption
    assert [item.name for item in chart.series][-2:] == [
        "line through the centroids",
        "mean normal of the boundary",
    ]


def test_that_the_figure_of_tilts_shows_networks_beside_the_best_line(study):
    for seed, angle in enumerate((8.0, 10.0)):
        store(study, Lab(seed=seed).networks()[1], angle)
    chart = FIGURES["tilt"].picture(study)
    line, networks = chart.series
    assert line.y[0] == pytest.approx(76.5, abs=0.1)
    assert (networks.x[0], networks.y[0]) == (0.25, 9.0)
    assert networks.high[0] - 9.0 == pytest.approx(math.sqrt(2))


def test_that_a_study_without_boundaries_has_no_figure_of_tilts(study):
    with pytest.raises(FigureError, match="preset paper-boundary"):
        FIGURES["tilt"].picture(study)
