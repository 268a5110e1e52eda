"""The networks of robustness papers, against their code written down another way."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine import specs
from engine.data.images import ingest, load
from engine.networks.architectures import build, expected_state
from engine.networks.gradients import logits_of
from engine.networks.weights import load_state
from engine.specs.schema import SpecError
from tests.data_sources import real_data
from tests.engine.small_networks import seeded

COLOUR = (3, 32, 32)


def made(spec, shape=COLOUR, classes=10):
    model = build(spec, shape=shape, classes=classes, generator=seeded(0))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):  # so that a norm in a wrong place shows
            nn.init.uniform_(module.running_mean, -0.5, 0.5, generator=seeded(1))
            nn.init.uniform_(module.running_var, 0.5, 2, generator=seeded(2))
    return model.eval()


def by_hand(model):
    """Return functions of the entries of a state dict: convolution and batch norm by name."""
    state = model.network.state_dict()

    def conv(values, name, stride=1, padding=1):
        return functional.conv2d(values, state[f"{name}.weight"], None, stride, padding)

    def norm(values, name):
        found = [state[f"{name}.{part}"] for part in ("running_mean", "running_var")]
        return functional.batch_norm(values, *found, state[f"{name}.weight"], state[f"{name}.bias"])

    return state, conv, norm


def preact_logits(model, images, active, reads_input):
    state, conv, norm = by_hand(model)
    values = conv(2 * images - 1, "conv1")
    for stage in range(1, 5):
        for place in range(2):
            name = f"layer{stage}.{place}"
            stride = 2 if stage > 1 and place == 0 else 1
            first = active(norm(values, f"{name}.bn1"))
            shortcut = values
            if f"{name}.shortcut.0.weight" in state:
                source = values if reads_input else first
                shortcut = conv(source, f"{name}.shortcut.0", stride, 0)
            inner = conv(first, f"{name}.conv1", stride)
            values = conv(active(norm(inner, f"{name}.bn2")), f"{name}.conv2") + shortcut
    values = active(norm(values, "bn")) if "bn.weight" in state else values
    return functional.linear(values.mean((2, 3)), state["linear.weight"], state["linear.bias"])


@pytest.mark.parametrize("activation", ["relu", "silu"])
@pytest.mark.parametrize("shortcut", ["activated", "input"])
@pytest.mark.parametrize("final_norm", [True, False])
def test_that_preact_resnet_is_rice_s(activation, shortcut, final_norm):
    spec = specs.PreActResNet18(activation=activation, shortcut=shortcut, final_norm=final_norm)
    model = made(spec)
    images = torch.rand(2, *COLOUR, generator=seeded(3))
    active = getattr(functional, activation)
    expected = preact_logits(model, images, active, shortcut == "input")
    torch.testing.assert_close(model(images), expected, rtol=1e-3, atol=1e-4)


def wide_logits(model, images, active, blocks, pads_end):
    state, conv, norm = by_hand(model)
    values = conv(2 * images - 1, "conv1")
    for group in (1, 2, 3):
        for place in range(blocks):
            name = f"block{group}.layer.{place}"
            stride = 2 if group > 1 and place == 0 else 1
            first = active(norm(values, f"{name}.bn1"))
            shortcut = values
            if f"{name}.convShortcut.weight" in state:
                shortcut = conv(first, f"{name}.convShortcut", stride, 0)
            if pads_end and stride == 2:
                inner = conv(functional.pad(first, (0, 1, 0, 1)), f"{name}.conv1", stride, 0)
            else:
                inner = conv(first, f"{name}.conv1", stride)
            values = conv(active(norm(inner, f"{name}.bn2")), f"{name}.conv2") + shortcut
    values = active(norm(values, "bn1")).mean((2, 3))
    return functional.linear(values, state["fc.weight"], state["fc.bias"])


@pytest.mark.parametrize("activation", ["relu", "silu"])
@pytest.mark.parametrize("padding", ["both", "end"])
@pytest.mark.parametrize(("depth", "width"), [(10, 1), (16, 2)])
def test_that_wide_resnet_is_trades_s(activation, padding, depth, width):
    spec = specs.WideResNet(depth=depth, width=width, activation=activation, padding=padding)
    model = made(spec)
    images = torch.rand(2, *COLOUR, generator=seeded(3))
    active = getattr(functional, activation)
    expected = wide_logits(model, images, active, (depth - 4) // 6, padding == "end")
    torch.testing.assert_close(model(images), expected, rtol=1e-3, atol=1e-4)


def test_that_the_names_are_those_of_published_weights():
    def names(spec, shape=COLOUR):
        return expected_state(spec, shape=shape, classes=10)

    wide = names(specs.WideResNet())
    assert wide["block1.layer.0.convShortcut.weight"] == (160, 16, 1, 1)
    assert wide["block3.layer.3.conv2.weight"] == (640, 640, 3, 3)
    assert "block2.layer.1.convShortcut.weight" not in wide
    assert wide["fc.weight"] == (10, 640)
    preact = names(specs.PreActResNet18())
    assert preact["layer2.0.shortcut.0.weight"] == (128, 64, 1, 1)
    assert preact["bn.weight"] == (512,)
    assert preact["linear.weight"] == (10, 512)
    assert "bn.weight" not in names(specs.PreActResNet18(final_norm=False))
    cifar = names(specs.CifarResNet(depth=50))
    assert cifar["layer1.0.shortcut.0.weight"] == (256, 64, 1, 1)
    assert cifar["layer1.0.shortcut.1.running_mean"] == (256,)
    assert cifar["layer3.5.conv3.weight"] == (1024, 256, 1, 1)
    assert cifar["linear.weight"] == (10, 2048)


@pytest.mark.parametrize(
    ("spec", "millions"),  # as their papers and repositories give them
    [
        (specs.WideResNet(depth=28, width=10), 36.5),
        (specs.WideResNet(depth=34, width=10), 46.2),
        (specs.PreActResNet18(), 11.2),
        (specs.CifarResNet(depth=18), 11.2),
        (specs.CifarResNet(depth=34), 21.3),
        (specs.CifarResNet(depth=50), 23.5),
    ],
    ids=lambda value: value.title if isinstance(value, specs.NetworkSpec) else "",
)
def test_that_the_number_of_weights_is_the_published_one(spec, millions):
    state = expected_state(spec, shape=COLOUR, classes=10)
    count = sum(size.numel() for name, size in state.items() if ".running" not in name)
    assert count / 1e6 == pytest.approx(millions, abs=0.06)


def test_that_a_cifar_resnet_18_is_our_resnet_18_under_other_names():
    theirs = made(specs.CifarResNet())
    ours = made(specs.ResNet18())
    renamed = {
        name.replace("shortcut.", "downsample.").replace("linear.", "fc."): tensor
        for name, tensor in theirs.network.state_dict().items()
    }
    ours.network.load_state_dict(renamed)
    images = torch.rand(2, *COLOUR, generator=seeded(3))
    torch.testing.assert_close(ours(images), theirs(images))


def test_that_depths_between_are_refused_with_the_nearest():
    with pytest.raises(SpecError, match=r"depth is 30, must be 4 \+ 6 n, such as 28"):
        specs.WideResNet(depth=30)
    with pytest.raises(SpecError, match="depth is 20, must be one of 18, 34, 50, 101, 152"):
        specs.CifarResNet(depth=20)


def test_that_trades_s_network_for_mnist_reaches_its_published_accuracy():
    """99.48 % of the 10,000 test images; here the first 2,000, of which it got 1,992 right."""
    folder = real_data("mnist")
    spec, _ = ingest(folder)
    found = load(spec, lambda digest: folder)
    network = specs.TradesCNN(normalization="none")
    model = build(network, shape=(1, 28, 28), classes=10, generator=seeded(0))
    path = real_data("checkpoints/trades-mnist-smallcnn.pt")
    state = torch.load(path, map_location="cpu", weights_only=True)
    shapes = {name: tensor.shape for name, tensor in state.items()}
    assert shapes == expected_state(network, shape=(1, 28, 28), classes=10)
    load_state(model, path)
    images = torch.from_numpy(found.test_images[:2000].copy())
    labels = torch.from_numpy(found.test_labels[:2000].copy()).long()
    assert (logits_of(model, images).argmax(1) == labels).sum() > 1980
