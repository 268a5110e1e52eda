"""The frontier of a study: which cells count, what is read of them, and what is said."""

from dataclasses import replace

import numpy as np
import pytest

from engine.figures.frontier.charts import frontier_charts
from engine.figures.frontier.tables import frontier_json, frontier_text
from engine.specs import (
    PGD,
    Adversarial,
    FFidelity,
    GaussianNoise,
    Gradient,
    Interpretability,
    Measurement,
    Standard,
)
from engine.tradeoff.frontier import frontiers
from engine.tradeoff.frontier_outcomes import BLURRINESS, CLEAN, INK, MATCHED, ROBUST, SHARE
from engine.tradeoff.frontier_predictions import predictions
from engine.tradeoff.frontier_verdicts import (
    Judgement,
    beyond_smoothness,
    dominating,
    front,
    survival,
    tradeoff,
)
from engine.tradeoff.resampling import Relation
from tests import made_up_study as made_up


@pytest.fixture
def study(tmp_path):
    return made_up.frontier(tmp_path)


def spec_of(scheme, seed=0):
    return made_up.cell(scheme, seed)


def test_that_cells_hold_the_strong_accuracy_and_the_truth_of_their_networks(study):
    (found,) = frontiers(study)
    assert found.seeds == (0, 1, 2)
    assert [cell.scheme for cell in found.cells] == [
        "Standard",
        "Gaussian noise",
        "Adversarial L-inf",
        "Adversarial L-inf",
    ]
    np.testing.assert_allclose(found.values[CLEAN], 0.9)
    np.testing.assert_allclose(found.values[ROBUST][:, 3], [0.5, 0.51, 0.52])
    np.testing.assert_allclose(found.values[SHARE][1], [0.21, 0.31, 0.41, 0.61])
    assert list(found.maps) == ["Gradient", "Gradient x input"]
    assert MATCHED not in found.values


def test_that_a_cell_counts_only_with_every_seed_and_if_it_learned(study):
    alone = spec_of(GaussianNoise(sigma=0.6), seed=1)
    made_up.add_network(study, alone)
    for seed in range(3):
        made_up.add_network(study, spec_of(GaussianNoise(sigma=0.9), seed), clean=0.4)
        made_up.add_network(study, spec_of(GaussianNoise(sigma=0.1), seed))
    (found,) = frontiers(study)
    assert len(found.cells) == 4
    assert found.left_out == (
        "Gaussian noise 0.6, relu: no network of seed 0, 2",
        "Gaussian noise 0.9, relu: a network did not learn: 40.0 % clean accuracy",
        "Gaussian noise 0.1, relu: robust is measured of 0 of 3 networks",
    )


def test_that_a_matched_score_counts_only_if_the_maps_were_matched(study):
    for seed in range(3):
        base = made_up.cell(Standard(), seed)
        spec = Interpretability(
            classifier=base, attribution=Gradient(), baseline=base, control="matched"
        )
        reached = spec.blurriness + (0.05 if seed == 2 else 0.0)
        made_up.add(study, spec, {"score": 0.1, "blurriness": reached})
    (found,) = frontiers(study)
    assert found.values[MATCHED][:2, 0].tolist() == [0.1, 0.1]
    assert np.isnan(found.values[MATCHED][2, 0])
    assert found.whole(MATCHED) == []


def test_that_fidelity_of_another_attribution_is_not_that_of_the_gradient(study):
    metric = FFidelity(attribution=made_up.GradientXInput())
    spec = Measurement(classifier=made_up.cell(Standard()), metric=metric)
    made_up.add(study, spec, {"fidelity": 0.3, "test_images": 100})
    assert "F-Fidelity" not in frontiers(study)[0].values


def test_that_the_front_holds_the_best_map_of_the_best_network_and_it_dominates(study):
    points = front(frontiers(study)[0])
    best = points[0]
    assert best.name == "L-inf 25.5/255 PGD-10, relu, Gradient x input"
    assert best.probability == 1
    assert sum(point.on_front for point in points) == 1
    # Clean and robust accuracy are those of the reference; the share is 0.1 above it in each seed.
    assert dominating(points).startswith("1 of 7 points dominate plain PGD with the gradient, 0 of")


def test_that_one_scheme_too_few_gives_no_verdict_on_correlations(study):
    (share,) = (one for one in beyond_smoothness(frontiers(study)[0]) if one.outcome == SHARE)
    assert share.relation.over_schemes is None
    assert share.verdict == "undetermined"


def related(low, high):
    return Relation(0.0, (low, high), (low, high), 14, 5, 5)


@pytest.mark.parametrize(
    ("plain", "matched", "said"),
    [
        ((-0.9, -0.2), (-0.8, -0.1), "survives matched blurriness."),
        ((-0.9, -0.2), (-0.2, 0.5), "does not survive matched blurriness."),
        ((-0.9, -0.2), (-0.5, 0.5), "is undetermined."),
        ((-0.9, 0.2), (-0.8, -0.1), "is not there beyond chance."),
    ],
)
def test_that_the_trade_off_is_judged_as_planned(plain, matched, said):
    judged = [Judgement("ROAR", related(*plain), ""), Judgement(MATCHED, related(*matched), "")]
    assert survival(judged).endswith(said)


def test_that_predictions_say_what_they_rest_on_or_that_they_are_not_tested(study):
    (found,) = frontiers(study)
    points = front(found)
    tested = {one.name: one for one in predictions(found, beyond_smoothness(found), points)}
    # PGD is above noise by 0.1 and 0.3 in share, but its maps are the blurrier ones.
    assert tested["P0"].outcome == "failed"
    assert "share [+0.100, +0.100]" in tested["P0"].numbers
    assert tested["P5"].outcome == "failed"
    assert {tested[name].outcome for name in ("P1", "P2", "P3", "P4")} == {"not tested"}


def test_that_the_trade_off_needs_clean_accuracies_that_differ(study):
    (found,) = frontiers(study)
    (share,) = tradeoff(found)
    assert share.relation.value is None
    assert found.values[BLURRINESS].shape == (3, 4)


def test_that_text_and_json_hold_the_verdicts(study):
    text, (data,) = frontier_text(study), frontier_json(study)
    assert "Frontier: 4 cells, 3 seeds" in text
    for sentence in data["verdicts"]:
        assert sentence in text
    assert len(data["cells"]) == 4
    assert data["front"][0]["probability"] == 1
    assert len(data["cells"][0]["keys"]) == 3


@pytest.mark.parametrize(("ink", "axis"), [(True, INK), (False, MATCHED)])
def test_that_the_third_axis_is_the_first_choice_that_a_study_has(tmp_path, ink, axis):
    study = made_up.frontier_elsewhere(tmp_path, ink)
    (found,) = frontiers(study)
    assert found.axis == axis
    assert SHARE not in found.values
    np.testing.assert_allclose(found.values[axis][1], [0.21, 0.31, 0.41, 0.61])
    np.testing.assert_allclose(found.values[BLURRINESS][0], [0.602, 0.604, 0.606, 0.61])
    best = front(found)[0]
    assert best.name == "L-inf 25.5/255 PGD-10, relu, Gradient"
    np.testing.assert_allclose(best.values[:, 2], [0.6, 0.61, 0.62])
    assert best.against is None  # the reference itself: PGD at the radius of the evaluation
    text, (data,) = frontier_text(study), frontier_json(study)
    assert f"Axes: clean accuracy, robust accuracy, {axis}." in text
    assert "tangent" not in text
    labels = {chart.y_label for chart in frontier_charts(study)}
    assert labels == {f"{axis[0].upper()}{axis[1:]} of the gradient"}
    assert data["axis"] == axis
    assert data["front"][0]["tangent_share"] is None
    assert data["front"][0]["third_axis"] == pytest.approx(0.61)


def test_that_symbols_tell_schemes_apart_where_there_is_one_activation(study):
    for chart in frontier_charts(study):
        assert {series.name for series in chart.series} == {
            "Standard, dominated",
            "Gaussian noise, dominated",
            "Adversarial L-inf, dominated",
            "Adversarial L-inf",
        }
        # Both kinds of the last scheme share its symbol.
        assert len({series.symbol for series in chart.series}) == 3


def test_that_predictions_of_other_images_name_no_strength(tmp_path):
    (found,) = frontiers(made_up.frontier_elsewhere(tmp_path))
    tested = {one.name: one for one in predictions(found, beyond_smoothness(found), front(found))}
    assert list(tested) == [f"Q{number}" for number in range(7)]
    assert tested["Q0"].claim == "plain PGD has a higher ink mass than standard training"
    assert tested["Q0"].outcome == "held"
    assert tested["Q0"].numbers == "PGD - standard: [+0.400, +0.400]"
    assert tested["Q3"].outcome == "held"
    assert "PGD - Gaussian noise 0.3, relu: [+0.300, +0.300]" in tested["Q3"].numbers
    assert tested["Q5"].outcome == "held"
    # All clean accuracies are equal, blurriness is a line of the robust accuracy, and no alignment
    # was measured.
    assert {tested[name].outcome for name in ("Q1", "Q2", "Q4", "Q6")} == {"not tested"}


def test_that_predictions_of_correlations_rest_on_verdicts(tmp_path):
    (found,) = frontiers(made_up.frontier_elsewhere(tmp_path))
    judged = [
        Judgement(INK, related(0.2, 0.8), "beyond smoothness"),
        Judgement("ROAR", related(-0.2, 0.8), "undetermined"),
    ]
    tested = {one.name: one for one in predictions(found, judged, front(found))}
    assert tested["Q1"].outcome == "held"
    assert tested["Q2"].outcome == "failed"
    assert tested["Q2"].numbers == "r +0.00, undetermined"


def test_that_the_noise_compared_is_that_of_the_nearest_clean_accuracy(tmp_path):
    cells = (*made_up.CELLS, (GaussianNoise(sigma=0.6), 0.2, 0.9))
    far = GaussianNoise(sigma=0.3)
    study = made_up.frontier_elsewhere(
        tmp_path, cells=cells, clean=lambda scheme: 0.8 if scheme == far else 0.9
    )
    (found,) = frontiers(study)
    tested = {one.name: one for one in predictions(found, beyond_smoothness(found), front(found))}
    assert tested["Q3"].outcome == "failed"
    assert "Gaussian noise 0.6, relu: [-0.300, -0.300]" in tested["Q3"].numbers


def test_that_networks_that_learned_hard_images_count(tmp_path):
    study = made_up.frontier_elsewhere(tmp_path, clean=0.48)
    for seed in range(3):
        made_up.add_network(study, spec_of(GaussianNoise(sigma=0.9), seed), clean=0.23)
    (found,) = frontiers(study)
    assert len(found.cells) == 4
    assert found.left_out == (
        "Gaussian noise 0.9, relu: a network did not learn: 23.0 % clean accuracy",
    )


def test_that_a_map_that_was_not_matched_leaves_its_cell_out_of_the_front(tmp_path):
    study = made_up.frontier_elsewhere(tmp_path, ink=False)
    spec = spec_of(made_up.CELLS[1][0], 2)
    score = replace(made_up.scored(spec, spec_of(Standard(), 2)), control="matched", repeats=1)
    made_up.add(study, score, {"score": 0.1, "blurriness": score.blurriness + 0.05})
    (found,) = frontiers(study)
    assert len(found.cells) == 3
    (reason,) = found.left_out
    assert reason == "Gaussian noise 0.3, relu: matched ROAR is measured of 2 of 3 networks"


def test_that_a_study_without_truth_of_maps_has_no_frontier(tmp_path):
    assert frontiers(made_up.sweep(tmp_path)) == []
    assert frontier_text(made_up.sweep(tmp_path / "other")) == ""


def test_that_networks_of_one_cell_differ_in_nothing_but_the_seed(study):
    made_up.add_network(study, replace(spec_of(Adversarial(attack=PGD(eps=0.1))), epochs=3))
    (found,) = frontiers(study)
    assert len(found.cells) == 4
    assert len(found.left_out) == 1
