"""The VAE-GANs' networks as the paper's released code lays them out.

A layer is an activation of a convolution with bias, and then batch norm, where
:mod:`engine.manifold.generators` normalises before the activation. Source: Kim, Seo, Jeon 2019,
their released code; docs/reproduction.md lists every difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from torch import nn

from engine.manifold.convolutions import SameConv2d, SpectralConv2d

Parts = tuple[nn.Module, nn.Module, nn.Module]
Wide = Callable[[int], int]
BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d

EPSILON = 1e-3
MOMENTUM = 0.01
"""The share of the running statistics that moves; TensorFlow names the other one, 0.99."""

SLOPE = 0.1


def mnist_parts(channels: int, latent: int, wide: Wide) -> Parts:
    """Lay out encoder, decoder and discriminator for 28x28 images.

    Parameters
    ----------
    channels, latent
        Channels of an image, and size of the latent.
    wide
        Returns the number of channels for the paper's number.
    """
    decoder = nn.Sequential(
        nn.Linear(latent, wide(256) * 4),
        *_active(nn.BatchNorm1d, wide(256) * 4),
        nn.Unflatten(1, (wide(256), 2, 2)),
        *_up(wide(256), wide(256)),
        *_up(wide(256), wide(128), stride=1, padding=0),
        *_up(wide(128), wide(32)),
        nn.ConvTranspose2d(wide(32), channels, 4, 2, 1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        SameConv2d(channels, wide(32), 4, 2),
        nn.ReLU(),
        *_down([wide(32), wide(128), wide(256), wide(256)], kernel=4),
        nn.Flatten(),
        nn.Linear(wide(256) * 2 * 2, wide(512)),
        *_active(nn.BatchNorm1d, wide(512)),
        nn.Linear(wide(512), 1),
    )
    return _encoder(channels, latent, wide, kernel=4), decoder, discriminator


def cifar_parts(channels: int, latent: int, wide: Wide) -> Parts:
    """Lay out encoder, decoder and discriminator for 32x32 images; see :func:`mnist_parts`.

    The decoder's first layer is linear. The last layer of the discriminator is not normalised.
    """
    decoder = nn.Sequential(
        nn.Linear(latent, wide(512) * 16),
        nn.Unflatten(1, (wide(512), 4, 4)),
        *_up(wide(512), wide(256)),
        *_up(wide(256), wide(128)),
        *_up(wide(128), wide(64)),
        nn.Conv2d(wide(64), channels, 3, padding=1),
        nn.Tanh(),
    )
    layers: list[nn.Module] = []
    before, side = channels, 32
    for after, kernel, stride in (
        *((64, 3, 1), (64, 4, 2), (128, 3, 1), (128, 4, 2)),
        *((256, 3, 1), (256, 4, 2), (512, 3, 1)),
    ):
        conv = SpectralConv2d(before, wide(after), kernel, stride, side)
        layers += [conv, nn.LeakyReLU(SLOPE)]
        before, side = wide(after), side // stride
    layers += [nn.Flatten(), nn.Linear(wide(512) * 4 * 4, 1)]
    return _encoder(channels, latent, wide, kernel=5), decoder, nn.Sequential(*layers)


def move_statistics(model: nn.Module, part: nn.Module) -> None:
    """Let the running statistics of one part of a model move, and hold those of the others.

    In the released code a part's statistics move in its own optimiser step, not when it is only
    passed through in the step of another part.
    """
    own = set(_batch_norms(part))
    for norm in _batch_norms(model):
        norm.momentum = MOMENTUM if norm in own else 0.0


def _batch_norms(model: nn.Module) -> Iterator[BatchNorm]:
    for module in model.modules():
        if isinstance(module, BatchNorm):
            yield module


def _encoder(channels: int, latent: int, wide: Wide, *, kernel: int) -> nn.Module:
    return nn.Sequential(
        *_down([channels, wide(64), wide(128), wide(256)], kernel=kernel),
        nn.Flatten(),
        nn.Linear(wide(256) * 4 * 4, 2 * latent),
        nn.BatchNorm1d(2 * latent, EPSILON, MOMENTUM),
    )


def _down(channels: list[int], *, kernel: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [SameConv2d(before, after, kernel, 2), *_active(nn.BatchNorm2d, after)]
    return layers


def _up(before: int, after: int, *, stride: int = 2, padding: int = 1) -> list[nn.Module]:
    conv = nn.ConvTranspose2d(before, after, 4, stride, padding)
    return [conv, *_active(nn.BatchNorm2d, after)]


def _active(norm: type[BatchNorm], width: int) -> list[nn.Module]:
    """Return what follows a layer: the activation, then batch norm."""
    return [nn.ReLU(), norm(width, EPSILON, MOMENTUM)]
