"""What every attack, attribution, training scheme and metric must satisfy, of whatever kind.

The work that a spec says is counted here on the network itself: every image that goes through it
forwards, back to its pixels, or back to the weights. Of a scheme, which may also go back through a
gradient, the multiplications are counted.
"""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from engine import specs
from engine.attacks.table import attack
from engine.attribution.table import attribute
from engine.jobs.context import Context
from engine.measures.measure import METRICS
from engine.plan.cost import work_of
from engine.specs.passes import FORWARD, TO_PIXELS
from engine.specs.schema import SpecError, fields_of, kinds_of
from engine.training.loop import TrainingState, make_optimizer
from engine.training.schemes import SCHEMES, BatchContext
from tests.engine.conftest import EVALUATION, GLYPHS, NETWORK, computed, study

__all__ = ["computed", "study"]  # fixtures

IMAGES = 40


class Counting(nn.Module):
    """A small network that counts the passes of all images that went through it."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 3)
        )
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.3, generator=generator)
        self.counts = [0.0]  # shared by copies, such as those of Grad-CAM

    @property
    def passes(self):
        return self.counts[0]

    @passes.setter
    def passes(self, value):
        self.counts[0] = value

    def forward(self, images):
        # One image alone is the question in which layout the network is to be given them.
        if len(images) > 1:
            weights = torch.is_grad_enabled() and next(self.parameters()).requires_grad
            pixels = torch.is_grad_enabled() and images.requires_grad
            self.passes += len(images) * (1.0 if weights else TO_PIXELS if pixels else FORWARD)
        return self.layers(images)


@pytest.fixture
def counted():
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(IMAGES, 1, 8, 8, generator=generator)
    labels = torch.randint(3, (IMAGES,), generator=generator)
    return Counting(), images, labels


def many(cls):
    """Return a spec of a kind that does several of everything it can do several times."""
    values = {
        "steps": 5,
        "samples": 6,
        "restarts": 2,
        "random_start": True,
        "queries": 9,
        "targets": 2,
    }
    known = {item.name for item in fields_of(cls)}
    return cls(**{name: value for name, value in values.items() if name in known})


@pytest.mark.parametrize("cls", kinds_of(specs.AttackSpec), ids=lambda cls: cls.kind)
def test_that_an_attack_is_the_work_that_it_says(cls, counted):
    """In a ball too small for any change of answer: an attack may leave images that fell."""
    model, images, _ = counted
    labels = model(images).argmax(1)
    model.passes, spec = 0.0, many(cls).replace("eps", 1e-9)
    attack(model, images, labels, spec, generator=torch.Generator().manual_seed(0))
    assert model.passes / IMAGES == pytest.approx(spec.passes, rel=0.2)


@pytest.mark.parametrize("cls", kinds_of(specs.AttributionSpec), ids=lambda cls: cls.kind)
def test_that_an_attribution_is_the_work_that_it_says(cls, counted):
    model, images, _ = counted
    attribute(model, images, many(cls), training=images)
    assert model.passes / IMAGES == pytest.approx(many(cls).passes, rel=0.2)


def schemes_at_work():
    """Return a scheme of every kind, and with AWP those that know it."""
    kinds = kinds_of(specs.SchemeSpec)
    return [cls() for cls in kinds] + [
        cls(awp=0.01) for cls in kinds if "awp" in {item.name for item in fields_of(cls)}
    ]


class Multiplications(TorchDispatchMode):
    """Counts the multiplications of all convolutions and products, backwards too."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.total += count(*args, **(kwargs or {}), out_val=found)
        return found


def wide_network():
    """Return a network whose first layer is little of its work, as it is of real ones."""
    generator = torch.Generator().manual_seed(0)
    layers = [nn.Conv2d(1, 8, 3, padding=1), nn.Softplus()]
    for _ in range(4):
        layers += [nn.Conv2d(8, 8, 3, padding=1), nn.Softplus()]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 3))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.2, generator=generator)
    return model


@pytest.mark.parametrize("spec", schemes_at_work(), ids=lambda spec: spec.title)
def test_that_a_scheme_is_the_work_that_it_says(spec, counted):
    """In multiplications of a whole step; a pass is three times those of a forward."""
    (_, images, labels), model = counted, wide_network()
    with Multiplications() as forward, torch.no_grad():
        model(images)
    state = TrainingState(model, make_optimizer(specs.Adam(), model), {})
    batch = BatchContext(9.0, torch.Generator().manual_seed(0), lambda *_: None)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    with Multiplications() as step:
        loss = SCHEMES[spec.kind].step(state, images, labels, batch, **spec.parameters())
    assert loss.ndim == 0
    assert not loss.requires_grad
    assert any(
        not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True)
    )
    passes = step.total / (3 * forward.total)
    assert passes == pytest.approx(spec.passes, rel=0.1)


@pytest.mark.parametrize("cls", kinds_of(specs.SchemeSpec), ids=lambda cls: cls.kind)
def test_that_a_scheme_trains_through_a_plan_and_ends_the_same_twice(cls, computed, study):
    spec = specs.Training(
        images=specs.Glyphs(train=20, test=20),
        network=NETWORK,
        scheme=cls(),
        evaluation=EVALUATION,
        evaluation_images=10,
        epochs=1,
        batch_size=10,
    )
    (record,) = computed(spec)
    assert 0 <= record.numbers["clean_accuracy"] <= 1
    context = Context(spec, study, torch.device("cpu"), lambda event: None)
    from engine.training.train import train

    again = train(spec, context)
    for name, array in record.arrays.items():
        assert (again.arrays[name] == array).all(), name


@pytest.mark.parametrize("cls", kinds_of(specs.MetricSpec), ids=lambda cls: cls.kind)
def test_that_a_metric_says_its_work_and_gives_the_number_it_promises(cls, computed):
    network = specs.Training(
        images=GLYPHS, network=NETWORK, epochs=1, evaluation=EVALUATION, evaluation_images=10
    )
    spec = specs.Measurement(classifier=network, metric=cls(), test_images=10)
    assert cls.kind in METRICS
    standing = 0.3 if cls is specs.StrongAccuracy else 1  # the estimate supposes that half fall
    assert 10 * cls().passes >= work_of(spec).passes >= standing * 10 * cls().passes
    (record,) = computed(spec)
    if cls.headline:
        assert any(name in record.numbers for name in cls.headline)


@pytest.mark.parametrize("cls", kinds_of(specs.AttributionSpec), ids=lambda cls: cls.kind)
def test_that_only_a_method_with_a_reference_claims_to_be_complete(cls):
    reference = cls().reference()
    if reference is not None:
        assert reference.factor > 0
        drawn = reference.grey is None
        assert drawn == bool(cls().training_images)
        assert drawn or 0 <= reference.grey <= 1


@pytest.mark.parametrize("cls", kinds_of(specs.AttributionSpec), ids=lambda cls: cls.kind)
def test_that_an_attribution_is_drawn_and_ranks_pixels_through_a_plan(cls, computed):
    network = specs.Training(
        images=specs.Glyphs(train=20, test=20),
        network=NETWORK,
        evaluation=EVALUATION,
        evaluation_images=10,
        epochs=1,
    )
    spec = many(cls).replace("masks", 20) if cls is specs.Rise else many(cls)
    maps = specs.Maps(classifier=network, attribution=spec)
    ranking = specs.AttributionRanking(classifier=network, attribution=spec)
    occlusion = specs.Occlusion(ranking=ranking)
    retraining = specs.Retraining(network=NETWORK, occlusion=occlusion, epochs=1, batch_size=10)
    drawn, retrained = computed(maps, retraining)
    assert drawn.arrays["attributions"].shape == (8, 1, 28, 28)
    assert np.isfinite(drawn.arrays["attributions"]).all()
    assert ("completeness_gap" in drawn.arrays) == (spec.reference() is not None)
    assert 0 <= retrained.numbers["accuracy"] <= 1


def test_that_a_kind_without_its_work_says_so():
    class Silent(specs.AttackSpec):
        """An attack that does not say how much work it is."""

    with pytest.raises(NotImplementedError, match="Silent does not say its passes"):
        _ = Silent().passes


def test_that_impossible_settings_of_the_new_methods_get_one_sentence():
    for make, sentence in (
        (lambda: specs.TRADES(beta=-1.0), "beta is -1.0, must be a number at least 0"),
        (lambda: specs.MART(beta=-1.0), "beta is -1.0, must be a number at least 0"),
        (lambda: specs.Adversarial(awp=-0.1), "awp is -0.1, must be a number at least 0"),
        (lambda: specs.GaussianNoise(sigma=-1.0), "sigma is -1.0, must be a number at least 0"),
        (lambda: specs.GradientPenalty(size="l3"), "size is 'l3', must be one of l1, l2_squared"),
        (lambda: specs.EdgeGradients(weight=-1.0), "weight is -1.0, must be a number at least 0"),
        (
            lambda: specs.EdgeGradients(temperature=0.0),
            "temperature is 0.0, must be a number above",
        ),
        (
            lambda: specs.AlignedGradients(classes=0),
            "classes is 0, must be a whole number at least",
        ),
        (lambda: specs.AlignedGradients(target="x"), "target is 'x', must be one of class_mean"),
        (lambda: specs.FreeAT(replays=0), "replays is 0, must be a whole number at least 1"),
        (lambda: specs.FastAT(stride=0.0), "stride is 0.0, must be a number above 0"),
        (lambda: specs.NoisyFGSM(noise=-1.0), "noise is -1.0, must be a number at least 0"),
        (lambda: specs.GradAlign(weight=-1.0), "weight is -1.0, must be a number at least 0"),
        (lambda: specs.IntegratedGradients(steps=0), "steps is 0, must be a whole number at least"),
        (lambda: specs.SmoothGrad(noise=2.0), "noise is 2.0, must be a number at least 0"),
        (lambda: specs.VarGrad(samples=0), "samples is 0, must be a whole number at least 1"),
        (lambda: specs.Rise(probability=0.0), "probability is 0.0, must be a number above 0"),
        (lambda: specs.Rise(masks=1), "masks is 1, must be a whole number at least 2"),
        (lambda: specs.OcclusionMap(window=0.0), "window is 0.0, must be a number above 0"),
        (lambda: specs.OcclusionMap(stride=0.0), "stride is 0.0, must be a number at least 0.01"),
    ):
        with pytest.raises(SpecError, match=sentence):
            make()
