"""How exactly float32 numbers are multiplied and in which order they are summed: torch's switches.

torch starts with TF32, 10 bits of mantissa instead of 23, in cuDNN's convolutions and says nothing
of it. Here each switch is set by its own name, because the general one did not reach convolutions
in torch 2.11 (pytorch 179445). The older names (``allow_tf32``, ``set_float32_matmul_precision``)
must not be used beside these: torch raises an error when both were.

The switches belong to the process, not to a thread. So only computations of one precision run at a
time; those of another one wait, see :class:`Turns`.

The order of sums hangs on the kernels that cuDNN takes. Some of them sum in another order each
time; those are not taken, so that a computation gives the same bits again on the same device.
"""

from __future__ import annotations

import threading
from typing import Any, Literal

import torch

from engine.specs.schema import Spec, SpecError

Multiplication = Literal["ieee", "tf32"]

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


def switch_to(multiplication: Multiplication) -> None:
    """Set all switches of the process; the processor's own stay exact."""
    for names, value in ((IEEE_ALONE, "ieee"), (SWITCHES, multiplication)):
        for backend, operation in names:
            _switch(backend, operation).fp32_precision = value
    # On an H200 reproducible kernels cost a stack of retrainings 0 to 5 %, and cuDNN's search,
    # which takes other kernels from run to run, gained nothing (docs/benchmarks.md).
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


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
