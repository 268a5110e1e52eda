"""The frontier of a study: which cells count, what is read of them, and what is said."""

from dataclasses import replace

import numpy as np
import pytest

from engine.figures.frontier.tables import frontier_json, frontier_text
from engine.specs import (
    PGD,
    Adversarial,
    FFidelity,
    GaussianNoise,
    Gradient,
    Interpretability,
    Measurement,
)
from engine.tradeoff.frontier import BLURRINESS, CLEAN, MATCHED, ROBUST, SHARE, frontiers
from engine.tradeoff.frontier_verdicts import (
    Judgement,
    beyond_smoothness,
    dominating,
    front,
    predictions,
    survival,
    tradeoff,
)
from engine.tradeoff.resampling import Relation
from tests import made_up_study as made_up


@pytest.fixture
def study(tmp_path):
    return made_up.frontier(tmp_path)


def spec_of(scheme, seed=0):
    return replace(made_up.network(seed=seed), scheme=scheme)


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
        "Gaussian noise 0.9, relu: a network did not learn: 40.0% clean accuracy",
        "Gaussian noise 0.1, relu: robust is measured of 0 of 3 networks",
    )


def test_that_a_matched_score_counts_only_if_the_maps_were_matched(study):
    for seed in range(3):
        base = made_up.network(seed=seed)
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
    spec = Measurement(classifier=made_up.network(), metric=metric)
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


def test_that_a_study_without_truth_of_maps_has_no_frontier(tmp_path):
    assert frontiers(made_up.sweep(tmp_path)) == []
    assert frontier_text(made_up.sweep(tmp_path / "other")) == ""


def test_that_networks_of_one_cell_differ_in_nothing_but_the_seed(study):
    made_up.add_network(study, replace(spec_of(Adversarial(attack=PGD(eps=0.1))), epochs=3))
    (found,) = frontiers(study)
    assert len(found.cells) == 4
    assert len(found.left_out) == 1
