"""The training loop: batches, optimiser, schedule, and checkpoints that resume exactly.

Trainings and retrainings share this loop. All its random numbers come from generators whose states
are in the checkpoint, so a killed and resumed run ends with bitwise the same result on a CPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.jobs.context import Context
from engine.memory import BATCH_NOTE
from engine.networks.noise import draw_from, is_random
from engine.specs import SGD, Adam, OptimizerSpec, Order
from engine.store.hdf5 import Content
from engine.training.optimizers import EagerAdam, EagerSGD, TensorFlowAdam
from engine.training.rates import rate_factor

CHECKPOINT_SECONDS = 3.0
CURVE_POINTS_PER_EPOCH = 20
Parameters = Iterator[nn.Parameter]


@dataclass
class TrainingState:
    """The state of a training under way: everything that a checkpoint must hold.

    Attributes
    ----------
    model, optimizer
        The network and its optimiser.
    generators
        All random generators, by purpose ("shuffle", "attack", ...).
    epoch
        Number of complete epochs.
    history
        Curves by name. Values are appended at fixed steps only, so that two runs give the same.
    pictures
        Lists of arrays by name; each list grows by one array per epoch.
    kept
        Tensors that a training scheme keeps from one batch to the next, by name.
    best
        The state of the network after the best epoch so far, by entry; empty if none is chosen.
    still
        Modules of the network that stay in evaluation mode while it trains.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    generators: dict[str, torch.Generator]
    epoch: int = 0
    history: dict[str, list[float]] = field(default_factory=dict)
    pictures: dict[str, list[NDArray[Any]]] = field(default_factory=dict)
    kept: dict[str, Tensor] = field(default_factory=dict)
    best: dict[str, NDArray[Any]] = field(default_factory=dict)
    still: tuple[nn.Module, ...] = ()

    @property
    def device(self) -> torch.device:
        """The device of the network's parameters."""
        return next(self.model.parameters()).device

    def append(self, **values: float) -> None:
        """Append one value to each of the named curves."""
        for name, value in values.items():
            self.history.setdefault(name, []).append(float(value))

    def curves(self) -> dict[str, NDArray[np.float64]]:
        """Return the curves as arrays; "__" in a name becomes "/"."""
        return {name.replace("__", "/"): np.array(values) for name, values in self.history.items()}


def _adam(parameters: Parameters, spec: Adam) -> torch.optim.Optimizer:
    kind = TensorFlowAdam if spec.form == "released" else EagerAdam
    return kind(
        parameters,
        lr=spec.learning_rate,
        betas=(spec.beta1, spec.beta2),
        weight_decay=spec.weight_decay,
        fused=True,
    )


def _sgd(parameters: Parameters, spec: SGD) -> torch.optim.Optimizer:
    return EagerSGD(
        parameters,
        lr=spec.learning_rate,
        momentum=spec.momentum,
        nesterov=spec.nesterov,
        weight_decay=spec.weight_decay,
        fused=True,
    )


OPTIMIZERS: dict[str, Callable[[Parameters, Any], torch.optim.Optimizer]] = {
    Adam.kind: _adam,
    SGD.kind: _sgd,
}
"""Kind of optimiser spec -> function (parameters, spec) that builds it at its initial rate."""


def noise_generator(
    model: nn.Module, context: Context, seed: int, after: str = ""
) -> dict[str, torch.Generator]:
    """Return the generator of a network's dropout and stochastic depth, by its purpose.

    The network draws from it from now on. A network without such layers has none: {}.
    """
    if not is_random(model):
        return {}
    generator = context.generator(f"dropout{after}", seed, context.device)
    draw_from(model, generator)
    return {"dropout": generator}


def make_optimizer(spec: OptimizerSpec, model: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of a spec over a model's parameters that are not frozen."""
    trained = (parameter for parameter in model.parameters() if parameter.requires_grad)
    return OPTIMIZERS[spec.kind](trained, spec)


def batches(
    count: int,
    size: int,
    generator: torch.Generator,
    order: Order = "shuffled",
    device: torch.device | None = None,
) -> Iterator[Tensor]:
    """Yield the indices of an epoch's batches, newly shuffled or in order; the last may be short.

    All indices of the epoch are drawn and moved to the device at once, not batch by batch.
    """
    yield from torch.split(visiting(count, generator, order).to(device), size)


def visiting(count: int, generator: torch.Generator, order: Order = "shuffled") -> Tensor:
    """Return the order in which an epoch visits images: int64 (count,), on the CPU."""
    return (
        torch.randperm(count, generator=generator) if order == "shuffled" else torch.arange(count)
    )


class Course(Protocol):
    """The fields that the loop reads from the spec of a training or retraining."""

    @property
    def epochs(self) -> int:
        """Length of the whole run, for the schedule and the progress."""

    @property
    def batch_size(self) -> int:
        """Images per step."""

    @property
    def order(self) -> Order:
        """Whether every epoch visits the images in a new random order, or in stored order."""


def run_epoch(
    state: TrainingState,
    context: Context,
    course: Course,
    *,
    step_on: Callable[[Tensor, float], Tensor],
    count: int,
    optimizer: OptimizerSpec | None = None,
    on_point: Callable[[float, float], None] = lambda step, loss: None,
) -> None:
    """Train for one epoch.

    Parameters
    ----------
    state
        Advanced by one epoch.
    step_on
        Called with the indices of a batch, on the device, and the fractional epoch. Updates the
        weights and returns the loss, detached; see :func:`descend`.
    count
        Number of training images.
    optimizer
        The spec whose schedule sets the learning rate; None leaves the rate unchanged.
    on_point
        Called about 20 times an epoch, at fixed steps, with the fractional epoch and the mean loss
        since the last call.
    """
    shuffle = state.generators["shuffle"]
    run_steps(
        state,
        context,
        course,
        visited=batches(count, course.batch_size, shuffle, course.order, context.device),
        steps=math.ceil(count / course.batch_size),
        step_on=step_on,
        optimizer=optimizer,
        on_sum=lambda step, total, seen: on_point(step, float(total) / seen),
    )


def run_steps(
    state: TrainingState,
    context: Context,
    course: Course,
    *,
    visited: Iterable[Tensor],
    steps: int,
    step_on: Callable[[Tensor, float], Tensor],
    optimizer: OptimizerSpec | None,
    on_sum: Callable[[float, Tensor, int], None],
) -> None:
    """Train for one epoch of ``steps`` batches whose indices are ``visited``.

    Parameters are those of :func:`run_epoch`, but the losses of a step may be of any shape. About
    20 times an epoch their sum since the last time, and of how many steps, is given to ``on_sum``.
    """
    every = math.ceil(steps / CURVE_POINTS_PER_EPOCH)
    total, seen = torch.zeros((), device=context.device), 0
    state.model.train()
    for module in state.still:
        module.eval()
    for step, indices in enumerate(visited, 1):
        context.check_cancelled()
        done = state.epoch + (step - 1) / steps
        _set_rate(state.optimizer, optimizer, done, course.epochs)
        with in_a_batch(indices.shape[-1]):
            total = total + step_on(indices, done)
        seen += 1
        if step % every == 0 or step == steps:
            on_sum(state.epoch + step / steps, total, seen)
            total, seen = torch.zeros_like(total), 0
        context.progress(state.epoch + step / steps, course.epochs, "epochs")
    state.epoch += 1


@contextmanager
def in_a_batch(size: int) -> Iterator[None]:
    """Note on an error that a batch of this size was trained on; what ran out of memory says it."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        error.add_note(f"{BATCH_NOTE} of {size} images")
        raise


def descend(state: TrainingState, loss: Tensor) -> Tensor:
    """Take one optimiser step down a loss, and return it, detached.

    It is a scalar, or (K,) of several networks that are one, which do not change one another's.
    """
    state.optimizer.zero_grad(set_to_none=True)
    go_back(loss)
    state.optimizer.step()
    return loss.detach()


def go_back(loss: Tensor) -> None:
    """Add the gradients of a loss to those of the weights; see :func:`descend`."""
    in_one(loss).backward()  # type: ignore[no-untyped-call]


def in_one(loss: Tensor) -> Tensor:
    """Return a scalar with the gradients of a loss; see :func:`descend`."""
    return loss.sum() if loss.ndim else loss


def _set_rate(
    optimizer: torch.optim.Optimizer, spec: OptimizerSpec | None, done: float, epochs: int
) -> None:
    if spec is None or (spec.schedule == "constant" and not spec.rate_warmup):
        return
    for group in optimizer.param_groups:
        rate = spec.learning_rate * rate_factor(spec, done / epochs, epochs)
        if isinstance(group["lr"], Tensor):  # read by a captured step, see engine.training.capture
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


class Checkpoints:
    """Saves a training's state every few seconds, and restores the state of an earlier run."""

    def __init__(self, context: Context):
        self.context = context
        self._last = time.monotonic()

    def save_if_due(self, state: TrainingState) -> None:
        """Save at the end of an epoch, if CHECKPOINT_SECONDS have passed since the last save."""
        if time.monotonic() - self._last >= CHECKPOINT_SECONDS:
            self.save(state)

    def save(self, state: TrainingState) -> None:
        """Save now."""
        self.context.save_checkpoint({"fit": {"epoch": state.epoch}}, _arrays_of(state))
        self._last = time.monotonic()

    def restore(self, state: TrainingState) -> None:
        """Load the checkpoint of an earlier run into a fresh state, if there is one."""
        content = self.context.checkpoint()
        if content is not None:
            _fill(state, content)


def _arrays_of(state: TrainingState) -> dict[str, NDArray[Any]]:
    arrays = weights_of(state.model)
    for index, moments in state.optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            arrays[f"optimizer/{index}/{name}"] = torch.as_tensor(value).cpu().numpy()
    for name, generator in state.generators.items():
        arrays[f"generator/{name}"] = generator.get_state().numpy()
    for name, values in state.history.items():
        arrays[f"history/{name}"] = np.array(values)
    for name, tensor in state.kept.items():
        arrays[f"kept/{name}"] = tensor.cpu().numpy()
    arrays |= {f"best/{name}": array for name, array in state.best.items()}
    for name, pictures in state.pictures.items():
        arrays[f"pictures/{name}"] = np.stack(pictures)
    return arrays


def _fill(state: TrainingState, content: Content) -> None:
    parts: dict[str, dict[str, NDArray[Any]]] = {}
    for path, array in content.arrays.items():
        group, _, name = path.partition("/")
        parts.setdefault(group, {})[name] = np.array(array)
    load_weights(state.model, parts["weights"])
    _restore_optimizer(state, parts.get("optimizer", {}))
    for name, generator in state.generators.items():
        generator.set_state(torch.from_numpy(parts["generator"][name]))
    state.history = {name: array.tolist() for name, array in parts.get("history", {}).items()}
    state.pictures = {name: list(array) for name, array in parts.get("pictures", {}).items()}
    for name, array in parts.get("kept", {}).items():
        state.kept[name] = torch.from_numpy(array).to(state.device)
    state.best = parts.get("best", {})
    state.epoch = int(content.documents["fit"]["epoch"])


def _restore_optimizer(state: TrainingState, arrays: dict[str, NDArray[Any]]) -> None:
    parameters = [p for group in state.optimizer.param_groups for p in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for path, array in arrays.items():
        index, _, name = path.partition("/")
        value, parameter = torch.from_numpy(array), parameters[int(index)]
        if value.shape == parameter.shape:
            # Fused optimisers index memory directly: a moment needs its parameter's memory layout.
            value = torch.empty_like(parameter, requires_grad=False).copy_(value)
        moments.setdefault(int(index), {})[name] = value
    state.optimizer.load_state_dict({**state.optimizer.state_dict(), "state": moments})


def state_of(model: nn.Module) -> dict[str, NDArray[Any]]:
    """Return a model's state as plain arrays by entry."""
    return {name: tensor.cpu().numpy().copy() for name, tensor in model.state_dict().items()}


def weights_of(model: nn.Module) -> dict[str, NDArray[Any]]:
    """Return a model's state as plain arrays named "weights/<entry>"."""
    return {f"weights/{name}": array for name, array in state_of(model).items()}


def load_weights(model: nn.Module, arrays: dict[str, NDArray[Any]]) -> None:
    """Fill a model from arrays by entry name."""
    model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
