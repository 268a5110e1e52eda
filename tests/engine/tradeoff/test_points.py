import json
from dataclasses import replace

import numpy as np
import pytest

from engine.retraining.score import score
from engine.specs import (
    PGD,
    TRADES,
    Adversarial,
    GaussianNoise,
    Glyphs,
    Gradient,
    GradientXInput,
    Imported,
    NoisyFGSM,
    Standard,
)
from engine.store.study import Study
from engine.tradeoff.points import (
    NetworkPoint,
    as_json,
    attributions_in,
    describe,
    groups,
    networks,
)
from engine.tradeoff.robustness import Left, Robustness
from engine.tradeoff.scores import ROBUST_NOTE, table
from tests import made_up_study as made_up


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "study", create=True)


def point(**changes):
    values = {
        "network": "a network",
        "key": "k",
        "scheme": "adversarial",
        "norm": "linf",
        "eps": 0.1,
        "loss": "xent",
        "seed": 0,
        "clean_accuracy": 0.9,
        "robust_accuracy": 0.4,
        "images": "i",
        "architecture": "a",
        "attack": "pgd",
        "scores": {"roar": {"gradient": 0.02}},
        **changes,
    }
    return NetworkPoint(**values)


STANDARD = {"scheme": "standard", "norm": "", "eps": 0.0, "loss": "", "attack": ""}


# ------------------------------------------------------------------------------------------- scores


def test_that_a_roar_score_is_the_area_between_random_and_attribution():
    # Random stays at 0.8 and the attribution drops to 0.4: a trapezoid of height 0.4 over
    # 0, 0.25, 0.75, 1, so 0.4 * (0.125 + 0.5 + 0.125).
    found = score(
        (0.25, 0.75), [0.4, 0.4], [0.8, 0.8], mode="roar", baseline_accuracy=0.9, chance=0.1
    )
    assert found == pytest.approx(0.3)


def test_that_a_kar_score_has_the_opposite_sign_and_the_fraction_removed_as_abscissa():
    given = {"baseline_accuracy": 0.9, "chance": 0.1}
    fractions = (0.1, 0.3)
    curve, random = [0.8, 0.6], [0.7, 0.4]
    # Differences 0.1 at 0.1 removed and 0.2 at 0.3 removed: 0.005 + 0.03 + 0.07.
    assert score(fractions, curve, random, mode="kar", **given) == pytest.approx(0.105)
    assert score(fractions, curve, random, mode="roar", **given) == pytest.approx(-0.105)


def test_that_a_score_takes_the_mean_over_repeats():
    one = score([0.5], [[0.2], [0.4]], [[0.6], [0.8]], mode="roar", baseline_accuracy=1, chance=0)
    assert one == pytest.approx(0.4 * 0.5)


def test_that_a_random_attribution_scores_zero():
    curve = [0.7, 0.5, 0.3]
    found = score([0.1, 0.5, 0.9], curve, curve, mode="kar", baseline_accuracy=0.9, chance=0.1)
    assert found == 0.0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"mode": "road"}, "mode is 'road', must be one of"), ({"accuracy": [0.5]}, "must have one")],
)
def test_that_a_score_refuses_what_does_not_fit(change, sentence):
    given = {"fractions": [0.2, 0.8], "accuracy": [0.5, 0.5], "random_accuracy": [0.5, 0.5]}
    given |= {"mode": "roar", "baseline_accuracy": 0.9, "chance": 0.1} | change
    with pytest.raises(ValueError, match=sentence):
        score(**given)


# ----------------------------------------------------------------------------------------- networks


def test_that_a_network_is_described_by_its_record(study):
    made_up.add_images(study)
    spec = made_up.network("l2", 0.5, loss="cw", seed=3)
    made_up.add_network(study, spec, clean=0.8, robust=0.3)
    (found,) = networks(study)
    assert (found.network, found.key, found.seed) == (spec.title, spec.key, 3)
    assert (found.scheme, found.norm, found.eps, found.loss) == ("adversarial", "l2", 0.5, "cw")
    assert (found.clean_accuracy, found.robust_accuracy) == (0.8, 0.3)
    assert found.images == made_up.IMAGES.key
    assert found.scores == {}


def test_that_a_standard_network_has_eps_zero_and_no_norm(study):
    made_up.add_network(study, made_up.network())
    (found,) = networks(study)
    assert (found.scheme, found.norm, found.eps, found.loss) == ("standard", "", 0.0, "")


def test_that_imported_weights_are_a_network_without_a_seed(study):
    spec = Imported(images=made_up.IMAGES, network=made_up.NETWORK, name="mine.pt", digest="d")
    made_up.add(study, spec, {"clean_accuracy": 0.7})
    (found,) = networks(study)
    assert (found.network, found.scheme, found.seed) == ("mine.pt", "imported", None)
    assert found.robust_accuracy is None
    json.dumps(as_json(found))


def test_that_scores_are_found_by_mode_and_attribution(study):
    base, robust = made_up.network(), made_up.network("linf", 0.1)
    for spec in (base, robust):
        made_up.add_network(study, spec)
    made_up.add_score(study, made_up.scored(robust, base), 0.06)
    gx = made_up.scored(robust, base, "kar", GradientXInput())
    made_up.add_score(study, gx, -0.01)
    plain, found = networks(study)
    assert plain.scores == {}
    assert found.scores == {"roar": {"gradient": 0.06}, "kar": {"gradient_x_input": -0.01}}
    assert found.spreads["roar"] == {"gradient": 0.01}
    assert found.curves["kar"]["gradient_x_input"] == gx.key


def test_that_the_score_from_most_retrainings_counts(study):
    base = made_up.network()
    made_up.add_network(study, base)
    made_up.add_score(study, made_up.scored(base, base, repeats=3), 0.03)
    made_up.add_score(study, made_up.scored(base, base, repeats=1), 0.01)
    assert networks(study)[0].scores["roar"]["gradient"] == 0.03


def test_that_of_equal_scores_the_default_settings_count(study):
    base = made_up.network()
    made_up.add_network(study, base)
    made_up.add_score(study, made_up.scored(base, base, attribution=GradientXInput()), 0.03)
    odd = GradientXInput(input_range="unit")
    made_up.add_score(study, made_up.scored(base, base, attribution=odd), 0.01)
    assert networks(study)[0].scores["roar"]["gradient_x_input"] == 0.03


def test_that_json_has_every_documented_name(study):
    base = made_up.network()
    made_up.add_network(study, base)
    made_up.add_score(study, made_up.scored(base, base), 0.02)
    printed = json.loads(json.dumps(as_json(networks(study)[0])))
    assert printed["scores"] == {"roar": {"gradient": 0.02}, "kar": {}}
    assert {
        *("network", "key", "scheme", "norm", "eps", "loss", "seed"),
        *("clean_accuracy", "robust_accuracy", "scores"),
    } <= set(printed)


def test_that_the_table_has_aligned_columns_and_dashes_where_nothing_is_known():
    checked = Robustness(Left(0.4, "PGD-10", 1000), Left(0.3, "AutoAttack", 1000), "ok", ())
    *rows, note, short = table(
        [
            point(network="Standard", **STANDARD, scores={}),
            point(
                network="L-inf 8/255 PGD-10",
                scores={"kar": {"gradient_x_input": -0.0123}},
                robustness=checked,
            ),
        ]
    ).splitlines()
    assert len({len(row) for row in rows}) == 1
    words = rows[0].split()
    assert words[:7] == ["network", "clean", "%", "robust", "%", "95", "%"]
    assert words[7:] == ["attack", "verdict", "ROAR", "GX", "KAR", "GX"]
    assert rows[1].split() == ["Standard", "90.0", *["-"] * 6]
    assert rows[2].split()[-9:] == [
        "90.0",
        "30.0",
        "27",
        "to",
        "33",
        "AutoAttack",
        "ok",
        "-",
        "-0.0123",
    ]
    assert note == ROBUST_NOTE
    assert short == "GX: gradient x input."


def test_that_attributions_without_a_short_name_are_headed_by_the_name_that_forms_show():
    text = table([point(scores={"roar": {"integrated_gradients": 0.1, "gradient": 0.2}})])
    assert text.splitlines()[0].endswith("KAR G  KAR Integrated Gradients")
    assert "G: gradient." in text.splitlines()


def test_that_a_doubtful_network_is_named_below_the_table_with_its_findings():
    found = Robustness(Left(0.9, "PGD-10", 50), None, "doubtful", ("Zero pixels: 99.0 %.",))
    text = table([point(network="Masked", robustness=found)])
    assert "doubtful" in text.splitlines()[1]
    assert text.splitlines()[-1] == "Masked: Zero pixels: 99.0 %."


def test_that_the_table_of_a_study_without_scores_still_names_the_paper_s_columns():
    head = table([point(scores={})]).splitlines()[0]
    assert [head.split("  ")[-1].strip()] == ["KAR GX"]
    assert "ROAR G " in head


# ------------------------------------------------------------------------------------------- groups


def test_that_a_standard_network_belongs_to_every_group_of_its_images():
    points = [
        point(key="s", **STANDARD),
        point(key="other", images="j", **STANDARD),
        *(point(key=f"{norm}{loss}", norm=norm, loss=loss) for norm in ("linf", "l2")
          for loss in ("xent", "cw")),
    ]  # fmt: skip
    found = groups(points, "roar", "gradient")
    assert [group.name for group in found] == [
        "L2 xent", "L2 cw", "L-inf xent", "L-inf cw", "Standard",
    ]  # fmt: skip
    assert all(group.points[0].key == "s" for group in found[:4])
    assert [p.key for p in found[4].points] == ["other"]
    assert found[4].fit is None


def test_that_strength_is_relative_to_the_largest_of_the_group():
    points = [
        point(key="s", **STANDARD),
        point(key="a", eps=0.1),
        point(key="b", eps=0.4),
        point(key="c", eps=2.0, norm="l2"),
    ]
    l2, linf = groups(points, "roar", "gradient", "strength")
    np.testing.assert_allclose(linf.x, [0, 0.25, 1])
    np.testing.assert_allclose(l2.x, [0, 1])


def test_that_networks_without_the_score_are_left_out():
    points = [point(), point(key="b", scores={"kar": {"gradient": 0.1}})]
    (found,) = groups(points, "roar", "gradient")
    assert len(found.points) == 1
    assert found.fit.pearson is None
    assert groups(points, "roar", "gradient_x_input") == []


def test_that_fgsm_and_pgd_sweeps_are_two_groups():
    points = [point(), point(key="b", attack="fgsm")]
    assert {group.name for group in groups(points, "roar", "gradient")} == {
        "pgd L-inf xent",
        "fgsm L-inf xent",
    }


def test_that_networks_of_two_variants_are_two_groups_each_with_its_own_standard_network():
    faithful, corrected = {"variant": "faithful"}, {"variant": "corrected"}
    points = [
        point(key="s", **STANDARD, **corrected),
        point(key="t", **STANDARD, **faithful),
        point(key="a", **corrected),
        point(key="b", **faithful),
        point(key="c", variant="faithful in loss"),
    ]
    found = {g.name: [p.key for p in g.points] for g in groups(points, "roar", "gradient")}
    assert found == {
        "corrected L-inf xent": ["s", "a"],
        "faithful L-inf xent": ["t", "b"],
        "faithful in loss L-inf xent": ["s", "t", "c"],
    }


def test_that_imported_networks_are_shown_but_belong_to_no_sweep():
    points = [point(), point(key="b", **STANDARD | {"scheme": "imported"}, seed=None)]
    sweep, imported = groups(points, "roar", "gradient")
    assert len(sweep.points) == 1
    assert imported.name == "Imported"
    assert imported.fit is None


def test_that_a_network_without_accuracy_is_drawn_against_strength_only():
    points = [point(clean_accuracy=None)]
    assert groups(points, "roar", "gradient", "clean_accuracy") == []
    assert len(groups(points, "roar", "gradient", "strength")) == 1


def test_that_a_group_finds_the_line_of_a_made_up_sweep(tmp_path):
    study = made_up.sweep(tmp_path)
    for group in groups(networks(study), "roar", "gradient"):
        assert group.fit.n == 5
        assert group.fit.pearson < -0.98
        assert group.fit.spearman == -1.0
        assert group.fit.slope == pytest.approx(-0.55, abs=0.2)
        assert list(group.spread) == [0.01] * 5


def test_that_a_legend_shows_correlations_with_their_intervals(tmp_path):
    study = made_up.sweep(tmp_path)
    group = groups(networks(study), "kar", "gradient")[0]
    text = describe(group).replace("\u00a0", " ")
    low, high = group.judged.interval
    assert f"r = {group.fit.pearson:.2f} [{low:.2f}, {high:.2f}]" in text
    assert text.startswith("L2 xent, ")
    assert text.endswith("n = 5")


def test_that_sweeps_of_other_images_or_networks_are_named_by_what_differs(study):
    wider = Glyphs(train=200, test=40)
    for eps in (0.02, 0.04):
        plain = made_up.network("linf", eps)
        smooth = plain.replace("network", plain.network.replace("activation", "silu"))
        for spec in (plain, smooth, made_up.network("linf", eps, images=wider)):
            made_up.add_network(study, spec)
            baseline = made_up.network(images=spec.images).replace("network", spec.network)
            made_up.add_score(study, made_up.scored(spec, baseline), 0.1)
    points = networks(study)
    names = [group.name for group in groups(points, "roar", "gradient")]
    assert sorted(names) == [
        f"L-inf xent ({made_up.IMAGES.title}, activation relu)",
        f"L-inf xent ({made_up.IMAGES.title}, activation silu)",
        f"L-inf xent ({wider.title}, activation relu)",
    ]
    few = [p for p in points if p.images == wider.key]
    assert [group.name for group in groups(few, "roar", "gradient")] == ["L-inf xent"]


@pytest.mark.parametrize(
    ("scheme", "short"),
    [
        (Standard(), "standard"),
        (Adversarial(attack=PGD(norm="linf", eps=8 / 255)), "8/255"),
        (Adversarial(attack=PGD(norm="l2", eps=0.5), awp=0.005), "L2 0.5"),
        (TRADES(beta=6.0), "TRADES 6"),
        (GaussianNoise(sigma=0.15), "Gaussian noise 0.15"),
        (NoisyFGSM(norm="linf", eps=8 / 255), "L-inf 8/255 N-FGSM"),
    ],
)
def test_that_beside_a_point_stands_how_strongly_and_by_which_scheme_it_was_trained(
    study, scheme, short
):
    made_up.add_network(study, made_up.network().replace("scheme", scheme))
    (found,) = networks(study)
    assert found.short == short


def test_that_a_legend_of_one_network_is_its_name_and_number():
    (group,) = groups([point()], "roar", "gradient")
    assert describe(group).replace("\u00a0", " ") == "L-inf xent, n = 1"


def test_that_attributions_are_listed_in_the_papers_order():
    points = [point(scores={"kar": {"zeta": 1.0, "gradient_x_input": 1.0, "gradient": 1.0}})]
    assert attributions_in(points) == ["gradient", "gradient_x_input", "zeta"]
    assert Gradient.kind == "gradient"


def test_that_only_known_strengths_stand_on_that_axis(study):
    """What imported weights were trained against is unknown, also after training on from them."""
    images, network = made_up.IMAGES, made_up.NETWORK
    imported = Imported(images=images, network=network, name="w", digest="0" * 64)
    adversarial, standard = made_up.network("linf", 0.1), made_up.network()
    strengths = {
        imported: False,
        adversarial: True,
        standard: True,
        replace(standard, start=standard): True,
        replace(adversarial, start=adversarial): True,
        replace(standard, start=imported): False,
        replace(standard, start=adversarial): False,
        replace(adversarial, start=standard): True,
    }
    for spec in strengths:
        made_up.add(study, spec, {"clean_accuracy": 0.9})
        made_up.add_score(study, made_up.scored(spec, standard), 0.1)
    points = networks(study)
    assert {p.key: p.known_strength for p in points} == {s.key: k for s, k in strengths.items()}
    shown = {p.key for g in groups(points, "roar", "gradient", "strength") for p in g.points}
    assert shown == {spec.key for spec, known in strengths.items() if known}
    assert imported.key in {p.key for g in groups(points, "roar", "gradient") for p in g.points}
