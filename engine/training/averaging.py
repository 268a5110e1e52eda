"""The exponential moving average of a network's weights while it trains."""

from __future__ import annotations

import copy

import torch
from torch import nn

from engine.training.loop import TrainingState

GROUP = "average/"


def kept_share(decay: float, step: int) -> float:
    """Return the share of the averaged weights that a step keeps; ``step`` counts from 0.

    It is less than ``decay`` in the first steps: a short training would otherwise end with a large
    part of its first random weights. Source: TensorFlow, ExponentialMovingAverage, num_updates.
    """
    return min(decay, (1 + step) / (10 + step))


@torch.no_grad()
def follow(network: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move averaged weights towards those of ``model``, which has just taken its step ``step``."""
    share = kept_share(decay, step)
    for mine, new in zip(network.parameters(), model.parameters(), strict=True):
        mine.lerp_(new, 1 - share)
    for buffer, source in zip(network.buffers(), model.buffers(), strict=True):
        buffer.copy_(source)


class Average:
    """A second network that follows the one that is trained.

    w_average = share w_average + (1 - share) w after every step. Buffers (the statistics of batch
    norms) are copied. The tensors of the second network stand in ``state.kept``, so a checkpoint
    holds them.

    Parameters
    ----------
    state
        The training, before its first batch and before a checkpoint is restored.
    decay
        In [0, 1), see :func:`kept_share`.

    Attributes
    ----------
    network
        The averaged network, to evaluate, show and store.
    """

    def __init__(self, state: TrainingState, decay: float):
        self.network: nn.Module = copy.deepcopy(state.model).requires_grad_(False)
        self._decay = decay
        self._publish(state)

    def restore(self, state: TrainingState) -> None:
        """Take over the averaged weights that a checkpoint put into ``state.kept``."""
        for name, tensor in self.network.state_dict().items():
            tensor.copy_(state.kept[GROUP + name])
        self._publish(state)

    def follow(self, model: nn.Module, step: int) -> None:
        """Move towards the weights of ``model``, which has just taken its step ``step``."""
        follow(self.network, model, self._decay, step)

    def _publish(self, state: TrainingState) -> None:
        for name, tensor in self.network.state_dict().items():
            state.kept[GROUP + name] = tensor
