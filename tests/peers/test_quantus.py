"""Our scores of maps against those of Quantus, where both define the same.

Random changes are drawn by ours and replayed to theirs. What differs by definition:

- Quantus adds 1e-7 to every value of a map before the Gini index; ours adds nothing.
- Its average of MPRT counts the correlation of the map with itself, which is 1; ours does not.
- Its pixel flipping starts after the first removal; ours at the whole image.
- Its ROAD removes int(share * pixels), ours the nearest whole number, and both orders.
- Its efficient and smooth MPRT draw bins and noise by rules of their own; they are not compared.
"""

import copy
import importlib
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

from engine import specs
from engine.attribution.table import attribute, pixel_importance
from engine.measures.scores import randomisation, stability
from engine.measures.scores.infill import fill
from engine.retraining.rankings import ranks_of
from tests.engine.conftest import study
from tests.engine.measures.scores.conftest import context_of, scored
from tests.engine.small_networks import initialised, seeded

__all__ = ["context_of", "scored", "study"]  # fixtures

pytestmark = pytest.mark.filterwarnings("ignore")
SIDE = 10
LOGIT = specs.Gradient(quantity="logit")
QUIET = {"disable_warnings": True, "normalise": False}


@pytest.fixture(scope="module")
def quantus():
    """Import Quantus late, and without OpenCV, which it needs for blurs only.

    OpenCV's wheel loads a Qt of its own and points the variables of Qt's plugins and fonts to it,
    which the window's tests in the same process would meet.
    """
    assert "cv2" not in sys.modules
    sys.modules["cv2"] = types.ModuleType("cv2")
    try:
        return importlib.import_module("quantus")
    except ModuleNotFoundError as error:
        pytest.skip(f"Quantus is not installed: {error}")
    finally:
        del sys.modules["cv2"]


@pytest.fixture
def images():
    return torch.rand(7, 1, SIDE, SIDE, generator=seeded(0))


@pytest.fixture
def network():
    """Return a small network with a curved answer, in float32."""
    layers = [nn.Flatten(), nn.Linear(SIDE**2, 12), nn.Softplus(), nn.Linear(12, 4)]
    return initialised(nn.Sequential(*layers), 1).eval().requires_grad_(False)


@pytest.fixture
def maps(network, images):
    return attribute(network, images, LOGIT)


def explained(model, inputs, targets, **_):
    """What Quantus calls for maps: ours, of the classes that it names."""
    spec = specs.Gradient(quantity="logit", explained="true")
    pixels = torch.as_tensor(inputs, dtype=torch.float32)
    return attribute(model, pixels, spec, torch.as_tensor(targets)).numpy()


def asked(metric, network, images, maps, classes=None, **fields):
    """Return what a metric of Quantus says of maps."""
    if classes is None:
        classes = network(images).argmax(1)
    return metric(
        model=network,
        x_batch=images.numpy().copy(),
        y_batch=classes.numpy(),
        a_batch=maps.numpy().copy(),
        device="cpu",
        **{"channel_first": True, **fields},
    )


def test_that_sparseness_is_theirs(quantus, network, images, maps, scored):
    large = 1e4 * maps  # what Quantus adds to each value is nothing beside these
    theirs = asked(quantus.Sparseness(abs=True, **QUIET), network, images, large)
    ours = scored(specs.Sparseness(attribution=LOGIT), network, images).arrays["sparseness"]
    assert ours == pytest.approx(np.array(theirs), abs=1e-5)


def test_that_complexity_is_theirs(quantus, network, images, maps, scored):
    theirs = asked(quantus.Complexity(abs=True, **QUIET), network, images, maps)
    ours = scored(specs.Complexity(attribution=LOGIT), network, images).arrays["complexity"]
    assert ours == pytest.approx(np.array(theirs), abs=1e-5)


def test_that_infidelity_is_theirs(quantus, network, images, maps, scored, context_of):
    score = specs.Infidelity(attribution=LOGIT, scale="plain", samples=8)
    context = context_of(score)
    generator = context.generator("changes of images", 0)
    changes = iter([stability._changed(images, score, generator) for _ in range(score.samples)])
    metric = quantus.Infidelity(
        perturb_func=lambda arr, indices, **_: next(changes).numpy().reshape(arr.shape),
        perturb_patch_sizes=[SIDE],
        n_perturb_samples=score.samples,
        abs=False,
        **QUIET,
    )
    theirs = asked(metric, network, images, maps)
    ours = scored(score, network, images, context=context).arrays["infidelity"]
    assert ours == pytest.approx(np.array(theirs), rel=1e-5, abs=1e-5)


def test_that_max_sensitivity_is_theirs(quantus, network, images, maps, scored, context_of):
    score = specs.MaxSensitivity(attribution=LOGIT, samples=5)
    context = context_of(score)
    generator = context.generator("noise on images", 0)
    drawn = (2 * torch.rand(images.shape, generator=generator) - 1 for _ in range(score.samples))
    metric = quantus.MaxSensitivity(
        perturb_func=lambda arr, indices, **_: (
            (torch.as_tensor(arr) + score.radius * next(drawn).flatten(1)).clamp(0, 1).numpy()
        ),
        nr_samples=score.samples,
        abs=False,
        **QUIET,
    )
    theirs = asked(metric, network, images, maps, explain_func=explained)
    ours = scored(score, network, images, context=context).arrays["max_sensitivity"]
    assert ours == pytest.approx(np.array(theirs), rel=1e-5, abs=1e-5)


def drawn_anew(network, seed):
    """Return the network with every layer drawn as Quantus draws it, from one seed a layer."""
    fresh = copy.deepcopy(network)
    for module in fresh.modules():
        if hasattr(module, "reset_parameters"):
            torch.manual_seed(seed + 1)
            module.reset_parameters()
    return fresh.eval().requires_grad_(False)


def test_that_the_correlations_of_mprt_are_theirs(
    quantus, network, images, maps, scored, monkeypatch
):
    metric = quantus.MPRT(layer_order="top_down", seed=42, abs=False, **QUIET)
    with torch.random.fork_rng():
        fresh = drawn_anew(network, 42)
        by_layer = asked(metric, network, images, maps, explain_func=explained)
    monkeypatch.setattr(randomisation, "_fresh", lambda judged: fresh)
    score = specs.Mprt(attribution=LOGIT, compared="signed", steps=2)
    found = scored(score, network, images)
    whole = by_layer.pop("original")
    assert whole == pytest.approx(np.ones(len(images)))
    layers = np.array(list(by_layer.values()))
    assert list(by_layer) == ["3", "1"]
    assert found.arrays["mprt"] == pytest.approx(layers.mean(0), abs=1e-5)
    curve = found.arrays["curves/" + score.label + "/map"][0]
    assert curve == pytest.approx([1.0, *layers.mean(1)], abs=1e-5)


def test_that_removed_pixels_are_filled_as_theirs(quantus, images):
    holes = torch.rand(len(images), SIDE, SIDE, generator=seeded(3)) < 0.6
    imputed = quantus.functions.perturb_func.noisy_linear_imputation
    ours = fill(images.double(), holes)
    for image, hidden, filled in zip(images.double(), holes, ours, strict=True):
        at = torch.nonzero(hidden.flatten()).flatten().numpy()
        theirs = imputed(arr=image.numpy(), indices=at, noise=0.0)
        assert filled.numpy() == pytest.approx(theirs, abs=1e-6)


def test_that_the_curve_of_road_is_theirs(quantus, network, images, scored):
    many = torch.rand(60, 1, SIDE, SIDE, generator=seeded(5))
    classes = network(many).argmax(1)
    shares = (0.1, 0.3, 0.5, 0.7, 0.9)
    score = specs.Road(attribution=LOGIT, fractions=shares, noise=0.0)
    ours = scored(score, network, many, classes).arrays["curves/most important first/map"][0]
    importance = pixel_importance(attribute(network, many, LOGIT))[:, None]
    metric = quantus.ROAD(
        percentages=[round(100 * share) for share in shares], noise=0.0, abs=True, **QUIET
    )
    theirs = asked(metric, network, many, importance, classes)
    assert ours[0] == 1.0
    assert ours[1:] == pytest.approx(np.array(list(theirs.values())), abs=1e-9)
    assert ours[-1] < ours[1]  # some answers change, so that the curve says something


@pytest.mark.parametrize("kind", ["deletion", "insertion"])
def test_that_pixel_flipping_is_deletion_and_from_the_other_end_insertion(
    quantus, kind, network, images, maps, scored
):
    steps = 20
    cls = specs.Deletion if kind == "deletion" else specs.Insertion
    score = cls(attribution=LOGIT, fill="black", steps=steps)
    found = scored(score, network, images)
    importance = pixel_importance(maps)[:, None]
    first = images if kind == "deletion" else torch.zeros_like(images)
    last = (torch.zeros_like(images) if kind == "deletion" else images).flatten(1).numpy()

    def flipped(arr, indices, **_):
        changed = arr.copy()
        np.put_along_axis(changed, indices, np.take_along_axis(last, indices, 1), 1)
        return changed

    metric = quantus.PixelFlipping(
        features_in_step=SIDE**2 // steps, perturb_func=flipped, abs=True, **QUIET
    )
    classes = network(images).argmax(1)
    theirs = np.array(asked(metric, network, first, importance, classes, softmax=True))
    start = network(first).softmax(1).gather(1, classes[:, None]).numpy()
    curves = np.concatenate([start, theirs], 1)
    mean = found.arrays[f"curves/{score.label}/map"][0]
    assert mean == pytest.approx(curves.mean(0), abs=1e-5)
    area = np.trapezoid(curves, axis=1) / steps
    assert found.arrays[kind] == pytest.approx(area, abs=1e-5)


def test_that_no_two_pixels_of_these_maps_tie(maps):
    """Ties are broken by chance in ours and by place in theirs; the tests above have none."""
    importance = pixel_importance(maps).flatten(1)
    ranks = [ranks_of(importance, seeded(seed)) for seed in (0, 1)]
    assert torch.equal(*ranks)
