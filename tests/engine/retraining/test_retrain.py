import numpy as np
import pytest
import torch

from engine import specs
from engine.jobs.context import Context
from engine.jobs.device_images import device_images
from engine.retraining.rankings import (
    RANKINGS,
    blurred,
    edges,
    matching_blur,
    mean_blurriness,
    ranking,
    ranks_of,
)
from engine.retraining.retrain import occluded, removed_pixels
from engine.specs.schema import SpecError, kinds_of
from tests.engine.conftest import GLYPHS, training


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_that_there_is_a_function_for_every_ranking():
    assert set(RANKINGS) == {kind.kind for kind in kinds_of(specs.RankingSpec)}


def test_that_the_most_important_pixel_has_rank_zero():
    importance = torch.tensor([[0.1, 3.0, 0.0, 1.0]])
    assert ranks_of(importance, generator()).tolist() == [[2, 0, 3, 1]]


def test_that_attributions_far_below_the_papers_noise_keep_their_order():
    importance = torch.tensor([[1e-20, 3e-20, 2e-20]])
    assert ranks_of(importance, generator()).tolist() == [[2, 0, 1]]


def test_that_ties_never_favour_a_place():
    ranks = ranks_of(torch.zeros(4000, 16), generator()).float()
    assert ranks.mean(0).tolist() == pytest.approx([7.5] * 16, abs=0.4)
    assert all(sorted(row) == list(range(16)) for row in ranks[:20].tolist())


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.3, 0.5, 0.9, 1.0])
def test_that_roar_and_kar_of_the_reversed_ranking_remove_the_same_pixels(fraction):
    ranks = ranks_of(torch.rand(5, 49, generator=generator()), generator())
    backwards = 48 - ranks
    roar = removed_pixels(ranks, "roar", fraction)
    assert torch.equal(roar, removed_pixels(backwards, "kar", fraction))
    assert roar.sum(1).tolist() == [round(fraction * 49)] * 5


def test_that_roar_removes_the_most_important_and_kar_the_least():
    ranks = torch.tensor([[0, 1, 2, 3]])
    assert removed_pixels(ranks, "roar", 0.25).tolist() == [[True, False, False, False]]
    assert removed_pixels(ranks, "kar", 0.75).tolist() == [[False, True, True, True]]


def test_that_removed_pixels_hold_the_channel_mean():
    images = torch.rand(2, 3, 2, 4, generator=generator())
    ranks = torch.arange(8).expand(2, 8)
    occlusion = specs.Occlusion(
        ranking=specs.RandomRanking(images=GLYPHS), mode="roar", fraction_removed=0.5
    )
    fill = torch.tensor([0.1, 0.2, 0.3])
    found = occluded(images, ranks, occlusion, fill)
    assert torch.equal(found[:, :, 0], fill.view(1, 3, 1).expand(2, 3, 4))
    assert torch.equal(found[:, :, 1], images[:, :, 1])


def test_that_removing_nothing_is_plain_training(computed):
    base = training()
    occlusion = specs.Occlusion(ranking=specs.RandomRanking(images=GLYPHS), fraction_removed=0.0)
    plain, retrained = computed(
        base,
        specs.Retraining(
            occlusion=occlusion,
            network=base.network,
            epochs=base.epochs,
            batch_size=base.batch_size,
        ),
    )
    assert retrained.numbers["accuracy"] == plain.numbers["clean_accuracy"]


def test_that_the_fill_is_the_mean_of_the_training_images(study, computed):
    computed(GLYPHS)
    context = Context(GLYPHS, study, torch.device("cpu"), lambda event: None)
    images = device_images(context, GLYPHS)
    expected = images.train.double().mean() / 255
    assert images.channel_mean.item() == pytest.approx(expected.item(), abs=1e-6)


def test_that_a_ranking_covers_both_parts_and_follows_the_attribution(study, computed):
    spec = specs.AttributionRanking(classifier=training(), attribution=specs.Gradient())
    computed(spec.classifier)
    context = Context(spec.classifier, study, torch.device("cpu"), lambda event: None)
    ranks = ranking(spec, context)
    assert ranks.train.shape == (200, 784)
    assert ranks.test.shape == (100, 784)
    assert torch.equal(ranks.test.sort(1).values[0], torch.arange(784, dtype=ranks.test.dtype))
    assert ranking(spec, context) is ranks


def test_that_sobel_edges_of_a_step_lie_on_both_sides_of_it():
    image = torch.zeros(1, 2, 5, 6)
    image[:, :, :, 3:] = 1.0
    found = edges(image)[0]
    assert found.shape == (5, 6)
    assert found[2].tolist() == [0, 0, 8, 8, 0, 0]  # weight 1 + 2 + 1, in two channels


def test_that_blurring_keeps_a_constant_map_and_spreads_a_point():
    constant = torch.full((1, 9, 9), 0.25)
    assert torch.allclose(blurred(constant, 2.0), constant)
    point = torch.zeros(1, 15, 15)
    point[0, 7, 7] = 1.0
    spread = blurred(point, 1.0)
    assert spread.sum().item() == pytest.approx(1.0, abs=1e-5)
    assert spread[0, 7, 8].item() == pytest.approx(np.exp(-0.5) / (2 * np.pi), rel=0.02)
    assert torch.equal(blurred(point, 0.0), point)


def test_that_a_mask_alone_shows_which_pixels_were_removed_and_nothing_else():
    ranks = torch.tensor([[0, 1, 2, 3]])
    spec = specs.Occlusion(
        ranking=specs.RandomRanking(images=GLYPHS), fraction_removed=0.25, content="mask"
    )
    first, second = (
        occluded(torch.rand(1, 1, 2, 2, generator=generator(s)), ranks, spec, torch.tensor([0.5]))
        for s in (1, 2)
    )
    assert torch.equal(first, second)
    assert first.flatten().tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("control", ["blurred", "sobel", "mask_only"])
def test_that_every_control_has_a_score_and_shares_the_random_baseline(computed, control):
    base = training(batch_size=20, epochs=6, optimizer=specs.Adam(learning_rate=5e-3))
    spec = specs.Interpretability(
        classifier=base,
        attribution=specs.Gradient(),
        baseline=base,
        fractions=(0.5,),
        repeats=1,
        control=control,
    )
    (record,) = computed(spec)
    assert np.isfinite(record.numbers["score"])
    assert spec.retrainings("random") == spec.replace("control", "none").retrainings("random")
    assert spec.retrainings("attribution") != spec.replace("control", "none").retrainings(
        "attribution"
    )


def test_that_a_blurred_map_is_blurrier(computed):
    base = training(batch_size=20, epochs=6, optimizer=specs.Adam(learning_rate=5e-3))
    spec = specs.Interpretability(
        classifier=base, attribution=specs.Gradient(), baseline=base, fractions=(0.5,), repeats=1
    )
    plain, filtered = computed(spec, spec.replace("control", "blurred"))
    assert filtered.numbers["blurriness"] > plain.numbers["blurriness"]


def test_that_a_baseline_at_chance_gives_a_sentence_and_no_score(computed):
    base = training(epochs=1, optimizer=specs.Adam(learning_rate=1e-9))
    spec = specs.Interpretability(
        classifier=base, attribution=specs.Gradient(), baseline=base, fractions=(0.5,), repeats=1
    )
    messages = computed(spec, expect_failure=True)
    assert len(messages) == 1
    assert "must be above chance (10.0 %)" in messages[0]


def test_that_own_random_baselines_differ_between_networks():
    def random_of(seed):
        spec = specs.Interpretability(
            classifier=training(seed=seed),
            attribution=specs.Gradient(),
            baseline=training(),
            random_baseline="own",
        )
        return {one.key for one in spec.retrainings("random")}

    assert not random_of(1) & random_of(2)


def test_that_a_score_is_computed_from_its_retrainings(study, computed):
    base = training(batch_size=20, epochs=6, optimizer=specs.Adam(learning_rate=5e-3))
    spec = specs.Interpretability(
        classifier=base,
        attribution=specs.Gradient(),
        baseline=base,
        fractions=(0.2, 0.8),
        repeats=2,
    )
    (record,) = computed(spec)
    assert record.arrays["accuracy"].shape == (2, 2)
    curve = [study.read(one).numbers["accuracy"] for one in spec.retrainings("attribution")]
    np.testing.assert_array_equal(record.arrays["accuracy"].T.ravel(), curve)
    a, c = record.numbers["baseline_accuracy"], record.numbers["chance"]
    assert c == pytest.approx(0.1)
    method = [a, *record.arrays["accuracy"].mean(0), c]
    random = [a, *record.arrays["random_accuracy"].mean(0), c]
    expected = np.trapezoid(np.subtract(random, method), [0, 0.2, 0.8, 1])
    assert record.numbers["score"] == pytest.approx(expected)
    assert record.numbers["score_std"] >= 0


def blobs(sigma, count=20, seed=0):
    """Return maps (N, H, W) of noise blurred by a Gaussian."""
    noise = torch.randn(count, 28, 28, generator=generator(seed)).abs()
    return blurred(noise, sigma)


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_that_maps_of_different_blurriness_are_brought_to_one(sigma):
    maps = blobs(sigma)
    assert mean_blurriness(maps) < 0.4
    width = matching_blur(maps, 0.6)
    assert mean_blurriness(blurred(maps, width)) == pytest.approx(0.6, abs=0.005)
    narrower = [mean_blurriness(blurred(maps, part * width)) for part in (0.3, 0.6, 0.9)]
    assert max(narrower) < 0.6
    assert matching_blur(maps, 0.7) > width


def test_that_maps_that_cannot_be_so_blurry_come_as_near_as_they_can():
    maps = blobs(0.0)
    reached = mean_blurriness(blurred(maps, matching_blur(maps, 0.95)))
    assert reached < 0.95
    others = [mean_blurriness(blurred(maps, width)) for width in (0.5, 2.0, 4.0)]
    assert reached >= max(others)


def test_that_maps_blurrier_than_wanted_stay_as_they_are():
    assert matching_blur(blobs(4.0), 0.5) == 0


def test_that_maps_without_structure_need_no_blur():
    flat = torch.ones(3, 8, 8)
    assert mean_blurriness(flat) is None
    assert matching_blur(flat, 0.8) == 0


def score_of(**changes):
    base = training()
    values = {"fractions": (0.4,), "repeats": 1, "baseline": base, "classifier": base, **changes}
    return specs.Interpretability(attribution=specs.Gradient(), **values)


def test_that_a_matched_score_is_of_maps_with_the_blurriness_asked_for(computed):
    wanted, plain = score_of(control="matched", blurriness=0.7), score_of()
    matched, own = computed(wanted, plain)
    assert matched.numbers["blurriness"] == pytest.approx(0.7, abs=0.005)
    assert matched.numbers["own_blurriness"] == pytest.approx(own.numbers["blurriness"])
    assert matched.numbers["blur"] > 0
    (retrained,) = wanted.retrainings("attribution")
    assert retrained.occlusion.ranking.blurriness == 0.7
    assert wanted.retrainings("random") == plain.retrainings("random")


def test_that_diffroar_compares_what_keeps_the_most_with_what_keeps_the_least(computed):
    kar, roar = score_of(mode="kar"), score_of(mode="roar")
    reversed_ = score_of(mode="kar", control="reversed")
    assert reversed_.retrainings("attribution") == kar.retrainings("attribution")
    assert reversed_.retrainings("random") == roar.retrainings("attribution")
    record, kept, removed = computed(reversed_, kar, roar)
    difference = kept.arrays["accuracy"] - removed.arrays["accuracy"]
    # The curves meet at both ends: the area of a triangle of base 1.
    assert record.numbers["score"] == pytest.approx(float(difference.mean()) / 2)
    assert reversed_.title == "DiffROAR, Gradient of Standard, seed 0"


def test_that_diffroar_needs_kar_and_one_width_is_enough():
    with pytest.raises(SpecError, match="mode is roar, must be kar"):
        score_of(mode="roar", control="reversed")
    with pytest.raises(SpecError, match=r"blurriness is 0\.5, must be 0 where blur"):
        specs.AttributionRanking(
            classifier=training(), attribution=specs.Gradient(), blur=1.0, blurriness=0.5
        )
