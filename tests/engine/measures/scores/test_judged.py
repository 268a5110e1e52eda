"""What every score does: baselines, intervals, work, progress, and cancelling."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from torch import nn

from engine import specs
from engine.jobs.context import Cancelled
from engine.jobs.events import Progress
from engine.measures.scores import randomisation
from engine.measures.scores.judged import Judged, mean_and_limits
from engine.measures.scores.table import SCORES
from engine.specs.schema import SpecError, kinds_of
from engine.specs.scores.base import ScoreSpec
from tests.engine.test_families import Counting

SCORE_KINDS = pytest.mark.parametrize("kind", kinds_of(ScoreSpec), ids=lambda kind: kind.kind)
COUNT = 20


def small(kind):
    """Return a score that does several of everything, and little of each."""
    changes = {"steps": 2, "samples": 3, "fractions": (0.3, 0.6)}
    spec = kind()
    return kind(**{name: v for name, v in changes.items() if hasattr(spec, name)})


class CountingGlyphs(Counting):
    """A counting network for images of 28 x 28 px."""

    def __init__(self):
        super().__init__()
        first, activation, *rest = self.layers
        self.layers = nn.Sequential(first, activation, nn.AdaptiveAvgPool2d(8), *rest)


@pytest.fixture
def counted(monkeypatch):
    monkeypatch.setattr(randomisation, "_fresh", lambda judged: CountingGlyphs().eval())
    images = torch.rand(COUNT, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(COUNT) % 3
    return CountingGlyphs().eval().requires_grad_(False), images, labels


def test_that_every_score_has_a_function():
    maps = {kind.kind for kind in kinds_of(ScoreSpec)}
    assert set(SCORES) == {*maps, specs.ManifoldSensitivity.kind}


@SCORE_KINDS
def test_that_a_score_says_in_one_sentence_what_it_does_not_show(kind):
    assert kind.caveat.startswith("It does not show ")
    assert kind.caveat.endswith(".")
    assert kind.caveat.count(". ") == 0
    assert kind.caveat in "\n".join(
        method.caveat for method in specs_methods() if method.kind == kind.kind
    )


def specs_methods():
    from engine.specs.methods import methods

    return list(methods("metrics"))


@SCORE_KINDS
def test_that_a_score_has_values_a_mean_and_its_baselines(kind, counted, scored):
    model, images, labels = counted
    found = scored(small(kind), model, images, labels)
    name = kind.headline[0]
    for own in (name, *(f"{name}_{which}" for which in kind.baselines)):
        values = found.arrays[own]
        assert values.shape == (COUNT,)
        assert found.numbers[own] == pytest.approx(np.nanmean(values))
        assert found.numbers[f"{own}_low"] <= found.numbers[own] <= found.numbers[f"{own}_high"]
    assert found.numbers["images"] == COUNT
    if kind.curve_x:
        panels = {key.split("/")[1] for key in found.arrays if key.count("/") == 2}
        for panel in panels:
            for which in ("map", *kind.baselines):
                curve = found.arrays[f"curves/{panel}/{which}"]
                assert curve.shape == (3, len(found.arrays["curves/x"]))
    again = scored(small(kind), model, images, labels)
    assert again.numbers == found.numbers


@SCORE_KINDS
def test_that_a_score_is_the_work_that_it_says(kind, counted, scored):
    """Networks drawn anew are copies, which count with the network itself or are the same size."""
    model, images, labels = counted
    spec = small(kind)
    model.counts[0] = 0.0
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    fresh = CountingGlyphs().eval()
    fresh.counts = model.counts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(randomisation, "_fresh", lambda judged: fresh)
        patch.setattr(CountingGlyphs, "__deepcopy__", _sharing, raising=False)
        scored(spec, model, images, labels)
    assert model.passes / COUNT == pytest.approx(spec.passes, rel=0.1)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def _sharing(model, memo):
    """Copy a counting network; the copy counts where the original does."""
    made = CountingGlyphs().eval().requires_grad_(False)
    made.load_state_dict(model.state_dict())
    made.counts = model.counts
    return made


@SCORE_KINDS
def test_that_a_score_says_how_far_it_is_and_can_be_cancelled(kind, counted, scored, context_of):
    model, images, labels = counted
    heard = []
    context = context_of(small(kind), heard.append)
    scored(context.spec.metric, model, images, labels, context)
    assert {event.total for event in heard if isinstance(event, Progress)} == {COUNT}
    context = context_of(small(kind))
    context.control.cancel()
    with pytest.raises(Cancelled):
        scored(context.spec.metric, model, images, labels, context)


@SCORE_KINDS
def test_that_images_of_one_pixel_are_refused_where_pixels_are_compared(kind, counted, scored):
    model, _, _ = counted
    if not kind.compares_pixels:
        points = torch.rand(4, 2, 1, 1)
        assert scored(small(kind), Silent(), points).numbers["images"] == 4
        return
    with pytest.raises(SpecError, match=f"images are 1 x 1 px, {kind.label.split(' (')[0]}"):
        scored(small(kind), model, torch.rand(4, 2, 1, 1))


@SCORE_KINDS
def test_that_no_images_are_refused(kind, counted, scored):
    model, images, labels = counted
    with pytest.raises(SpecError, match=r"there are no test images|none of the test images"):
        scored(small(kind), model, images[:0], labels[:0])


class HalfBroken(nn.Module):
    """Answers to bright images with numbers that are not finite."""

    def forward(self, images):
        bright = images.flatten(1).mean(1, keepdim=True) > 0.5
        return images.flatten(1)[:, :3] * torch.where(bright, math.nan, 5.0)


@SCORE_KINDS
def test_that_images_without_a_finite_map_are_left_out(kind, scored, monkeypatch):
    monkeypatch.setattr(randomisation, "_fresh", lambda judged: HalfBroken())
    monkeypatch.setattr(randomisation, "layers_in_order", lambda model, image: [""])
    images = 0.8 * torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(4))
    images[::2] += 0.2
    found = scored(small(kind), HalfBroken(), images)
    name = kind.headline[0]
    assert np.isnan(found.arrays[name][::2]).all()
    assert np.isfinite(found.arrays[name][1::2]).all()
    assert found.numbers["images"] == 3


class Silent(nn.Module):
    """Answers the same, whatever the image."""

    def forward(self, images):
        return images.flatten(1)[:, :2] * 0


def test_that_maps_of_zeros_have_no_sparseness(scored, some_images):
    with pytest.raises(SpecError, match="Sparseness of Gradient is not defined for any of the 6"):
        scored(specs.Sparseness(), Silent(), some_images)


def test_that_the_class_of_a_map_stays_that_of_the_image(curved, some_images, context_of):
    for method, expected in (
        (specs.Gradient(), curved(some_images).argmax(1)),
        (specs.Gradient(target=2), torch.full((6,), 2)),
        (specs.Gradient(explained="true"), torch.zeros(6, dtype=torch.int64)),
    ):
        score = specs.Sparseness(attribution=method)
        judged = Judged(curved, some_images, score, context_of(score))
        (batch,) = judged.batches(some_images, torch.zeros(6, dtype=torch.int64))
        assert torch.equal(batch.classes, expected)
        blank = torch.zeros_like(some_images)  # where the network would say another class
        kept = judged.maps(blank, batch.classes)
        from engine.attribution.methods import gradient

        assert torch.equal(kept, gradient(curved, blank, expected, quantity="log_probability"))


def test_that_limits_are_those_of_students_t_and_leave_out_what_is_undefined():
    values = np.array([[0.1, 1.0], [0.4, math.nan], [0.2, 2.0], [0.9, math.nan], [0.3, math.nan]])
    found = mean_and_limits(values)
    for column in range(2):
        known = values[np.isfinite(values[:, column]), column]
        low, high = scipy.stats.t.interval(
            0.95, len(known) - 1, known.mean(), scipy.stats.sem(known)
        )
        assert found[:, column] == pytest.approx([known.mean(), low, high])
    lonely = mean_and_limits(np.array([0.5]))
    assert lonely[0] == 0.5
    assert np.isnan(lonely[1:]).all()
