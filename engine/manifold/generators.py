"""The VAE-GAN's three networks: encoder, decoder and discriminator, by architecture.

Source: Larsen 2016; Kim, Seo, Jeon 2019, table of the approximated manifold.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from engine.jobs.device_images import DeviceImages
from engine.manifold import released
from engine.manifold.convolutions import SameConv2d, SpectralConv2d
from engine.networks.layers import initialise_glorot
from engine.specs import VAEGAN
from engine.specs.schema import SpecError

SIDES = {"mnist": 28, "cifar": 32}
POWER_ITERATIONS = 15
Parts = tuple[nn.Module, nn.Module, nn.Module]
Wide = Callable[[int], int]
"""Returns the number of channels to use for the paper's number."""


class Generator(nn.Module):
    """Encoder, decoder and discriminator of one VAE-GAN; the networks use images in [-1, 1]."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, discriminator: nn.Module):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.discriminator = discriminator

    def latent(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance (N, latent) of images (N, C, H, W) in [-1, 1]."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance

    def reconstruct(self, images: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """Return reconstructions in [0, 1] of images in [0, 1].

        Parameters
        ----------
        noise
            If given, the latent is sampled with this generator, as in the paper's code; None
            decodes the mean of the latent.
        """
        mean, log_variance = self.latent(images * 2 - 1)
        if noise is not None:
            drawn = torch.randn(mean.shape, generator=noise, device=mean.device)
            mean = mean + drawn * (log_variance / 2).exp()
        return self.decode(mean)

    def decode(self, latent: Tensor) -> Tensor:
        """Decode points of the latent space (N, latent) to images in [0, 1]."""
        decoded: Tensor = self.decoder(latent)
        return (decoded + 1) / 2


def build(spec: VAEGAN, images: DeviceImages, generator: torch.Generator) -> Generator:
    """Build the networks with fresh weights, all drawn from the generator.

    Raises
    ------
    SpecError
        If the images do not have the size that the architecture requires.
    """
    side = SIDES[spec.architecture]
    channels, height, width = images.shape
    if (height, width) != (side, side):
        raise SpecError(
            f"images are {width}x{height} px, the VAE-GAN {spec.architecture!r} takes {side}x{side}"
        )
    layouts = RELEASED_ARCHITECTURES if spec.form == "released" else ARCHITECTURES
    model = Generator(*layouts[spec.architecture](channels, spec.latent, _scaled(spec.width)))
    for module in model.modules():
        _initialise(module, generator)
    if spec.architecture == "cifar" and spec.form == "corrected":
        for layer in model.discriminator.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                _normalise_spectrum(layer, generator)
    return model


def _mnist(channels: int, latent: int, wide: Wide) -> Parts:
    encoder = nn.Sequential(
        *_down(SameConv2d, [channels, wide(64), wide(128), wide(256)], kernel=4),
        nn.Flatten(),
        nn.Linear(wide(256) * 4 * 4, 2 * latent, bias=False),
        nn.BatchNorm1d(2 * latent),
    )
    decoder = nn.Sequential(
        nn.Linear(latent, wide(256) * 4),
        nn.BatchNorm1d(wide(256) * 4),
        nn.ReLU(),
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
        *_down(SameConv2d, [wide(32), wide(128), wide(256), wide(256)], kernel=4),
        nn.Flatten(),
        nn.Linear(wide(256) * 2 * 2, wide(512), bias=False),
        nn.BatchNorm1d(wide(512)),
        nn.ReLU(),
        nn.Linear(wide(512), 1),
    )
    return encoder, decoder, discriminator


def _cifar(channels: int, latent: int, wide: Wide) -> Parts:
    encoder = nn.Sequential(
        *_down(SameConv2d, [channels, wide(64), wide(128), wide(256)], kernel=5),
        nn.Flatten(),
        nn.Linear(wide(256) * 4 * 4, 2 * latent, bias=False),
        nn.BatchNorm1d(2 * latent),
    )
    decoder = nn.Sequential(
        nn.Linear(latent, wide(512) * 16),
        nn.BatchNorm1d(wide(512) * 16),
        nn.ReLU(),
        nn.Unflatten(1, (wide(512), 4, 4)),
        *_up(wide(512), wide(256)),
        *_up(wide(256), wide(128)),
        *_up(wide(128), wide(64)),
        nn.Conv2d(wide(64), channels, 3, padding=1),
        nn.Tanh(),
    )
    sizes = [(channels, 64, 3, 1), (64, 64, 4, 2), (64, 128, 3, 1), (128, 128, 4, 2)]
    sizes += [(128, 256, 3, 1), (256, 256, 4, 2), (256, 512, 3, 1)]
    layers: list[nn.Module] = []
    for index, (before, after, kernel, stride) in enumerate(sizes):
        given = before if index == 0 else wide(before)
        layers += [SameConv2d(given, wide(after), kernel, stride), nn.LeakyReLU(0.1)]
    layers += [nn.Flatten(), nn.Linear(wide(512) * 4 * 4, 1)]
    return encoder, decoder, nn.Sequential(*layers)


ARCHITECTURES: dict[str, Callable[[int, int, Wide], Parts]] = {"mnist": _mnist, "cifar": _cifar}
RELEASED_ARCHITECTURES: dict[str, Callable[[int, int, Wide], Parts]] = {
    "mnist": released.mnist_parts,
    "cifar": released.cifar_parts,
}


def _scaled(width: float) -> Wide:
    return lambda channels: max(4, round(channels * width))


def _down(conv: type[nn.Conv2d], channels: list[int], *, kernel: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [conv(before, after, kernel, 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return layers


def _up(before: int, after: int, *, stride: int = 2, padding: int = 1) -> list[nn.Module]:
    conv = nn.ConvTranspose2d(before, after, 4, stride, padding, bias=False)
    return [conv, nn.BatchNorm2d(after), nn.ReLU()]


def _initialise(module: nn.Module, generator: torch.Generator) -> None:
    initialise_glorot(module, generator)
    if isinstance(module, nn.ConvTranspose2d):
        nn.init.xavier_uniform_(module.weight, generator=generator)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    if isinstance(module, SpectralConv2d):
        nn.init.trunc_normal_(module.image, generator=generator)


def _normalise_spectrum(layer: nn.Module, generator: torch.Generator) -> None:
    """Apply spectral normalisation to a layer: divide its weight by the largest singular value.

    torch starts the power iteration from the global random state. To make the result reproducible,
    this function starts it from the generator instead and runs as many iterations as torch does.
    """
    spectral_norm(layer)
    weights: Any = layer.parametrizations.weight  # type: ignore[union-attr]
    matrix = weights.original.detach().flatten(1)
    left = torch.randn(matrix.shape[0], generator=generator)
    for _ in range(POWER_ITERATIONS):
        right = functional.normalize(matrix.T @ left, dim=0)
        left = functional.normalize(matrix @ right, dim=0)
    weights[0]._u.copy_(left)
    weights[0]._v.copy_(right)
