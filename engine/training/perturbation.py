"""Adversarial weight perturbation (AWP): take a step's gradient at weights that moved up the loss.

Source: Wu 2020, eq. 8 to 11, and the code released with it: one ascent step, rescaled per tensor to
a share of the tensor's length; biases and norms, which have one dimension, are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from engine.networks.stacked import Stacked
from engine.training.loop import TrainingState, descend, go_back, in_one

TINY = 1e-20  # below every gradient of a tensor that has one; only keeps 0 / 0 away


def descend_perturbed(state: TrainingState, loss_of: Callable[[], Tensor], awp: float) -> Tensor:
    """Take an optimiser step down a loss, whose gradient is taken at perturbed weights.

    The weights are restored bit by bit before the step, so that weight decay acts on them and not
    on the moved ones; the released code steps first. The perturbation's own pass leaves running
    statistics as they are.

    Parameters
    ----------
    loss_of
        Returns the loss of the batch at the present weights, in training mode: a scalar, or (K,) of
        several networks that are one, of which each tensor is moved by its own length.
    awp
        Length of the perturbation of a tensor as a share of the tensor's length; 0: none.

    Returns
    -------
    Tensor () or (K,)
        The loss at the perturbed weights, detached.
    """
    if not awp:
        return descend(state, loss_of())
    members = 1 if isinstance(state.model, Stacked) else 0  # axes in front of a tensor's own
    moved = [p for p in state.model.parameters() if p.requires_grad and p.ndim - members > 1]
    with _same_statistics(state.model):
        gradients = torch.autograd.grad(in_one(loss_of()), moved, allow_unused=True)
    kept = [parameter.detach().clone() for parameter in moved]
    state.optimizer.zero_grad(set_to_none=True)
    try:
        _move(moved, gradients, awp, members)
        loss = loss_of()
        go_back(loss)
    finally:
        with torch.no_grad():
            for parameter, before in zip(moved, kept, strict=True):
                parameter.copy_(before)
    state.optimizer.step()
    return loss.detach()


@torch.no_grad()
def _move(
    parameters: list[nn.Parameter], gradients: tuple[Tensor | None, ...], share: float, members: int
) -> None:
    """Move each tensor along its gradient by a share of its own length, in place."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        if gradient is not None:
            length, slope = (_length(tensor, members) for tensor in (parameter, gradient))
            parameter.add_(gradient * (share * length / slope.clamp_min(TINY)))


def _length(tensor: Tensor, members: int) -> Tensor:
    """Return the length of a tensor, or of every member's, which broadcasts over it."""
    own = tuple(range(members, tensor.ndim))
    found: Tensor = (
        torch.linalg.vector_norm(tensor, dim=own, keepdim=True) if members else tensor.norm()
    )
    return found


@contextmanager
def _same_statistics(model: nn.Module) -> Iterator[None]:
    """Restore the network's buffers, such as running means, on exit."""
    kept = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, before in kept:
                buffer.copy_(before)
