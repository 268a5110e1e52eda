"""Convolutions of the VAE-GANs that torch does not have."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAST_SQUARES = 1e-12
"""Least sum of squares by which a normalisation divides, under the root."""


class SameConv2d(nn.Conv2d):
    """A strided convolution with output side ceil(input side / stride)."""

    def forward(self, features: Tensor) -> Tensor:
        """Pad as needed, more to the right and below, and convolve."""
        convolved: Tensor = super().forward(functional.pad(features, self._around(features)))
        return convolved

    def _around(self, features: Tensor) -> tuple[int, int, int, int]:
        """Return the padding left, right, above and below of square features."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        side = features.shape[-1]
        total = max(0, (math.ceil(side / stride) - 1) * stride + kernel - side)
        before = total // 2
        return before, total - before, before, total - before


class SpectralConv2d(SameConv2d):
    """A convolution whose weight is divided by its largest singular value, where that exceeds 1.

    The singular value is that of the linear map from input to output images, not of the weight as a
    matrix. One step of power iteration on an image is taken at every forward pass; in training mode
    the image is kept for the next one. The gradient goes through the step, as in the paper's
    released code.

    Parameters
    ----------
    side
        Height and width of the input.
    """

    image: Tensor

    def __init__(self, before: int, after: int, kernel: int, stride: int, side: int):
        super().__init__(before, after, kernel, stride)
        self.register_buffer("image", torch.zeros(1, before, side, side))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, C, ceil(H / stride), ceil(W / stride))."""
        sigma, image = self.largest_singular_value(self.image)
        if self.training:
            # Assign and do not copy: the step's gradient still needs the former image.
            self.image = image.detach()
        padded = functional.pad(features, self._around(features))
        weight = self.weight / sigma.clamp_min(1.0)
        return functional.conv2d(padded, weight, self.bias, self.stride)

    def largest_singular_value(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Take one step of power iteration from an image (1, C, H, W).

        Returns
        -------
        Tensor ()
            The estimate of the singular value.
        Tensor (1, C, H, W)
            The next image, of length 1.
        """
        left, right, above, below = self._around(image)

        def applied(to: Tensor) -> Tensor:
            padded = functional.pad(to, (left, right, above, below))
            return functional.conv2d(padded, self.weight, stride=self.stride)

        answer = _normalised(applied(image))
        back = functional.conv_transpose2d(answer, self.weight, stride=self.stride)
        height, width = image.shape[2:]
        following = _normalised(back[:, :, above : above + height, left : left + width])
        return (applied(following) * answer).sum(), following


def _normalised(image: Tensor) -> Tensor:
    return image * image.square().sum().clamp_min(LEAST_SQUARES).rsqrt()
