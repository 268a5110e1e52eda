"""Classifier architectures, which :func:`build` turns into networks from their specs.

Every network takes images in [0, 1] and normalises them in its first layer, so that attacks and
attributions work on pixels. In our own networks every activation is a separate module and does not
work in place, because attribution methods hook modules and cannot tell two uses of one module
apart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.networks.fresh import drawing_from, without_weights
from engine.networks.layers import (
    Normalize,
    initialise_fan_out,
    initialise_glorot,
    initialise_he,
    initialise_smooth,
    initialise_trades,
    wake,
)
from engine.networks.library import (
    CHANNELS,
    timm_network,
    torchvision_network,
    torchvision_sizes,
)
from engine.networks.plain import (
    paper_cifar_cnn,
    paper_mlp,
    paper_mnist_cnn,
    small_cnn,
    trades_cnn,
)
from engine.networks.residual import cifar_resnet, preact_resnet18, resnet18, wide_resnet
from engine.networks.sizes import Sizes
from engine.networks.timm_names import NO_TIMM, has_timm
from engine.specs import NetworkSpec, Timm
from engine.specs.schema import SpecError

Shape = tuple[int, int, int]
Numbers = Sequence[float] | Tensor | NDArray[Any]

MAX_PARAMETERS = 700_000_000  # torchvision's largest classifier has 645 million
FLAT_CHANNEL = 1 / 255  # one grey level; channels with a smaller deviation are only centred


def build(
    spec: NetworkSpec,
    *,
    shape: Shape,
    classes: int,
    generator: torch.Generator,
    channel_mean: Numbers | None = None,
    channel_std: Numbers | None = None,
) -> nn.Sequential:
    """Build a network with fresh weights, on the CPU, in training mode.

    Parameters
    ----------
    spec
        The architecture.
    shape
        Channels, height and width of an image.
    classes
        Number of logits, at least 2.
    generator
        A CPU generator, the only source of randomness. So trainings in several threads do not
        affect each other or the process's global generator.
    channel_mean, channel_std
        (C,) in [0, 1] units over the training images; needed for normalization "per_channel".

    Returns
    -------
    nn.Sequential of ``normalize`` and ``network``: images (N, C, H, W) float32 in [0, 1], in any
    memory format, to logits (N, classes). Grey images of a network for colour are repeated by
    ``normalize``, so that the gradient of a pixel is the sum over the repetitions.

    Raises
    ------
    SpecError
        If the network cannot take images of this shape or classes of this number.
    """
    network = laid_out(spec, shape=shape, classes=classes)
    architecture = ARCHITECTURES[spec.kind]
    normalize = _normalize(spec, shape[0], channel_mean, channel_std)
    if architecture.initialise is None:
        with drawing_from(generator):
            network = architecture.build(spec, _as_read(spec, shape), classes)
        wake(network, generator)
    else:
        _make_room(network)
        for module in network.modules():
            architecture.initialise(module, generator)
    return nn.Sequential(OrderedDict(normalize=normalize, network=network))


def _make_room(network: nn.Module) -> None:
    """Give the weights of a network that was laid out memory on the CPU, without values.

    ``to_empty`` does the same, but loads sympy in a process that has not, a quarter of a second.
    """
    room = {
        name: torch.empty_strided(value.shape, value.stride(), dtype=value.dtype)
        for name, value in network.state_dict().items()
    }
    network.load_state_dict(room, assign=True)


def laid_out(spec: NetworkSpec, *, shape: Shape, classes: int) -> nn.Module:
    """Return the layers of a network without weights and without its normaliser.

    It costs milliseconds and no memory: weights are on the meta device. Parameters and errors are
    those of :func:`build`.
    """
    if classes < 2:
        raise SpecError(f"classes is {classes}, {spec.title} needs at least 2")
    fault = sizes_of(spec).fault(shape, spec.title)
    if fault:
        raise SpecError(fault)
    with without_weights():
        network = ARCHITECTURES[spec.kind].build(spec, _as_read(spec, shape), classes)
    count = sum(parameter.numel() for parameter in network.parameters())
    if count > MAX_PARAMETERS:
        raise SpecError(
            f"images are {shape[2]}x{shape[1]} px, for which {spec.title} would have "
            f"{count / 1e6:,.0f} million weights; it may have at most {MAX_PARAMETERS / 1e6:.0f}"
        )
    return network


def expected_state(spec: NetworkSpec, *, shape: Shape, classes: int) -> dict[str, torch.Size]:
    """Return name and shape of every entry of a network's state dict, in order.

    Names are as in the published code of the architecture, without our prefix ``network.``, and
    without the normaliser's buffers. Cost, parameters and errors are those of :func:`laid_out`.
    """
    state = laid_out(spec, shape=shape, classes=classes).state_dict()
    return {name: tensor.shape for name, tensor in state.items()}


def unfit(spec: NetworkSpec, shape: Shape) -> str:
    """Return the sentence on why a network cannot take images (C, H, W), or "".

    It costs nothing, but does not tell what only the constructor of a network of timm knows.
    """
    if spec.kind == Timm.kind and not has_timm():
        return NO_TIMM
    return sizes_of(spec).fault(shape, spec.title)


def sizes_of(spec: NetworkSpec) -> Sizes:
    """Return which images an architecture takes."""
    return ARCHITECTURES[spec.kind].sizes_of(spec)


@dataclass(frozen=True)
class Architecture:
    """A row of :data:`ARCHITECTURES`.

    Attributes
    ----------
    build
        ``(spec, shape, classes) -> network``: makes the layers on the meta device, without weights.
    initialise
        ``(module, generator)``: initialises one module; called for each module of the network.
        None: the layers of another package, whose constructors draw their weights themselves.
    least_side
        Smallest height and width of an image in pixels, where that is all that matters.
    sizes
        ``spec -> Sizes``: which images it takes, where more than ``least_side`` matters.
    """

    build: Callable[[Any, Shape, int], nn.Module]
    initialise: Callable[[nn.Module, torch.Generator], None] | None
    least_side: int = 1
    sizes: Callable[[Any], Sizes] | None = None

    def sizes_of(self, spec: NetworkSpec) -> Sizes:
        """Return which images the architecture takes with the settings of a spec."""
        return Sizes(self.least_side) if self.sizes is None else self.sizes(spec)


ARCHITECTURES: dict[str, Architecture] = {
    "small_cnn": Architecture(small_cnn, initialise_smooth, 8),
    "paper_mnist_cnn": Architecture(paper_mnist_cnn, initialise_glorot, 8),
    "paper_cifar_cnn": Architecture(paper_cifar_cnn, initialise_glorot, 8),
    "paper_mlp": Architecture(paper_mlp, initialise_glorot),
    "resnet18": Architecture(resnet18, initialise_he, 16),
    "cifar_resnet": Architecture(cifar_resnet, initialise_he, 8),
    "preact_resnet18": Architecture(preact_resnet18, initialise_he, 8),
    "wide_resnet": Architecture(wide_resnet, initialise_fan_out, 8),
    "trades_cnn": Architecture(trades_cnn, initialise_trades, 16),
    "torchvision": Architecture(torchvision_network, None, sizes=torchvision_sizes),
    "timm": Architecture(timm_network, None, sizes=lambda spec: Sizes(colour=True)),
}


def _channels_of(spec: NetworkSpec, channels: int) -> int:
    """Return how many channels the network reads behind its normaliser."""
    repeated = sizes_of(spec).colour or (spec.constants and len(spec.constants[0]) > 1)
    if channels > 1 or not repeated:
        return channels
    return len(spec.constants[0]) if spec.constants and len(spec.constants[0]) > 1 else CHANNELS


def _as_read(spec: NetworkSpec, shape: Shape) -> Shape:
    return (_channels_of(spec, shape[0]), *shape[1:])


def _normalize(
    spec: NetworkSpec,
    channels: int,
    channel_mean: Numbers | None,
    channel_std: Numbers | None,
) -> Normalize:
    read = _channels_of(spec, channels)
    mean, std = _statistics(spec, channels, channel_mean, channel_std)
    if len(mean) not in (1, read):
        raise SpecError(
            f"normalization is {spec.normalization!r} with {len(mean)} channels, "
            f"but the images have {channels}"
        )
    # One number serves all channels; for a network of colours it repeats grey images.
    repeat = read // len(mean)
    return Normalize(list(mean) * repeat, list(std) * repeat)


def _statistics(
    spec: NetworkSpec,
    channels: int,
    channel_mean: Numbers | None,
    channel_std: Numbers | None,
) -> tuple[Sequence[float], Sequence[float]]:
    """Return means and deviations; of one number, or of one number a channel."""
    if spec.constants is not None:
        return spec.constants
    if spec.normalization == "signed":
        return [0.5], [0.5]
    if spec.normalization == "none":
        return [0.0], [1.0]
    if channel_mean is None or channel_std is None:
        raise SpecError(
            "normalization is 'per_channel', which needs the mean and deviation of every channel"
        )
    if not len(channel_mean) == len(channel_std) == channels:
        raise SpecError(
            f"channel_mean and channel_std have {len(channel_mean)} and {len(channel_std)} "
            f"numbers, must have {channels}, one a channel"
        )
    spread = [float(std) if std > FLAT_CHANNEL else 1.0 for std in channel_std]
    return [float(mean) for mean in channel_mean], spread
