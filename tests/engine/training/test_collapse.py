"""Fast-AT collapses in a small case on MNIST, GradAlign and N-FGSM do not."""

import pytest

from engine import specs
from engine.data.images import ingest
from engine.specs.attacks import scaled_step
from tests.data_sources import real_data
from tests.engine.conftest import computed, study

__all__ = ["computed", "study"]  # fixtures

EPS, SEED = 0.35, 11
BALL = {"eps": EPS, "warmup": 2.0}


@pytest.mark.parametrize(
    ("scheme", "collapses"),
    [
        (specs.FastAT(**BALL, stride=2.0), True),
        (specs.GradAlign(**BALL, weight=0.0), True),
        (specs.GradAlign(**BALL, weight=2.0), False),
        (specs.NoisyFGSM(**BALL, noise=1.0), False),
    ],
    ids=["fast_at", "fgsm", "grad_align", "n_fgsm"],
)
def test_that_what_one_step_leaves_is_left_by_ten(computed, study, scheme, collapses):
    """All four seeds of docs/benchmarks.md, of which this is one."""
    place = real_data("mnist")
    images, _ = ingest(place, max_train=4000, max_test=400)
    study.set_location(images.digest, place)
    (record,) = computed(
        specs.Training(
            images=images,
            network=specs.SmallCNN(width=16),
            scheme=scheme,
            optimizer=specs.Adam(learning_rate=5e-3),
            epochs=8,
            batch_size=50,
            evaluation=specs.PGD(eps=EPS, steps=10, step_size=scaled_step(EPS, 10)),
            evaluation_images=400,
            epoch_images=100,
            seed=SEED,
        )
    )
    assert record.numbers["clean_accuracy"] > 0.85
    one_step = float(record.arrays["epochs/one_step_accuracy"][-1])
    assert one_step > 0.3
    left = record.numbers["robust_accuracy"] / one_step
    assert left < 0.25 if collapses else left > 0.45
