"""Alarms rise on the curves they are made for, once, and stay silent on ordinary ones."""

import math

import numpy as np
import pytest

from engine import specs
from engine.training.alarms import ALARMS, Curves, new_alarms
from tests.engine.conftest import robust, training

LEARNING = [1.2, 0.8, 0.6, 0.5, 0.45, 0.4, 0.38, 0.36, 0.35]


def curves(robust_accuracy, loss=LEARNING, clean=0.9, count=200):
    epochs = len(robust_accuracy)
    return Curves(np.array(loss[:epochs]), np.full(epochs, clean), np.array(robust_accuracy), count)


def raised(spec, found, classes=10):
    return [name for name, alarm in ALARMS.items() if alarm(spec, found, classes)]


def test_that_a_network_that_learns_raises_nothing():
    assert raised(robust(), curves([0.1, 0.3, 0.4, 0.45, 0.44, 0.46])) == []
    assert raised(training(), curves([0.0, 0.0, 0.0])) == []


def test_that_robustness_lost_within_an_epoch_is_catastrophic_overfitting():
    found = curves([0.2, 0.4, 0.45, 0.02])
    assert raised(robust(), found) == ["catastrophic overfitting"]
    (sentence,) = new_alarms(robust(), found, 10)
    assert "from 45% to 2% (n = 200)" in sentence


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
    assert "was 51% in epochs 2 to 4 and is 38% in the last 3 (n = 200)" in sentence


def test_that_a_slow_fall_while_the_loss_rises_is_something_else():
    loss = [1.2, 0.8, 0.6, 0.5, 0.45, 0.6, 0.7]
    assert raised(robust(), curves([0.3, 0.5, 0.52, 0.51, 0.4, 0.38, 0.37], loss)) == []


def test_that_scattering_epochs_are_no_robust_overfitting():
    scattering = [0.64, 0.59, 0.52, 0.66, 0.6, 0.49, 0.64, 0.56, 0.445]
    assert raised(robust(), curves(scattering)) == []


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
