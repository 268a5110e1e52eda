import numpy as np
import pytest

from engine import specs
from engine.measures.measure import METRICS
from engine.specs.schema import kinds_of
from tests.engine.conftest import training

# Squares, variances, and activations weighted to be positive.
UNSIGNED = ("smoothgrad_squared", "vargrad", "gradcam", "layercam")


def test_that_there_is_a_function_for_every_metric():
    assert set(METRICS) == {kind.kind for kind in kinds_of(specs.MetricSpec)}


@pytest.mark.parametrize("attribution", kinds_of(specs.AttributionSpec), ids=lambda k: k.kind)
def test_that_maps_hold_attributions_of_the_chosen_images(computed, attribution):
    (record,) = computed(
        specs.Maps(classifier=training(), attribution=attribution(), indices=(3, 1))
    )
    assert record.arrays["attributions"].shape == (2, 1, 28, 28)
    found = record.arrays["attributions"]
    assert found.max() > 0
    assert found.min() >= 0 if attribution.kind in UNSIGNED else found.min() < 0
    assert np.isfinite(record.numbers["blurriness"])


def test_that_maps_hold_the_numbers_that_stand_below_them(computed):
    method = specs.GradientXInput(explained="true")
    (record,) = computed(specs.Maps(classifier=training(), attribution=method, indices=(3, 1)))
    assert record.arrays["completeness_gap"].shape == (2,)
    assert (record.arrays["tangent_share"] > 0).all()
    assert (record.arrays["tangent_share"] < 1).all()


@pytest.mark.parametrize("attack", kinds_of(specs.AttackSpec), ids=lambda k: k.kind)
def test_that_stored_adversarial_examples_hold_their_verdict(computed, attack):
    spec = specs.AdversarialExamples(classifier=training(), attack=attack(eps=0.2))
    (record,) = computed(spec)
    delta = record.arrays["adv_images"] - record.arrays["images"] / np.float32(255)
    assert np.abs(delta).max() <= 0.2 + 1e-6
    assert record.arrays["distance_linf"] == pytest.approx(np.abs(delta).max((1, 2, 3)), abs=1e-6)
    clean = record.arrays["clean_logits"].argmax(1)
    changed = record.arrays["adv_logits"].argmax(1) != clean
    assert record.numbers["success_rate"] == pytest.approx(changed.mean())


def test_that_robust_accuracy_falls_with_eps_and_begins_at_the_clean_one(computed):
    attack = specs.PGD(eps=0.1, step_size=0.04, steps=5)
    metric = specs.RobustAccuracy(attack=attack, eps=(0.0, 0.05, 0.5))
    base = training(epochs=4)
    measured, trained = computed(
        specs.Measurement(classifier=base, metric=metric, test_images=100), base
    )
    accuracy = measured.arrays["accuracy"]
    assert accuracy[0] == trained.numbers["clean_accuracy"]
    assert accuracy[0] >= accuracy[1] >= accuracy[2]
    assert (measured.arrays["accuracy_low"] <= accuracy).all()
    assert (measured.arrays["accuracy_high"] >= accuracy).all()


def test_that_the_boundary_of_the_plane_is_measured(computed):
    images = specs.Gaussians2D(per_class=200)
    base = training(images=images, network=specs.PaperMLP(), epochs=3)
    spec = specs.Boundary(classifier=base, grid=20, attacked_points=10)
    (record,) = computed(spec)
    assert 0 <= record.numbers["angle_degrees"] <= 90
    assert record.arrays["grid_logits"].shape == (20, 20, 2)
    assert record.arrays["adv_points"].shape == (10, 2)


def test_that_an_index_beyond_the_test_set_is_named(computed):
    (message,) = computed(specs.Maps(classifier=training(), indices=(0, 100)), expect_failure=True)
    assert message == "indices has 100, must be below 100: so many are the test images"


def test_that_images_of_another_shape_are_named(computed):
    other = specs.Gaussians2D(per_class=20)
    (message,) = computed(specs.Maps(classifier=training(), images=other), expect_failure=True)
    assert "2 x 1 x 1" in message
    assert "1 x 28 x 28" in message
