"""The memory that this process uses now, in main memory and on the GPU."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from pathlib import Path

STATM = Path("/proc/self/statm")
TASK_INFO = 4  # PROC_PIDTASKINFO of libproc.h, a structure of 96 bytes
TASK_INFO_BYTES = 96


def resident_bytes() -> int:
    """Return the resident size of this process in bytes; 0 if it cannot be determined."""
    read = READERS.get(sys.platform)
    try:
        return read() if read is not None else 0
    except (OSError, ValueError, AttributeError):
        return 0


def gpu_bytes() -> int:
    """Return the GPU memory that torch holds, in bytes; 0 without a GPU or torch."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "cuda") or not torch.cuda.is_initialized():
        return 0
    return int(torch.cuda.memory_reserved())


def _linux() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _macos() -> int:
    info = (ctypes.c_uint64 * (TASK_INFO_BYTES // 8))()
    library = ctypes.CDLL("/usr/lib/libproc.dylib")
    size = library.proc_pidinfo(os.getpid(), TASK_INFO, ctypes.c_uint64(0), info, TASK_INFO_BYTES)
    return int(info[1]) if size == TASK_INFO_BYTES else 0


class _Counters(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of psapi.h."""

    _fields_ = [
        ("size", ctypes.c_uint32),
        ("page_faults", ctypes.c_uint32),
        *((name, ctypes.c_size_t) for name in ("peak", "resident", *"abcdef")),
    ]


def _windows() -> int:
    counters = _Counters(size=ctypes.sizeof(_Counters))
    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined]
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    process = ctypes.c_void_p(kernel.GetCurrentProcess())
    found = kernel.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.size)
    return int(counters.resident) if found else 0


READERS: dict[str, Callable[[], int]] = {"linux": _linux, "darwin": _macos, "win32": _windows}


def size_text(count: int) -> str:
    """Return bytes as a short text: "840 MB", "1.2 GB"."""
    megabytes = count / 1e6
    return f"{megabytes:.0f} MB" if megabytes < 999.5 else f"{megabytes / 1000:.1f} GB"
