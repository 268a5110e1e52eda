"""Which devices torch can use here; and of a GPU that it cannot use, why, and what helps.

torch is imported by the functions, not with the module: the command line needs the names alone.
"""

from __future__ import annotations

import os
import platform
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

NAMES = ("auto", "cpu", "cuda", "xpu", "mps")
"""What a device may be called: cuda is NVIDIA's (and AMD's), xpu Intel's, mps Apple's."""

LEAST_FREE = 512 << 20
"""Bytes of a GPU's memory below which no computation is worth beginning there."""

NVIDIA, DISPLAY = "0x10de", "0x03"
SYSTEM = Path("/")


def why_not(kind: str) -> str:
    """Return why torch cannot compute on a kind of device, and the remedy, or "" if it can.

    The sentence has no capital and no full stop, because it stands behind others.
    """
    return {"cuda": _why_not_cuda, "xpu": _why_not_xpu, "mps": _why_not_mps}[kind]()


def automatic(system: Path = SYSTEM) -> tuple[str, str]:
    """Return the device that "auto" stands for, and why an NVIDIA GPU that is there is not it.

    Without a GPU there is nothing to say: "". Intel's and Apple's are used only where the user
    names them, because the program has not run on them yet.
    """
    reason = _why_not_cuda()
    if not reason:
        return "cuda", ""
    return "cpu", reason if has_nvidia(system) else ""


def has_nvidia(system: Path = SYSTEM) -> bool:
    """Return whether an NVIDIA GPU is in the machine, whether torch can use it or not."""
    if os.name == "nt":
        return (Path(os.environ.get("SYSTEMROOT", "C:/Windows")) / "System32/nvcuda.dll").exists()
    if any((system / "proc/driver/nvidia/gpus").glob("*")):
        return True
    for device in (system / "sys/bus/pci/devices").glob("*"):
        if _text(device / "vendor") == NVIDIA and _text(device / "class").startswith(DISPLAY):
            return True
    return False


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _why_not_cuda() -> str:
    import torch

    if torch.version.cuda is None and getattr(torch.version, "hip", None) is None:
        return "this torch was built without CUDA; install a torch with CUDA, or choose cpu"
    with warnings.catch_warnings():  # torch warns of what is said here
        warnings.simplefilter("ignore")
        if not torch.cuda.is_available():
            return _why_cuda_does_not_start()
        try:
            return _why_cuda_is_no_use()
        except RuntimeError as error:
            return _said_by_cuda(error)


def _why_cuda_does_not_start() -> str:
    import torch

    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:
        text = str(error).lower()
        if "too old" in text:
            version = torch.version.cuda
            return f"the GPU's driver is too old for CUDA {version}; update the driver"
        if "no nvidia driver" in text:
            return "there is no NVIDIA driver on this machine; install one if it has an NVIDIA GPU"
        if "no cuda gpus" in text and hidden is not None:
            return f"CUDA_VISIBLE_DEVICES is {hidden!r}, which hides every GPU; unset it"
        if "no cuda gpus" in text:
            return "this machine has no CUDA GPU; choose cpu"
        return _said_by_cuda(error)
    return "torch sees no CUDA GPU; restart the machine if it has one"


def _why_cuda_is_no_use() -> str:
    """Compute something small: some devices are listed and fail at their first kernel."""
    import torch

    from engine.memory import in_words

    free, total = torch.cuda.mem_get_info()
    if free < LEAST_FREE:
        name = torch.cuda.get_device_name()
        return (
            f"the memory of {name} is taken: {in_words(free)} of {in_words(total)} are free; end "
            "what uses it (nvidia-smi lists it)"
        )
    float(torch.ones(1, device="cuda") + 1)
    return ""


def _said_by_cuda(error: BaseException) -> str:
    import torch

    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    text = first.lower()
    if "no kernel image" in text:
        return (
            f"this torch has no kernels for {torch.cuda.get_device_name()}; install a torch that "
            "supports it"
        )
    if "out of memory" in text:
        return "the GPU's memory is taken; end what uses it (nvidia-smi lists it)"
    if "busy or unavailable" in text:
        return "the GPU is held by another process; end that, or choose cpu"
    return f"the GPU cannot be started ({first[:160]}); restart the machine or update its driver"


def _why_not_xpu() -> str:
    import torch

    xpu = getattr(torch, "xpu", None)
    built = getattr(torch.version, "xpu", None) is not None
    if xpu is None or not (built or xpu.is_available()):
        return "this torch was built without XPU; install a torch with XPU, or choose cpu"
    if not xpu.is_available():
        return "torch finds no Intel GPU; install or update its driver, or choose cpu"
    return _first_error("xpu")


def _why_not_mps() -> str:
    import torch

    mps = getattr(torch.backends, "mps", None)
    if mps is None or not mps.is_built():
        if sys.platform != "darwin":
            return "MPS is on Macs only; choose cpu"
        return "this torch was built without MPS; install a torch for Apple silicon, or choose cpu"
    if not mps.is_available():
        return "MPS needs macOS 14 or later and an Apple GPU; update macOS, or choose cpu"
    return _first_error("mps")


def _first_error(kind: str) -> str:
    import torch

    try:
        float(torch.ones(1, device=kind) + 1)
    except RuntimeError as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return f"the GPU cannot be started ({first[:160]}); update its driver, or choose cpu"
    return ""


def wait_for(device: torch.device) -> None:
    """Wait for what this thread asked of a device, and on CUDA for nothing of other threads."""
    import torch

    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()
    elif device.type in ("mps", "xpu"):
        getattr(torch, device.type).synchronize()


def name_of(device: torch.device) -> str:
    """Return the name of a GPU, or of the processor."""
    import torch

    if device.type in ("cuda", "xpu"):
        return str(getattr(torch, device.type).get_device_name())
    own = platform.processor() or platform.machine()
    return f"{own} GPU" if device.type == "mps" else own


def free_on(device: torch.device) -> int | None:
    """Return the bytes of a GPU's memory that can be taken; None if it does not say.

    What torch keeps of freed tensors counts as free: it is used again, or given back when short.
    """
    import torch

    if device.type == "mps":
        mps: Any = torch.mps
        return max(0, int(mps.recommended_max_memory()) - int(mps.current_allocated_memory()))
    own: Any = getattr(torch, device.type)
    try:
        kept = int(own.memory_reserved(device)) - int(own.memory_allocated(device))
        return int(own.mem_get_info(device)[0]) + max(0, kept)
    except RuntimeError:  # Intel's driver does not tell it of every GPU; or the device was lost
        return None
