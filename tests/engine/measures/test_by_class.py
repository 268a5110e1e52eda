"""Accuracy by class on a network whose answers are known."""

import numpy as np
import pytest
import torch

from engine import specs
from engine.jobs.context import Context
from engine.measures.by_class import class_accuracy
from engine.specs.schema import SpecError
from tests.engine.conftest import GLYPHS


@pytest.fixture
def context(study):
    return Context(GLYPHS, study, torch.device("cpu"), lambda event: None)


class Brightest(torch.nn.Module):
    """Three classes, one a pixel: the logits are ten times the three pixels of an image."""

    def forward(self, images):
        return 10 * images.flatten(1)


IMAGES = torch.tensor(
    [[0.9, 0.1, 0.0], [0.6, 0.5, 0.0], [0.2, 0.8, 0.0], [0.7, 0.4, 0.0], [0.0, 0.0, 1.0]]
).reshape(5, 1, 1, 3)
LABELS = torch.tensor([0, 0, 1, 1, 2])


def measured(context, images=IMAGES, labels=LABELS, model=None):
    attack = specs.PGD(norm="linf", eps=0.1, step_size=0.1, steps=2)
    spec = specs.ClassAccuracy(attack=attack)
    return class_accuracy(model or Brightest(), images, labels, spec, context)


def test_that_confusions_are_counted_clean_and_attacked(context):
    found = measured(context)
    assert found.arrays["confusion"].tolist() == [[2, 0, 0], [1, 1, 0], [0, 0, 1]]
    # The second image falls: its two bright pixels are 0.1 apart, and each moves by 0.1.
    assert found.arrays["attacked_confusion"].tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert found.numbers == {
        "accuracy": pytest.approx(0.8),
        "worst_class_accuracy": 0.5,
        "attacked_accuracy": pytest.approx(0.6),
        "worst_attacked_class_accuracy": 0.5,
    }


def test_that_the_worst_images_come_first(context):
    found = measured(context)
    np.testing.assert_allclose(found.arrays["margin"], [8, 1, 6, -3, 10], atol=1e-5)
    assert found.arrays["worst/indices"].tolist() == [3, 1, 2, 0, 4]
    np.testing.assert_array_equal(found.arrays["worst/images"][0], IMAGES[3].numpy())


def test_that_images_without_a_label_are_left_out_and_all_of_them_refused(context):
    labels = torch.tensor([0, -1, 1, -1, 2])
    found = measured(context, labels=labels)
    assert found.numbers["accuracy"] == 1
    assert found.arrays["worst/indices"].tolist() == [2, 0, 4]
    with pytest.raises(SpecError, match="none of the test images has a label"):
        measured(context, labels=torch.full((5,), -1))


def test_that_an_answer_that_is_not_finite_names_no_class(context):
    class Broken(Brightest):
        def forward(self, images):
            return super().forward(images) / (images.flatten(1)[:, 2:] < 0.5)

    found = measured(context, model=Broken())
    assert found.arrays["predicted"].tolist() == [0, 0, 1, 0, -1]
    assert found.numbers["worst_class_accuracy"] == 0
    assert np.isnan(found.arrays["margin"][4])
