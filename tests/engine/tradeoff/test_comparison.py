import numpy as np
import pytest

from engine.figures import tables
from engine.tradeoff import comparison, published
from engine.tradeoff.points import networks
from tests import made_up_study as made_up


def test_that_ours_stands_beside_the_published_value(tmp_path):
    rows = comparison.rows(networks(made_up.sweep(tmp_path)))
    row = next(
        r for r in rows if (r.score, r.group, r.against) == ("ROAR gradient", "L2 xent", "strength")
    )
    expected = published.correlations("roar", "l2", "xent", "gradient", "strength")
    assert (row.published_pearson, row.published_spearman) == expected
    assert row.n == 5
    assert row.pearson > 0
    assert (row.sign, row.sign_agrees) == ("agrees", True)
    assert (row.strengths, row.seeds, row.retrainings) == (5, 1, 2)
    assert row.interval_method == "noncentral t over networks"
    assert row.pearson_low < row.pearson < row.pearson_high
    assert len(rows) == 2 * 2 * 2 * 2


def test_that_a_group_the_paper_has_not_agrees_with_nothing(tmp_path):
    study = made_up.Study(tmp_path / "s.isthmus", create=True)
    standard = made_up.network()
    for index, eps in enumerate((0.0, 0.01, 0.02, 0.03, 0.04)):
        spec = made_up.network("linf" if eps else "", eps, loss="xent")
        made_up.add_network(study, spec, 0.9 - index / 50)
        made_up.add_score(study, made_up.scored(spec, standard, "roar"), 0.01 * index)
    row = comparison.rows(networks(study))[0]
    assert row.pearson == pytest.approx(-1)
    assert row.pearson_low is None
    assert (row.sign, row.sign_agrees, row.plan) == ("undetermined", None, None)
    assert comparison.table([row])[1][7:9] == ["-", "undetermined"]


def test_that_a_correlation_made_of_blurriness_alone_vanishes_at_equal_blurriness(tmp_path):
    study = made_up.Study(tmp_path / "s.isthmus", create=True)
    standard = made_up.network()
    random = np.random.default_rng(0)
    for eps in np.linspace(0, 0.2, 12):
        spec = made_up.network("linf" if eps else "", float(eps))
        blurriness = 0.2 + float(eps) + 0.02 * random.standard_normal()
        made_up.add_network(study, spec, 0.9 - blurriness + 0.01 * random.standard_normal())
        score = blurriness + 0.01 * random.standard_normal()
        entry_spec = made_up.scored(spec, standard, "roar")
        numbers = {"score": score, "blurriness": blurriness}
        made_up.add(study, entry_spec, numbers)
    row = next(r for r in comparison.rows(networks(study)) if r.against == "accuracy")
    assert row.pearson < -0.9
    assert row.partial_low < row.at_equal_blurriness < row.partial_high
    assert row.partial_low < 0 < row.partial_high


def test_that_errors_that_a_seed_shares_drop_out_within_seeds(tmp_path):
    study = made_up.Study(tmp_path / "s.isthmus", create=True)
    for seed, error in enumerate((0.0, 0.3, -0.2)):
        standard = made_up.network(seed=seed)
        for eps in (0.0, 0.1, 0.2):
            spec = made_up.network("linf" if eps else "", eps, seed=seed)
            made_up.add_network(study, spec)
            made_up.add_score(study, made_up.scored(spec, standard, "roar"), eps + error)
        if seed == 0:
            single = comparison.rows(networks(study))
    row = next(r for r in comparison.rows(networks(study)) if r.against == "strength")
    assert row.pearson < 0.6
    assert row.within_seeds == pytest.approx(1)
    assert (row.strengths, row.seeds, row.pearson_low) == (3, 3, None)
    assert row.of_seeds == pytest.approx([1, 1, 1])
    assert row.sign == "undetermined"  # three strengths
    assert "r within seeds" in comparison.table([row])[0]
    assert [r.within_seeds for r in single] == [None] * len(single)
    assert "r within seeds" not in comparison.table(single)[0]


def seeded(tmp_path, scatter=0.01, seeds=3):
    """Return the row of ROAR against strength of 4 strengths, with an error that a seed shares."""
    study = made_up.Study(tmp_path / "seeds.isthmus", create=True)
    random = np.random.default_rng(0)
    for seed in range(seeds):
        standard = made_up.network(seed=seed)
        error = 0.3 * random.standard_normal()
        for eps in (0.0, 0.1, 0.2, 0.3):
            spec = made_up.network("linf" if eps else "", eps, seed=seed)
            made_up.add_network(study, spec)
            score = eps + error + scatter * random.standard_normal()
            made_up.add_score(study, made_up.scored(spec, standard, "roar"), score)
    return next(r for r in comparison.rows(networks(study)) if r.against == "strength")


def test_that_several_seeds_are_judged_by_seeds_and_by_networks(tmp_path):
    row = seeded(tmp_path)
    assert (row.n, row.strengths, row.seeds) == (12, 4, 3)
    assert row.interval_method == "t over the slopes of seeds"
    assert row.pearson_low is row.pearson_high is None
    assert 0 < row.within_low < row.within_seeds < row.within_high
    assert 0 < row.networks_low < row.networks_high
    assert row.sign == "agrees"
    found = comparison.as_json(row)
    assert (found["sign"], found["sign_agrees"]) == ("agrees", True)
    assert set(found["needed"]) == {"seeds", "networks", "retrainings", "seeds_then"}
    assert found["needed"]["retrainings"] == 8


def test_that_a_sign_lost_in_noise_is_undetermined_and_planned_for(tmp_path):
    row = seeded(tmp_path, scatter=0.2)
    assert (row.sign, row.sign_agrees) == ("undetermined", None)
    (_, texts) = comparison.plans([row])
    assert texts[-1] == row.plan.sentence
    assert row.plan.seeds is None or row.plan.seeds > 3


def test_that_two_seeds_have_no_interval(tmp_path):
    row = seeded(tmp_path, seeds=2)
    assert (row.interval_method, row.within_low, row.sign) == ("none", None, "undetermined")


def test_that_further_standard_networks_leave_the_sweep_its_interval(tmp_path):
    study = made_up.sweep(tmp_path)
    before = comparison.rows(networks(study))[0]
    for seed in (1, 2):
        standard = made_up.network(seed=seed)
        made_up.add_network(study, standard)
        made_up.add_score(study, made_up.scored(standard, standard, "roar"), 0.02)
    row = comparison.rows(networks(study))[0]
    assert (row.n, row.seeds, row.strengths, row.pearson_low) == (7, 1, 5, None)
    assert row.within_seeds == pytest.approx(before.pearson)
    assert (row.networks_low, row.networks_high) == (before.pearson_low, before.pearson_high)
    assert (row.sign, row.interval_method) == (before.sign, before.interval_method)
    assert comparison.table([row])[0][-1] == "over networks"


def test_that_a_partial_correlation_of_few_networks_is_not_given(tmp_path):
    points = networks(made_up.sweep(tmp_path))
    for place, point in enumerate(points):
        point.blurriness["gradient"] = 0.4 + 0.01 * (place % 4)
    assert all(row.at_equal_blurriness is None for row in comparison.rows(points))


def test_that_the_table_has_two_parts_for_a_page(tmp_path):
    rows = [seeded(tmp_path)]
    (_, first), (_, second) = comparison.parts(rows)
    whole = comparison.table(rows)
    assert first[0][-1] == "rank ours"
    assert [a + b[3:] for a, b in zip(first, second, strict=True)] == whole
    one = comparison.rows(networks(made_up.sweep(tmp_path)))
    assert len(list(comparison.parts(one))) == 1


def test_that_a_control_is_no_score_of_the_network(tmp_path):
    study = made_up.Study(tmp_path / "s.isthmus", create=True)
    standard = made_up.network()
    made_up.add_network(study, standard)
    spec = made_up.scored(standard, standard, "roar")
    made_up.add_score(study, spec, 0.05)
    made_up.add_score(study, spec.replace("control", "sobel"), 0.5)
    (point,) = networks(study)
    assert point.scores == {"roar": {"gradient": 0.05}}
    assert point.controls == {"roar": {"gradient": {"sobel": 0.5}}}
    assert "+0.5000" in tables.as_text(study)


def test_that_show_has_a_part_for_everything_a_study_holds(tmp_path):
    study = made_up.manifold(tmp_path)
    made_up.add_boundary(study, made_up.plane_network())
    text = tables.as_text(study)
    for words in (
        "Distance to the manifold, L2 cross-entropy, corrected",
        "tangent space",
        "Boundary tilt",
    ):
        assert words in text
    found = tables.as_json(study)
    assert found["manifold"][0]["holds"] is True
    assert len(found["tangent_share"]) == 4
    assert found["boundary"][0]["seeds"] == 1
