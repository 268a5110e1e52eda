"""Networks of one architecture computed as one network.

A small network cannot fill a GPU, but many of them in one computation can. Weights and buffers get
a leading axis of members. Inside, the members' channels lie side by side: convolutions are grouped,
dense layers batched matrix products. No member reads a number of another one.

Measured on an H200 (``docs/benchmarks.md``): of the ways to do it, grouped convolutions with the
bias added after pooling, or together with ReLU inside cuDNN's kernel, are fastest.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.networks.layers import FeatureSmoothing, Normalize
from engine.networks.residual import CifarBlock, PreActBlock, ResidualBlock, WideBlock

CHANNELWISE = (nn.ReLU, nn.SiLU, nn.GELU, nn.Softplus, nn.Identity, nn.MaxPool2d, nn.AvgPool2d,
               nn.AdaptiveAvgPool2d)  # fmt: skip
"""Layers that treat channels alike, so that they need not know of members."""
HOLDERS = (nn.Sequential, ResidualBlock, CifarBlock, PreActBlock, WideBlock, FeatureSmoothing)
"""Modules that pass values between their parts, treat channels alike, or add two values."""


Geometry = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Stride, padding and dilation of a convolution."""


class NotStackable(ValueError):
    """A network has a layer that cannot be computed for several members at once."""


class Stacked(nn.Module):
    """Members of one architecture as one network.

    Entries of its state dict have the names of a member's, with a leading axis of members.

    Parameters
    ----------
    members
        Networks with equal layers, on one device, in their order. They are copied.

    Raises
    ------
    NotStackable
        If a layer is of a kind that cannot be stacked.
    """

    def __init__(self, members: Sequence[nn.Module]):
        super().__init__()
        self.members = len(members)
        self.body = _stacked(list(members))
        _fuse(self.body)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (K * N, classes) of images (K * N, C, H, W), member by member."""
        parts = images.view(self.members, -1, *images.shape[1:]).transpose(0, 1)  # (N, K, C, H, W)
        logits: Tensor = self.body(parts)
        return logits.flatten(0, 1)

    @torch.no_grad()
    def take(self, member: int, into: nn.Module) -> None:
        """Copy a member's weights and buffers into a network of its own."""
        own = {**dict(into.named_parameters()), **dict(into.named_buffers())}
        for name, tensor in self._entries():
            own[name].copy_(tensor[member])

    def _entries(self) -> list[tuple[str, Tensor]]:
        return [*self.body.named_parameters(), *self.body.named_buffers()]


class _Conv(nn.Module):
    """Convolutions side by side, as one with groups."""

    def __init__(self, layers: list[nn.Conv2d]):
        super().__init__()
        first = layers[0]
        if not _is_plain(first):
            raise NotStackable(
                f"padding of a convolution is {first.padding!r}, {first.padding_mode!r}"
            )
        self.weight, self.bias = _joined(layers, "weight"), _biases(layers)
        padding = first.padding
        assert not isinstance(padding, str)  # see _is_plain
        self.geometry: Geometry = (first.stride, padding, first.dilation)
        self.groups = len(layers) * first.groups
        self.rectifies = self.leaves_bias = False

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, K * width, H', W') of (N, K * channels, H, W)."""
        features = _as_computed(features)
        weight = self.weight.flatten(0, 1).to(features.dtype)
        weight = weight.contiguous(memory_format=torch.channels_last)
        bias = None if self.bias is None else self.bias.flatten().to(features.dtype)
        if self.rectifies:
            found: Tensor = _ConvRelu.apply(features, weight, bias, self.geometry, self.groups)
            return found
        bias = None if self.leaves_bias else bias
        stride, padding, dilation = self.geometry
        return functional.conv2d(features, weight, bias, stride, padding, dilation, self.groups)


class _ConvRelu(torch.autograd.Function):
    """A convolution and ReLU in one kernel of cuDNN, which writes the activations once."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        geometry: Geometry,
        groups: int,
    ) -> Tensor:
        stride, padding, dilation = geometry
        if features.is_cuda:
            found = torch.cudnn_convolution_relu(
                features, weight, bias, list(stride), list(padding), list(dilation), groups
            )
        else:
            found = functional.conv2d(features, weight, bias, stride, padding, dilation, groups)
            found = found.relu_()
        ctx.save_for_backward(features, weight, found)
        ctx.geometry, ctx.groups = geometry, groups
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        features, weight, found = ctx.saved_tensors
        stride, padding, dilation = ctx.geometry
        gradient = torch.ops.aten.threshold_backward(gradients[0], found, 0)
        back = torch.ops.aten.convolution_backward(
            gradient, features, weight, [len(weight)], list(stride), list(padding), list(dilation),
            False, [0, 0], ctx.groups, list(ctx.needs_input_grad[:3]),
        )  # fmt: skip
        return (*back, None, None)


class _PooledBias(nn.Module):
    """Max pooling of a convolution that leaves its bias to this.

    max(x) + b is max(x + b) to the last bit, on a quarter of the values.
    """

    def __init__(self, pool: nn.MaxPool2d, layer: _Conv):
        super().__init__()
        self.pool = pool
        self.layer = (layer,)  # in a tuple, so that its weights are not registered twice

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, K * width, H', W')."""
        bias = self.layer[0].bias
        assert bias is not None
        pooled: Tensor = self.pool(features)
        return pooled + bias.flatten().to(pooled.dtype).view(1, -1, 1, 1)


class _Linear(nn.Module):
    """Dense layers as one batched product."""

    def __init__(self, layers: list[nn.Linear]):
        super().__init__()
        self.weight, self.bias = _joined(layers, "weight"), _biases(layers)

    def forward(self, features: Tensor) -> Tensor:
        """Return (K, N, units) of (K, N, features)."""
        turned = self.weight.transpose(1, 2)
        if self.bias is None:
            return torch.bmm(features, turned)
        return torch.baddbmm(self.bias.unsqueeze(1), features, turned)


class _BatchNorm(nn.Module):
    """Batch norms side by side; each channel has its own statistics in any case."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, layers: list[nn.BatchNorm2d]):
        super().__init__()
        first = layers[0]
        if first.momentum is None or not first.track_running_stats:
            raise NotStackable("a batch norm keeps no running average of fixed momentum")
        self.weight = _joined(layers, "weight") if first.affine else None
        self.bias = _joined(layers, "bias") if first.affine else None
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, torch.stack([getattr(layer, name) for layer in layers]))
        self.momentum, self.eps = first.momentum, first.eps

    def forward(self, features: Tensor) -> Tensor:
        """Return the normalised (N, K * channels, H, W)."""
        learns = self.training and features.numel() > features.shape[1]
        if learns:
            self.num_batches_tracked += 1
        scale, shift = (
            None if part is None else part.flatten() for part in (self.weight, self.bias)
        )
        return functional.batch_norm(
            features, self.running_mean.flatten(), self.running_var.flatten(), scale, shift,
            learns, self.momentum, self.eps,
        )  # fmt: skip


class _Normalize(nn.Module):
    """The members' normalisers, and the members' channels side by side."""

    mean: Tensor
    std: Tensor

    def __init__(self, layers: list[Normalize]):
        super().__init__()
        self.register_buffer("mean", torch.stack([layer.mean for layer in layers]))
        self.register_buffer("std", torch.stack([layer.std for layer in layers]))

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, K * channels, H, W) of images (N, K, C, H, W)."""
        side_by_side = ((images - self.mean) / self.std).flatten(1, 2)
        return side_by_side.contiguous(memory_format=torch.channels_last)


class _Flatten(nn.Module):
    def __init__(self, members: int):
        super().__init__()
        self.members = members

    def forward(self, features: Tensor) -> Tensor:
        """Return (K, N, features) of (N, K * channels, H, W)."""
        return features.reshape(len(features), self.members, -1).transpose(0, 1)


def _stacked(parts: list[nn.Module]) -> nn.Module:
    """Return one module in place of the same module of every member."""
    first: Any = parts[0]
    found: Any = parts
    if isinstance(first, nn.Conv2d):
        return _Conv(found)
    if isinstance(first, nn.Linear):
        return _Linear(found)
    if isinstance(first, nn.BatchNorm2d):
        return _BatchNorm(found)
    if isinstance(first, Normalize):
        return _Normalize(found)
    if isinstance(first, nn.Flatten) and first.start_dim == 1:
        return _Flatten(len(parts))
    if type(first) in CHANNELWISE:
        kept: nn.Module = copy.deepcopy(first)
        return kept
    if type(first) not in HOLDERS:
        raise NotStackable(f"{type(first).__name__} cannot be computed for several networks")
    holder: nn.Module = copy.copy(first)
    holder._modules = {
        name: None if child is None else _stacked([part._modules[name] for part in found])
        for name, child in first._modules.items()
    }
    return holder


def _fuse(body: nn.Module) -> None:
    """Let convolutions in a row with pooling or ReLU save passes over their activations."""
    for holder in [part for part in body.modules() if isinstance(part, nn.Sequential)]:
        names = list(holder._modules)
        for name, after in itertools.pairwise(names):
            layer, behind = holder._modules[name], holder._modules[after]
            if not isinstance(layer, _Conv) or layer.bias is None:
                continue
            if type(behind) is nn.MaxPool2d and not behind.padding:
                layer.leaves_bias = True
                holder._modules[after] = _PooledBias(behind, layer)
            elif type(behind) is nn.ReLU:
                layer.rectifies = True
                holder._modules[after] = nn.Identity()


def _is_plain(layer: nn.Conv2d) -> bool:
    return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)


def _biases(layers: Sequence[nn.Module]) -> nn.Parameter | None:
    return None if layers[0].bias is None else _joined(layers, "bias")


def _joined(layers: Sequence[nn.Module], name: str) -> nn.Parameter:
    """Return the members' tensors of a name as one parameter, frozen if the first one's is."""
    values = torch.stack([getattr(layer, name).detach() for layer in layers])
    return nn.Parameter(values, requires_grad=getattr(layers[0], name).requires_grad)


def _as_computed(features: Tensor) -> Tensor:
    """Return features in the type in which convolutions compute under autocast."""
    kind = features.device.type
    if torch.is_autocast_enabled(kind):
        return features.to(torch.get_autocast_dtype(kind))
    return features
