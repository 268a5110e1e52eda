"""Every computation on a make-believe device: apart from the CPU, without float64, captured."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine import specs
from engine.attacks.losses import LOSSES_OF, TARGETED
from engine.attacks.table import attack
from engine.attribution.table import ATTRIBUTIONS, attribute
from engine.devices.graphs import GRAPHS
from engine.jobs.context import Cache, Context
from engine.jobs.device_images import layout
from engine.plan.computations import COMPUTATIONS
from engine.specs.schema import KINDS
from engine.store.study import Study
from engine.training.capture import CAPTURED
from engine.training.together.trainings import train_all, why_alone
from tests.device import tensors
from tests.device.kinds import METRICS, SCHEMES, VARIANTS
from tests.engine.devices.pretended import DEVICE, OnDevice, Replays, pretended

IMAGES = specs.Glyphs(train=40, test=20)
SMALL = {"images": IMAGES, "network": specs.SmallCNN(width=2, hidden=4), "epochs": 1,
         "batch_size": 20, "evaluation_images": 4, "epoch_images": 4,
         "evaluation": specs.PGD(eps=0.1, step_size=0.05, steps=2)}  # fmt: skip
STANDARD = specs.Training(**SMALL)
PLANAR = replace(STANDARD, images=specs.Gaussians2D(), network=specs.PaperMLP(), batch_size=500)
GENERATOR = specs.VAEGAN(images=IMAGES, width=0.125, epochs=1, batch_size=20)
SCORE = specs.Interpretability(classifier=STANDARD, attribution=specs.Gradient(),
                               baseline=STANDARD, fractions=(0.5,), repeats=1)  # fmt: skip
FEW = {specs.TangentShare.kind: specs.TangentShare(generator=GENERATOR)}
WANTED = {
    **{f"training {name}": replace(STANDARD, scheme=one) for name, one in SCHEMES.items()},
    **{f"training {name}": replace(STANDARD, **fields) for name, fields in VARIANTS.items()
       if "network" not in fields},
    "maps": specs.Maps(classifier=STANDARD, attribution=specs.SmoothGrad(samples=2)),
    "examples": specs.AdversarialExamples(classifier=STANDARD, attack=SMALL["evaluation"]),
    "boundary": specs.Boundary(classifier=PLANAR, grid=20),
    "distance": specs.ManifoldDistance(
        generator=GENERATOR, classifier=STANDARD, test_images=10,
        attack=specs.PGD(norm="l2", eps=2.0, step_size=0.5, steps=2)),
    **{f"measurement {name}": specs.Measurement(
        classifier=STANDARD, metric=FEW.get(name, metric), test_images=8)
       for name, metric in METRICS.items() if name != "strong_accuracy"},
    **{f"retraining {which}": SCORE.retrainings(which)[0] for which in ("random", "attribution")},
    "tuning": specs.MaskTuning(classifier=STANDARD),
}  # fmt: skip

THREAT = SCHEMES["adversarial"].attack
CAPTURED_HERE = {
    "standard": specs.Standard(),
    "adversarial l2": specs.Adversarial(attack=replace(THREAT, norm="l2")),
    "adversarial released": specs.Adversarial(attack=replace(THREAT, form="released")),
    "adversarial cw": specs.Adversarial(attack=replace(THREAT, loss="cw")),
    **{name: one for name, one in SCHEMES.items() if one.kind in CAPTURED},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A study, and what its computations share."""
    return Study(tmp_path_factory.mktemp("pretended") / "s", create=True), Cache()


def computed(spec, study, cache, device):
    """Compute a spec and what it requires on a device, and return its record."""
    for parent in spec.requires():
        computed(parent, study, cache, device)
    if not study.has(spec):
        context = Context(spec, study, device, lambda event: None, cache=cache)
        result = COMPUTATIONS[spec.kind](spec, context)
        study.write(spec, result, seconds=1.0, provenance={})
    return study.read(spec)


def test_that_the_device_refuses_what_mps_refuses(monkeypatch):
    with pretended(monkeypatch) as device:
        there = torch.ones(3, device=device)
        assert type(there) is OnDevice
        assert there.device == device
        assert (2 * there).cpu().tolist() == [2.0, 2.0, 2.0]
        assert float(there.sum()) == 3.0
        for widen in (there.double, lambda: there.to(torch.float64),
                      lambda: torch.zeros(2, device=device, dtype=torch.float64),
                      lambda: torch.tensor([1.0], device=device, dtype=torch.float64),
                      lambda: torch.zeros(2, dtype=torch.float64).to(device)):  # fmt: skip
            with pytest.raises(TypeError, match="float64"):
                widen()
        with pytest.raises(RuntimeError, match="same device"):
            there + torch.ones(3)
        with pytest.raises((RuntimeError, TypeError)):
            there.numpy()


@pytest.mark.parametrize("name", WANTED)
def test_that_a_computation_needs_no_float64_there(name, home, monkeypatch):
    with pretended(monkeypatch) as device:
        record = computed(WANTED[name], *home, device)
    assert record.entry.numbers
    assert all(np.isfinite(array).all() for path, array in record.arrays.items()
               if path.startswith(("weights/", "curve/")))  # fmt: skip


@pytest.mark.parametrize("name", [n for n in SCHEMES if not why_alone(WANTED[f"training {n}"])])
def test_that_a_stack_needs_no_float64_there(name, home, monkeypatch):
    study, cache = home
    members = [replace(WANTED[f"training {name}"], seed=seed) for seed in (5, 6)]
    found = {}
    with pretended(monkeypatch) as device:
        computed(IMAGES, study, cache, device)
        contexts = [Context(one, study, device, lambda event: None, cache=cache) for one in members]
        train_all(contexts, lambda context, outcome: found.update({context.spec: outcome}))
    for one in members:
        assert not isinstance(found[one], BaseException), found[one]
        assert np.isfinite(found[one].numbers["loss"])


def test_that_a_replay_refuses_what_a_graph_cannot_hold(monkeypatch):
    with pretended(monkeypatch) as device:
        there, place = torch.arange(3.0, device=device), torch.tensor([1])
        for work in (lambda: float(there.sum()), there.cpu, lambda: there[place],
                     lambda: there + torch.tensor([1.0], device=device),
                     lambda: torch.randn(3, device=device)):  # fmt: skip
            work()
            with pytest.raises(AssertionError, match="a captured step"):
                Replays().capture(work)()
        Replays().capture(lambda: 2 * there + torch.zeros(3, device=device))()


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("name", CAPTURED_HERE)
def test_that_a_captured_step_needs_nothing_of_the_host(name, width, home, monkeypatch):
    study, cache = home
    first = replace(STANDARD, batch_size=5, scheme=CAPTURED_HERE[name])
    members = [replace(first, seed=9 + place) for place in range(width)]
    found, graphs = {}, Replays()
    monkeypatch.setitem(GRAPHS, DEVICE.type, graphs)
    with pretended(monkeypatch, float64=True) as device:
        computed(IMAGES, study, cache, device)
        contexts = [Context(one, study, device, lambda event: None, cache=cache) for one in members]
        train_all(contexts, lambda context, outcome: found.update({context.spec: outcome}))
    for outcome in found.values():
        if isinstance(outcome, BaseException):
            raise outcome
    assert contexts[0].provenance["graph"] == "yes"
    assert graphs.count == 5  # of 8 steps, after 3 that are eager


@pytest.mark.parametrize("name", tensors.ATTACKS | tensors.DRAWN)
def test_that_an_attack_needs_no_float64_there(name, monkeypatch):
    spec = (tensors.ATTACKS | tensors.DRAWN)[name]
    images, labels = tensors.some(4)
    with pretended(monkeypatch) as device:
        model = tensors.built(specs.SmallCNN(width=2, hidden=4), device)
        drawing = torch.Generator().manual_seed(0)
        found = attack(model, images.to(device), labels.to(device), spec, generator=drawing)
        moved = (found.cpu() - images).abs()
    assert 0 < float(moved.max()) <= spec.eps + 1e-6
    assert found.device == device


@pytest.mark.parametrize("kind", ATTRIBUTIONS)
def test_that_a_map_needs_no_float64_there(kind, monkeypatch):
    images, labels = tensors.some(4)
    with pretended(monkeypatch) as device:
        model, there = tensors.built(specs.SmallCNN(width=2, hidden=4), device), images.to(device)
        found = attribute(model, there, KINDS[kind](), labels.to(device), training=there)
        assert found.device == device
        assert bool(found.cpu().isfinite().all())


def test_that_losses_and_networks_need_no_float64_there(monkeypatch):
    images, labels = tensors.some(4)
    with pretended(monkeypatch) as device:
        pairs = torch.stack([labels, (labels + 1) % 10], dim=1).to(device)
        logits = torch.randn(4, 10).to(device)
        for form, table in {**LOSSES_OF, "targeted": TARGETED}.items():
            for loss in table.values():
                values = loss(logits, pairs if form == "targeted" else labels.to(device))
                assert values.shape == (4,)
        for spec in tensors.NETWORKS.values():
            model = tensors.built(spec, device).train()
            assert model(layout(images.to(device))).shape == (4, 10)
