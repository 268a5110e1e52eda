"""ROAR and KAR as the paper's code was released, against the same facts written out in numpy."""

import numpy as np
import pytest
import torch

from engine import specs
from engine.jobs.context import Context
from engine.jobs.device_images import device_images
from engine.retraining import retrain
from engine.retraining.rankings import ranking, ranks_of, removal, with_noise
from engine.retraining.retrain import fill_for_tests, removed_pixels
from engine.retraining.score import score
from engine.specs.variants import faithful, variant
from tests.engine.conftest import GLYPHS, training

PERCENTILES = (10, 30, 50, 70, 90)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def context_of(study, spec=GLYPHS):
    return Context(spec, study, torch.device("cpu"), lambda event: None)


def scored(**fields):
    base = training()
    given = {"classifier": training(seed=1), "attribution": specs.Gradient(), "baseline": base}
    return specs.Interpretability(**{**given, **fields})


@pytest.mark.parametrize("side", [28, 32])
@pytest.mark.parametrize("percentile", PERCENTILES)
def test_that_the_released_threshold_is_numpys_percentile(side, percentile):
    maps = np.random.RandomState(0).rand(3, side * side)
    ranks = ranks_of(torch.tensor(maps), generator())
    threshold = np.percentile(maps, 100 - percentile, axis=1, keepdims=True)
    share = percentile / 100
    roar = removed_pixels(ranks, "roar", share, "released").numpy()
    np.testing.assert_array_equal(roar, maps > threshold)
    # "kar" keeps so many percent: it removes the share that is left.
    kar = removed_pixels(ranks, "kar", round(1 - share, 9), "released").numpy()
    np.testing.assert_array_equal(kar, maps < threshold)


def test_that_it_removes_the_counts_that_were_published_with():
    ranks = torch.arange(1024)[None]
    counts = {
        form: [int(removed_pixels(ranks, "roar", p / 100, form).sum()) for p in PERCENTILES]
        for form in ("released", "corrected")
    }
    assert counts["released"] == [103, 307, 512, 717, 921]
    assert counts["corrected"] == [102, 307, 512, 717, 922]


def test_that_no_rounding_adds_a_pixel():
    # 0.3 * 100 and 0.7 * 100 are no whole numbers in binary.
    ranks = torch.arange(101)[None]
    for percentile in PERCENTILES:
        count = int(removed_pixels(ranks, "roar", percentile / 100, "released").sum())
        assert count == percentile


def test_that_the_fill_of_test_images_is_truncated():
    mean = torch.tensor([125.3069, 122.9501, 113.866]) / 255
    grey = fill_for_tests(mean, "released") * 255
    expected = np.array([125.3069, 122.9501, 113.866]).astype(np.uint8)
    assert expected.tolist() == [125, 122, 113]
    assert grey.tolist() == pytest.approx(expected.tolist())
    assert torch.equal(fill_for_tests(mean, "corrected"), mean)


def test_that_test_images_alone_get_the_truncated_fill(study, computed, monkeypatch):
    spec = specs.Retraining(
        occlusion=specs.Occlusion(
            ranking=specs.RandomRanking(images=GLYPHS), fraction_removed=1.0, form="released"
        ),
        network=training().network,
        epochs=1,
        batch_size=50,
    )
    seen, real = {}, retrain.occluded

    def occluded(images, ranks, occlusion, fill):
        seen.setdefault(len(images), []).append(255 * fill.item())
        return real(images, ranks, occlusion, fill)

    monkeypatch.setattr(retrain, "occluded", occluded)
    computed(spec)
    mean = float(device_images(context_of(study), GLYPHS).channel_mean * 255)
    assert seen[50] == pytest.approx([mean] * 4)  # batches of training images
    assert seen[100] == pytest.approx([np.floor(mean)], abs=1e-4)  # all test images
    assert mean - np.floor(mean) > 0.01


def test_that_noise_reorders_what_is_smaller_and_nothing_else():
    small = torch.linspace(1e-12, 1e-10, 400).expand(50, 400)
    order = ranks_of(with_noise(small, generator()), generator()).float()
    # By chance alone each place is as likely as any other: no correlation with the importance.
    r = np.corrcoef(order.flatten(), small.flatten())[0, 1]
    assert abs(r) < 0.05
    large = torch.linspace(1e-4, 1e-2, 400).expand(2, 400)
    assert torch.equal(
        ranks_of(with_noise(large, generator()), generator()), ranks_of(large, generator(1))
    )
    noise = with_noise(torch.zeros(100, 100), generator())
    # 1e-8 where pixels lie in [-1, 1] and gradients are half of ours.
    assert 0 <= noise.min() < 1e-10
    assert 1.98e-8 < noise.max() < 2e-8


def test_that_a_ranking_in_the_released_form_adds_it(study, computed, monkeypatch):
    spec = specs.AttributionRanking(classifier=training(), attribution=specs.Gradient())
    computed(spec.classifier)
    monkeypatch.setattr("engine.retraining.rankings.TIE_NOISE", 1e6)
    context = context_of(study)
    plain = ranking(spec, context).test.flatten().float()
    noisy = ranking(spec.replace("form", "released"), context).test.flatten().float()
    assert abs(np.corrcoef(plain, noisy)[0, 1]) < 0.05


def occlusion(seed=0, fraction=0.3, mode="roar"):
    order = specs.RandomRanking(images=GLYPHS, seed=seed, form="released")
    return specs.Occlusion(ranking=order, fraction_removed=fraction, mode=mode, form="released")


@pytest.mark.parametrize("mode", ["roar", "kar"])
def test_that_random_masks_are_drawn_pixel_by_pixel(study, computed, mode):
    computed(GLYPHS)
    masks = removal(occlusion(mode=mode), context_of(study)).train
    assert masks.shape == (200, 784)
    removed = removed_pixels(masks, mode, 0.3, "released").sum(1).double()
    # Binomial: mean P p, variance P p (1 - p); the exact form has no variance at all.
    assert removed.mean().item() == pytest.approx(784 * 0.3, abs=3 * (165 / 200) ** 0.5)
    assert removed.var().item() == pytest.approx(784 * 0.3 * 0.7, rel=0.35)


def test_that_every_share_and_mode_has_a_drawing_of_its_own(study, computed):
    computed(GLYPHS)
    context = context_of(study)
    third = removal(occlusion(fraction=0.3), context).train
    half = removal(occlusion(fraction=0.5), context).train
    assert not bool((third <= half).all())  # a ranking's masks contain one another
    assert not torch.equal(third, removal(occlusion(mode="kar"), context).train)
    assert not torch.equal(third, removal(occlusion(seed=1), context).train)
    assert removal(occlusion(fraction=0.3), context).train is third


def test_that_repeats_of_the_random_curve_share_their_masks_in_the_released_form():
    def orders(form):
        spec = scored(form=form, fractions=(0.3, 0.5))
        return {one.occlusion.ranking for one in spec.retrainings("random")}

    assert len(orders("released")) == 1
    assert len(orders("corrected")) == 3
    seeds = {one.seed for one in scored(form="released").retrainings("random")}
    assert seeds == {0, 1, 2}  # of the weights


def test_that_a_released_score_hands_its_form_on():
    spec = faithful(scored())
    for which in ("attribution", "random"):
        for one in spec.retrainings(which):
            assert variant(one) == "faithful"
    assert all(variant(one) == "corrected" for one in scored().retrainings("attribution"))


def test_that_released_scores_are_computed(computed):
    base = training(batch_size=20, epochs=6, optimizer=specs.Adam(learning_rate=5e-3))
    spec = faithful(
        specs.Interpretability(
            classifier=base,
            attribution=specs.Gradient(),
            baseline=base,
            fractions=(0.5,),
            repeats=2,
        )
    )
    (record,) = computed(spec)
    assert np.isfinite(record.numbers["score"])


@pytest.mark.parametrize("mode", ["roar", "kar"])
def test_that_the_ends_of_the_curves_do_not_enter_a_score(mode):
    """The released code has 0.7366 and 0.1 in all; both curves end there, so they cancel."""
    random = np.random.RandomState(0)
    fractions = [p / 100 for p in PERCENTILES]
    curve, base = random.rand(5), random.rand(5)

    def at(baseline_accuracy, chance):
        ends = {"baseline_accuracy": baseline_accuracy, "chance": chance}
        return score(fractions, curve, base, mode=mode, **ends)

    assert at(0.7366, 0.1) == pytest.approx(at(0.99, 0.02), abs=1e-15)
    sign = 1 if mode == "roar" else -1
    gap = np.concatenate([[0], sign * (base - curve), [0]])
    assert at(0.7366, 0.1) == pytest.approx(np.trapezoid(gap, [0, *fractions, 1]))
