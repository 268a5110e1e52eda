"""Call what a user's file declares: every fault of it becomes one sentence with file and line.

:mod:`engine.plugins` puts the functions here around those of the file, so that a method that raises
or returns something else than its kind must fails the computation it was called for, and says why.
"""

from __future__ import annotations

import copy
import functools
import inspect
import itertools
import math
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn

from engine.attacks.norms import norms
from engine.jobs.context import Cancelled, check_this_thread
from engine.plugin_draws import watched
from engine.specs.errors import shown
from engine.specs.schema import Spec, SpecError
from engine.store.study import Result
from engine.training.batch import Scheme

Function = Callable[..., Any]
PASSED_ON = (Cancelled, MemoryError, torch.OutOfMemoryError)
"""What ends a computation without being a fault of the method."""

LONGEST_MESSAGE = 500  # characters of an exception's text

TRIED = ("title", "passes", "step_count", "threat", "training_images", "ball")
"""Properties of specs that forms, lists and estimates read."""

OVER_THE_BALL = 1e-4
"""Share of eps, and pixel units, by which rounding may carry an image out of its ball."""


class PluginError(SpecError):
    """A user's file cannot be used, or a method of it failed; the message is one sentence."""

    def within(self, where: str) -> PluginError:
        """Return the same error: the message names the file, not a field."""
        return self


def fault(path: Path, error: BaseException) -> PluginError:
    """Return an exception of a file's code as one sentence with the file, and the line in it."""
    if isinstance(error, PluginError):
        return error
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return PluginError(f"{path.name}, line {error.lineno}: {error.msg}")
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    where = f"{path.name}, line {lines[-1]}" if lines else path.name
    said = _said(error)
    if isinstance(error, SpecError):
        return PluginError(f"{where}: {said}")
    return PluginError(f"{where}: {type(error).__name__}" + (f": {said}" if said else ""))


def _said(error: BaseException) -> str:
    """Return an exception's message on one line, cut; "" if its own code cannot say it."""
    try:
        said = " ".join(str(error).split())
    except Exception:  # the text of an exception is code of the file too
        return ""
    return said if len(said) <= LONGEST_MESSAGE else f"{said[:LONGEST_MESSAGE]}..."


def called(path: Path, function: Function, *args: Any, **fields: Any) -> Any:
    """Call a function of a file; raise :class:`PluginError` for whatever it raises.

    An exit of the program counts as a fault too, and so does what is no ``Exception``: only the
    computation ends.
    """
    try:
        with _settings_kept():
            return function(*args, **fields)
    except (*PASSED_ON, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise fault(path, error) from error


@contextmanager
def _settings_kept() -> Iterator[None]:
    """Restore the settings of torch that a function may leave changed, for all that comes after."""
    kind, threads = torch.get_default_dtype(), torch.get_num_threads()
    exact, warns = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    try:
        with torch.set_grad_enabled(torch.is_grad_enabled()):
            yield
    finally:
        torch.set_default_dtype(kind)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        if torch.are_deterministic_algorithms_enabled() != exact:
            torch.use_deterministic_algorithms(exact, warn_only=warns)


def _asked(
    path: Path,
    function: Function,
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    *args: Any,
    **fields: Any,
) -> Any:
    """Call a function that asks a network; nothing that it was given may differ afterwards.

    It gets copies, because others compute with the same network, images and labels. Numbers of the
    network that it changed are a fault of the function: what it found is about another network.
    """
    own = copied(model)
    own.register_forward_pre_hook(lambda *_: check_this_thread())  # a loop may have no end
    found = called(path, function, own, images.clone(), labels.clone(), *args, **fields)
    if not _same_numbers(own, model):
        line = line_of(function)
        where = f"{path.name}, line {line}" if line else path.name
        raise PluginError(f"{where}: it changed the network's weights, must leave them as they are")
    return found


def copied(model: nn.Module) -> nn.Module:
    """Return a copy of a network: layers, numbers, modes and hooks, without gradients.

    Functions that it holds are shared, such as the one that says whether it is still wanted.
    """
    kept: list[object] = []
    for module in model.modules():
        for value in vars(module).values():
            held = value.values() if isinstance(value, dict) else (value,)
            kept += [one for one in held if callable(one) and not isinstance(one, nn.Module)]
    return copy.deepcopy(model, {id(value): value for value in kept})


def _same_numbers(one: nn.Module, other: nn.Module) -> bool:
    """Return whether two networks have the same weights and buffers, by name, type and value."""
    found, wanted = (
        dict(itertools.chain(model.named_parameters(), model.named_buffers()))
        for model in (one, other)
    )
    return found.keys() == wanted.keys() and all(
        _alike(found[name], value) for name, value in wanted.items()
    )


def _alike(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors are equal; NaN equals NaN, as broken weights may hold it."""
    if (one.dtype, one.shape, one.device) != (other.dtype, other.shape, other.device):
        return False
    return bool(torch.equal(one, other) or torch.equal(one.nan_to_num(), other.nan_to_num()))


def guarded_attack(path: Path, function: Function) -> Function:
    """Return an attack that is checked to stay in its ball and in [0, 1]."""
    watch = watched(function)

    @functools.wraps(function)
    def attack(model: nn.Module, images: Tensor, labels: Tensor, **fields: Any) -> Tensor:
        found = _asked(path, watch, model, images, labels, **fields)
        adv_images = _like_images(path, function, found, images)
        if not len(images):
            return adv_images
        norm, eps = fields["norm"], fields["eps"]
        low, high = float(adv_images.amin()), float(adv_images.amax())
        if low < -OVER_THE_BALL or high > 1 + OVER_THE_BALL:
            _refuse(path, function, f"pixels from {low:.4g} to {high:.4g}", "in [0, 1]")
        far = float(norms(adv_images - images, norm).amax())
        if far > eps * (1 + OVER_THE_BALL) + OVER_THE_BALL:
            wanted = f"at most eps away, {eps:.4g}"
            _refuse(path, function, f"images at a distance of {far:.4g} ({norm})", wanted)
        return adv_images

    return attack


def guarded_attribution(path: Path, function: Function) -> Function:
    """Return an attribution that is checked to give a finite number a pixel and channel."""
    watch = watched(function)

    @functools.wraps(function)
    def attribution(model: nn.Module, images: Tensor, labels: Tensor, **fields: Any) -> Tensor:
        found = _asked(path, watch, model, images, labels, **fields)
        return _like_images(path, function, found, images)

    return attribution


def guarded_scheme(path: Path, scheme: Scheme) -> Scheme:
    """Return a training scheme whose step is checked to give a finite loss."""
    watch = watched(scheme.step)

    @functools.wraps(scheme.step)
    def step(*args: Any, **fields: Any) -> Tensor:
        loss = called(path, watch, *args, **fields)
        if not isinstance(loss, Tensor) or loss.shape != ():
            _refuse(path, scheme.step, _what(loss), "the loss, a tensor without dimensions")
        if not math.isfinite(float(loss.detach())):
            wanted = "finite; a smaller learning rate may help"
            _refuse(path, scheme.step, f"a loss of {float(loss.detach())}", wanted)
        return loss.detach()

    return Scheme(step, _passing(path, scheme.begin), _evaluated(path, scheme.evaluated))


def guarded_metric(path: Path, function: Function) -> Function:
    """Return a metric that is checked to give a result that can be stored."""
    watch = watched(function)

    @functools.wraps(function)
    def metric(model: nn.Module, images: Tensor, labels: Tensor, *args: Any) -> Result:
        found = _asked(path, watch, model, images, labels, *args)
        if not isinstance(found, Result):
            _refuse(path, function, _what(found), "a Result of numbers and arrays")
        for name, value in found.numbers.items():
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                _refuse(path, function, f"{name} as {_what(value)}", "a number")
        for name, array in found.arrays.items():
            if not isinstance(array, np.ndarray):
                _refuse(path, function, f"{name} as {_what(array)}", "an array of numpy")
        return found

    return metric


def guard_class(path: Path, cls: type[Spec], line: int) -> None:
    """Let every new spec of a class try its own properties once, so that no form or list fails.

    A spec never changes, so a property that can be computed when it is made can be later. ``line``
    is that of the class in the file.
    """
    own = cls.check
    names = [name for name in TRIED if hasattr(cls, name)]
    where = f"{path.name}, line {line}: {cls.__name__}"

    def check(self: Spec) -> None:
        try:
            own(self)
        except (SpecError, KeyboardInterrupt):  # the first names the field for whoever sets it
            raise
        except BaseException as error:
            raise fault(path, error) from error
        for name in names:
            value = called(path, getattr, self, name)
            if name == "passes" and not _is_amount(value):
                raise PluginError(f"{where} has passes {shown(value)}, must be a number from 0 on")
            if name == "title" and not isinstance(value, str):
                raise PluginError(f"{where} has the title {shown(value)}, must be a text")

    cls.check = check  # type: ignore[method-assign]


def _passing(path: Path, function: Function | None) -> Function | None:
    return None if function is None else functools.partial(called, path, function)


def _evaluated(path: Path, function: Function | None) -> Function | None:
    if function is None:
        return None

    @functools.wraps(function)
    def evaluated(*args: Any, **fields: Any) -> nn.Module:
        network = called(path, function, *args, **fields)
        if not isinstance(network, nn.Module):
            _refuse(path, function, _what(network), "the network to evaluate")
        return network

    return evaluated


def _like_images(path: Path, function: Function, found: object, images: Tensor) -> Tensor:
    """Return a result without its graph, if it is a finite tensor of the images' form."""
    if not isinstance(found, Tensor) or found.shape != images.shape:
        wanted = f"a tensor of the images' shape, {tuple(images.shape)}"
        _refuse(path, function, _what(found), wanted)
    if found.dtype != images.dtype:
        _refuse(path, function, f"a tensor of {found.dtype}", str(images.dtype))
    if found.layout != torch.strided or found.is_meta:
        kind = "without numbers (meta)" if found.is_meta else f"laid out as {found.layout}"
        _refuse(path, function, f"a tensor {kind}", "a dense one")
    if not bool(torch.isfinite(found).all()):
        wrong = int((~torch.isfinite(found)).sum())
        _refuse(path, function, f"{wrong:,} of {found.numel():,} values not finite", "finite")
    return found.detach().to(images.device)


def _refuse(path: Path, function: Function, found: str, wanted: str) -> NoReturn:
    line = line_of(function)
    where = f"{path.name}, line {line}" if line else path.name
    name = getattr(function, "__name__", "the function")
    raise PluginError(f"{where}: {name} returned {found}, must be {wanted}")


def line_of(function: Function) -> int:
    """Return the line at which a function is defined; 0 if it is unknown."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return int(code.co_firstlineno) if code is not None else 0


def _what(value: object) -> str:
    """Say what kind of value something is: a tensor by its shape, another by its type."""
    if isinstance(value, Tensor | np.ndarray):
        return f"{type(value).__name__} of shape {tuple(value.shape)}"
    return "None" if value is None else f"a {type(value).__name__}"


def _is_amount(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
    )
