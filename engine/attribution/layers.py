"""Attributions from the features of one layer: Grad-CAM and LayerCAM."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.attribution.methods import QUANTITIES, checked_classes
from engine.networks.gradients import (
    InputError,
    checked_logits,
    differentiating,
    fastest_layout,
    highest_of,
    parts,
)
from engine.specs.attributions import CONVOLUTION
from engine.specs.errors import suggestion

WITHIN = "network."
"""Names of layers begin with it once or more, as a network lies within its normaliser."""

Weigh = Callable[[Tensor, Tensor], Tensor]


def gradcam(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    layer: str = "",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the features of a layer, each weighted by its mean gradient, summed, and rectified.

    Source: Selvaraju 2017, eq. 1 and 2.

    Parameters
    ----------
    quantity
        As for :func:`engine.attribution.methods.gradient`.
    layer
        Name of a module that gives features (N, channels, height, width); the last convolution if
        it is empty. The name may leave out "network.", which all networks of a study share.

    Returns
    -------
    Tensor (N, C, H, W)
        At least 0, enlarged to the image bilinearly, the same in all channels.

    Raises
    ------
    InputError
        If there is no such layer or no convolution, or the layer is not used exactly once.
    """

    def weigh(features: Tensor, gradients: Tensor) -> Tensor:
        return gradients.mean((2, 3), keepdim=True) * features

    return _class_activation(model, images, labels, quantity, layer, weigh)


def layercam(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    layer: str = "",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the features of a layer, each weighted by its positive gradient, place by place.

    Parameters, result and errors as for :func:`gradcam`. Source: Jiang 2021, eq. 5 and 6.
    """

    def weigh(features: Tensor, gradients: Tensor) -> Tensor:
        return gradients.clamp(min=0) * features

    return _class_activation(model, images, labels, quantity, layer, weigh)


def layer_named(model: nn.Module, layer: str) -> str:
    """Return the full name of a layer; the last convolution for an empty one.

    Raises
    ------
    InputError
        If there is none.
    """
    if not layer:
        convolutions: dict[str, nn.Conv2d] = {
            name: one for name, one in model.named_modules() if isinstance(one, nn.Conv2d)
        }
        if not convolutions or (len(convolutions) == 1 and any(map(_cuts, convolutions.values()))):
            raise InputError(
                f"a class activation map {CONVOLUTION}, and this network has none; choose another "
                "method"
            )
        return list(convolutions)[-1]
    names: dict[str, str] = {_short(name): name for name, _ in model.named_modules() if name}
    if _short(layer) not in names:
        near = suggestion(_short(layer), [name for name in names if name])
        raise InputError(f"layer is {layer!r}{near}, must be the name of a layer of the network")
    return names[_short(layer)]


def _cuts(layer: nn.Conv2d) -> bool:
    """Return whether a convolution cuts an image into patches, as transformers begin."""
    return layer.kernel_size == layer.stride != (1, 1)


def _short(name: str) -> str:
    """Return a layer's name without what all networks of a study begin with."""
    while name.startswith(WITHIN):
        name = name.removeprefix(WITHIN)
    return name


def mirrored(model: nn.Module) -> nn.Module:
    """Return a network of copied modules that share their weights, buffers and settings.

    What is registered on the copy reaches no other thread that uses the network.
    """
    made: dict[int, nn.Module] = {}

    def mirror(module: nn.Module) -> nn.Module:
        if id(module) not in made:
            made[id(module)] = twin = copy.copy(module)
            children = {name: one and mirror(one) for name, one in module._modules.items()}
            twin.__dict__["_modules"] = children
            twin.__dict__["_forward_hooks"] = OrderedDict(module._forward_hooks)
        return made[id(module)]

    return mirror(model)


def _class_activation(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None,
    quantity: str,
    layer: str,
    weigh: Weigh,
) -> Tensor:
    classes, twin = checked_classes(images, labels), mirrored(model)
    name = layer_named(model, layer)
    seen: list[Any] = []
    twin.get_submodule(name).register_forward_hook(lambda _, __, found: seen.append(found))
    maps, highest = torch.empty_like(images), highest_of(classes)
    with differentiating(twin, images):
        work = images.detach().to(memory_format=fastest_layout(twin, images))
        for part in parts(images):
            seen.clear()
            leaf = work[part].detach().requires_grad_(True)
            logits = checked_logits(twin, leaf, highest)
            features = _features(seen, _short(name))
            values = QUANTITIES[quantity](logits, classes[part])
            (gradients,) = torch.autograd.grad(values.sum(), features)
            small = weigh(features.detach(), gradients).sum(1, keepdim=True).clamp(min=0)
            large = functional.interpolate(small, size=images.shape[2:], mode="bilinear")
            maps[part] = large.expand_as(images[part])
    return maps


def _features(seen: list[Any], name: str) -> Tensor:
    """Return what a layer gave, after checking that it is maps of features, and given once."""
    if len(seen) != 1:
        often = f"{len(seen)} times" if seen else "not"
        raise InputError(f"layer {name!r} is used {often} for an image, must be used once")
    (found,) = seen
    if not isinstance(found, Tensor) or found.ndim != 4 or not found.requires_grad:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise InputError(
            f"layer {name!r} gives {shape}, must give maps (images, features, height, width)"
        )
    return found
