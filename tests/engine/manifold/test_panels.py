import numpy as np
import pytest
from scipy.stats import gaussian_kde

from engine.figures import tables
from engine.manifold import order, panels
from engine.specs import FGSM, Adversarial, Imported, SmallCNN
from tests import made_up_study as made_up


def test_that_the_claimed_order_runs_from_clean_over_strong_to_standard(tmp_path):
    (panel,) = panels.panels(made_up.manifold(tmp_path))
    assert panel.title == "L2 xent"
    assert [curve.eps for curve in panel.curves] == [-1, 0.04, 0.02, 0.01, 0]
    assert [step.difference for step in panel.steps] == pytest.approx([0.1] * 4, abs=1e-6)
    assert (panel.order, panel.holds) == ("holds", True)
    assert panel.verdict == (
        "The order holds over 40 test images: every step is larger than chance (95 % for all 4 "
        "steps at once). Seeds: 1, which says nothing of other trainings."
    )


def test_that_a_swapped_order_is_named(tmp_path):
    (panel,) = panels.panels(made_up.manifold(tmp_path, swapped=True))
    assert (panel.order, panel.holds) == ("does not hold", False)
    strong, medium = panel.curves[1].name, panel.curves[2].name
    assert panel.verdict.startswith(
        f"The order does not hold over 40 test images: {strong} is farther than {medium}, by more "
        "than chance (95 % for all 4 steps at once)."
    )


def test_that_a_generator_that_reconstructs_nothing_gives_no_verdict(tmp_path):
    (panel,) = panels.panels(made_up.manifold(tmp_path, explained=0.1))
    assert (panel.order, panel.holds) == ("undetermined", None)
    assert panel.verdict.startswith("No verdict: the generator's reconstructions hold 10 %")


def test_that_distances_are_scaled_by_the_clean_images(tmp_path):
    study = made_up.Study(tmp_path / "s.isthmus", create=True)
    made_up.add_generator(study)
    made_up.add_distances(study, made_up.distances_of(), np.linspace(2, 6, 40))
    attacked = made_up.network("l2", 0.1)
    counted = np.arange(40) < 10
    values = np.where(counted, 8.0, 100.0)
    made_up.add_distances(study, made_up.distances_of(attacked), values, counted)
    (panel,) = panels.panels(study)
    assert panel.curves[1].values.tolist() == pytest.approx([1.5] * 10)
    assert len(panel.curves[1].x) == 0  # no density of a constant
    assert np.isnan(panel.curves[1].mode)


def test_that_a_renamed_network_has_its_new_name_in_the_panel(tmp_path):
    study = made_up.manifold(tmp_path)
    (before,) = panels.panels(study)
    curve = before.curves[-1]
    study.labels.set(curve.classifier, title="my own network")
    (panel,) = panels.panels(study)
    assert panel.curves[-1].name == "my own network"
    assert [c.name for c in panel.curves[:-1]] == [c.name for c in before.curves[:-1]]


def test_that_a_step_within_the_noise_is_not_clear(tmp_path):
    study = made_up.Study(tmp_path / "s.isthmus", create=True)
    made_up.add_generator(study)
    random = np.random.default_rng(1)
    made_up.add_distances(study, made_up.distances_of(), random.uniform(size=40))
    noise = random.uniform(size=40)
    for eps in (0.1, 0.0):
        values = noise + (0 if eps else 0.001) + 0.2 * random.standard_normal(40)
        classifier = made_up.network("l2" if eps else "", eps)
        made_up.add_distances(study, made_up.distances_of(classifier), values)
    (panel,) = panels.panels(study)
    assert panel.steps[-1].side == 0
    assert (panel.order, panel.holds) == ("undetermined", None)
    assert "not larger than chance (95 % for all 2 steps at once): " in panel.verdict
    step = panel.steps[-1]
    assert f"; {step.nearer} < {step.farther} (measured reversed). Seeds: 1" in panel.verdict


def test_that_a_network_trained_on_from_another_stands_in_no_panel(tmp_path):
    study = made_up.manifold(tmp_path)
    before = [curve.key for curve in panels.panels(study)[0].curves]
    tuned = made_up.network().replace("start", made_up.network("l2", 0.01))
    made_up.add_distances(study, made_up.distances_of(tuned), np.linspace(0, 2, 40))
    assert [curve.key for curve in panels.panels(study)[0].curves] == before


def add_attacked(study, classifier, shift):
    """Store distances that lie so much above those of the clean images in made_up.manifold."""
    clean = np.linspace(0, 1, 40)
    made_up.add_distances(study, made_up.distances_of(classifier), clean + shift)


def test_that_seeds_of_one_strength_are_one_place_in_the_order(tmp_path):
    study = made_up.manifold(tmp_path)
    for eps, shift in {0.04: 0.0, 0.02: 0.12, 0.01: 0.4, 0.0: 0.5}.items():
        add_attacked(study, made_up.network("l2" if eps else "", eps, seed=1), shift)
    (panel,) = panels.panels(study)
    assert [curve.eps for curve in panel.curves] == [-1, 0.04, 0.04, 0.02, 0.02, 0.01, 0.01, 0, 0]
    differences = [step.difference for step in panel.steps]
    assert differences == pytest.approx([0.05, 0.11, 0.19, 0.1], abs=1e-6)
    assert panel.steps[0].nearer == "test data"
    assert panel.steps[-1].farther == "Standard (2 networks)"
    assert panel.holds
    assert panel.steps[1].of_seeds == pytest.approx({0: 0.1, 1: 0.12}, abs=1e-6)
    assert (
        panel.verdict.endswith(
            "Over 2 seeds with one generator, every step has the claimed sign in all of them but "
            "L2 0.04 PGD-10 < L2 0.02 PGD-10 (1); too few to judge."
        )
        or panel.over_seeds.seeds == 2
    )


def test_that_generators_that_differ_in_the_seed_are_judged_together(tmp_path):
    """Each of 3 seeds has its own generator and networks, as a plan run with --seed makes them."""
    study = made_up.Study(tmp_path / "s.isthmus", create=True)
    shifts = {0.02: 0.2, 0.01: 0.4, 0.0: 0.6}
    for seed in range(3):
        generator = made_up.GENERATOR.replace("seed", seed)
        made_up.add(study, generator, {"explained": 0.8})
        specs = [
            made_up.distances_of(made_up.network("l2" if e else "", e, seed=seed)) for e in shifts
        ]
        for spec, shift in zip(
            [made_up.distances_of(), *specs], [0, *shifts.values()], strict=True
        ):
            values = np.linspace(0, 1, 40) + shift + 0.001 * seed * (shift > 0.3)
            made_up.add_distances(study, spec.replace("generator", generator), values)
    found = panels.panels(study)
    assert len(found) == 3
    for panel in found:
        assert (panel.over_seeds.seeds, panel.over_seeds.generators) == (3, 3)
        assert panel.over_seeds.agreeing == (3, 3, 3)
        assert panel.verdict.endswith(
            "Over 3 seeds, every step has the claimed sign in each; the order holds over seeds."
        )
    stated = tables.as_json(study)["manifold"][0]
    assert (stated["order"], stated["over_seeds"]["order"]) == ("holds", "holds")
    assert stated["over_seeds"]["seeds"] == 3


def test_that_a_network_of_unknown_training_is_shown_but_has_no_place(tmp_path):
    study = made_up.manifold(tmp_path)
    before = panels.panels(study)[0].steps
    alike = made_up.network()
    own = Imported(images=alike.images, network=alike.network, name="mine.pt", digest="0" * 64)
    made_up.add(study, own, {"clean_accuracy": 0.9})
    add_attacked(study, own, 0.15)
    (panel,) = panels.panels(study)
    assert (panel.curves[-1].name, panel.curves[-1].eps) == ("mine.pt", None)
    assert panel.steps == before
    assert tables.as_json(study)["manifold"][0]["curves"][-1]["eps"] is None


def test_that_what_differs_between_sweeps_gives_panels_of_their_own_and_their_names(tmp_path):
    study = made_up.manifold(tmp_path)
    small = made_up.network("l2", 0.02)
    add_attacked(study, small.replace("network", SmallCNN(width=5, hidden=small.network.hidden)), 2)
    scheme = Adversarial(attack=FGSM(norm="l2", eps=0.02))
    add_attacked(study, small.replace("scheme", scheme), 3)
    named = dict(zip(*(f(panels.panels(study)) for f in (panels.names, list)), strict=True))
    width = small.network.width
    assert {name: len(panel.curves) for name, panel in named.items()} == {
        f"L2 xent (width {width}, trained against pgd)": 5,
        f"L2 xent (width {width}, trained against fgsm)": 3,
        "L2 xent (width 5, trained against pgd)": 2,
    }


def test_that_a_measurement_made_anew_takes_the_place_of_the_older_one(tmp_path):
    study = made_up.manifold(tmp_path)
    again = made_up.distances_of(made_up.network("l2", 0.02), seed=5)
    made_up.add_distances(study, again, np.linspace(0, 1, 40) + 0.25)
    (panel,) = panels.panels(study)
    assert [curve.key for curve in panel.curves if curve.eps == 0.02] == [again.key]


def test_that_standard_networks_alone_have_a_panel(tmp_path):
    study = made_up.Study(tmp_path / "s.isthmus", create=True)
    made_up.add_generator(study)
    made_up.add_distances(study, made_up.distances_of(), np.linspace(0, 1, 40))
    add_attacked(study, made_up.network(), 0.2)
    (panel,) = panels.panels(study)
    assert (panel.title, len(panel.steps), panel.holds) == ("standard training", 1, True)


def test_that_judges_and_reconstructions_are_never_mixed_in_a_panel(tmp_path):
    study = made_up.manifold(tmp_path)
    faithful = made_up.distances_of(
        made_up.network("l2", 0.01), judged_by="standard", reconstruction="sampled"
    )
    made_up.add_distances(study, faithful, np.linspace(0, 2, 40))
    (panel,) = panels.panels(study)  # the faithful one has no clean images to be scaled by
    assert faithful.key not in {curve.key for curve in panel.curves}
    made_up.add_distances(
        study, made_up.distances_of(reconstruction="sampled"), np.linspace(0, 1, 40)
    )
    other = next(p for p in panels.panels(study) if len(p.curves) == 2)
    assert other.variant == "faithful in which network judges, reconstruction"


def test_that_a_panel_can_hold_networks_of_another_loss_as_the_released_code_does(tmp_path):
    study = made_up.manifold(tmp_path)
    swapped = made_up.distances_of(made_up.network("l2", 0.03, loss="cw"), panel="xent")
    made_up.add_distances(study, swapped, np.linspace(0, 1, 40))
    (panel,) = panels.panels(study)
    assert swapped.key in {curve.key for curve in panel.curves}


def test_that_a_density_has_the_papers_bandwidth_and_integrates_to_one():
    values = np.random.default_rng(0).normal(size=500)
    x, density = order.kernel_density(values)
    assert np.trapezoid(density, x) == pytest.approx(1, abs=0.01)
    width = 0.25 * values.std(ddof=1)
    at = 200
    kernels = np.exp(-0.5 * ((x[at] - values) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    assert density[at] == pytest.approx(kernels.mean())
    assert density == pytest.approx(gaussian_kde(values, bw_method=0.25)(x), rel=1e-12)


def test_that_curves_of_different_images_are_not_compared(tmp_path):
    (panel,) = panels.panels(made_up.manifold(tmp_path))
    short = order.Distances(
        **{**panel.curves[0].__dict__, "every": np.zeros(3), "counted": np.ones(3, bool)}
    )
    with pytest.raises(ValueError, match="must have one number"):
        order.steps([short, panel.curves[1]])
