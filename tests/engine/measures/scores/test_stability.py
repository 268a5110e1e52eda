"""Infidelity and max-sensitivity agree with captum where both define the same."""

import pytest
import torch
from captum.metrics import infidelity as captum_infidelity
from captum.metrics import sensitivity_max

from engine import specs
from engine.attribution.table import attribute
from engine.measures.scores import stability
from engine.specs.schema import SpecError
from tests.engine.measures.scores.conftest import Linear

LOGIT = specs.Gradient(quantity="logit")


def drawn_changes(score, images, context):
    """Return the changed images that a score draws, one (N, C, H, W) a sample."""
    generator = context.generator("changes of images", 0)
    return [stability._changed(images, score, generator) for _ in range(score.samples)]


@pytest.mark.parametrize("perturbation", ["noise", "square"])
@pytest.mark.parametrize("scale", ["plain", "best_factor"])
def test_that_infidelity_is_captums(perturbation, scale, curved, some_images, scored, context_of):
    score = specs.Infidelity(
        attribution=LOGIT, perturbation=perturbation, scale=scale, samples=12, window=0.4
    )
    context = context_of(score)
    classes = curved(some_images).argmax(1)
    changes = iter(drawn_changes(score, some_images, context))

    def replayed(inputs):
        changed = next(changes)
        return inputs - changed, changed

    theirs = captum_infidelity(
        curved,
        replayed,
        some_images,
        attribute(curved, some_images, LOGIT),
        target=classes,
        n_perturb_samples=score.samples,
        max_examples_per_batch=len(some_images),
        normalize=scale == "best_factor",
    )
    ours = scored(score, curved, some_images, context=context).arrays["infidelity"]
    assert ours == pytest.approx(theirs.double().numpy(), rel=1e-5, abs=1e-6)  # captum sums float32


def test_that_the_relative_error_is_in_parts_of_the_change(curved, some_images, scored):
    change = scored(
        specs.Infidelity(attribution=LOGIT, scale="best_factor"), curved, some_images
    ).arrays
    relative = scored(specs.Infidelity(attribution=LOGIT), curved, some_images).arrays
    for ending in ("", "_random", "_sobel", "_blurred"):
        found = relative[f"infidelity{ending}"]
        assert (found >= 0).all()
        assert (found <= 1).all()
        ratio = change[f"infidelity{ending}"] / found
        assert ratio == pytest.approx(change["infidelity"] / relative["infidelity"], rel=1e-6)


@pytest.mark.parametrize(
    "method",
    [
        LOGIT,
        specs.GradientXInput(quantity="logit"),
        specs.GradientXInput(quantity="logit", input_range="unit"),
        specs.IntegratedGradients(quantity="logit", baseline="white", steps=2),
    ],
    ids=lambda spec: spec.kind,
)
def test_that_maps_of_a_linear_network_are_perfect_at_any_scale(method, some_images, scored):
    model = Linear(torch.linspace(-1.0, 2.0, 30).view(1, 6, 5))
    method = method.replace("target", 0)
    for scale in ("relative", "plain"):
        score = specs.Infidelity(attribution=method, scale=scale)
        found = scored(score, model, some_images)
        assert found.arrays["infidelity"] == pytest.approx(0.0, abs=1e-6)
        assert found.numbers["infidelity_random"] > 0.1


def test_that_a_baseline_of_training_images_is_refused():
    with pytest.raises(SpecError, match=r"attribution\.baseline is 'training', must be one of"):
        specs.Infidelity(attribution=specs.ExpectedGradients())
    assert specs.Infidelity(attribution=specs.ExpectedGradients(baseline="black"))


def test_that_max_sensitivity_is_captums(curved, some_images, scored, context_of):
    score = specs.MaxSensitivity(attribution=LOGIT, radius=0.1, samples=7)
    context = context_of(score)
    generator = context.generator("noise on images", 0)
    classes = curved(some_images).argmax(1)

    def replayed(inputs):
        drawn = torch.rand(inputs.shape, generator=generator)
        return (inputs + 0.1 * (2 * drawn - 1)).clamp(0, 1)

    def explained(inputs):  # captum hands over a tuple first, and then what is replayed
        (first,) = inputs if isinstance(inputs, tuple) else (inputs,)
        return (attribute(curved, first, LOGIT.replace("explained", "true"), classes),)

    theirs = sensitivity_max(
        explained,
        some_images,
        perturb_func=replayed,
        n_perturb_samples=7,
        max_examples_per_batch=len(some_images),
    )
    ours = scored(score, curved, some_images, context=context).arrays["max_sensitivity"]
    assert ours == pytest.approx(theirs.double().numpy(), rel=1e-5)


def test_that_the_gradient_of_a_linear_logit_does_not_change(some_images, scored):
    model = Linear(torch.linspace(-1.0, 2.0, 30).view(1, 6, 5))
    score = specs.MaxSensitivity(attribution=specs.Gradient(quantity="logit", target=0))
    found = scored(score, model, some_images)
    assert found.arrays["max_sensitivity"] == pytest.approx(0.0, abs=1e-6)
    assert found.numbers["max_sensitivity_random"] > 1
    assert 0 < found.numbers["max_sensitivity_sobel"] < 1


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: specs.MaxSensitivity(radius=0.0), "radius is 0.0, must be a number above 0"),
        (lambda: specs.MaxSensitivity(samples=0), "samples is 0, must be a whole number at least"),
        (lambda: specs.Infidelity(noise=0.0), "noise is 0.0, must be a number above 0"),
        (lambda: specs.Infidelity(window=1.5), "window is 1.5, must be a number above 0"),
        (lambda: specs.Infidelity(samples=0), "samples is 0, must be a whole number at least 1"),
    ],
)
def test_that_impossible_changes_get_one_sentence(make, sentence):
    with pytest.raises(SpecError, match=sentence):
        make()
