import numpy as np
import pytest
import torch

from engine import specs
from engine.measures.glyph_truth import stroke_mass
from tests.engine.conftest import training


def measured(**changes):
    return specs.Measurement(
        classifier=training(**changes.pop("training", {})),
        metric=specs.GlyphTruth(**changes),
        test_images=60,
    )


def test_that_stroke_mass_is_the_share_on_pixels_with_ink_whatever_the_sign():
    maps = torch.tensor([[[[1.0, -3.0], [0.0, 4.0]]], [[[0.0, 0.0], [0.0, 0.0]]]])
    ink = torch.tensor([[True, True, False, False]] * 2)
    found = stroke_mass(maps, ink)
    assert found[0] == pytest.approx(0.5)
    assert np.isnan(found[1])


def test_that_controls_have_what_is_known_of_them(computed):
    (record,) = computed(measured())
    numbers = record.numbers
    assert numbers["tangent_baseline"] == pytest.approx(np.sqrt(8 / 784), rel=0.02)
    assert numbers["random_tangent_share"] == pytest.approx(numbers["tangent_baseline"], rel=0.1)
    assert numbers["random_stroke_mass"] == pytest.approx(numbers["stroke_baseline"], abs=0.02)
    # The tangent space holds the moves of the strokes, which change pixels at edges.
    assert numbers["sobel_tangent_share"] > 0.9
    assert 0 < numbers["blurriness"] < 1
    assert record.arrays["tangent_share"].mean() == pytest.approx(numbers["tangent_share"])


def test_that_the_tangent_share_of_the_gradient_is_the_one_of_the_metric_for_it(computed):
    gradient = measured()
    other = specs.Measurement(
        classifier=training(), metric=specs.TangentShare(), test_images=gradient.test_images
    )
    one, two = computed(gradient, other)
    assert one.numbers["tangent_share"] == pytest.approx(two.numbers["known"], abs=1e-5)


def test_that_a_map_times_a_black_background_lies_on_ink_alone(computed):
    """Why stroke mass is read with its controls: gradient x input has it by the product."""
    attribution = specs.GradientXInput(input_range="unit")
    (record,) = computed(measured(attribution=attribution))
    assert record.numbers["stroke_mass"] == pytest.approx(1)


def test_that_images_without_a_known_truth_are_refused_in_a_sentence(computed):
    plane = specs.Gaussians2D(per_class=50)
    net = {"images": plane, "network": specs.PaperMLP(), "evaluation_images": 10}
    (message,) = computed(measured(training=net), expect_failure=True)
    assert "classifier.images is gaussians_2d, must be glyphs" in message
