"""DeepLIFT and guided back-propagation: sums, rules by hand, refusals, threads."""

import threading

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine.attribution.table import attribute
from engine.measures.map_numbers import completeness_gap
from engine.networks.architectures import build
from engine.networks.gradients import InputError
from engine.specs import (
    CifarResNet,
    DeepLift,
    Gradient,
    GuidedBackpropagation,
    IntegratedGradients,
    PaperCifarCNN,
    PreActResNet18,
    SmallCNN,
    Torchvision,
    TradesCNN,
    WideResNet,
)
from tests.engine.small_networks import initialised, seeded, small_network

ACTIVATIONS = [nn.ReLU, nn.SiLU, nn.GELU, nn.Softplus]
NETWORKS = [
    (SmallCNN(), (1, 28, 28)),
    (PaperCifarCNN(), (3, 32, 32)),
    (TradesCNN(), (1, 28, 28)),
    (CifarResNet(), (3, 16, 16)),
    (PreActResNet18(activation="silu"), (3, 16, 16)),
    (WideResNet(depth=10, width=1), (3, 16, 16)),
    (Torchvision(name="resnet18"), (1, 64, 64)),
    (Torchvision(name="densenet121"), (3, 64, 64)),
]


def convolutional(activation=nn.ReLU, pooling=None):
    """A network for images of 3x6x8."""
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        activation(),
        pooling or nn.MaxPool2d(3, stride=1, padding=1),
        nn.Conv2d(4, 4, 3, padding=1),
        activation(),
        nn.Flatten(),
        nn.Linear(192, 5),
    )
    return initialised(model).double().eval()


def some(count=5, shape=(3, 6, 8)):
    return torch.rand(count, *shape, generator=seeded(1), dtype=torch.float64)


class Twice(nn.Module):
    """Uses one ReLU module twice, and calls another as a function that works in place."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.last = nn.Linear(192, 5)

    def forward(self, images):
        inner = self.relu(self.first(images))
        inner = inner + self.relu(self.second(inner))
        return self.last(functional.relu(inner - 0.1, inplace=True).flatten(1))


@pytest.mark.parametrize("quantity", ["logit", "log_probability"])
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda cls: cls.__name__)
def test_that_deeplift_shares_out_the_whole_difference(activation, quantity):
    model, images = convolutional(activation), some()
    spec = DeepLift(quantity=quantity, baseline="grey")
    gap = completeness_gap(model, images, attribute(model, images, spec), spec)
    assert gap.max() < 1e-10


@pytest.mark.parametrize(("spec", "shape"), NETWORKS, ids=lambda value: getattr(value, "title", ""))
def test_that_deeplift_is_complete_on_our_networks_and_those_of_others(spec, shape):
    model = build(spec, shape=shape, classes=4, generator=seeded()).double().eval()
    images, lift = some(2, shape), DeepLift(quantity="logit")
    gap = completeness_gap(model, images, attribute(model, images, lift), lift)
    assert gap.max() < 1e-8


def test_that_deeplift_of_float32_is_complete_to_rounding():
    model, images = convolutional().float(), some().float()
    spec = DeepLift(quantity="logit")
    gap = completeness_gap(model, images, attribute(model, images, spec), spec)
    assert gap.max() < 1e-4


def test_that_one_module_used_twice_and_functions_in_place_get_their_own_slopes():
    model = initialised(Twice()).double()
    images, spec = some(), DeepLift(quantity="logit")
    found = attribute(model, images, spec)
    assert completeness_gap(model, images, found, spec).max() < 1e-10


def test_that_the_rescale_rule_of_one_relu_is_that_by_hand():
    """y = relu(2a - 3b + 1), from (0, 0) to (1, 0.5): 1 to 1.5, while its input goes from 1."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 1), nn.ReLU(), nn.Linear(1, 2)).double()
    model[1].weight.data = torch.tensor([[2.0, -3.0]]).double()
    model[3].weight.data = torch.tensor([[4.0], [0.0]]).double()
    model[3].bias.data.zero_()
    spec = DeepLift(quantity="logit", target=0)
    for bias, image, slope in ((1.0, (1.0, 0.5), 1.0), (-1.0, (1.0, 0.0), 0.5)):
        model[1].bias.data.fill_(bias)
        found = attribute(model, torch.tensor(image).double().reshape(1, 1, 1, 2), spec)
        expected = 4 * slope * torch.tensor([2.0, -3.0]).double() * torch.tensor(image).double()
        torch.testing.assert_close(found.flatten(), expected)


def test_that_deeplift_of_an_image_equal_to_its_baseline_is_zero_and_not_nan():
    black = torch.zeros(2, 3, 6, 8, dtype=torch.float64)
    assert torch.equal(attribute(convolutional(), black, DeepLift()), black)


def test_that_deeplift_of_a_linear_network_is_integrated_gradients():
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, 3)).double()
    images = some()
    lift = attribute(model, images, DeepLift(quantity="logit"))
    torch.testing.assert_close(
        lift, attribute(model, images, IntegratedGradients(steps=1, quantity="logit"))
    )


@pytest.mark.parametrize(
    ("layer", "named"),
    [(nn.LayerNorm(8), "layer_norm"), (nn.Softmax(-1), "softmax"), (nn.GLU(2), "glu")],
)
def test_that_a_network_without_a_rule_is_refused_in_one_sentence(layer, named):
    model = nn.Sequential(layer, nn.Flatten(), nn.LazyLinear(3)).double()
    model(some())
    with pytest.raises(InputError, match=f"it applies {named}, which is neither linear"):
        attribute(model, some(), DeepLift())


def test_that_a_product_of_two_features_is_refused_and_a_scaling_is_not():
    class Gated(nn.Module):
        def __init__(self, gated):
            super().__init__()
            self.last, self.gated = nn.Linear(144, 3), gated

        def forward(self, images):
            return self.last((images * (images if self.gated else 2.0)).flatten(1))

    assert attribute(Gated(False).double(), some(), DeepLift()).isfinite().all()
    with pytest.raises(InputError, match="it applies mul"):
        attribute(Gated(True).double(), some(), DeepLift())


def test_that_guided_backpropagation_passes_back_only_what_is_positive():
    """Two ReLUs, one with a negative weight behind it: its part is gone."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)).double()
    model[1].weight.data = torch.tensor([[1.0, 2.0], [3.0, 1.0]]).double()
    model[3].weight.data = torch.tensor([[5.0, -7.0], [0.0, 0.0]]).double()
    for layer in (1, 3):
        model[layer].bias.data.zero_()
    image = torch.tensor([0.5, 0.5]).double().reshape(1, 1, 1, 2)
    spec = GuidedBackpropagation(quantity="logit", target=0)
    assert attribute(model, image, spec).flatten().tolist() == [5.0, 10.0]
    plain = attribute(model, image, Gradient(quantity="logit", target=0))
    assert plain.flatten().tolist() == [5.0 - 21.0, 10.0 - 7.0]


def test_that_guided_backpropagation_needs_a_relu():
    with pytest.raises(InputError, match="needs a network with ReLU, and this one applies none"):
        attribute(convolutional(nn.SiLU), some(), GuidedBackpropagation())


def test_that_nothing_is_left_on_the_network_also_after_an_error():
    model, images = small_network().eval(), some()
    before = attribute(model, images, Gradient())
    broken = nn.Sequential(model, nn.Softmax(1)).eval()
    with pytest.raises(InputError):
        attribute(broken, images, DeepLift())
    attribute(model, images, GuidedBackpropagation())
    assert torch.equal(attribute(model, images, Gradient()), before)
    assert not any(one._forward_hooks or one._backward_hooks for one in model.modules())


def test_that_threads_explain_one_network_at_once_without_mixing():
    from engine.specs import GradCam, LayerCam

    model, images = small_network().eval().requires_grad_(False), some(16)
    kinds = [DeepLift(), GuidedBackpropagation(), GradCam(), LayerCam(), Gradient()]
    alone = [attribute(model, images, spec) for spec in kinds]
    differing = []

    def work(place):
        for _ in range(20):
            if not torch.equal(attribute(model, images, kinds[place]), alone[place]):
                differing.append(kinds[place].kind)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(kinds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not differing
