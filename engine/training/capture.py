"""The steps of a training: the first ones eager, the others replays of one that was captured.

A small network's step on a GPU takes longer to launch than to compute. A captured one is launched
at once. It does what the eager step does, on the same memory: weights, moments, the inputs' static
copies, and random numbers that are drawn in front of it. So results are those of eager steps, and
cancelling, checkpoints and curves are as ever, because they happen between steps.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.devices.graphs import GRAPHS, Draws, unchecked
from engine.jobs.context import Context
from engine.specs import FGSM, PGD, Adam, AttackSpec, OptimizerSpec, Training
from engine.training.loop import TrainingState

WARM_UP = 3
"""Eager steps in front of the capture: what is allocated or chosen at first must have been."""

CAPTURED = ("standard", "gaussian_noise", "gradient_penalty", "adversarial", "trades", "mart",
            "fast_at", "n_fgsm")  # fmt: skip
"""Kinds of schemes that wait for no value.

Free-AT and GradAlign choose by values as they go. Edge gradients and PAG bring numbers of the host
into a step, which was not tried on a GPU.
"""


def obstacle(spec: Training) -> str:
    """Return why the steps of a training cannot be captured, or ""."""
    if spec.scheme.kind not in CAPTURED:
        return f"steps of {spec.scheme.kind} are launched one by one"
    attack = getattr(spec.scheme, "attack", None)
    if attack is not None and not goes_straight(attack):
        return f"{attack.kind} decides by values within a step"
    return obstacle_of(spec.optimizer)


def settles_at(spec: Training) -> float:
    """Return the epoch from which on all steps of a training are alike: after its warm-up."""
    return float(getattr(spec.scheme, "warmup", 0.0))


def obstacle_of(optimizer: OptimizerSpec) -> str:
    """Return why the steps of an optimiser cannot be captured, or ""."""
    released = isinstance(optimizer, Adam) and optimizer.form == "released"
    return "the released Adam has another epsilon in every step" if released else ""


def goes_straight(attack: AttackSpec) -> bool:
    """Return whether an attack does the same in every call, whatever the values are."""
    if isinstance(attack, FGSM):
        return attack.target is None
    return isinstance(attack, PGD) and attack.restarts == 1 and attack.target is None


class Steps:
    """Takes the steps of one training, in captured form where that is possible.

    As a context manager it gives the captured step's memory back on exit.

    Parameters
    ----------
    take
        ``(epoch, *inputs) -> loss``: takes an eager step on tensors of the device and returns the
        detached loss, of any shape. From ``first_epoch`` on it must do the same at every epoch.
    obstacle
        Why steps cannot be captured; "" if they can.
    optimizer
        Its spec, for the schedule: a rate that changes must lie in the device's memory.
    first_epoch
        When a warm-up of the attack, whose size is fixed in a captured step, has ended.
    """

    def __init__(
        self,
        take: Callable[..., Tensor],
        state: TrainingState,
        context: Context,
        *,
        obstacle: str,
        optimizer: OptimizerSpec,
        first_epoch: float = 0.0,
    ):
        self._take, self._state, self._context = take, state, context
        graphs = GRAPHS.get(context.device.type) if context.captures and not obstacle else None
        self._graphs, self._optimizer, self._first_epoch = graphs, optimizer, first_epoch
        self._shapes: list[torch.Size] | None = None
        self._warm = 0
        self._draws = Draws()
        self._inputs: list[Tensor] = []
        self._loss: Tensor | None = None
        self._replay: Callable[[], None] | None = None

    def __enter__(self) -> Steps:
        return self

    def __exit__(self, *_: object) -> None:
        # A graph keeps the memory of a whole step, and whoever takes the steps keeps this.
        self._replay, self._loss, self._graphs = None, None, None
        self._inputs, self._draws = [], Draws()

    def __call__(self, epoch: float, *inputs: Tensor) -> Tensor:
        """Take a step; the loss may be overwritten by the next one."""
        shapes = [tensor.shape for tensor in inputs]
        self._shapes = self._shapes or shapes
        # The short batch at the end of an epoch has its own, eager step.
        if self._graphs is None or epoch < self._first_epoch or shapes != self._shapes:
            return self._take(epoch, *inputs)
        if self._warm < WARM_UP:
            self._warm += 1
            with self._draws.noting():
                loss = self._take(epoch, *inputs)
            self._loss = torch.empty_like(loss)
            return loss
        if self._replay is None and not self._capture(epoch, inputs):
            return self._take(epoch, *inputs)
        assert self._replay is not None
        assert self._loss is not None
        for static, tensor in zip(self._inputs, inputs, strict=True):
            static.copy_(tensor)
        self._draws.refill()
        self._replay()
        return self._loss

    def _capture(self, epoch: float, inputs: tuple[Tensor, ...]) -> bool:
        """Capture a step; if torch refuses, tell the user and leave it at eager ones."""
        assert self._graphs is not None
        self._prepare_optimizer()
        self._inputs = [torch.empty_like(tensor).copy_(tensor) for tensor in inputs]

        def work() -> None:
            assert self._loss is not None
            with unchecked(), self._draws.handing_out():
                self._loss.copy_(self._take(epoch, *self._inputs))

        # The gradients of the captured step must be allocated within it.
        self._state.optimizer.zero_grad(set_to_none=True)
        try:
            self._replay = self._graphs.capture(work)
        except (RuntimeError, MemoryError) as error:
            self._graphs = None
            self._state.optimizer.zero_grad(set_to_none=True)
            first = (str(error).splitlines() or [""])[0]
            self._context.notice(
                "its steps are launched one by one, which is slower: torch could not capture one "
                f"({type(error).__name__}: {first[:200]})"
            )
            return False
        self._context.provenance["way"] = "captured"
        return True

    def _prepare_optimizer(self) -> None:
        """Let torch capture the optimiser's step, and put a rate that changes on the device."""
        device = self._context.device
        changes = self._optimizer.schedule != "constant" or self._optimizer.rate_warmup > 0
        # CUDA's fused kernels read a float32 rate, the CPU's, which tests capture, a float64 one.
        dtype = torch.float64 if device.type == "cpu" else torch.float32
        for group in self._state.optimizer.param_groups:
            if "capturable" in group and device.type != "cpu":
                group["capturable"] = True
            if changes:
                group["lr"] = torch.tensor(float(group["lr"]), device=device, dtype=dtype)
