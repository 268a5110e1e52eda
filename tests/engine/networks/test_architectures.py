import threading

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from engine import specs
from engine.networks.architectures import ARCHITECTURES, build, sizes_of
from engine.networks.library import has_timm
from engine.specs.schema import SpecError, kinds_of

KINDS = [kind() for kind in kinds_of(specs.NetworkSpec) if kind is not specs.Timm or has_timm()]
SHALLOW = specs.WideResNet(depth=10, width=1)  # the default has 36 million weights
KINDS = [SHALLOW if spec.kind == SHALLOW.kind else spec for spec in KINDS]
LIBRARIES = (specs.Torchvision, specs.Timm)
OWN = [spec for spec in KINDS if not isinstance(spec, LIBRARIES)]
COLOUR, DIGIT, POINT = (3, 32, 32), (1, 28, 28), (2, 1, 1)


def made(spec=None, shape=DIGIT, classes=10, seed=0, **statistics):
    generator = torch.Generator().manual_seed(seed)
    spec = spec or specs.SmallCNN()
    return build(spec, shape=shape, classes=classes, generator=generator, **statistics)


def pixels(shape=DIGIT, count=4):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(9))


def shapes_of(model):
    return {
        name: tuple(value.shape)
        for name, value in model.state_dict().items()
        if name.startswith("network.")
    }


def size_of(model):
    return sum(parameter.numel() for parameter in model.parameters())


def same(first, second):
    first, second = first.state_dict(), second.state_dict()
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def test_that_there_is_a_network_for_every_spec():
    assert set(ARCHITECTURES) == {kind.kind for kind in kinds_of(specs.NetworkSpec)}


@pytest.mark.parametrize("spec", KINDS, ids=lambda spec: spec.kind)
@pytest.mark.parametrize(("shape", "classes"), [(DIGIT, 10), ((3, 33, 20), 7)])
def test_that_a_network_gives_a_logit_per_class(spec, shape, classes):
    model = made(spec, shape, classes)
    assert model.training
    logits = model.eval()(pixels(shape))
    assert logits.shape == (4, classes)
    assert logits.isfinite().all()
    assert logits.std() > 0


@pytest.mark.parametrize("spec", OWN, ids=lambda spec: spec.kind)
def test_that_every_activation_is_its_own_and_out_of_place(spec):
    calls = []
    model = made(spec, (3, 32, 32)).eval()
    for module in model.modules():
        assert not getattr(module, "inplace", False)
        if isinstance(module, nn.ReLU | nn.SiLU):
            module.register_forward_hook(lambda *call: calls.append(call[0]))
    model(pixels((3, 32, 32)))
    assert calls
    assert len(calls) == len({id(module) for module in calls})


def test_that_the_mnist_network_is_the_paper_s():
    model = made(specs.PaperMnistCNN())
    assert shapes_of(model) == {
        "network.conv1.weight": (32, 1, 5, 5),
        "network.conv1.bias": (32,),
        "network.conv2.weight": (64, 32, 5, 5),
        "network.conv2.bias": (64,),
        "network.dense1.weight": (1024, 12544),
        "network.dense1.bias": (1024,),
        "network.dense2.weight": (10, 1024),
        "network.dense2.bias": (10,),
    }
    assert size_of(model) == 12_908_426


def test_that_the_cifar_network_is_the_paper_s():
    model = made(specs.PaperCifarCNN(), COLOUR)
    assert shapes_of(model) == {
        "network.conv1.weight": (32, 3, 3, 3),
        "network.conv1.bias": (32,),
        "network.conv2.weight": (32, 32, 3, 3),
        "network.conv2.bias": (32,),
        "network.conv3.weight": (64, 32, 3, 3),
        "network.conv3.bias": (64,),
        "network.conv4.weight": (64, 64, 3, 3),
        "network.conv4.bias": (64,),
        "network.dense1.weight": (512, 4096),
        "network.dense1.bias": (512,),
        "network.dense2.weight": (10, 512),
        "network.dense2.bias": (10,),
    }
    assert size_of(model) == 2_168_362


@pytest.mark.parametrize(
    ("spec", "shape"), [(specs.PaperMnistCNN(), (1, 12, 12)), (specs.PaperCifarCNN(), COLOUR)]
)
def test_that_pooling_before_an_activation_changes_no_bit(spec, shape):
    model = made(spec, shape)
    inner = dict(model.network.named_children())
    names = list(inner)
    for pool in (name for name in inner if name.startswith("pool")):
        place = names.index(pool)
        names[place], names[place + 1] = names[place + 1], pool
    paper_order = nn.Sequential(model.normalize, *(inner[name] for name in names))
    images = torch.rand(8, *shape, generator=torch.Generator().manual_seed(1), requires_grad=True)
    found = []
    for network in (model, paper_order):
        logits = network(images)
        weights = list(model.parameters())
        found.append((logits, *torch.autograd.grad(logits.square().sum(), [images, *weights])))
    assert names != list(inner)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*found, strict=True))


def test_that_the_plane_network_is_the_paper_s():
    model = made(specs.PaperMLP(), POINT, 2)
    assert shapes_of(model) == {
        "network.dense1.weight": (128, 2),
        "network.dense1.bias": (128,),
        "network.dense2.weight": (2, 128),
        "network.dense2.bias": (2,),
    }


def test_that_the_small_network_follows_its_spec():
    shapes = shapes_of(made(specs.SmallCNN(width=6, hidden=20), (3, 29, 18), 4))
    assert shapes["network.conv1.weight"] == (6, 3, 5, 5)
    assert shapes["network.conv2.weight"] == (12, 6, 5, 5)
    assert shapes["network.dense1.weight"] == (20, 12 * 8 * 5)
    assert shapes["network.dense2.weight"] == (4, 20)


def test_that_same_padding_keeps_the_size_of_a_picture():
    network = made(specs.PaperCifarCNN(), COLOUR)[1]
    features = pixels(COLOUR)
    for name, module in network.named_children():
        features = module(features)
        if name == "conv2":
            assert features.shape == (4, 32, 32, 32)
        if name == "pool2":
            assert features.shape == (4, 64, 8, 8)


def test_that_resnet_is_torchvision_s_for_large_images():
    ours = made(specs.ResNet18(), (3, 72, 72)).eval()
    theirs = torchvision.models.resnet18(weights=None, num_classes=10).eval()
    assert list(ours[1].state_dict()) == list(theirs.state_dict())
    ours[1].load_state_dict(theirs.state_dict())
    images = pixels((3, 72, 72), 2)
    torch.testing.assert_close(ours(images), theirs(2 * images - 1), rtol=1e-4, atol=1e-5)


def test_that_resnet_keeps_the_resolution_of_small_images():
    shapes = shapes_of(made(specs.ResNet18(), COLOUR))
    assert shapes["network.conv1.weight"] == (64, 3, 3, 3)
    network = made(specs.ResNet18(), COLOUR)[1].eval()
    stem = network.maxpool(network.relu(network.bn1(network.conv1(pixels(COLOUR)))))
    assert stem.shape == (4, 64, 32, 32)
    assert network.layer4(network.layer3(network.layer2(network.layer1(stem)))).shape[2:] == (4, 4)


def test_that_weights_are_glorot_uniform_and_biases_zero():
    state = made(specs.PaperMnistCNN()).state_dict()
    for name, fan in (("conv2", (32 + 64) * 25), ("dense1", 12544 + 1024)):
        weight, bound = state[f"network.{name}.weight"], (6 / fan) ** 0.5
        assert weight.abs().max() <= bound
        assert weight.std() == pytest.approx(bound / 3**0.5, rel=0.02)
        assert state[f"network.{name}.bias"].abs().max() == 0


def test_that_a_small_network_starts_with_smooth_filters():
    def roughness(weight):
        return (weight.diff(dim=-1).square().mean() / weight.square().mean()).item()

    smooth = made(specs.SmallCNN(width=64))[1].conv2.weight
    plain = made(specs.PaperMnistCNN())[1].conv2.weight
    assert roughness(plain) == pytest.approx(2, rel=0.1)
    assert roughness(smooth) < 0.8


def test_that_a_resnet_starts_as_torchvision_s_does():
    state = made(specs.ResNet18(), COLOUR).state_dict()
    weight = state["network.layer2.0.conv2.weight"]
    assert weight.std() == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)
    assert (state["network.layer1.0.bn1.weight"] == 1).all()
    assert (state["network.layer1.0.bn1.running_var"] == 1).all()
    assert (state["network.layer1.0.bn1.running_mean"] == 0).all()
    assert 0 < state["network.fc.bias"].abs().max() <= 512**-0.5


@pytest.mark.parametrize("spec", KINDS, ids=lambda spec: spec.kind)
def test_that_the_seed_alone_sets_the_weights(spec):
    torch.manual_seed(1)
    first = made(spec)
    torch.manual_seed(2)
    before = torch.random.get_rng_state()
    second = made(spec)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert same(first, second)
    assert not same(first, made(spec, seed=1))


@pytest.mark.parametrize("spec", [specs.SmallCNN(), specs.ResNet18()], ids=lambda spec: spec.kind)
def test_that_threads_building_at_once_get_the_weights_of_one_alone(spec):
    alone, start, built = made(spec), threading.Barrier(3), []

    def work():
        start.wait()
        built.extend(made(spec) for _ in range(2))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 6
    assert all(same(model, alone) for model in built)


def test_that_signed_normalisation_gives_the_paper_s_range():
    normalize = made()[0]
    expected = torch.tensor([-1.0, 0.0, 1.0])
    images = torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1, 1)
    assert torch.equal(normalize(images).flatten(), expected)


def test_that_no_normalisation_changes_nothing():
    normalize = made(specs.SmallCNN(normalization="none"), COLOUR)[0]
    assert torch.equal(normalize(pixels(COLOUR)), pixels(COLOUR))


@pytest.mark.parametrize("form", [list, np.array, torch.tensor])
def test_that_per_channel_normalisation_uses_the_statistics(form):
    spec = specs.SmallCNN(normalization="per_channel")
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.25, 0.0]
    normalize = made(spec, COLOUR, channel_mean=form(mean), channel_std=form(std))[0]
    images = pixels(COLOUR)
    # The last channel is constant in training: it is centred and not stretched.
    spread = torch.tensor([0.5, 0.25, 1.0]).view(3, 1, 1)
    expected = (images - torch.tensor(mean).view(3, 1, 1)) / spread
    torch.testing.assert_close(normalize(images), expected)


def test_that_per_channel_normalisation_asks_for_statistics_of_every_channel():
    spec = specs.SmallCNN(normalization="per_channel")
    with pytest.raises(SpecError, match="normalization is 'per_channel', which needs"):
        made(spec, COLOUR)
    with pytest.raises(SpecError, match="have 1 and 1 numbers, must have 3"):
        made(spec, COLOUR, channel_mean=[0.5], channel_std=[0.5])


@pytest.mark.parametrize("spec", KINDS, ids=lambda spec: spec.kind)
def test_that_the_memory_format_changes_no_logit(spec):
    model = made(spec, COLOUR).eval()
    images = pixels(COLOUR)
    last = images.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(model(last), model(images), rtol=1e-4, atol=1e-5)
    normalized = model[0](last)
    assert normalized.is_contiguous(memory_format=torch.channels_last)


SIDED = [spec for spec in OWN if sizes_of(spec).least > 4]


@pytest.mark.parametrize("spec", SIDED, ids=lambda spec: spec.kind)
@pytest.mark.parametrize("shape", [POINT, (3, 4, 4), (3, 40, 7)])
def test_that_too_small_images_are_refused_with_the_least_size(spec, shape):
    least = sizes_of(spec).least
    message = f"images are {shape[2]}x{shape[1]} px, {spec.title} needs at least {least}x{least} px"
    with pytest.raises(SpecError) as raised:
        made(spec, shape)
    assert str(raised.value) == message


@pytest.mark.parametrize("spec", KINDS, ids=lambda spec: spec.kind)
def test_that_the_least_size_works(spec):
    side = sizes_of(spec).least
    shape = (1, side, side)
    assert made(spec, shape)(pixels(shape)).isfinite().all()


def test_that_a_network_beyond_memory_is_refused_before_it_is_built():
    with pytest.raises(SpecError, match=r"1024x1024 px, for which Paper's MNIST network would"):
        made(specs.PaperMnistCNN(), (3, 1024, 1024))


@pytest.mark.parametrize("classes", [0, 1])
def test_that_one_class_is_refused(classes):
    with pytest.raises(SpecError, match=f"classes is {classes}, Small CNN needs at least 2"):
        made(classes=classes)
