"""How many computations run side by side, on which device and with how many threads."""

from __future__ import annotations

import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.cores import allotted_cores
from engine.devices.found import NAMES, automatic, name_of, why_not
from engine.devices.precision import precision_of, switched_to
from engine.program import VERSION
from engine.specs.schema import Spec, SpecError
from engine.specs.variants import origins_in

MAX_SIDE_BY_SIDE = 4  # unless the user says another number
ONE_QUEUE = ("xpu", "mps")
MOST_TOGETHER = 128
MOST = 256  # jobs or threads that the user may ask for


@dataclass(frozen=True)
class Slots:
    """How many computations a device runs at once, and how many CPU threads each one gets.

    ``captures`` is whether steps of trainings are captured where the device can, ``unused_gpu`` why
    a GPU that is there is not used, with the remedy. ``width`` is how many small trainings one
    computation may hold, see :mod:`engine.plan.bundles`; 1 on a CPU, where that is slower.

    The number of threads depends only on the cores that the process may use and on what the user
    asks for, so that results do not depend on what else runs.
    """

    device: torch.device
    count: int
    threads: int
    captures: bool = True
    unused_gpu: str = ""
    width: int = 1


def slots_on(device: str, jobs: int | None = None, threads: int | None = None) -> Slots:
    """Return the slots of a device.

    Parameters
    ----------
    device
        A name of :data:`engine.devices.found.NAMES`. "auto" is a CUDA device that can be used, else
        the CPU.
    jobs
        How many computations run at once; None: as many as there are cores for, at most 4, and on
        XPU and MPS, which have one queue of work for all threads, one.
    threads
        CPU threads of each one; None: the cores divided by the computations.

    Raises
    ------
    SpecError
        If the device is not available, or a number is not possible.
    """
    if device not in NAMES:
        raise SpecError(f"device is {device!r}, must be one of {', '.join(NAMES)}")
    for name, number in (("jobs", jobs), ("threads", threads)):
        if number is not None and not 1 <= number <= MOST:
            raise SpecError(f"{name} is {number}, must be a whole number from 1 to {MOST}")
    kind, unused = automatic() if device == "auto" else (device, "")
    if device not in ("auto", "cpu") and (reason := why_not(device)):
        raise SpecError(f"device is {device!r}, but {reason}")
    cores = allotted_cores().count
    most = 1 if kind in ONE_QUEUE else MAX_SIDE_BY_SIDE
    count = jobs or max(1, min(cores // (threads or 1), most))
    return Slots(torch.device(kind), count, threads or max(1, cores // count), unused_gpu=unused,
                 width=MOST_TOGETHER if kind == "cuda" else 1)  # fmt: skip


def stream_on(device: torch.device) -> AbstractContextManager[object]:
    """Return a context manager that gives a thread a CUDA stream of its own; on a CPU, a null one.

    On the default stream, the GPU would run the work of all threads one after the other. Tensors
    that threads share are complete before a second thread gets them
    (:meth:`~engine.jobs.context.Context.shared`).
    """
    if device.type != "cuda":
        return nullcontext()
    return torch.cuda.stream(torch.cuda.Stream(device))  # type: ignore[no-untyped-call]


def libraries() -> str:
    """Return the versions that decide the numbers of a record, in words."""
    return f"Isthmus {VERSION}, torch {torch.__version__}, numpy {np.__version__}"


def provenance(slots: Slots, spec: Spec) -> dict[str, Any]:
    """Return with what a record is computed: versions, device, precision, threads, processor.

    On another kind of processor, or with another number of threads, floating-point sums differ in
    their last bits.
    """
    cores, cuda = allotted_cores(), slots.device.type == "cuda"
    plugins = sorted(origin.text for origin in origins_in(spec))
    return {
        "isthmus": VERSION,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "platform": platform.platform(),
        "device": slots.device.type,
        "device_name": name_of(slots.device),
        "cpu": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "threads": slots.threads,
        "jobs": slots.count,
        "cores": cores.count,
        "cores_set_by": cores.source,
        # What was set for the process, and not what the spec asks for.
        "multiplication": " ".join(sorted(switched_to())),
        "precision": precision_of(spec),
        "way": "eager",
        **(_of_cudnn() if cuda else {}),
        **({"plugins": plugins} if plugins else {}),
    }


def _of_cudnn() -> dict[str, Any]:
    """Return cuDNN's version, whether its kernels always sum in one order, and its search."""
    cudnn = torch.backends.cudnn
    version = cudnn.version()  # type: ignore[no-untyped-call]
    order = "reproducible" if cudnn.deterministic else "any"
    search = "on" if cudnn.benchmark else "off"
    return {"cudnn": version, "kernels": order, "cudnn_search": search}
