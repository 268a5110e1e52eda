"""Networks computed as one: outputs, gradients and running statistics are those of each alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine import specs
from engine.attacks.table import attack
from engine.networks.architectures import ARCHITECTURES, build
from engine.networks.stacked import NotStackable, Stacked
from engine.training.together.stack import STACKED

MEMBERS, IMAGES, CLASSES = 3, 4, 5
COLOUR, GREY = (3, 16, 16), (1, 16, 16)
NETWORKS = {
    "small_cnn": (specs.SmallCNN(width=4, hidden=8), GREY),
    "small_cnn softplus": (specs.SmallCNN(width=4, hidden=8, activation="softplus"), COLOUR),
    "small_cnn smoothing": (specs.SmallCNN(width=4, hidden=8, feature_smoothing=True), COLOUR),
    "paper_mnist_cnn": (specs.PaperMnistCNN(), GREY),
    "paper_mnist_cnn silu": (specs.PaperMnistCNN(activation="silu"), GREY),
    "paper_cifar_cnn": (specs.PaperCifarCNN(), COLOUR),
    "paper_mlp": (specs.PaperMLP(), (2, 1, 1)),
    "resnet18": (specs.ResNet18(), COLOUR),
    "cifar_resnet": (specs.CifarResNet(), COLOUR),
    "preact_resnet18": (specs.PreActResNet18(), COLOUR),
    "wide_resnet": (specs.WideResNet(depth=10, width=1), COLOUR),
}


def members_of(spec, shape, dtype=torch.float64):
    spread = torch.linspace(0.3, 0.6, shape[0])
    return [
        build(spec, shape=shape, classes=CLASSES, generator=torch.Generator().manual_seed(seed),
              channel_mean=spread, channel_std=spread / 2).to(dtype)
        for seed in range(MEMBERS)
    ]  # fmt: skip


def some(shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(9)
    images = torch.rand(MEMBERS, IMAGES, *shape, generator=generator, dtype=dtype)
    return images, torch.randint(CLASSES, (MEMBERS, IMAGES), generator=generator)


def apart(found, expected):
    return float((found - expected).detach().norm() / expected.detach().norm().clamp_min(1e-30))


@pytest.mark.parametrize("name", NETWORKS)
def test_that_every_member_has_its_own_outputs_gradients_and_statistics(name):
    spec, shape = NETWORKS[name]
    members = members_of(spec, shape)
    stacked, (images, labels) = Stacked(members), some(shape)
    losses = functional.cross_entropy(stacked(images.flatten(0, 1)), labels.flatten())
    (MEMBERS * losses).backward()
    ours = dict(stacked.body.named_parameters())
    buffers = dict(stacked.body.named_buffers())
    assert list(ours) == [name for name, _ in members[0].named_parameters()]
    for place, member in enumerate(members):
        functional.cross_entropy(member(images[place]), labels[place]).backward()
        for entry, parameter in member.named_parameters():
            assert apart(ours[entry].grad[place], parameter.grad) < 1e-10, entry
        for entry, buffer in member.named_buffers():
            torch.testing.assert_close(buffers[entry][place], buffer, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["paper_cifar_cnn", "small_cnn", "paper_mlp", "resnet18"])
def test_that_the_first_gradients_in_float32_differ_by_rounding_alone(name):
    spec, shape = NETWORKS[name]
    members = members_of(spec, shape, torch.float32)
    stacked, (images, labels) = Stacked(members), some(shape, torch.float32)
    (MEMBERS * functional.cross_entropy(stacked(images.flatten(0, 1)), labels.flatten())).backward()
    ours = dict(stacked.body.named_parameters())
    errors = []
    for place, member in enumerate(members):
        functional.cross_entropy(member(images[place]), labels[place]).backward()
        alone = torch.cat([p.grad.flatten() for p in member.parameters()])
        found = torch.cat([ours[n].grad[place].flatten() for n, _ in member.named_parameters()])
        errors.append(apart(found, alone))
    assert sorted(errors)[MEMBERS // 2] < 1e-5
    assert max(errors) < 5e-3  # one choice of ReLU near a tie makes 1e-3


def test_that_an_attack_of_the_stack_is_the_attack_of_each():
    spec, shape = NETWORKS["small_cnn"]
    members = [member.eval() for member in members_of(spec, shape)]
    images, labels = some(shape)
    pgd = specs.PGD(eps=0.1, step_size=0.03, steps=4)
    stacked = Stacked(members).eval()
    together = attack(stacked, images.flatten(0, 1), labels.flatten(), pgd)
    for place, member in enumerate(members):
        alone = attack(member, images[place], labels[place], pgd)
        torch.testing.assert_close(together.view_as(images)[place], alone, rtol=0, atol=1e-12)


def test_that_a_member_of_nan_changes_no_bit_of_another():
    for name in ("paper_cifar_cnn", "resnet18"):
        spec, shape = NETWORKS[name]
        members = members_of(spec, shape, torch.float32)
        images, labels = some(shape, torch.float32)
        gradients = []
        for poison in (False, True):
            if poison:
                for parameter in members[1].parameters():
                    parameter.data.fill_(torch.nan)
            stacked = Stacked(members)
            functional.cross_entropy(
                stacked(images.flatten(0, 1)), labels.flatten(), reduction="none"
            ).sum().backward()
            gradients.append({n: p.grad.clone() for n, p in stacked.body.named_parameters()})
        for entry, clean in gradients[0].items():
            for place in (0, 2):
                assert torch.equal(gradients[1][entry][place], clean[place]), (name, entry)


def test_that_taking_a_member_out_gives_its_weights_and_statistics():
    spec, shape = NETWORKS["resnet18"]
    members = members_of(spec, shape)
    stacked, (images, _) = Stacked(members), some(shape)
    stacked(images.flatten(0, 1))
    into = members_of(spec, shape)[0]
    stacked.take(2, into)
    members[2](images[2])
    for entry, tensor in members[2].state_dict().items():
        torch.testing.assert_close(into.state_dict()[entry], tensor, rtol=1e-12, atol=1e-14)


def test_that_what_cannot_be_stacked_is_refused():
    spec = specs.TradesCNN()
    dropping = members_of(spec, (1, 28, 28))
    with pytest.raises(NotStackable, match="Dropout"):
        Stacked(dropping)
    mirrored = [nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect") for _ in range(2)]
    with pytest.raises(NotStackable, match="reflect"):
        Stacked(mirrored)


def test_that_networks_that_are_computed_together_can_be_stacked():
    assert set(STACKED) <= set(ARCHITECTURES)
    assert set(STACKED) <= {spec.kind for spec, _ in NETWORKS.values()}
