"""Build the networks of classifier specs, and load trained weights from their records."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from engine.jobs.context import Context
from engine.jobs.device_images import DeviceImages, device_images
from engine.networks.architectures import build
from engine.specs import ClassifierSpec, Imported, NetworkSpec
from engine.specs.schema import SpecError


def fresh_network(
    spec: NetworkSpec,
    images: DeviceImages,
    device: torch.device,
    *,
    generator: torch.Generator,
    outputs: int | None = None,
) -> nn.Module:
    """Return an untrained network for these images; draw its weights from the generator.

    It has ``outputs`` logits; if None, as many as the images have classes.
    """
    model = build(
        spec,
        shape=images.shape,
        classes=outputs or images.classes,
        generator=generator,
        channel_mean=images.channel_mean.cpu(),
        channel_std=images.channel_std.cpu(),
    )
    model = model.to(device)
    if images.shape[1] * images.shape[2] > 1:
        model = model.to(memory_format=torch.channels_last)
    return model


def classifier(context: Context, spec: ClassifierSpec) -> nn.Module:
    """Load a trained network from its record, in eval mode and with frozen parameters."""

    def make() -> nn.Module:
        record = context.record(spec)
        images = device_images(context, spec.images)
        generator = context.generator("weights that are replaced", 0)
        outputs = spec.outputs if isinstance(spec, Imported) else None
        model = fresh_network(
            spec.network, images, context.device, generator=generator, outputs=outputs
        )
        prefix = "weights/"
        state = {
            name.removeprefix(prefix): torch.from_numpy(np.array(array))
            for name, array in record.arrays.items()
            if name.startswith(prefix)
        }
        try:
            model.load_state_dict(state)
        except RuntimeError as error:
            text = f"the record of {record.entry.title!r} does not hold the weights of its network"
            raise SpecError(text) from error
        return model.eval().requires_grad_(False)

    return context.shared(f"model/{spec.key}/{context.device}", make, _model_bytes)


def _model_bytes(model: nn.Module) -> int:
    return sum(parameter.nbytes for parameter in model.parameters())
