"""Small cases on MNIST in which FGSM or Fast-AT collapse, and GradAlign and N-FGSM do not."""

import pytest

from engine import specs
from engine.data.images import ingest
from engine.specs.attacks import scaled_step
from tests.data_sources import real_data
from tests.engine.conftest import computed, study

__all__ = ["computed", "study"]  # fixtures

SEEDS = {0.3: 10, 0.35: 11}  # by eps; docs/benchmarks.md has three more of each
SCHEDULES = {0.3: "cosine", 0.35: "constant"}


def in_ball(cls, eps, **values):
    return cls(eps=eps, warmup=2.0, **values)


@pytest.mark.parametrize(
    ("scheme", "collapses"),
    [  # measured: what ten steps leave, as a share of what one step leaves
        (in_ball(specs.GradAlign, 0.3, weight=0.0), True),  # FGSM: 0.12
        (in_ball(specs.GradAlign, 0.3, weight=2.0), False),  # 0.81
        (in_ball(specs.NoisyFGSM, 0.3, noise=1.0), False),  # 0.84
        (in_ball(specs.FastAT, 0.35, stride=2.0), True),  # 0.06
        (in_ball(specs.GradAlign, 0.35, weight=1.0), False),  # 0.62
        (in_ball(specs.NoisyFGSM, 0.35, noise=1.0), False),  # 0.58
    ],
    ids=lambda value: getattr(value, "title", ""),
)
def test_that_ten_steps_leave_what_one_step_leaves_unless_it_collapsed(
    computed, study, scheme, collapses
):
    place, eps = real_data("mnist"), scheme.eps
    images, _ = ingest(place, max_train=4000, max_test=400)
    study.set_location(images.digest, place)
    (record,) = computed(
        specs.Training(
            images=images,
            network=specs.SmallCNN(width=16),
            scheme=scheme,
            optimizer=specs.Adam(learning_rate=5e-3, schedule=SCHEDULES[eps]),
            epochs=8,
            batch_size=50,
            evaluation=specs.PGD(eps=eps, steps=10, step_size=scaled_step(eps, 10)),
            evaluation_images=400,
            epoch_images=100,
            seed=SEEDS[eps],
        )
    )
    assert record.numbers["clean_accuracy"] > 0.85
    one_step = float(record.arrays["epochs/one_step_accuracy"][-1])
    assert one_step > 0.3
    left = record.numbers["robust_accuracy"] / one_step
    assert left < 0.35 if collapses else left > 0.45
