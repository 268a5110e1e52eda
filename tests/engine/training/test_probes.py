"""Live maps: of any method, kept with every epoch, without an effect on the training."""

import numpy as np
import pytest
import torch

from engine import specs
from engine.attribution.table import attribute
from engine.jobs.classifiers import classifier
from engine.jobs.context import Context
from engine.jobs.device_images import device_images
from engine.plan.cost import work_of
from engine.training import probes
from engine.training.probes import MAPS_SHARE, Probes
from tests.engine.conftest import computed, study, training

__all__ = ["computed", "study"]  # fixtures

METHODS = [
    specs.SmoothGrad(samples=2),
    specs.ExpectedGradients(samples=3),
    specs.DeepLift(),
    specs.GradCam(),
    specs.Rise(masks=20),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda spec: spec.kind)
def test_that_live_maps_are_those_of_the_method_and_change_no_weight(method, computed, study):
    plain, spec = training(), training(live_maps=method)
    first, record = computed(plain, spec)
    for name, array in first.arrays.items():
        if not name.startswith("probes/attributions"):
            np.testing.assert_array_equal(record.arrays[name], array, err_msg=name)
    found = record.arrays["probes/attributions"]
    assert found.shape == (3, 8, 1, 28, 28)
    context = Context(spec, study, torch.device("cpu"), lambda event: None)
    images = torch.from_numpy(record.arrays["probes/images"].copy())
    known = device_images(context, spec.images).train
    last = attribute(classifier(context, spec), images, method, training=known)
    np.testing.assert_allclose(found[-1], last, rtol=1e-3, atol=1e-6)


def test_that_a_method_that_cannot_explain_the_network_ends_the_training_before_it_begins(computed):
    spec = training(live_maps=specs.GradCam(layer="conv9"))
    (message,) = computed(spec, expect_failure=True)
    assert "layer is 'conv9' (did you mean 'conv2'?), must be the name of a layer" in message


def test_that_live_maps_of_the_gradient_are_not_in_a_key_and_others_are_in_the_title():
    assert training(live_maps=specs.Gradient()).key == training().key
    assert training(live_maps=specs.DeepLift()).key != training().key
    assert training(live_maps=specs.DeepLift()).title == f"{training().title}, DeepLIFT maps"
    more = work_of(training(live_maps=specs.Rise())).passes - work_of(training()).passes
    assert more == pytest.approx(2 * 8 * (specs.Rise().passes - specs.Gradient().passes))


def test_that_costly_maps_are_sent_less_often(study, monkeypatch):
    clock, took = [0.0], []
    spec = training()
    context = Context(spec, study, torch.device("cpu"), lambda event: took.append(event))
    monkeypatch.setattr(probes.time, "monotonic", lambda: clock[0])
    shown = Probes(context, device_images(context, spec.images))

    def slow(model):
        clock[0] += 2.0
        return np.zeros((8, 1, 28, 28), dtype=np.float32)

    monkeypatch.setattr(shown, "maps", slow)
    for _ in range(100):
        shown.send_if_due(None, 0.0)
        clock[0] += 1.0
    # 2 s of maps, then 20 s without: 5 times in 100 s of training.
    assert pytest.approx(20.0) == 2.0 / MAPS_SHARE
    assert len(took) == 5
