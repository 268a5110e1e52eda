"""Strokes and tangents of glyphs, which are known, and the sensitivity on and off the manifold."""

import math

import pytest
import torch

from engine import specs
from engine.data.glyphs import factors_of, jacobian, tangent_basis
from engine.data.images import load
from engine.jobs.context import Context
from engine.measures.scores.manifold import strokes
from engine.measures.scores.table import SCORES
from engine.specs.schema import SpecError
from tests.engine.conftest import GLYPHS, computed, study, training
from tests.engine.measures.scores.conftest import Linear

__all__ = ["computed", "study"]  # fixtures
COUNT = 12
LOGIT = specs.Gradient(quantity="logit", target=0)


@pytest.fixture
def glyphs():
    found = load(GLYPHS, lambda path: path)
    return torch.from_numpy(found.test_images[:COUNT].copy()).float() / 255


@pytest.fixture
def of_glyphs(scored, glyphs):
    def run(score, model):
        return scored(score, model, glyphs)

    return run


class PerImage(torch.nn.Module):
    """The gradient of its first logit is a map of its own for each glyph."""

    def __init__(self, glyphs, maps):
        super().__init__()
        self.glyphs, self.maps = glyphs, maps

    def forward(self, images):
        nearest = torch.cdist(images.flatten(1), self.glyphs.flatten(1)).argmin(1)
        first = (images * self.maps[nearest]).flatten(1).sum(1)
        return torch.stack([first, torch.zeros_like(first)], 1)


def test_that_strokes_are_where_the_ink_is(glyphs):
    found = strokes(GLYPHS)[:COUNT]
    _, factors = factors_of(GLYPHS, "test")
    full = glyphs[:, 0] / factors[:COUNT, -1].exp()[:, None, None]
    sure = (full - 0.5).abs() > 0.02  # images are rounded to 8 bits
    assert torch.equal(found[sure], (full >= 0.5)[sure])
    assert 0.05 < found.float().mean() < 0.3


def test_that_a_map_on_the_strokes_has_all_its_mass_there(of_glyphs, glyphs):
    inside = strokes(GLYPHS)[:COUNT, None].float()
    for maps, mass, ranks in (
        (inside, 1.0, 1.0),
        (-inside, 1.0, 1.0),
        (1 - inside, 0.0, 0.0),
    ):
        found = of_glyphs(specs.StrokeMass(attribution=LOGIT), PerImage(glyphs, maps))
        assert found.arrays["stroke_mass"] == pytest.approx(mass)
        assert found.arrays["stroke_ranks"] == pytest.approx(ranks)
    share = inside.mean((1, 2, 3)).numpy()
    even = of_glyphs(specs.StrokeMass(attribution=LOGIT), Linear(torch.ones(1, 28, 28)))
    assert even.arrays["stroke_mass"] == pytest.approx(share, rel=1e-5)
    assert even.arrays["stroke_mass_random"] == pytest.approx(share, abs=0.05)
    assert even.numbers["stroke_mass_sobel"] > even.numbers["stroke_mass"]


def test_that_tangents_lie_in_the_tangent_space_and_normals_do_not(of_glyphs, glyphs):
    labels, factors = (part[:COUNT] for part in factors_of(GLYPHS, "test"))
    basis = tangent_basis(jacobian(labels, factors))
    tangents = (basis @ torch.rand(COUNT, 8, 1)).view(COUNT, 1, 28, 28)
    drawn = torch.randn(COUNT, 784, 1)
    normals = (drawn - basis @ (basis.mT @ drawn)).view(COUNT, 1, 28, 28)
    for maps, expected in ((tangents, 1.0), (normals, 0.0)):
        found = of_glyphs(specs.MapTangentShare(attribution=LOGIT), PerImage(glyphs, maps))
        assert found.arrays["map_tangent_share"] == pytest.approx(expected, abs=1e-4)
    # Chance is sqrt(k / d).
    assert found.numbers["map_tangent_share_random"] == pytest.approx(math.sqrt(8 / 784), rel=0.35)


def test_that_the_tangent_share_of_gradients_is_that_of_the_older_metric(computed):
    older, newer = computed(
        *(
            specs.Measurement(classifier=training(), metric=metric, test_images=20)
            for metric in (specs.TangentShare(), specs.MapTangentShare())
        )
    )
    assert newer.arrays["map_tangent_share"] == pytest.approx(older.arrays["known"], rel=1e-4)
    assert older.numbers["known_low"] < older.numbers["known"] < older.numbers["known_high"]
    assert newer.numbers["map_tangent_share_low"] == pytest.approx(older.numbers["known_low"])


class AlongTangents(PerImage):
    """Answers to changes within one space only, given by bases (N, 784, K)."""

    def forward(self, images):
        flat = self.glyphs.flatten(1)
        nearest = torch.cdist(images.flatten(1), flat).argmin(1)
        change = (images.flatten(1) - flat[nearest]).unsqueeze(2)
        basis = self.maps[nearest]
        inside = (basis @ (basis.mT @ change)).squeeze(2).norm(dim=1)
        return torch.stack([inside, torch.zeros_like(inside)], 1)


def test_that_a_network_that_ignores_what_leaves_the_manifold_has_no_share_off_it(scored, glyphs):
    labels, factors = (part[:COUNT] for part in factors_of(GLYPHS, "test"))
    basis = tangent_basis(jacobian(labels, factors))
    score = specs.ManifoldSensitivity(radii=(0.2, 0.4), samples=3)
    found = scored(score, AlongTangents(glyphs, basis), glyphs)
    assert found.arrays["off_share"] == pytest.approx(0.0, abs=1e-4)
    # |p - p'| summed over two classes, of logits (r, 0) against (0, 0).
    expected = [2 * (1 / (1 + math.exp(-radius)) - 0.5) for radius in score.radii]
    curves = {name: found.arrays[f"curves/{score.label}/{name}"][0] for name in ("on", "whole")}
    assert curves["on"] == pytest.approx(expected, rel=1e-3)
    assert (curves["whole"] < 0.5 * curves["on"]).all()
    assert 0 < found.numbers["off_share_whole"] < 0.5


def test_that_strokes_of_mnist_files_are_the_pixels_of_half_the_brightness(study):
    digits = specs.IdxImages(name="mnist", digest="0" * 64)
    score = specs.StrokeMass(attribution=LOGIT)
    spec = specs.Measurement(classifier=training(images=digits), metric=score)
    context = Context(spec, study, torch.device("cpu"), lambda event: None)
    pixels = torch.tensor([[255, 128, 127, 0], [200, 0, 0, 90]], dtype=torch.uint8)
    images = pixels.view(2, 1, 2, 2).repeat(2, 1, 1, 1)
    weights = torch.tensor([4.0, 3.0, 2.0, 1.0]).view(1, 2, 2)
    found = SCORES["stroke_mass"](
        Linear(weights), images, torch.zeros(4, dtype=torch.int64), score, context
    )
    assert found.arrays["stroke_mass"] == pytest.approx([0.7, 0.4, 0.7, 0.4])
    assert found.arrays["stroke_ranks"] == pytest.approx(1.0)


def test_that_a_network_that_sees_all_directions_alike_is_half_off_the_manifold(scored, glyphs):
    score = specs.ManifoldSensitivity(radii=(0.2,), samples=3)
    found = scored(score, AlongTangents(glyphs, torch.eye(784).expand(COUNT, -1, -1)), glyphs)
    assert found.arrays["off_share"] == pytest.approx(0.5, abs=1e-4)


def test_that_other_images_are_refused_before_anything_is_computed():
    plane = training(images=specs.Gaussians2D(per_class=20), network=specs.PaperMLP())
    for metric, sentence in (
        (specs.StrokeMass(), "must be Glyphs or MNIST files: of other images the strokes"),
        (specs.MapTangentShare(), r"metric\.generator is missing: the tangent space is known on"),
        (specs.ManifoldSensitivity(), r"metric\.generator is missing: the tangent space is known"),
        (
            specs.ManifoldSensitivity(generator=specs.VAEGAN(images=GLYPHS)),
            r"metric\.generator is trained on other images than classifier",
        ),
    ):
        with pytest.raises(SpecError, match=sentence):
            specs.Measurement(classifier=plane, metric=metric)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: specs.ManifoldSensitivity(radii=()), r"radii is \[\], must hold at least one"),
        (lambda: specs.ManifoldSensitivity(radii=(0.0,)), "radii is 0.0, must be a list, each"),
        (lambda: specs.ManifoldSensitivity(radii=(2.0, 1.0)), "must rise from one to the next"),
        (lambda: specs.ManifoldSensitivity(samples=0), "samples is 0, must be a whole number"),
    ],
)
def test_that_impossible_radii_get_one_sentence(make, sentence):
    with pytest.raises(SpecError, match=sentence):
        make()


def test_that_a_generator_estimates_the_tangents_elsewhere(computed):
    generator = specs.VAEGAN(images=GLYPHS, width=0.1, latent=3, epochs=1)
    known, estimated, sensitivity = computed(
        *(
            specs.Measurement(classifier=training(), metric=metric, test_images=10)
            for metric in (
                specs.MapTangentShare(),
                specs.MapTangentShare(generator=generator),
                specs.ManifoldSensitivity(generator=generator, samples=2),
            )
        )
    )
    assert estimated.numbers["map_tangent_share"] != known.numbers["map_tangent_share"]
    assert estimated.numbers["map_tangent_share_random"] == pytest.approx(
        math.sqrt(3 / 784), rel=0.6
    )
    assert 0 < sensitivity.numbers["off_share"] < 1


def test_that_directions_can_be_cancelled_and_count_their_passes(study):
    from engine.jobs.context import Cancelled

    metric = specs.ManifoldSensitivity(radii=(0.5, 1.0), samples=3)
    spec = specs.Measurement(classifier=training(), metric=metric)
    seen = []

    class Counted(torch.nn.Module):
        def forward(self, images):
            seen.append(len(images) if len(images) > 1 else 0)
            return images.flatten(1)[:, 300:303]

    images = torch.rand(COUNT, 1, 28, 28)
    context = Context(spec, study, torch.device("cpu"), lambda event: None)
    run = SCORES[metric.kind]
    run(Counted(), images, torch.zeros(COUNT, dtype=torch.int64), metric, context)
    assert sum(seen) / COUNT / 3 == pytest.approx(metric.passes)
    context.control.cancel()
    with pytest.raises(Cancelled):
        run(Counted(), images, torch.zeros(COUNT, dtype=torch.int64), metric, context)
