"""A make-believe device: what torch is told to compute there is computed on the CPU.

It refuses what MPS refuses: float64, and tensors of two devices in one operation. Its type is one
that torch knows and that needs no driver; tensors of MPS cannot be made without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map

from engine.devices import wide
from engine.jobs.context import Context

DEVICE = torch.device("lazy", 0)
ACROSS = ("copy_", "_to_copy", "_local_scalar_dense", "index", "index_put_", "_index_put_impl_")
"""Operations that take tensors of two devices; indices may lie on the CPU."""


WAITS = ("_local_scalar_dense", "nonzero", "is_nonzero", "masked_select", "equal")
DRAWS = ("rand", "randn", "bernoulli_", "uniform_", "normal_", "randint", "randperm", "multinomial")
_replaying: ContextVar[bool] = ContextVar("replaying", default=False)


class OnDevice(Tensor):
    """A tensor that says that it lies on the device; ``held`` is where it does."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> OnDevice:
        made = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            layout=held.layout,
            device=DEVICE,
        )
        made.held = held
        return made

    def tolist(self) -> Any:
        """Return the values, which torch does for no tensor of a class of ours."""
        return self.held.tolist()

    def __getitem__(self, index: Any) -> Any:
        """Take lists as indices, for which torch makes a tensor without asking us."""
        return super().__getitem__(torch.tensor(index) if isinstance(index, list) else index)

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class _Drawing(torch.Generator):
    """A generator whose numbers come on the device."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return DEVICE


class _Operations(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class _Calls(TorchFunctionMode):
    """Makes the tensors that torch would make without telling a dispatch mode."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is Tensor.new_tensor:
            func, kwargs = torch.tensor, {"device": args[0].device, "dtype": args[0].dtype} | kwargs
            args = args[1:]
        device = kwargs.get("device")
        if func is torch.tensor and device is not None and _is_ours(device):
            return torch.tensor(*args, **{**kwargs, "device": "cpu"}).to(device)
        return func(*args, **kwargs)


@contextmanager
def pretended(monkeypatch: Any, *, float64: bool = False) -> Iterator[torch.device]:
    """Give a device that can be used on this thread; ``float64``: that has it, as CUDA has."""
    optimizers = import_module("torch.optim.optimizer")
    fused = optimizers._get_fused_kernels_supported_devices()
    autocast, casts, generator = torch.autocast, torch.is_autocast_enabled, Context.generator

    def drawing(context: Context, purpose: str, seed: int, device: Any = "cpu") -> torch.Generator:
        made = generator(context, purpose, seed)
        return _Drawing().set_state(made.get_state()) if _is_ours(device) else made

    def casting(kind: str, *more: Any, **options: Any) -> Any:
        return autocast(_castable(kind), *more, **options)

    with monkeypatch.context() as patched:
        if not float64:
            patched.setattr(wide, "WITHOUT", (*wide.WITHOUT, DEVICE.type))
        patched.setattr(torch, "autocast", casting)
        patched.setattr(torch, "is_autocast_enabled", lambda kind: casts(_castable(kind)))
        patched.setattr(Context, "generator", drawing)
        patched.setattr(optimizers, "_get_fused_kernels_supported_devices",
                        lambda: [*fused, DEVICE.type])  # fmt: skip
        with _Operations(), _Calls():
            yield DEVICE


class Replays:
    """Graphs of the device: a replay does the work again, and refuses what a graph cannot hold."""

    def __init__(self) -> None:
        self.count = 0

    def capture(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return the work, to be done at each replay."""

        def replay() -> None:
            self.count += 1
            token = _replaying.set(True)
            try:
                work()
            finally:
                _replaying.reset(token)

        return replay


def _check_held(name: str, tensors: list[Tensor], kwargs: dict[str, Any]) -> None:
    """Refuse to wait for a value, to draw, and to bring numbers from the host or to it."""
    if name in WAITS + DRAWS:
        raise AssertionError(f"a captured step calls {name}")
    hosts = [one for one in tensors if not isinstance(one, OnDevice) and one.ndim]
    asked = kwargs.get("device")
    if hosts or (name == "_to_copy" and asked is not None and not _is_ours(asked)):
        raise AssertionError(f"a captured step brings numbers from the host or to it: {name}")


def _castable(kind: str) -> str:
    return "cpu" if kind == DEVICE.type else kind


def _is_ours(device: Any) -> bool:
    return torch.device(device).type == DEVICE.type


def _computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    tensors = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
    there = [tensor for tensor in tensors if isinstance(tensor, OnDevice)]
    name = func.overloadpacket.__name__
    if _replaying.get():
        _check_held(name, tensors, kwargs)
    if there and name not in ACROSS:
        strangers = [one for one in tensors if not isinstance(one, OnDevice) and one.ndim]
        if strangers:
            raise RuntimeError(
                f"Expected all tensors to be on the same device, but {name} got {DEVICE} and cpu"
            )
    asked = kwargs.get("device")
    on_device = bool(there) if asked is None else _is_ours(asked)
    if asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    held_args, held_kwargs = tree_map(_held, (args, kwargs))
    if name == "copy_":
        on_device = isinstance(args[0], OnDevice)
    found = func(*held_args, **held_kwargs)
    if not on_device:
        return found
    wrapped = tree_map(_wrapped, found)
    return return_and_correct_aliasing(func, args, kwargs, wrapped)


def _held(value: Any) -> Any:
    return value.held if isinstance(value, OnDevice) else value


def _wrapped(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    if value.dtype == torch.float64 and DEVICE.type in wide.WITHOUT:
        raise TypeError(f"Cannot convert a tensor to float64: {DEVICE} has none")
    return OnDevice(value)
