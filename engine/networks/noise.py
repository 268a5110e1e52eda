"""Layers that are random while training, drawing from a generator of their own.

torch's layers draw from its global generator, which all threads of the process share, and whose
state no checkpoint holds. These layers share one :class:`Noise` a network; a training hands it its
generator. Without one it draws from a generator with seed 0.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from engine.devices.graphs import drawn


class Noise:
    """The source of random numbers of one network; copies of the network share it."""

    def __init__(self) -> None:
        self.generator: torch.Generator | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Noise:
        return self

    def kept(self, shape: tuple[int, ...], drop: float, like: Tensor) -> Tensor:
        """Return a mask: 0 with probability ``drop``, else 1 / (1 - drop).

        Drawn on the device of the generator, then moved to the device of ``like``.
        """
        if self.generator is None:
            device = "cpu" if like.is_meta else like.device
            self.generator = torch.Generator(device).manual_seed(0)
        dtype, generator = like.dtype, self.generator

        def draw() -> Tensor:
            mask = torch.empty(shape, dtype=dtype, device=generator.device)
            return mask.bernoulli_(1 - drop, generator=generator)

        return drawn(draw).to(like.device).div_(1 - drop)


class Dropout(nn.Module):
    """Sets a share ``p`` of all values to 0 while training. Source: Srivastava 2014."""

    def __init__(self, p: float, noise: Noise | None = None):
        super().__init__()
        self.p = p
        self.noise = noise or Noise()

    def forward(self, values: Tensor) -> Tensor:
        """Return the values, unchanged in evaluation mode."""
        if not self.training or self.p == 0:
            return values
        return values * self.noise.kept(tuple(values.shape), self.p, values)


class StochasticDepth(nn.Module):
    """Sets a whole branch to 0 while training, image by image or for the batch.

    Source: Huang 2016, "Deep networks with stochastic depth".
    """

    def __init__(self, p: float, mode: str = "row", noise: Noise | None = None):
        super().__init__()
        self.p = p
        self.mode = mode
        self.noise = noise or Noise()

    def forward(self, values: Tensor) -> Tensor:
        """Return the values, unchanged in evaluation mode."""
        if not self.training or self.p == 0:
            return values
        first = len(values) if self.mode == "row" else 1
        shape = (first, *[1] * (values.ndim - 1))
        return values * self.noise.kept(shape, self.p, values)


class BatchNorm(nn.BatchNorm2d):
    """A batch norm that also accepts a batch of one value a channel while training.

    Such a batch has no variance; torch fails on it. It is normalised by the running statistics,
    which stay as they are. It occurs where the last batch of an epoch has one image.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised values."""
        if self.training and input.numel() == input.shape[1]:
            return nn.functional.batch_norm(
                input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(input)


def noise_of(network: nn.Module) -> list[Noise]:
    """Return the sources of random numbers of a network; empty if its training is not random."""
    found = {
        id(module.noise): module.noise
        for module in network.modules()
        if isinstance(module, Dropout | StochasticDepth) and module.p > 0
    }
    return list(found.values())


def is_random(network: nn.Module) -> bool:
    """Return whether the network draws random numbers while training."""
    return bool(noise_of(network))


def draw_from(network: nn.Module, generator: torch.Generator) -> None:
    """Make the network's random layers draw from a generator."""
    for noise in noise_of(network):
        noise.generator = generator


def tamed(network: nn.Module) -> nn.Module:
    """Replace what another package's network does in place, by the global generator, or alone.

    Activations are told not to work in place, because attribution methods hook modules. Dropout
    and stochastic depth become ours; batch norms become :class:`BatchNorm`. No name of a weight
    changes. What a network calls as a function (``relu_`` in DenseNet) cannot be reached.
    """
    noise = Noise()
    for module in list(network.modules()):
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
        if type(module) is nn.BatchNorm2d:
            module.__class__ = BatchNorm  # the same layer and weights, with another forward
        for name, child in list(module.named_children()):
            ours = _ours(child, noise)
            if ours is not None:
                setattr(module, name, ours)
    return network


def _ours(module: nn.Module, noise: Noise) -> nn.Module | None:
    """Return our random layer for one of torch, torchvision or timm; None for another layer."""
    found: Any = module
    if type(module) is nn.Dropout:
        return Dropout(float(found.p), noise)
    name = type(module).__name__  # so that neither package is imported here
    if name == "StochasticDepth" and not isinstance(module, StochasticDepth):
        return StochasticDepth(float(found.p), str(found.mode), noise)
    if name == "DropPath":
        return StochasticDepth(float(found.drop_prob or 0.0), "row", noise)
    return None
