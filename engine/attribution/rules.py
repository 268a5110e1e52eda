"""Attributions that pass gradients back by rules of their own: DeepLIFT, guided back-propagation.

The rules replace operations of torch while a network runs, not modules of it: a mode of the running
thread sees every operation before it is computed. Nothing is registered on modules, so several
threads can explain one network at the same time, and nothing has to be removed after an error. An
activation that is called as a function, or one module that is used twice, is seen like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from engine.attribution.methods import QUANTITIES, gradient, resolved_classes
from engine.devices.wide import wide
from engine.networks.gradients import (
    InputError,
    checked_logits,
    differentiating,
    fastest_layout,
    highest_of,
    parts,
)
from engine.specs.attributions import GREY

Operation = Callable[..., Any]

# Differences below so many units of rounding have no slope of their own; the derivative is used.
ROUNDING = 8

_ACTIVATIONS = (
    "relu relu6 hardtanh leaky_relu elu selu celu silu gelu softplus sigmoid tanh hardswish "
    "hardsigmoid mish prelu threshold"
)
ACTIVATIONS = frozenset(_ACTIVATIONS.split())
"""Operations that change every value by itself: the rescale rule holds for them."""

POOLINGS: dict[str, Operation] = {
    "max_pool2d": functional.max_pool2d,
    "adaptive_max_pool2d": functional.adaptive_max_pool2d,
}

_LINEAR = (
    "conv1d conv2d linear batch_norm avg_pool2d adaptive_avg_pool2d pad interpolate pixel_shuffle "
    "dropout feature_dropout alpha_dropout mean sum cat concat stack chunk split unbind add sub "
    "rsub neg __add__ __radd__ __iadd__ __sub__ __rsub__ __isub__ __neg__ add_ sub_ __getitem__ "
    "__get__ view view_as reshape flatten unflatten squeeze unsqueeze permute transpose movedim "
    "expand expand_as repeat roll clone contiguous to float double type_as narrow select"
)
LINEAR = frozenset(_LINEAR.split())
"""Operations without a product of two values that depend on the image."""

_PRODUCTS = (
    "mul __mul__ __rmul__ __imul__ mul_ div __truediv__ __itruediv__ div_ true_divide matmul "
    "__matmul__ bmm einsum conv1d conv2d linear batch_norm"
)
PRODUCTS = frozenset(_PRODUCTS.split())
"""Operations that are linear only if one operand alone depends on the image."""


class Through(nn.Module):
    """A network that runs within a mode; the network itself is left as it is."""

    def __init__(self, network: nn.Module, mode: TorchFunctionMode):
        super().__init__()
        self.network = network
        self.mode = mode

    def forward(self, images: Tensor) -> Tensor:
        """Return the network's logits."""
        with self.mode:
            logits: Tensor = self.network(images)
        return logits


class Guided(TorchFunctionMode):
    """Makes every ReLU pass back only what is positive."""

    def __init__(self) -> None:
        super().__init__()
        self.met = 0

    def __torch_function__(
        self, func: Operation, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") in ("relu", "relu_") and isinstance(found, Tensor):
            self.met += 1
            if found.requires_grad:
                found.register_hook(_positive)  # type: ignore[no-untyped-call]
        return found


def _positive(passed: Tensor) -> Tensor:
    return passed.clamp(min=0)


def guided_backpropagation(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the gradient with everything set to 0 that is negative behind a ReLU.

    A negative control: its maps look like the image's edges whatever the weights are. Source:
    Springenberg 2015, figure 1; Adebayo 2018, "Sanity checks for saliency maps".

    Parameters
    ----------
    quantity
        As for :func:`engine.attribution.methods.gradient`.

    Raises
    ------
    InputError
        If the network applies no ReLU.
    """
    mode = Guided()
    found = gradient(Through(model, mode), images, labels, quantity=quantity)
    if len(images) and not mode.met:
        raise InputError(
            "Guided back-propagation needs a network with ReLU, and this one applies none; choose "
            "Gradient instead"
        )
    return found


class Rescale(TorchFunctionMode):
    """Gives every operation the slope between image and baseline in place of its derivative.

    The network runs on images and baselines in one batch, first half and second half. An operation
    with a rule returns its values, but as a linear function of its input; so back-propagation
    multiplies by the slopes.
    """

    def __torch_function__(
        self, func: Operation, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs, name = kwargs or {}, getattr(func, "__name__", "")
        depending = _depending(args, kwargs)
        if depending and name.rstrip("_") in ACTIVATIONS:
            return _activation(func, args, kwargs)
        if depending and name in POOLINGS:
            return _pooling(POOLINGS[name], args, kwargs)
        found = func(*args, **kwargs)
        if depending and not _is_linear(name, depending, args, kwargs) and _depending((found,), {}):
            raise InputError(
                f"DeepLIFT cannot explain this network: it applies {name.strip('_')}, which is "
                "neither linear nor an activation or max pooling; choose Integrated Gradients"
            )
        return found


def deeplift(
    model: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    quantity: str = "log_probability",
    baseline: str = "black",
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return the contributions of DeepLIFT with the rescale rule.

    Max pooling passes what the image adds to the place of its own maximum, and what the baseline
    adds to the place of the baseline's. The log-probability is rescaled as the logarithm of a sum
    of exponentials. Source: Shrikumar 2017, eq. 5 and section 3.5.1; captum for max pooling.

    Parameters
    ----------
    quantity
        As for :func:`engine.attribution.methods.gradient`.
    baseline
        A key of :data:`engine.specs.attributions.GREY`.

    Returns
    -------
    Tensor (N, C, H, W)
        Signed, in nats (logits). The sum is the quantity at the image minus that at the baseline,
        to rounding.

    Raises
    ------
    InputError
        If the network applies an operation without a rule; the sentence names it.
    """
    classes = resolved_classes(model, images, labels)
    found, highest = torch.empty_like(images), highest_of(classes)
    ruled = Through(model, Rescale())
    with differentiating(model, images):
        work = images.detach().to(memory_format=fastest_layout(model, images))
        for part in parts(images):
            begin = torch.full_like(work[part], GREY[baseline])
            pair = torch.cat([work[part], begin]).requires_grad_(True)
            logits = checked_logits(ruled, pair, highest)
            values = _rescaled(logits, classes[part], quantity)
            (multipliers,) = torch.autograd.grad(values.sum(), pair)
            found[part] = multipliers[: len(begin)] * (work[part] - begin)
    return found


def _rescaled(logits: Tensor, classes: Tensor, quantity: str) -> Tensor:
    """Return the quantity (N,) of the first half, linear in its logits by the rescale rule."""
    if quantity != "log_probability":
        return QUANTITIES[quantity](logits.chunk(2)[0], classes)
    exact = wide(logits)  # exponentials of distant logits underflow in float32
    highest = torch.maximum(*(half.amax(1, keepdim=True) for half in exact.detach().chunk(2)))
    shifted = exact - torch.cat([highest, highest])
    total = _sloped(torch.exp, shifted).sum(1).clamp_min(torch.finfo(torch.float64).tiny)
    logarithm = _sloped(torch.log, total)
    own = shifted.chunk(2)[0].gather(1, classes[:, None].to(exact.device))[:, 0]
    return own - logarithm.chunk(2)[0]


def _activation(func: Operation, args: Any, kwargs: dict[str, Any]) -> Tensor:
    """Apply an activation by its slopes; in place if it was called so."""
    (name, values), rest = _first(args, kwargs)

    def applied(at: Tensor) -> Tensor:
        # Activations may be told to work in place; they get a copy.
        given = {**rest[1], **({name: at.clone()} if name else {})}
        found: Tensor = func(*rest[0], **given) if name else func(at.clone(), *rest[0], **given)
        return found

    found = _sloped(applied, values)
    in_place = func.__name__.endswith("_") or kwargs.get("inplace") is True
    return values.copy_(found) if in_place else found


def _first(args: Any, kwargs: dict[str, Any]) -> tuple[tuple[str, Tensor], tuple[Any, Any]]:
    """Return the name ("" by place) and value of the first argument, and all the others."""
    if args:
        return ("", args[0]), (args[1:], kwargs)
    others = {name: value for name, value in kwargs.items() if name != "input"}
    return ("input", kwargs["input"]), ((), others)


def _sloped(func: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """Return func(values), in the first half as a linear function with the slope to the second.

    Where both halves are equal up to rounding, the slope is the derivative between them.
    """
    image, reference = values.detach().chunk(2)
    with torch.no_grad():
        outputs = func(values.detach())
    output, nothing = outputs.chunk(2)
    difference = image - reference
    scale = 1 + torch.maximum(image.abs(), reference.abs())
    close = difference.abs() <= ROUNDING * torch.finfo(values.dtype).eps * scale
    slope = (output - nothing) / torch.where(close, torch.ones_like(difference), difference)
    if bool(close.any()):
        with torch.enable_grad():
            middle = ((image + reference) / 2).requires_grad_(True)
            (derivative,) = torch.autograd.grad(func(middle).sum(), middle)
        slope = torch.where(close, derivative, slope)
    return torch.cat([output + slope * (values.chunk(2)[0] - image), nothing])


def _pooling(func: Operation, args: Any, kwargs: dict[str, Any]) -> Tensor:
    """Apply max pooling by its slopes at the two places where image and baseline are largest."""
    (_, values), (others, named) = _first(args, kwargs)
    named = {name: value for name, value in named.items() if name != "return_indices"}
    with torch.no_grad():
        outputs, places = func(values.detach(), *others, **named, return_indices=True)
    image, reference = values.detach().chunk(2)
    (output, nothing), (own, others_own) = outputs.chunk(2), places.chunk(2)
    above = torch.maximum(output, nothing)
    free, found = values.chunk(2)[0], output
    for place, change in ((own, above - nothing), (others_own, output - above)):
        step = _at(image, place) - _at(reference, place)
        # Without a change the slope is 0, also where the step is 0.
        slope = change / torch.where(step == 0, torch.ones_like(step), step)
        found = found + slope * (_at(free, place) - _at(image, place))
    return torch.cat([found, nothing])


def _at(values: Tensor, places: Tensor) -> Tensor:
    """Return the values (N, C, H, W) at places in their planes, in the shape of the places."""
    return values.flatten(2).gather(2, places.flatten(2)).view_as(places)


def _depending(args: Any, kwargs: dict[str, Any]) -> list[Tensor]:
    """Return the arguments that depend on the image, also those inside lists and tuples."""
    found = []
    for value in (*args, *kwargs.values()):
        for inner in value if isinstance(value, list | tuple) else (value,):
            if isinstance(inner, Tensor) and inner.requires_grad:
                found.append(inner)
    return found


def _is_linear(name: str, depending: list[Tensor], args: Any, kwargs: dict[str, Any]) -> bool:
    """Return whether an operation is linear in what depends on the image."""
    if name == "batch_norm" and (kwargs.get("training") or True in args[5:6]):
        return False  # by the batch's own statistics, if the layer keeps none
    if name in ("div", "__truediv__", "__itruediv__", "div_", "true_divide"):
        return len(depending) == 1 and bool(args) and depending[0] is args[0]
    if name in PRODUCTS:
        return len(depending) == 1
    return name in LINEAR
