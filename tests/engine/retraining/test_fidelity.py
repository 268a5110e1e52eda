import numpy as np
import pytest
import torch

from engine import specs
from engine.retraining.fidelity import dropped, randomly_masked
from engine.specs.schema import SpecError
from tests.engine.conftest import robust, training


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def measured(**changes):
    values = {"samples": 3, **changes}
    return specs.Measurement(
        classifier=training(), metric=specs.FFidelity(**values), test_images=60
    )


def test_that_masked_images_lose_up_to_the_fraction_each_a_share_of_its_own():
    images = torch.rand(200, 2, 20, 20, generator=generator())
    fill = torch.tensor([2.0, 3.0])
    masked = randomly_masked(images, 0.1, fill, generator())
    lost = (masked[:, 0] == 2.0).flatten(1)
    assert torch.equal(lost, (masked[:, 1] == 3.0).flatten(1))
    shares = lost.float().mean(1)
    assert shares.mean() == pytest.approx(0.05, abs=0.005)
    assert 0.08 < shares.max() < 0.15
    assert torch.equal(masked[:, 0].flatten(1)[~lost], images[:, 0].flatten(1)[~lost])


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.5, 0.9])
def test_that_droppings_stay_on_their_side_and_below_the_fraction_of_the_tuning(share):
    """The example of the authors' code compares a share with a number of pixels here."""
    spec = specs.FFidelity(probability=0.5, fraction=0.1)
    ranks = torch.rand(400, 400, generator=generator()).argsort(1)
    drawn = torch.rand(ranks.shape, generator=generator(1))
    marked = ranks < round(share * 400)
    plus, minus = (dropped(ranks, side, share, spec, drawn) for side in ("plus", "minus"))
    assert not (plus & ~marked).any()
    assert not (minus & marked).any()
    assert plus.float().mean() == pytest.approx(min(0.5 * share, 0.1), abs=0.003)
    assert minus.float().mean() == pytest.approx(min(0.5 * (1 - share), 0.1), abs=0.003)


def test_that_a_share_that_marks_nothing_is_refused_in_a_sentence():
    ranks = torch.arange(10).expand(2, 10)
    with pytest.raises(SpecError, match="marks 0 of 10 pixels: must mark some, and leave some"):
        dropped(ranks, "plus", 0.01, specs.FFidelity(), torch.rand(2, 10))


def test_that_one_tuning_serves_all_attributions():
    gradient = measured()
    other = measured(attribution=specs.GradientXInput())
    tunings = [
        [one for one in spec.requires() if isinstance(one, specs.MaskTuning)]
        for spec in (gradient, other)
    ]
    assert tunings[0] == tunings[1]
    assert len(tunings[0]) == 1
    assert tunings[0][0].batch_size == gradient.classifier.batch_size


def test_that_the_record_holds_the_score_of_its_own_numbers(computed):
    (record,) = computed(measured())
    numbers = record.numbers
    own, by_chance = (numbers[f"{name}plus"] - numbers[f"{name}minus"] for name in ("", "random_"))
    assert numbers["fidelity"] == pytest.approx(own - by_chance)
    assert record.arrays["plus"].mean() == pytest.approx(numbers["plus"])
    assert 0 <= numbers["judge_accuracy"] <= 1


def test_that_tuning_on_masks_helps_on_masked_images_and_starts_from_the_network(computed, study):
    """After many epochs on masks of up to 80 % the network is right on more of them."""
    network = training(epochs=4)
    short = specs.MaskTuning(classifier=network, fraction=0.8, epochs=1, batch_size=200)
    long = specs.MaskTuning(classifier=network, fraction=0.8, epochs=15, batch_size=20)
    one, two = computed(short, long)
    assert two.numbers["masked_accuracy"] > one.numbers["masked_accuracy"] + 0.1
    trained = study.read(network).arrays
    moved = [
        float(np.abs(one.arrays[name] - trained[name]).max())
        for name in trained
        if name.startswith("weights/")
    ]
    assert moved
    assert 0 < max(moved) < 0.01  # one step of Adam at its usual rate of 0.001


def test_that_the_edges_of_another_network_count_alike(computed):
    """The Sobel control knows no network: it differs by the judge only."""
    one = measured()
    other = specs.Measurement(classifier=robust(), metric=one.metric, test_images=60)
    for record in computed(one, other):
        assert np.isfinite(record.numbers["sobel"])
