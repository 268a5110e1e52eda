"""Alarms rise on the curves they are made for, once, and stay silent on ordinary ones."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine import specs
from engine.jobs.context import Context
from engine.jobs.events import Notice
from engine.training.alarms import ALARMS, Curves, ended_alarms, new_alarms
from engine.training.train import train
from tests.engine.conftest import robust, training

LEARNING = [1.2, 0.8, 0.6, 0.5, 0.45, 0.4, 0.38, 0.36, 0.35]


def curves(
    robust_accuracy, loss=LEARNING, clean=0.9, count=200, one=None, many=None, selects=False
):
    epochs = len(robust_accuracy)
    return Curves(
        np.array(loss[:epochs]),
        np.full(epochs, clean),
        np.array(robust_accuracy),
        count,
        np.full(epochs, np.nan) if one is None else np.array(one),
        np.full(epochs, np.nan) if many is None else np.array(many),
        selects,
    )


def raised(spec, found, classes=10):
    return [name for name, alarm in ALARMS.items() if alarm(spec, found, classes)]


def test_that_a_network_that_learns_raises_nothing():
    assert raised(robust(), curves([0.1, 0.3, 0.4, 0.45, 0.44, 0.46])) == []
    assert raised(training(), curves([0.0, 0.0, 0.0])) == []


def test_that_robustness_lost_within_an_epoch_is_catastrophic_overfitting():
    found = curves([0.2, 0.4, 0.45, 0.02])
    assert raised(robust(), found) == ["catastrophic overfitting"]
    (sentence,) = new_alarms(robust(), found, 10)
    assert "from 45 % to 2 % (n = 200)" in sentence


ONE = [0.03, 0.15, 0.19, 0.31]  # measured on Glyphs with FGSM at eps 0.2
MANY = [0.02, 0.08, 0.04, 0.03]


def test_that_a_network_that_was_never_robust_is_found_by_its_one_step_accuracy():
    found = curves(MANY, one=ONE, many=MANY)
    spec = training(scheme=specs.Adversarial(attack=specs.FGSM(eps=0.2)))
    assert raised(spec, found) == ["catastrophic overfitting"]
    (sentence,) = new_alarms(spec, found.before(), 10)
    assert "19 % of the images resist one step of the attack's size, but only 4 %" in sentence
    assert sentence.endswith("PGD of at least 3 steps, or with a smaller eps")
    assert new_alarms(spec, found, 10) == [], "it was raised one epoch earlier"


@pytest.mark.parametrize(
    ("one", "many"), [(0.42, 0.19), (0.79, 0.51), (0.03, 0.01), (0.01, 0.0), (0.1, 0.1)]
)
def test_that_honest_gaps_and_noise_are_no_catastrophic_overfitting(one, many):
    """The pairs were measured with PGD-7, FGSM at a smaller eps, and networks at chance."""
    assert raised(robust(), curves([0.05], one=[one], many=[many])) == []


def test_that_the_warm_up_is_not_compared():
    scheme = specs.Adversarial(attack=specs.FGSM(eps=0.2), warmup=2)
    early, late = (curves([0.05] * n, one=[0.4] * n, many=[0.01] * n) for n in (2, 3))
    assert raised(training(scheme=scheme), early) == []
    assert raised(training(scheme=scheme), late) == ["catastrophic overfitting"]


def test_that_the_advice_is_more_than_the_steps_there_are():
    (sentence,) = new_alarms(robust(), curves([0.2, 0.4, 0.45, 0.02]), 10)
    assert sentence.endswith("train with more than 3 attack steps, or with a smaller eps")


def test_that_robust_overfitting_names_the_epoch_whose_weights_are_stored():
    fell = [0.3, 0.5, 0.52, 0.51, 0.4, 0.38, 0.37]
    (without,) = new_alarms(robust(), curves(fell), 10)
    assert without.endswith("with a validation part of the images, "
                            "the weights of the best epoch are stored too")  # fmt: skip
    (sentence,) = new_alarms(robust(), curves(fell, selects=True), 10)
    assert sentence.endswith("the weights of epoch 3, the best so far, are stored beside the last")


def test_that_robustness_lost_while_the_loss_rises_is_something_else():
    assert raised(robust(), curves([0.2, 0.4, 0.45, 0.02], [1.2, 0.8, 0.6, 0.9])) == []


def test_that_few_images_are_not_believed():
    fell = [0.2, 0.3, 0.4, 0.19]
    assert raised(robust(), curves(fell, count=400)) == ["catastrophic overfitting"]
    assert raised(robust(), curves(fell, count=10)) == []


def test_that_a_slow_fall_from_the_best_while_the_loss_falls_is_robust_overfitting():
    found = curves([0.3, 0.5, 0.52, 0.51, 0.4, 0.38, 0.37])
    assert raised(robust(), found) == ["robust overfitting"]
    sentence = new_alarms(robust(), found, 10)[0]
    assert "was 51 % in epochs 2 to 4 and is 38 % in the last 3 (n = 200)" in sentence


def test_that_a_slow_fall_while_the_loss_rises_is_something_else():
    loss = [1.2, 0.8, 0.6, 0.5, 0.45, 0.6, 0.7]
    assert raised(robust(), curves([0.3, 0.5, 0.52, 0.51, 0.4, 0.38, 0.37], loss)) == []


def test_that_scattering_epochs_are_no_robust_overfitting():
    scattering = [0.64, 0.59, 0.52, 0.66, 0.6, 0.49, 0.64, 0.56, 0.445]
    assert raised(robust(), curves(scattering)) == []


def plateau(count, epochs, scatter, rng):
    """Draw the curves of an honest training: it learns, and stays where it is while the loss falls.

    ``scatter`` is the standard deviation by which single epochs are better or worse than others.
    """
    at = np.arange(1, epochs + 1)
    truth = 0.5 * (1 - np.exp(-at / 3)) + scatter * rng.standard_normal(epochs)
    many = rng.binomial(count, truth.clip(0, 1)) / count
    one = rng.binomial(count, (1.15 * truth).clip(0, 1)) / count
    loss, clean = 2 * np.exp(-at / 8) + 0.3, rng.binomial(count, 0.9, epochs) / count
    found = Curves(loss, clean, many, count, one, many, False, count, 5_000)
    return [
        replace(found, **{name: getattr(found, name)[: end + 1] for name in NAMES})
        for end in range(epochs)
    ]


NAMES = ("loss", "clean", "robust", "one_step", "many_step")


@pytest.mark.parametrize("scatter", [0.0, 0.01, 0.03])
@pytest.mark.parametrize(("count", "epochs"), [(200, 30), (1000, 30), (200, 100), (1000, 100)])
def test_that_honest_trainings_raise_an_alarm_in_5_percent_at_most(count, epochs, scatter):
    rng, trainings = np.random.default_rng(0), 100
    alarmed = sum(
        any(raised(robust(), found) for found in plateau(count, epochs, scatter, rng))
        for _ in range(trainings)
    )
    assert alarmed / trainings <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / trainings)


def test_that_a_slow_fall_is_found_in_most_trainings():
    """From 50 to 40 % between epochs 10 and 40, on 500 images, epochs scattering by a point."""
    rng, trainings, found = np.random.default_rng(0), 100, 0
    truth = np.interp(np.arange(40), [0, 3, 10, 39], [0.2, 0.45, 0.5, 0.4])
    loss = 2 * np.exp(-np.arange(40) / 8) + 0.3
    for _ in range(trainings):
        accuracy = rng.binomial(500, truth + 0.01 * rng.standard_normal(40)) / 500
        found += "robust overfitting" in raised(robust(), curves(accuracy, loss, count=500))
    assert found / trainings > 0.5


def test_that_standard_networks_cannot_lose_robustness():
    assert raised(training(), curves([0.2, 0.4, 0.45, 0.02])) == []


@pytest.mark.parametrize(("epochs", "silent"), [(1, True), (2, False)])
def test_that_a_network_that_guesses_does_not_learn(epochs, silent):
    guess = [math.log(10)] * epochs
    found = raised(training(), curves([0.1] * epochs, guess, clean=0.1))
    assert found == ([] if silent else ["not learning"])


def test_that_a_warm_up_is_waited_for():
    scheme = specs.Adversarial(attack=specs.PGD(), warmup=3)
    guess = [math.log(10)] * 5
    assert raised(training(scheme=scheme), curves([0.1] * 4, guess, clean=0.1)) == []
    assert raised(training(scheme=scheme), curves([0.1] * 5, guess)) == ["not learning"]


SMALL = {"clean_images": 59, "train_images": 137}


def learned(loss, clean, **more):
    epochs = len(loss)
    nothing = np.full(epochs, np.nan)
    return Curves(
        np.array(loss), np.array(clean), np.zeros(epochs), 59, nothing, nothing, **(SMALL | more)
    )


def test_that_few_images_learned_by_heart_are_overfitting():
    found = learned([1.2, 0.2, 0.02], [0.5, 0.7, 0.71])
    (sentence,) = new_alarms(training(), found, 10)
    assert sentence == (
        "overfitting: at least 97 % of the 137 training images were right in epoch 3 (loss 0.02), "
        "of 59 test images 71 %; try more images, augmentation or fewer epochs"
    )
    assert "validation images" in new_alarms(training(), replace(found, selects=True), 10)[0]


@pytest.mark.parametrize(
    ("loss", "clean", "more"),
    [
        (0.2, 0.6, {}),  # the loss does not tell that many training images are right
        (0.02, 0.9, {}),
        (0.0, 0.8, {"clean_images": 10}),  # within the error of ten images
        (0.0, 0.5, {"clean_images": 0}),
    ],
)
def test_that_an_ordinary_gap_is_no_overfitting(loss, clean, more):
    assert raised(training(), learned([loss], [clean], **more)) == []


def test_that_smoothed_labels_loosen_the_bound():
    spec = training(label_smoothing=0.5)
    assert raised(spec, learned([0.03], [0.5])) == []
    assert raised(training(), learned([0.03], [0.5])) == ["overfitting"]


def test_that_an_alarm_that_does_not_hold_any_more_is_over():
    found = learned([2.31, 2.30, 0.0], [0.1, 0.1, 0.99])
    assert raised(training(), found.before()) == ["not learning"]
    assert ended_alarms(training(), found, 10) == [
        ("not learning", "no longer not learning (epoch 3: loss 0, accuracy 99 %)")
    ]
    assert ended_alarms(training(), found.before(), 10) == []


def test_that_an_alarm_is_raised_once():
    guess = [math.log(10)] * 3
    assert len(new_alarms(training(), curves([0.1] * 2, guess), 10)) == 1
    assert new_alarms(training(), curves([0.1] * 3, guess), 10) == []


def test_that_the_loss_of_an_epoch_is_the_mean_of_its_points():
    history = {
        "curve__step": [0.5, 1.0, 1.5, 2.0],
        "curve__loss": [3.0, 1.0, 0.6, 0.4],
        "epochs__clean_accuracy": [0.5, 0.6],
        "epochs__robust_accuracy": [0.1, 0.2],
        "epochs__robust_images": [50.0, 50.0],
    }
    found = Curves.of(history)
    np.testing.assert_allclose(found.loss, [2.0, 0.5])
    assert (len(found), found.robust_images, len(found.before())) == (2, 50, 1)
    assert np.isnan(found.one_step).all(), "records from before it was measured"
    assert not found.selects


def notices(study, attack, seed):
    """Train a network on Glyphs against an attack at eps 0.2, and return the notices."""
    spec = specs.Training(
        images=specs.Glyphs(train=2000, test=100, validation=0.1),
        network=specs.SmallCNN(width=8),
        scheme=specs.Adversarial(attack=attack, warmup=2),
        optimizer=specs.Adam(learning_rate=2e-3),
        evaluation=specs.PGD(eps=0.1, step_size=0.05, steps=3),
        evaluation_images=100,
        epochs=6,
        batch_size=50,
        seed=seed,
    )
    events = []
    train(spec, Context(spec, study, torch.device("cpu"), events.append))
    return [event.text for event in events if isinstance(event, Notice)]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_that_fgsm_training_that_collapses_is_noticed_and_pgd_training_is_not(study, seed):
    """On all 2,000 images, 8 epochs: 0 to 3 % resist many steps, after PGD-7 30 to 33 %."""
    (sentence,) = notices(study, specs.FGSM(eps=0.2), seed)[:1]
    assert sentence.startswith("catastrophic overfitting")
    attack = specs.PGD(eps=0.2, steps=7, step_size=0.07)
    assert notices(study, attack, seed) == []
