"""How exactly float32 numbers are multiplied and in which order they are summed: torch's switches.

torch starts with TF32, 10 bits of mantissa instead of 23, in cuDNN's convolutions and says nothing
of it. Here each switch is set by its own name, because the general one did not reach convolutions
in torch 2.11 (pytorch 179445). The older names (``allow_tf32``, ``set_float32_matmul_precision``)
must not be used beside these: torch raises an error when both were.

The switches belong to the process, not to a thread. So only computations of one precision run at a
time; those of another one wait, see :class:`Turns`.

The order of sums hangs on the kernels that cuDNN takes. Reproducible ones are the default: the same
computation on the same device gives the same bits again. The fastest ones are searched for, which
takes others from run to run, and some of them sum in an order of their own each time.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Literal, get_args

import torch

from engine.specs.schema import Spec, SpecError

Multiplication = Literal["ieee", "tf32"]
Kernels = Literal["reproducible", "fastest"]
CHOSEN = "ISTHMUS_KERNELS"

IEEE_ALONE = (("mkldnn", "conv"), ("mkldnn", "rnn"), ("mkldnn", "matmul"))
SWITCHES = (("cudnn", "conv"), ("cudnn", "rnn"), ("cuda", "matmul"))
TF32_CAPABILITY = (8, 0)
"""CUDA compute capability from which there is TF32; earlier devices would compute in float32."""


def precision_of(spec: Spec) -> str:
    """Return the precision that a spec asks for: "float32", "tf32" or "bfloat16"."""
    return str(getattr(spec, "precision", "float32"))


def multiplication_of(spec: Spec) -> Multiplication:
    """Return how float32 numbers are multiplied while a spec is computed.

    In a training in bfloat16 they are those of attacks, evaluation and maps, which stay exact.
    """
    return "tf32" if precision_of(spec) == "tf32" else "ieee"


def check_precision(precision: str, device: torch.device) -> None:
    """Refuse a precision that a device does not have.

    Raises
    ------
    SpecError
        If it does not: the record would hold another result than its spec says.
    """
    if precision == "float32":
        return
    if device.type != "cuda":
        raise SpecError(
            f"precision is {precision}, which needs a CUDA device; this is {device.type}"
        )
    found = torch.cuda.get_device_capability(device)
    if found < TF32_CAPABILITY:
        least, own = (".".join(map(str, numbers)) for numbers in (TF32_CAPABILITY, found))
        raise SpecError(
            f"precision is {precision}, which needs a device of compute capability {least}; "
            f"{torch.cuda.get_device_name(device)} has {own}"
        )


def kernels() -> Kernels:
    """Return which kernels a GPU takes; the environment variable ISTHMUS_KERNELS says it."""
    return "fastest" if os.environ.get(CHOSEN, "").strip() == "fastest" else "reproducible"


def choose_kernels(name: str) -> None:
    """Choose the kernels of this process and of those it starts; see :func:`kernels`.

    Raises
    ------
    ValueError
        If there is no such choice.
    """
    if name not in get_args(Kernels):
        raise ValueError(f"kernels is {name!r}, must be one of {', '.join(get_args(Kernels))}")
    os.environ[CHOSEN] = name


def switch_to(multiplication: Multiplication) -> None:
    """Set all switches of the process; the processor's own stay exact."""
    for names, value in ((IEEE_ALONE, "ieee"), (SWITCHES, multiplication)):
        for backend, operation in names:
            _switch(backend, operation).fp32_precision = value
    torch.backends.cudnn.benchmark = kernels() == "fastest"
    torch.backends.cudnn.deterministic = kernels() == "reproducible"


def switched_to() -> set[str]:
    """Return what the switches of :data:`SWITCHES` say now: one value if they agree."""
    return {str(_switch(*names).fp32_precision) for names in SWITCHES}


def _switch(backend: str, operation: str) -> Any:
    return getattr(getattr(torch.backends, backend), operation)


class Turns:
    """Lets computations of one multiplication run at a time, and sets the switches for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: Multiplication = "ieee"
        self._inside = 0

    def begin(self, multiplication: Multiplication) -> bool:
        """Take part in the turn of a multiplication, or return False where another one's lasts.

        Who took part must call :meth:`end`.
        """
        with self._lock:
            if self._inside and multiplication != self._now:
                return False
            self._now = multiplication
            self._inside += 1
            switch_to(multiplication)
            return True

    def end(self) -> None:
        """Leave the turn; after the last one, any multiplication may begin."""
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._now = "ieee"
                switch_to("ieee")

    @property
    def now(self) -> Multiplication:
        """The multiplication of the present turn, under which results of it are cached."""
        return self._now

    def settle(self) -> None:
        """Set the switches for work outside the queue: exact, unless a turn of TF32 lasts.

        Such work (previews, attacks from a notebook) is never recorded, so it need not wait.
        """
        with self._lock:
            switch_to(self._now)


TURNS = Turns()
"""The turns of this process, whose switches are one set."""
