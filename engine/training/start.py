"""The network that a training begins with: newly drawn, or with the weights of another."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from engine.jobs.classifiers import classifier, fresh_network
from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages
from engine.networks.architectures import expected_state
from engine.specs import NetworkSpec, Training
from engine.specs.schema import SpecError


def first_network(spec: Training, context: Context, images: DeviceImages) -> nn.Module:
    """Return the network before the first batch.

    Its weights are drawn anew, or those of ``start``. With ``start_head`` "replaced" those of the
    last layer are drawn anew, as :func:`redraw` does, and everything else is of the start: also its
    normaliser, since its weights were learned behind it.

    Raises
    ------
    SpecError
        If other images leave more than the last layer without weights.
    """
    weights = context.generator("weights", spec.seed)
    model = fresh_network(spec.network, images, context.device, generator=weights)
    if spec.start is None:
        return model
    if spec.start_head == "same":
        model.load_state_dict(classifier(context, spec.start).state_dict())
    else:
        head = head_of(spec.network, images)
        _load_body(spec, context, model, head)
        redraw(model, head, context.generator("last layer", spec.seed))
    return model


def redraw(model: nn.Module, entries: frozenset[str], generator: torch.Generator) -> None:
    """Draw the weights and biases of linear and convolutional layers as PyTorch does by default.

    Libraries draw a last layer for training from scratch: EfficientNet's with a range of 1 / sqrt
    (classes), 0.58 for three. On learned features of 1,280 numbers that gives logits of about 10,
    whose gradients spoil the features. PyTorch's own range is 1 / sqrt(inputs), here 0.028.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d) and f"{name}.weight" in entries:
            inputs = module.weight[0].numel()
            bound = 1 / math.sqrt(inputs)
            for values in (module.weight, module.bias):
                if values is not None:
                    drawn = torch.rand(values.shape, generator=generator)
                    values.data.copy_((2 * drawn - 1) * bound)


def head_of(network: NetworkSpec, images: DeviceImages) -> frozenset[str]:
    """Return the entries of a network's last layer: those that depend on the number of classes."""
    shape, classes = images.shape, images.classes
    one, more = (expected_state(network, shape=shape, classes=n) for n in (classes, classes + 1))
    return frozenset(f"network.{name}" for name in one if one[name] != more[name])


def freeze_body(
    model: nn.Module, network: NetworkSpec, images: DeviceImages
) -> tuple[nn.Module, ...]:
    """Exclude all weights but the last layer's from training.

    Returns
    -------
    The batch norms, which must stay in evaluation mode: their statistics would move otherwise.
    """
    head = head_of(network, images)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in head)
    return tuple(module for module in model.modules() if isinstance(module, _BatchNorm))


def _load_body(spec: Training, context: Context, model: nn.Module, head: frozenset[str]) -> None:
    # From the record, not through classifier(): the images of the start need not be at hand.
    prefix, start = "weights/", spec.start
    assert start is not None
    arrays = context.record(start).arrays
    state: dict[str, Tensor] = {}
    for name, own in model.state_dict().items():
        if name in head:
            state[name] = own
            continue
        found = arrays.get(prefix + name)
        if found is None or tuple(found.shape) != tuple(own.shape):
            shape = "missing" if found is None else _by(found.shape)
            raise SpecError(
                f"start is {start.title!r}, whose {name.removeprefix('network.')} is {shape}, "
                f"must be {_by(own.shape)} for images of this size and these channels; only the "
                "last layer is replaced"
            )
        state[name] = torch.from_numpy(np.array(found))
    model.load_state_dict(state)


def _by(shape: tuple[int, ...] | torch.Size) -> str:
    return "x".join(map(str, shape)) or "one number"
