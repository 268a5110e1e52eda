"""Our attacks against torchattacks, Foolbox and AutoAttack: equal where the definitions are."""

import foolbox
import pytest
import torch
import torchattacks

from engine import specs
from engine.attacks.table import attack
from engine.jobs.classifiers import classifier
from engine.jobs.context import Context
from engine.jobs.device_images import device_images
from engine.networks.gradients import as_unit, logits_of
from tests.engine.conftest import training
from tests.engine.small_networks import seeded, small_network

STEPS = range(1, 8)
SPECS = {
    "linf": specs.PGD(norm="linf", eps=0.06, step_size=0.02, steps=1),
    "l2": specs.PGD(norm="l2", eps=0.5, step_size=0.15, steps=1),
    # The paper's steps are longer than its radii: every iterate is a projection.
    "l2, long steps": specs.PGD(norm="l2", eps=0.3, step_size=1.0, steps=1),
}


@pytest.fixture
def model():
    return small_network().eval().requires_grad_(False)


@pytest.fixture
def images():
    pixels = torch.rand(16, 3, 6, 8, generator=seeded(1), dtype=torch.float64)
    return pixels, torch.arange(16) % 5


def by_torchattacks(model, images, labels, spec):
    values = {"eps": spec.eps, "alpha": spec.step_size, "steps": spec.steps}
    if spec.norm == "linf":
        peer = torchattacks.PGD(model, random_start=False, **values)
    else:
        peer = torchattacks.PGDL2(model, random_start=False, **values)
    return peer(images, labels)


def by_foolbox(model, images, labels, spec):
    kinds = {
        "linf": foolbox.attacks.LinfProjectedGradientDescentAttack,
        "l2": foolbox.attacks.L2ProjectedGradientDescentAttack,
    }
    peer = kinds[spec.norm](abs_stepsize=spec.step_size, steps=spec.steps, random_start=False)
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1))
    criterion = foolbox.criteria.Misclassification(labels)
    return peer.run(wrapped, images, criterion, epsilon=spec.eps)


@pytest.mark.parametrize("peer", [by_torchattacks, by_foolbox])
@pytest.mark.parametrize("name", SPECS)
def test_that_every_iterate_of_pgd_is_the_peers(model, images, name, peer):
    for steps in STEPS:
        spec = SPECS[name].replace("steps", steps)
        ours = attack(model, *images, spec)
        torch.testing.assert_close(ours, peer(model, *images, spec), rtol=0, atol=1e-8)


def test_that_fgsm_is_the_peers(model, images):
    ours = attack(model, *images, specs.FGSM(eps=0.05))
    torch.testing.assert_close(ours, torchattacks.FGSM(model, eps=0.05)(*images))


def test_that_our_l2_random_start_is_uniform_in_the_ball_and_torchattacks_in_its_length(model):
    """In many dimensions nearly all of a ball is near its surface; torchattacks starts inside."""
    middle = torch.full((256, 3, 6, 8), 0.5, dtype=torch.float64)
    labels = torch.zeros(256, dtype=torch.int64)
    still = {"eps": 0.4, "steps": 1}
    spec = specs.PGD(norm="l2", step_size=1e-12, random_start=True, **still)
    ours = attack(model, middle, labels, spec, generator=seeded()) - middle
    torch.manual_seed(0)
    theirs = torchattacks.PGDL2(model, alpha=0.0, random_start=True, **still)(middle, labels)
    share, length = (d.flatten(1).norm(dim=1) / 0.4 for d in (ours, theirs - middle))
    assert share.pow(144).mean().item() == pytest.approx(0.5, abs=0.08)
    assert length.mean().item() == pytest.approx(0.5, abs=0.08)
    assert share.min() > 0.9


def test_that_a_zero_gradient_stays_put_where_foolbox_and_torchattacks_do_too(images):
    flat = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(144, 5)).double()
    torch.nn.init.zeros_(flat[1].weight)
    for spec in SPECS.values():
        torch.testing.assert_close(attack(flat, *images, spec), images[0])
    torch.testing.assert_close(by_torchattacks(flat, *images, SPECS["linf"]), images[0])


@pytest.mark.parametrize(("norm", "eps"), [("linf", 0.1), ("l2", 1.0)])
def test_that_autoattack_finds_little_that_our_pgd_does_not(study, computed, norm, eps):
    """A gap would mean masked gradients, and numbers that are too good to be reported."""
    images = specs.Glyphs(train=1500, test=100)
    threat = specs.PGD(norm=norm, eps=eps, step_size=eps / 2, steps=5)
    spec = training(
        images=images,
        network=specs.SmallCNN(width=8, hidden=32),
        scheme=specs.Adversarial(attack=threat, warmup=2),
        optimizer=specs.Adam(learning_rate=2e-3),
        epochs=6,
    )
    computed(spec)
    context = Context(spec, study, torch.device("cpu"), lambda event: None)
    model, found = classifier(context, spec), device_images(context, images)
    pixels, labels = as_unit(found.test[:50]), found.test_labels[:50]

    def accuracy(adv_images):
        return float((logits_of(model, adv_images).argmax(1) == labels).float().mean())

    strong = specs.PGD(
        norm=norm, eps=eps, step_size=eps / 8, steps=40, random_start=True, restarts=2
    )
    ours = accuracy(attack(model, pixels, labels, strong, generator=seeded()))
    reference = torchattacks.AutoAttack(
        model, norm={"linf": "Linf", "l2": "L2"}[norm], eps=eps, n_classes=10, seed=0
    )
    theirs = accuracy(reference(pixels, labels))
    assert accuracy(pixels) > 0.8, "the network has to have learned something"
    assert 0.1 < ours < accuracy(pixels), "the attack has to be neither idle nor total"
    assert theirs <= ours + 0.02
    assert ours - theirs <= 0.1
