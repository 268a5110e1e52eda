"""Networks of torchvision that a method cannot explain are refused before anything is computed."""

import pytest
import torch

from engine.attribution.layers import layer_named
from engine.attribution.table import attribute
from engine.networks.architectures import build, laid_out
from engine.networks.gradients import InputError
from engine.specs import DeepLift, GradCam, GuidedBackpropagation, Torchvision
from engine.specs.networks import TORCHVISION_NAMES
from engine.specs.schema import SpecError
from tests.engine.small_networks import seeded

SMALL = (
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "mnasnet0_5",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "regnet_x_400mf",
    "regnet_y_400mf",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
)


def refused(method, spec):
    """Return whether the spec of a network tells that a method cannot explain it."""
    try:
        method.check_network(spec)
    except SpecError:
        return True
    return False


@pytest.mark.parametrize("name", SMALL)
def test_that_the_name_tells_what_the_method_would(name):
    spec, images = Torchvision(name=name), torch.rand(1, 3, 64, 64, generator=seeded())
    model = build(spec, shape=(3, 64, 64), classes=3, generator=seeded()).eval()
    for method in (DeepLift(), GuidedBackpropagation(), GradCam()):
        if refused(method, spec):
            with pytest.raises(InputError, match="choose"):
                attribute(model, images, method)
        else:
            assert attribute(model, images, method).shape == images.shape


@pytest.mark.parametrize("name", TORCHVISION_NAMES)
def test_that_families_are_told_by_their_names(name):
    spec = Torchvision(name=name)
    side = 224 if name.startswith(("vit", "maxvit")) else 128
    model = laid_out(spec, shape=(3, side, side), classes=3)
    kinds = {type(module).__name__ for module in model.modules()}
    try:
        layer_named(model, "")
    except InputError:
        assert not spec.convolves
    else:
        assert spec.convolves
    assert (spec.in_place_of_relu in kinds) == bool(spec.in_place_of_relu)
    assert bool(spec.in_place_of_relu) == (not kinds.isdisjoint({"GELU", "ReLU6", "SiLU"}))
    assert bool(spec.without_rule) == (not kinds.isdisjoint({"LayerNorm", "SqueezeExcitation"}))
